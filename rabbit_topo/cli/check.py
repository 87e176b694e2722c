"""`rabbit-topo check`."""

from __future__ import annotations

from typing import Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.plan import DIFFERENCES
from rabbit_topo.cli.session import session


@click.command("check")
@options.common
@options.login
def command(**given: Any) -> int:
    """Tell whether the broker still is what the files say.

    Arguments, bindings and policies are compared too, and what is ours but in no
    file counts. Nothing is written. Exit codes: 0 no drift, 3 drift.
    """
    from rabbit_topo.report.documents import check_document
    from rabbit_topo.report.text import check_lines

    common, login, _ = options.split(given)
    with session(common, login) as here:
        plan = here.plan()
    emit(common, lambda width: check_lines(plan, here.sources, width), lambda: check_document(plan))
    return 0 if plan.empty and not plan.remainder else DIFFERENCES
