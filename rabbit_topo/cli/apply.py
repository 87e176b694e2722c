"""`rabbit-topo apply`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit, hush, show, width
from rabbit_topo.cli.question import ask
from rabbit_topo.cli.saved import hold_against, read, settled
from rabbit_topo.cli.session import session
from rabbit_topo.cli.signals import only_tell
from rabbit_topo.errors import Refusal, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.cli.options import Common
    from rabbit_topo.cli.session import Session
    from rabbit_topo.plan import Consent, Plan, Report


@click.command("apply")
@options.common
@options.login
@options.channels
@options.consent
@options.lock
@click.option("--plan", "saved", metavar="FILE", help="Apply what `plan --out FILE` saved, if nothing changed since.")
@click.option("--yes", is_flag=True, help="Do not ask. No guard is skipped.")
def command(**given: Any) -> int:
    """Make the broker what the files say.

    The plan is shown and a question asked first; then it is carried out, and the
    broker is read again to see that it became what the plan predicted.

    What loses nothing needs no flag; every other row names the flag that allows
    it, or what to do by hand. Exit codes: 0 done, 5 refused and nothing changed,
    6 incomplete, 1 failed and nothing written, 129, 130 or 143 interrupted.
    """
    from rabbit_topo.apply import apply, refusal_of

    common, login, own = options.split(given)
    consent, saved = options.consent_of(own), None
    if own["saved"]:
        saved = read(own["saved"])
        common, consent = settled(own["saved"], saved, common)
    with session(common, login) as here:
        first = own["yes"] and not saved  # another target than the saved one is not even locked
        if first:
            _lock(here, here.declared.vhosts, own)
        plan = here.plan(consent)
        if saved:
            hold_against(own["saved"], saved, plan)
        refusal = refusal_of(plan, partial=own["partial"])
        asking = not own["yes"] and not plan.empty
        again = not first and not plan.empty
        if not common.quiet or asking or refusal:
            _show(plan, here, common)
        if refusal:
            raise refusal
        if asking:
            ask(plan, here.environment)
        if again:
            plan = _locked(plan, here, consent, own)
        count = here.progress.counter(sum(1 for _ in plan.operations))
        moved = here.progress.mover()
        report = apply(plan, here.broker, partial=own["partial"], on_outcome=lambda _: count(), on_moved=moved)
        only_tell()
        here.progress.clear()
        _tell(common, plan, report)
    return report.exit_code


def _show(plan: Plan, here: Session, common: Common) -> None:
    from rabbit_topo.cli.plan_lint import found_in
    from rabbit_topo.plan.impact import impact
    from rabbit_topo.report.text import plan_lines

    text_first = any(output.format == "text" and output.file is None for output in common.formats)
    stream = sys.stdout if text_first and not common.quiet else sys.stderr
    routing, found = impact(plan), found_in(plan, common, here)
    show(plan_lines(plan, here.sources, width(), routing, found), stream, common.color)
    stream.flush()  # a reader that left ends the command here, before anything is written


def _lock(here: Session, vhosts: Iterable[str], own: dict[str, Any]) -> None:
    """Keep other applies out until the session ends, wait for one that is at work."""
    if own["no_lock"]:
        return
    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.model import LOCK_NAME, Key, Kind

    name, vhosts = own["lock_name"] or here.lock_name or LOCK_NAME, sorted(vhosts)
    for vhost in vhosts:
        if Key(vhost, Kind.QUEUE, name) in here.declared.resources:
            raise UsageError(f"the files declare queue {name!r} of vhost {vhost!r}", "the lock wants a name of its own")
    try:
        why_not = here.broker.lock(vhosts, Wait(own["lock_timeout"], name, here.progress.say))
    except KeyboardInterrupt:
        here.progress.clear()
        click.echo("rabbit-topo: nothing was changed", err=True)
        raise
    here.progress.clear()
    if why_not:
        here.progress.note(why_not)


def _tell(common: Common, plan: Plan, report: Report) -> None:
    from rabbit_topo.report.applied import report_lines

    def document() -> dict[str, Any]:
        from rabbit_topo.report.documents import report_document

        return report_document(report)

    def markdown() -> str:
        from rabbit_topo.report.markdown import report_markdown

        return report_markdown(report)

    try:
        told = not plan.empty or report.exit_code
        emit(
            common,
            lambda columns: report_lines(report, columns) if told else (),
            document,
            markdown,
        )
        sys.stdout.flush()
    except (OSError, UsageError) as error:
        # What was done is done: a reader that left or a full disk does not change the exit code of the work.
        click.echo(f"rabbit-topo: the report could not be written: {error}", err=True)
        if isinstance(error, OSError):
            hush()


def _locked(plan: Plan, here: Session, consent: Consent, own: dict[str, Any]) -> Plan:
    """Keep others out, and look again: what was agreed to is what was shown, or nothing."""
    _lock(here, plan.facts.vhosts.intersection(here.declared.vhosts), own)
    again = here.plan(consent)
    same = [row.change.key for row in again.blocked] == [row.change.key for row in plan.blocked]
    if again.fingerprint != plan.fingerprint or again.waves != plan.waves or not same:
        raise Refusal("the broker changed while the plan was shown; nothing was changed", "read the new plan first")
    return again
