"""`rabbit-topo validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.session import files_of
from rabbit_topo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Topology
    from rabbit_topo.report.layout import Line


@click.command("validate")
@options.common
def command(**given: Any) -> int:
    """Check topology files, without a broker.

    Every problem is shown in one run, each as FILE:LINE:COLUMN with what to
    write instead. FILES are files or folders; without any, the config's
    `sources`. Exit codes: 0 valid, 2 not.
    """
    from rabbit_topo.load import load

    common, _, _ = options.split(given)
    sources = files_of(common)
    try:
        topology = load(*sources, vhost=common.vhost, tests=True)
    except InputError as problems:
        found = problems
        if any(output.format == "json" for output in common.formats):
            from rabbit_topo.report.documents import validation_document

            emit(common, lambda _width: (), lambda: validation_document(None, found.problems, found.total))
        raise

    def document() -> dict[str, Any]:
        from rabbit_topo.report.documents import validation_document

        return validation_document(topology, (), 0)

    emit(common, lambda _width: _lines(sources, topology), document)
    return 0


def _lines(sources: tuple[str, ...], topology: Topology) -> Iterator[Line]:
    from rabbit_topo.report.text import validation_line

    yield validation_line(sources, topology)
