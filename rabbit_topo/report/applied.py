"""What an apply did, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.diff import seen
from rabbit_topo.plan import Done
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import INDENT, STYLE, SYMBOL, Line, Span, labelled, operation_mark, place_of, wrapped
from rabbit_topo.report.rows import name_of, subject
from rabbit_topo.report.text import drifts, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.plan import Outcome, Report


def report_lines(report: Report, width: int) -> Iterator[Line]:
    """Render what an apply did: what failed with the broker's words, what was not attempted, the count last."""
    done = len(report.done)
    if report.failed or report.not_attempted or report.unknown or report.interrupted:
        yield from _outcomes("DONE", "create", report.done, width)
    else:
        yield from _outcomes("REPLACED", "create", [outcome for outcome in report.done if outcome.note], width)
    yield from _outcomes("FAILED", "danger", report.failed, width)
    yield from _outcomes("UNKNOWN", "danger", report.unknown, width, "sent, and never answered: look before you trust")
    yield from _outcomes("NOT ATTEMPTED", "update", report.not_attempted, width)
    told = {outcome.operation.key for outcome in report.outcomes if not isinstance(outcome, Done)}
    unforeseen = [change for change in report.surprises if change.key not in told]
    if unforeseen:
        yield ()
        yield (Span("  STILL DIFFERENT", "bold"), Span("  found by looking again, and not foreseen", "dim"))
        for change in unforeseen:
            kind = name_of(change)
            yield (Span(f"  {SYMBOL[kind]} {words.name(subject(change))}", STYLE[kind]),)
            yield from drifts(change)
    if report.unverified:
        yield ()
        yield from labelled("NOT SEEN", "danger", f"the result could not be verified: {report.unverified}", width)
    yield from _unnoted(report, width)
    yield ()
    parts = [f"{done:,} done", f"{len(report.failed):,} failed", f"{len(report.not_attempted):,} not attempted"]
    if report.unknown:
        parts.append(f"{len(report.unknown):,} unknown")
    if report.plan.blocked:
        parts.append(f"{len(report.plan.blocked):,} blocked")
    whole = report.exit_code == 0
    yield (Span(f"  {'Applied' if whole else 'Incomplete'}: {', '.join(parts)}.", "good" if whole else "danger"),)
    if report.not_attempted or report.unknown:
        yield (Span("  Run the same command again: it goes on from what is there.", "dim"),)
    if report.remaining is not None and not report.surprises:
        yield (Span(f"  Looked again: {_second_look(report)}.", "dim"),)
        if report.noted is not None and report.noted.status == "written":
            yield (Span("  Noted there, too: what is ours and what is protected.", "dim"),)


def _unnoted(report: Report, width: int) -> Iterator[Line]:
    """Say that the inventory on the broker is not what it should be."""
    if report.noted and report.noted.status == "failed":
        yield ()
        yield from labelled("UNNOTED", "danger", f"the inventory on the broker: {report.noted.reason}", width)


def _second_look(report: Report) -> str:
    known = seen(report.remaining or ())
    what = "as predicted" if known else "as declared"
    if report.plan.facts.lists:
        return f"everything is {what}"
    rest = len(report.remaining or ()) - len(known)
    unseen = f"{counted(rest, 'object')} {'is' if rest == 1 else 'are'} unseen"
    trouble = report.failed or report.not_attempted or report.unknown
    return f"nothing else is known to differ; {unseen}" if trouble else f"what AMQP shows is {what}; {unseen}"


def _outcomes(heading: str, style: str, outcomes: Sequence[Outcome], width: int, gloss: str = "") -> Iterator[Line]:
    """Render outcomes; where many share one reason, it stands once, at the top."""
    if not outcomes:
        return
    reasons = {getattr(outcome, "reason", "") for outcome in outcomes}
    shared = reasons.pop() if len(reasons) == 1 and len(outcomes) > 1 else ""
    yield from section(heading, gloss, outcomes)
    if shared:
        yield from wrapped(INDENT, "", shared, width)
    for outcome in outcomes:
        place = place_of(outcome.operation.cause)
        yield (
            Span(f"  {operation_mark(outcome.operation)} {words.name(outcome.operation.resource)}", style),
            Span(f"  {place}", "dim"),
        )
        reason = getattr(outcome, "reason", "") or getattr(outcome, "note", "")
        if reason and not shared:
            yield from wrapped(INDENT, "", reason, width)
        if hint := getattr(outcome, "hint", ""):
            yield from wrapped(INDENT, "", hint, width)
