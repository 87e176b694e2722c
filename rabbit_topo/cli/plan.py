"""`rabbit-topo plan`."""

from __future__ import annotations

from typing import Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.saved import save
from rabbit_topo.cli.session import session

DIFFERENCES: Final = 3


@click.command("plan")
@options.common
@options.login
@options.channels
@options.consent
@click.option(
    "--out", metavar="FILE", callback=options.writable, help="Save the plan, for `apply --plan FILE`; beside --format."
)
@click.option("--fail-on-changes", is_flag=True, help="Exit 3 if there is anything to do, or blocked.")
def command(**given: Any) -> int:
    """Show what apply would do, and what it would refuse to do.

    Nothing is written. A blocked row says under UNBLOCK what allows it; plan
    takes the same flags as apply. Exit codes: 0, or 3 with --fail-on-changes when there
    is something to do or blocked. What AMQP alone cannot see and would only declare
    again is no change; `check --strict` counts it. What the linter finds about what
    changes is shown, and fails nothing.
    """
    from rabbit_topo.cli.plan_lint import found_in
    from rabbit_topo.diff import Unseen
    from rabbit_topo.plan.impact import impact
    from rabbit_topo.report.documents import plan_document
    from rabbit_topo.report.markdown import plan_markdown
    from rabbit_topo.report.text import plan_lines
    from rabbit_topo.report.unverified import refused

    common, login, own = options.split(given)
    with session(common, login) as here:
        plan = here.plan(options.consent_of(own))
    if own["out"]:
        save(plan, common, own["out"])
    routing, found = impact(plan), found_in(plan, common, here)
    emit(
        common,
        lambda width: plan_lines(plan, here.sources, width, routing, found),
        lambda: plan_document(plan, routing, found),
        lambda: plan_markdown(plan, routing, found),
    )
    known = any(not isinstance(one.cause, Unseen) for one in plan.operations)
    differs = bool(plan.blocked) or known or bool(refused(plan))
    return DIFFERENCES if own["fail_on_changes"] and differs else 0
