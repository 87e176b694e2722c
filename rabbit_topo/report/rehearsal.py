"""A rehearsal as text: what would be refused on top, what was not tried, what no rehearsal shows, the count last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.model import Kind
from rabbit_topo.plan import Declare, Migrate, Recreate, Remove
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import (
    INDENT,
    STYLE,
    SYMBOL,
    Line,
    Span,
    labelled,
    operation_mark,
    pair,
    place_of,
    wrapped,
)
from rabbit_topo.report.rehearsal_run import kinds
from rabbit_topo.report.route_tree import Row, laid_out
from rabbit_topo.report.rows import name_of, subject
from rabbit_topo.report.tests import failure_lines
from rabbit_topo.report.text import drifts, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Blocked, Operation, Outcome
    from rabbit_topo.report.rehearsal_run import Rehearsal
    from rabbit_topo.report.tests_run import TestRun

_NOT_SEEN: Final = "WHAT A REHEARSAL DOES NOT SHOW"
_SHOWN: Final = 20  # of what was not done, where nobody asked for all


class _Item(NamedTuple):
    """An object, and what is to be said of it."""

    resource: Resource
    mark: str
    style: str
    place: str = ""
    reason: str = ""
    hint: str = ""


def rehearsal_lines(run: Rehearsal, sources: Sequence[str], width: int, *, verbose: bool = False) -> Iterator[Line]:
    """Render a rehearsal; `verbose` lists what went through, and leaves nothing out."""
    most = 0 if verbose else _SHOWN
    yield from _header(run, sources, width)
    yield from _findings(run, width, most)
    if verbose:
        yield from _listed(run, "WENT THROUGH", "", [_item(one) for one in run.done], width)
    yield from _not_tried(run, width, most)
    yield from _not_shown(run, width)
    yield ()
    yield from _summary(run, width)


def rehearsal_problems(run: Rehearsal, width: int) -> Iterator[Line]:
    """Render only what would not go through: nothing where all would."""
    if run.exit_code:
        yield from _findings(run, width, _SHOWN)
        yield ()
        yield from _summary(run, width)


def _header(run: Rehearsal, sources: Sequence[str], width: int) -> Iterator[Line]:
    facts, declared, stage = run.plan.facts, run.plan.declared, run.stage
    cluster = f'  cluster "{words.clean(facts.cluster_name)}"' if facts.cluster_name else ""
    target = f"{facts.target}  {facts.product} {facts.version}{cluster}"
    yield from wrapped(f"  {'target':<10}", "dim", target, width)
    number = sum(key.kind is not Kind.VHOST for key in declared.resources)
    said = f"{'  '.join(sources)}  {counted(len(declared.files), 'file')}, {counted(number, 'object')}"
    yield from wrapped(f"  {'declared':<10}", "dim", said, width)
    for name in run.new_vhosts:
        said = f"{name} is not on the broker: apply would make it, and nothing is there to be copied"
        yield from wrapped(f"{'':12}NEW VHOST  ", "update", said, width)
    if stage.sandbox:
        yield pair("rehearsed", f"on a throwaway node, RabbitMQ {words.clean(stage.version)}")
        if stage.version != facts.version:
            said = f"the broker is {facts.version}: what {stage.version} takes or refuses says little of it"
            yield from wrapped(f"{'':12}NOT ITS VERSION  ", "danger", said, width)
        return
    where = "a vhost" if len(stage.vhosts) == 1 else counted(len(stage.vhosts), "vhost")
    yield pair("rehearsed", f"on this broker, in {where} made for it")


def _findings(run: Rehearsal, width: int, most: int) -> Iterator[Line]:
    if run.stays:
        message, hint = run.stays
        yield ()
        yield from labelled("STAYS", "danger", message, width)
        yield from wrapped(INDENT, "", hint, width)
    rest = {row.change.key for row in run.plan.blocked}  # tell themselves how they fare
    refused = [_item(one) for one in run.refused if one.operation.key not in rest]
    missed = [_item(one) for one in run.not_attempted if one.operation.key not in rest]
    yield from _listed(run, "REFUSED", "an apply would come no further than this", refused, width)
    yield from _surprises(run, width)
    yield from _blocked(run, width)
    unknown = [_item(one) for one in run.unknown]
    yield from _listed(run, "UNKNOWN", "sent, and never answered", unknown, width, most=most)
    yield from _listed(run, "NOT ATTEMPTED", "because of what went before", missed, width, most=most)
    if run.unverified:
        yield ()
        yield from labelled("NOT SEEN", "danger", f"the result could not be verified: {run.unverified}", width)
    if run.tests:
        yield from _tests(run, run.tests, width)


def _surprises(run: Rehearsal, width: int) -> Iterator[Line]:
    done = {one.operation.key for one in run.done}
    told = {one.operation.key for one in run.outcomes} - done
    unforeseen = [change for change in run.surprises if change.key not in told]
    yield from section("STILL DIFFERENT", "the broker took it, and holds something else", unforeseen)
    for change in unforeseen:
        kind = name_of(change)
        mark, style, place = SYMBOL[kind], STYLE[kind], place_of(change)
        yield from _row(run, _Item(subject(change), mark, style, place), width)
        yield from drifts(change)


def _blocked(run: Rehearsal, width: int) -> Iterator[Line]:
    gloss = "apply leaves these out" if run.partial else "apply does nothing at all before this is settled"
    yield from section("BLOCKED", gloss, run.plan.blocked)
    for row in run.plan.blocked:
        kind = name_of(row.change)
        item = _Item(subject(row.change), SYMBOL[kind], STYLE[kind], place_of(row.change))
        yield from _row(run, item, width)
        yield from labelled("BLOCKED", "danger", row.reason, width)
        yield from labelled("UNBLOCK", "dim", row.remedy, width)
        yield from _on_copy(run, row, width)


def _on_copy(run: Rehearsal, row: Blocked, width: int) -> Iterator[Line]:
    """Say how a row fares without what blocks it on the broker."""
    standing, reason = run.there(row)
    match standing:
        case "done":
            yield from labelled("ON COPY", "good", "it went through, as nothing blocks it there", width)
        case "failed":
            yield from labelled("ON COPY", "danger", f"refused, though nothing blocks it there: {reason}", width)
        case "not_attempted" | "unknown" | "blocked":
            pass


def _tests(run: Rehearsal, tests: TestRun, width: int) -> Iterator[Line]:
    problems = [*tests.failed, *([run.silence] if run.silence else [])]
    yield from section("ROUTE TESTS", "published in a vhost of their own", problems)
    for outcome in tests.failed:
        yield from failure_lines(outcome, tests.topology, width)
    if run.silence:
        yield from wrapped("  ! ", "danger", run.silence, width)


def _not_tried(run: Rehearsal, width: int, most: int) -> Iterator[Line]:
    items = [
        _Item(
            one.operation.resource, operation_mark(one.operation), "update", place_of(one.operation.cause), one.reason
        )
        for one in run.not_tried
    ]
    yield from _listed(run, "NOT TRIED", "part of the plan, and the copy had no place for it", items, width, most=most)
    other = [
        _Item(
            one.tried.resource,
            operation_mark(one.tried),
            "update",
            place_of(one.planned.cause),
            f"{_spelled(one.tried)} on the copy, and {_spelled(one.planned)} on the broker",
        )
        for one in run.other_ways
    ]
    yield from _listed(run, "IN ANOTHER WAY", "the copy is not in all the broker", other, width)
    beside = [_item(one) for one in run.beside]
    yield from _listed(run, "BESIDE THE PLAN", "done on the copy alone, which is not in all the broker", beside, width)
    lacking = [_Item(one.resource, ".", "update", reason=one.reason) for one in run.copy.lacking]
    yield from _listed(run, "NOT COPIED", "there, and it would not be taken again", lacking, width, most=most)


def _spelled(operation: Operation) -> str:
    match operation:
        case Declare():
            return "declared"
        case Remove():
            return "removed"
        case Recreate():
            return "replaced while it is empty"
        case Migrate():
            return "replaced with its messages moved"


def _not_shown(run: Rehearsal, width: int) -> Iterator[Line]:
    """Say what the copy has not, whatever came of it."""
    yield ()
    yield (Span(f"  {_NOT_SEEN}", "bold"),)
    said = [
        "messages and consumers: the copy has none, so that no limit drops anything there, and nothing is in use",
        "permissions: on the copy everything is permitted; `rabbit-topo doctor` tells what is not",
    ]
    if run.copy.hidden:
        number = counted(run.copy.hidden, "exclusive or server-named queue")
        said.append(f"{number}, and what is bound to {'it' if run.copy.hidden == 1 else 'them'}: not in the copy")
    said += [f"limits, which the copy has too: {limit}" for limit in run.copy.limits]
    said += [f"not in the copy: {gap}" for gap in run.copy.gaps]
    if said_of := run.tests and run.tests.on_broker:
        in_full, cases = said_of.in_full, len(said_of.compared)
        if in_full < cases:
            said.append(
                f"route tests: {in_full:,} of {cases:,} could be compared in full; `test --on-broker -v` tells why"
            )
    if run.untested:
        said.append(f"route tests: none were run: {run.untested}")
    for sentence in said:
        yield from wrapped("  . ", "dim", sentence, width)


def _summary(run: Rehearsal, width: int) -> Iterator[Line]:
    number = sum(len(operations) for operations in run.planned.values())
    through = sum(one.operation.key in run.planned for one in run.done)
    parts = [f"{through:,} of {counted(number, 'operation')} went through"] if number else []
    missed = sum(one.operation.key in run.planned for one in run.not_attempted)
    counts = (
        (len(run.refused), "refused"),
        (len(run.unknown), "unknown"),
        (missed, "not attempted"),
        (len(run.not_tried), "not tried"),
        (len(run.plan.blocked), "blocked"),
    )
    parts += [f"{count:,} {what}" for count, what in counts if count]
    if not parts:
        parts = [f"nothing to do, {counted(run.plan.unchanged, 'object')} as declared"]
    if run.tests:
        cases, failed = run.tests.cases, sum(not case.passed for case in run.tests.cases)
        total = counted(len(cases), "route test")
        parts.append(f"{failed:,} of {total} failed" if failed else f"{total} passed")
    of = ", ".join(f"{counted(count, kind)}" for kind, count in kinds(run.done))
    good = run.exit_code == 0 and not run.not_tried
    style = "good" if good else "danger" if run.exit_code else "update"
    yield from wrapped("  Rehearsed: ", style, f"{', '.join(parts)}.", width)
    if of:
        yield from wrapped("  Went through: ", "dim", f"{of}.", width)
    if not run.stays:
        yield (Span(f"  {_removed(run)}", "dim"),)


def _removed(run: Rehearsal) -> str:
    if run.stage.sandbox:
        return "The node is gone with all that was on it; the broker was only read."
    return "What was made for it is gone; nothing else of the broker was written."


def _item(outcome: Outcome) -> _Item:
    operation = outcome.operation
    style = {"Done": "good", "Failed": "danger"}.get(type(outcome).__name__, "update")
    reason = getattr(outcome, "reason", "") or getattr(outcome, "note", "")
    return _Item(
        operation.resource,
        operation_mark(operation),
        style,
        place_of(operation.cause),
        reason,
        getattr(outcome, "hint", ""),
    )


def _listed(
    run: Rehearsal, heading: str, gloss: str, items: Sequence[_Item], width: int, *, most: int = 0
) -> Iterator[Line]:
    """Render a section; where many share one reason, it stands once, at the top."""
    reasons = {item.reason for item in items}
    shared = reasons.pop() if len(reasons) == 1 and len(items) > 1 else ""
    yield from section(heading, gloss, items)
    if shared:
        yield from wrapped(INDENT, "", shared, width)
    shown = items[: most or None]
    for item in shown:
        yield from _row(run, item, width)
        if item.reason and not shared:
            yield from wrapped(INDENT, "", item.reason, width)
        if item.hint:
            yield from wrapped(INDENT, "", item.hint, width)
    if len(items) > len(shown):
        yield (Span(f"{INDENT}and {len(items) - len(shown):,} more; -v shows all", "dim"),)


def _row(run: Rehearsal, item: _Item, width: int) -> Iterator[Line]:
    key = item.resource.key
    told = len(run.stage.vhosts) > 1 and key.kind is not Kind.VHOST
    vhost = f"  (vhost {words.clean(key.vhost)})" if told else ""
    left = f"  {item.mark} {words.name(item.resource)}{vhost}"
    yield from laid_out(Row(left, item.style, "", item.place), 0, width)
