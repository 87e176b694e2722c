"""`rabbit-topo init`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.importing import take, taking
from rabbit_topo.cli.output import emit
from rabbit_topo.errors import UsageError
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.report.layout import Line

_BROKER: Final = "http://localhost:15672"


@click.command("init")
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--from", "source", metavar="SOURCE", help="Import this, as `rabbit-topo import SOURCE -o DIR` does.")
@taking
@options.output_of_all
@options.login
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> int:
    """Begin a project in a folder: with an example, or with what a broker has.

    The example has exchanges, queues, what becomes of dead letters, and route
    tests; validate, lint and test pass on it. Nothing that is there is written
    over without --force. Exit codes: 0, 5 where files are in the way.
    """
    common, login, own = options.split({"vhost": "/", **given})
    if own["source"] is not None:
        return take(common, login, own)
    for name in ("vhosts", "match", "split"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = "--vhost" if name == "vhosts" else f"--{name}"
            raise UsageError(f"{option} chooses what is taken of a broker", "name the broker with --from")
    folder = Path(own["folder"])
    new, over = _scaffold(folder, force=own["force"])
    emit(common, lambda _width: _lines(folder, new, over), lambda: _document(folder, new))
    return 0


def _scaffold(folder: Path, *, force: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the example; return the paths of the new files, and of those that others had before."""
    from rabbit_topo.routing import LATEST
    from rabbit_topo.write.project import config_text, in_the_way, refuse, write
    from rabbit_topo.write.scaffold import scaffold

    texts = scaffold()
    refuse(folder, in_the_way(folder, [*texts, CONFIG_NAME], force=force), force=force)
    over = tuple(path for path in texts if os.path.lexists(folder / path))
    return write(folder, texts, config_text(_BROKER, LATEST), force=force), over


def _lines(folder: Path, new: tuple[str, ...], over: tuple[str, ...]) -> Iterator[Line]:
    from rabbit_topo.report.importing import scaffold_lines

    return scaffold_lines(str(folder), new, over)


def _document(folder: Path, new: tuple[str, ...]) -> dict[str, Any]:
    from rabbit_topo.report.importing_document import scaffold_document

    return scaffold_document(str(folder), new)
