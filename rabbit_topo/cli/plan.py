"""`rabbit-topo plan`."""

from __future__ import annotations

from typing import Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.session import session

DIFFERENCES: Final = 3


@click.command("plan")
@options.common
@options.login
@options.channels
@click.option("--prune", is_flag=True, help="Plan to delete what is ours and in no file.")
@click.option("--partial", is_flag=True, help="Taken as by apply; a plan shows blocked rows anyway.")
@click.option("--fail-on-changes", is_flag=True, help="Exit 3 if there is anything to do, or blocked.")
def command(**given: Any) -> int:
    """Show what apply would do, and what it would refuse to do.

    Nothing is written. Exit codes: 0, or 3 with --fail-on-changes when there is
    something to do or blocked.
    """
    from rabbit_topo.diff import Unseen
    from rabbit_topo.report.documents import plan_document
    from rabbit_topo.report.text import plan_lines

    common, login, own = options.split(given)
    with session(common, login) as here:
        plan = here.plan(prune=own["prune"])
    emit(common, lambda width: plan_lines(plan, here.sources, width), lambda: plan_document(plan))
    differs = bool(plan.blocked) or any(not isinstance(one.cause, Unseen) for one in plan.operations)
    return DIFFERENCES if own["fail_on_changes"] and differs else 0
