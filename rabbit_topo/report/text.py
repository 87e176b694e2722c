"""Plan, check and apply as lines of text. A line is a tuple of spans, so that colour is the caller's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import Create, Delete, Displaced, Replace, Unfinished, Unseen, Update
from rabbit_topo.model import Binding, Kind, Policy, Queue
from rabbit_topo.model import mark_of as marked
from rabbit_topo.plan.hazards import counted
from rabbit_topo.plan.share import REMEDY
from rabbit_topo.report import words
from rabbit_topo.report.layout import (
    INDENT,
    Layout,
    Line,
    Span,
    fitted,
    labelled,
    layout_of,
    mark_of,
    pair,
    place_of,
    wrapped,
)
from rabbit_topo.report.rows import Row, differences, name_of, rows, subject, summary
from rabbit_topo.report.unverified import gaps, inventory_gap, refused, renewed_lines, road, unverified_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.lint.types import Finding
    from rabbit_topo.model import Facts, Topology
    from rabbit_topo.plan import Plan
    from rabbit_topo.plan.impact import Impact


SECTIONS: Final = (
    ("UNFINISHED", "an earlier run was stopped in the middle", "unfinished"),
    ("REPLACE", "RabbitMQ cannot change this in place", "replace"),
    ("NOT IN EFFECT", "another policy takes the place of ours", "displaced"),
    ("DELETE", "", "delete"),
    ("UPDATE", "", "update"),
    ("CREATE", "", "create"),
)
_UNSEEN_SHOWN: Final = 20
FINDINGS: Final = (
    ("UNFINISHED", "an earlier apply was stopped in the middle", ("unfinished",)),
    ("DIFFERENT", "", ("replace", "update")),
    ("NOT IN EFFECT", "another policy takes the place of ours", ("displaced",)),
    ("MISSING", "declared, and not on the broker", ("create",)),
    ("UNDECLARED", "ours, and in no file", ("delete",)),
)


def plan_lines(
    plan: Plan, sources: Sequence[str], width: int, routing: Impact | None, found: Sequence[Finding] = ()
) -> Iterator[Line]:
    """Render a plan: danger on top, every row with its place, the summary last.

    `routing` is the plan's impact, `found` are findings about what it changes.
    """
    all_rows = rows(plan)
    yield from _header(plan.facts, plan.declared, sources, f"prune {'on' if plan.prune else 'off'}", width)
    if given := agreed(plan):
        yield from wrapped("  allowed   ", "dim", ", ".join(given), width)
    yield from body_lines(plan, all_rows, width, routing, found)
    yield ()
    yield from summary_lines(all_rows, plan, width)


def body_lines(
    plan: Plan, all_rows: Sequence[Row], width: int, routing: Impact | None, found: Sequence[Finding] = ()
) -> Iterator[Line]:
    """Render the rows of a plan by section, and what they do to routing."""
    from rabbit_topo.report.impact import impact_lines, stranded_lines  # a check needs none of it
    from rabbit_topo.report.plan_findings import finding_lines

    layout = layout_of(plan, [(row, _traits(row)) for row in all_rows], width)
    yield from stranded_lines(routing, width)
    if plan.excess:
        yield from section("TOO MUCH", "apply refuses this plan, --yes or not", [plan.excess])
        yield from wrapped("  ! ", "danger", plan.excess, width)
        yield from labelled("UNBLOCK", "dim", REMEDY, width)
    for heading, gloss, kind in SECTIONS:
        chosen = [row for row in all_rows if name_of(row.change) == kind and row.status != "left_alone"]
        yield from section(heading, gloss, chosen)
        for row in chosen:
            yield from _plan_row(row, layout)
    yield from _unseen([row for row in all_rows if name_of(row.change) == "unseen"], layout)
    left = [row for row in all_rows if row.status == "left_alone"]
    yield from section("LEFT ALONE", "ours, and in no file", left)
    for row in left:
        shown = "   ".join([*row.details[:1], row.remedy])
        yield from fitted((". ", "dim"), row, shown, "", layout)
        yield from sentences(row.details[1:], width)
    yield from impact_lines(routing, width)
    yield from finding_lines(found, width)
    yield from _elsewhere(plan, all_rows, width)
    yield from unverified_lines(plan, width)
    yield from renewed_lines(plan.facts, width)


def _elsewhere(plan: Plan, all_rows: Sequence[Row], width: int) -> Iterator[Line]:
    """Name what another project's apply left unfinished in the vhosts that were read: it is nobody's business here."""
    told = {row.change.key for row in all_rows}
    there = [one for _, one in sorted(plan.there.resources.items()) if isinstance(one, Queue) and one.key not in told]
    marks = [(queue, mark) for queue in there if (mark := marked(queue)) and mark.is_unfinished]
    yield from section("UNFINISHED ELSEWHERE", "of no object that is ours; nothing is done about it here", marks)
    for queue, mark in marks:
        line = f"{mark.kind} {mark.name}: an apply of its own files finishes it; until then {queue.name} stays"
        yield from wrapped("  . ", "dim", line, width)


def agreed(plan: Plan) -> list[str]:
    """Name what was agreed to beside pruning."""
    return [*sorted(plan.consent.allow), *(["migrate"] if plan.consent.migrate else [])]


def _unseen(chosen: Sequence[Row], layout: Layout) -> Iterator[Line]:
    """Render what AMQP does not show: what is blocked whole, of the rest the dangers and the first few."""
    blocked = [row for row in chosen if row.status == "blocked"]
    again = [row for row in chosen if row.status != "blocked"]
    yield from section("UNSEEN", "by AMQP, and not changed by it", blocked)
    for row in blocked:
        yield from _plan_row(row, layout)
    yield from section("DECLARED AGAIN", "unseen by AMQP; what is there already stays as it is", again)
    first = {id(row) for row in again[:_UNSEEN_SHOWN]}
    listed = [row for row in again if row.hazards or id(row) in first]
    for row in listed:
        yield from _plan_row(row, layout)
    if len(listed) < len(again):
        yield (Span(f"{INDENT}and {len(again) - len(listed):,} more; --format json lists them", "dim"),)


def summary_lines(all_rows: Sequence[Row], plan: Plan, width: int, word: str = "Plan") -> Iterator[Line]:
    """Count the rows of a plan by what becomes of them, in symbols and in words."""
    count = summary(all_rows, plan)
    marks = [
        Span(f"  ! {count['blocked']} blocked", "danger") if count["blocked"] else Span(""),
        Span(f"  >> {count['finish']}", "danger") if count["finish"] else Span(""),
        Span(f"  -/+ {count['replace']}", "danger") if count["replace"] else Span(""),
        Span(f"  - {count['delete']}", "delete") if count["delete"] else Span(""),
        Span(f"  ~ {count['update']}", "update") if count["update"] else Span(""),
        Span(f"  + {count['create']}", "create") if count["create"] else Span(""),
        Span(f"  = {count['declare_again']}", "dim") if count["declare_again"] else Span(""),
        Span(f"  . {count['left_alone']}", "dim") if count["left_alone"] else Span(""),
    ]
    shown = tuple(span for span in marks if span.text)
    if shown:
        yield shown
    if not all_rows:
        yield (Span(f"  Nothing to do: {_objects(count['unchanged'])} as declared.", "good"),)
        return
    parts = [f"{count['create']} to create", f"{count['update']} to update", f"{count['delete']} to delete"]
    if count["replace"]:
        parts.insert(0, f"{count['replace']} to replace")
    if count["finish"]:
        parts.insert(0, f"{count['finish']} to finish")
    if count["declare_again"]:
        parts.append(f"{count['declare_again']} again")
    if count["blocked"]:
        parts.append(f"{count['blocked']} blocked")
    tail = f"; {count['unchanged']} unchanged{'; too much' if plan.excess else ''}."
    if len(f"  {word}: {', '.join(parts)}{tail}") > width:
        parts = [part for part in parts if not part.startswith("0 ")]
    yield (Span(f"  {word}: {', '.join(parts)}{tail}", "bold"),)


def _objects(number: int) -> str:
    return f"{counted(number, 'object')} {'is' if number == 1 else 'are'}"


def _header(
    facts: Facts, declared: Topology, sources: Sequence[str], right: str, width: int, *, tell_road: bool = False
) -> Iterator[Line]:
    cluster = f'  cluster "{words.clean(facts.cluster_name)}"' if facts.cluster_name else ""
    yield pair("target", f"{words.clean(facts.target)}  {facts.product} {words.clean(facts.version)}{cluster}")
    number = sum(key.kind is not Kind.VHOST for key in declared.resources)
    said = f"{'  '.join(sources)}  {counted(len(declared.files), 'file')}, {counted(number, 'object')}"
    gap = width - 12 - len(said) - len(right)
    yield pair("declared", f"{said}{' ' * max(gap, 2)}{right}" if right else said)
    if tell_road or not facts.lists:
        yield pair("read by", road(facts))


def section(heading: str, gloss: str, chosen: Sequence[object]) -> Iterator[Line]:
    """Begin a section that holds something."""
    if chosen:
        yield ()
        yield (Span(f"  {heading}", "bold"), Span(f"  {gloss}" if gloss else "", "dim"))


def _traits(row: Row) -> str:
    if isinstance(row.change, Delete) and getattr(row.change.resource, "type", "") is None:
        return ""  # of which only the name is known
    return words.traits(subject(row.change)) if isinstance(row.change, Create | Delete) else ""


def _plan_row(row: Row, layout: Layout) -> Iterator[Line]:
    kind = name_of(row.change)
    width = layout.width
    yield from fitted(mark_of(kind), row, _traits(row), place_of(row.change), layout)
    yield from _fields(row.change, width)
    yield from sentences(row.details, width)
    for hazard in row.hazards:
        yield from labelled("HAZARD", "update", hazard, width)
    if row.status == "blocked":
        yield from labelled("BLOCKED", "danger", row.reason, width)
        yield from labelled("UNBLOCK", "dim", row.remedy, width)


def _fields(change: Change, width: int) -> Iterator[Line]:
    match change:
        case Create(resource=Policy(definition=definition)):
            yield from wrapped(INDENT, "", words.arguments(definition), width)
        case Update() | Replace() | Unfinished():
            pad = max((len(field.path) for field in change.fields), default=0)
            for field in change.fields:
                values = f"{words.value(field.observed)} -> {words.value(field.declared)}"
                yield (Span(f"{INDENT}{words.clean(field.path):<{pad}}   {values}"),)
        case Displaced():
            yield (Span(f"{INDENT}policy   {words.clean(change.theirs.name)} -> {words.clean(change.ours.name)}"),)
        case Create(near=Binding() as near):
            yield (Span(f"{INDENT}like     {words.binding_arrow(near)}, which is there", "dim"),)
        case Create() | Delete() | Unseen():
            return


def check_lines(plan: Plan, sources: Sequence[str], width: int, *, strict: bool = False) -> Iterator[Line]:
    """Render what `check` found: each difference with its object, its property and its place."""
    all_rows = differences(plan)
    layout = layout_of(plan, [(row, standing(row)) for row in all_rows], width)
    yield from _header(plan.facts, plan.declared, sources, "", width, tell_road=True)
    for heading, gloss, kinds in FINDINGS:
        chosen = [row for row in all_rows if name_of(row.change) in kinds]
        yield from section(heading, gloss, chosen)
        for row in chosen:
            kind = name_of(row.change)
            yield from fitted(mark_of(kind), row, standing(row), place_of(row.change), layout)
            if row.change.key in plan.facts.exclusive:
                yield from wrapped(INDENT, "", row.reason, width)
            yield from sentences(more_of(row), width)
            yield from drifts(row.change)
    yield from _elsewhere(plan, all_rows, width)
    yield from unverified_lines(plan, width, "" if strict else "no drift by themselves; with --strict they are")
    yield from renewed_lines(plan.facts, width)
    yield ()
    yield verdict(plan, all_rows, strict=strict)


def verdict(plan: Plan, all_rows: Sequence[Row], *, strict: bool) -> Line:
    """Say in one line whether the broker is as declared."""
    found = gaps(plan)
    blind = refused(plan)
    number = len(all_rows)
    different = {row.change.key for row in all_rows}
    partly = sum(bool(gap.paths) and gap.resource.key not in different for gap in found)
    unverified = f"; {len(found):,} not verified" if found or not plan.facts.lists else ""
    unverified += "; the inventory unseen" if inventory_gap(plan.facts) else ""
    if number:
        said = "1 difference" if number == 1 else f"{number:,} differences"
        return (Span(f"  Drift: {said}; {plan.unchanged - partly:,} unchanged{unverified}.", "danger"),)
    verified = f"{_objects(plan.unchanged - partly)} as declared"
    if not unverified:
        return (Span(f"  No drift: {verified}.", "good"),)
    if blind:
        said = f"of {counted(blind, 'object')} the broker does not tell whether {'it is' if blind == 1 else 'they are'}"
        return (Span(f"  Not checked: {said} there{unverified}.", "danger"),)
    there = f"{_objects(partly)} there" if partly else ""
    known = ", ".join(part for part in (verified if plan.unchanged > partly else "", there) if part) or verified
    if strict:
        return (Span(f"  Not all verified (--strict): {known}{unverified}.", "danger"),)
    return (Span(f"  No drift seen: {known}{unverified}.", "update"),)


def standing(row: Row) -> str:
    """Say of a difference what the sections do not say."""
    change = row.change
    if isinstance(change, Delete):
        stray = f"owned by {change.note.owner}" if change.note.owner else "covered by owns"
        said = {"stale": "a binding that no file has", "stray": stray, "absent": "named by absent"}
        return "; ".join([said[change.reason], *row.details[:1]])
    if change.note.external:
        return "external"
    return words.traits(subject(change)) if isinstance(change, Create) else ""


def more_of(row: Row) -> tuple[str, ...]:
    """Return what `check` tells of a row beside its standing: no more than is no part of a plan."""
    match row.change:
        case Unfinished():
            return row.details
        case Delete():
            return row.details[1:]
        case Displaced():
            return (f"policy: {row.reason}",)
        case _:
            return ()


def sentences(said: Sequence[str], width: int) -> Iterator[Line]:
    """Lay out sentences under a row."""
    for sentence in said:
        yield from wrapped(INDENT, "", sentence, width)


def drifts(change: Change) -> Iterator[Line]:
    """Render each property that differs."""
    match change:
        case Update() | Replace() | Unfinished():
            for field in change.fields:
                yield (Span(f"{INDENT}{words.drift(field)}"),)
        case Create(resource=Binding() as wanted, near=Binding() as near):
            for label, ours, theirs in (
                ("routing_key", wanted.routing_key, near.routing_key),
                ("arguments", words.arguments(wanted.arguments), words.arguments(near.arguments)),
            ):
                if ours != theirs:
                    yield (Span(f"{INDENT}{label}: declared {words.clean(ours)}, broker {words.clean(theirs)}"),)
        case Create() | Delete() | Unseen() | Displaced():
            return


def validation_line(sources: Sequence[str], topology: Topology) -> Line:
    """Say in one line what valid files hold."""
    counts = [(len(topology.of(kind)), kind.value) for kind in (Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING, Kind.POLICY)]
    parts = [counted(number, noun) for number, noun in counts if number]
    return (
        Span(f"{'  '.join(sources)}: valid", "good"),
        Span(f"   {counted(len(topology.files), 'file')}: {', '.join(parts) or 'nothing declared'}"),
    )
