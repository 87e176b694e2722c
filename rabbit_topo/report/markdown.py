"""Plan, check and apply as a comment of a pull request: dangers first, deletions never folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import Create, Displaced, Replace, Unfinished, Update
from rabbit_topo.model import Binding, Exchange, Kind, Policy, Queue
from rabbit_topo.plan import Declare, Done, Failed
from rabbit_topo.plan.hazards import counted
from rabbit_topo.plan.share import REMEDY
from rabbit_topo.report import words
from rabbit_topo.report.impact import impact_sections, unfollowed
from rabbit_topo.report.layout import SYMBOL, operation_mark, place_of
from rabbit_topo.report.markdown_page import Section, code, page, sentence
from rabbit_topo.report.plan_findings import finding_section
from rabbit_topo.report.rows import differences, name_of, rows, subject, summary
from rabbit_topo.report.text import FINDINGS, SECTIONS, agreed, more_of, standing, verdict
from rabbit_topo.report.unverified import road, unverified_entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.lint.types import Finding
    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Outcome, Plan, Report
    from rabbit_topo.plan.impact import Impact
    from rabbit_topo.report.rows import Row

_FOLDS: Final = {"UPDATE", "CREATE", "MISSING"}
_COLUMNS: Final = {
    "blocked": "blocked",
    "finish": "to finish",
    "replace": "to replace",
    "delete": "to delete",
    "update": "to update",
    "create": "to create",
    "declare_again": "again",
    "left_alone": "left alone",
    "unchanged": "unchanged",
}


_HEADLINE: Final = ("blocked", "finish", "replace", "delete", "update", "create")


def plan_markdown(plan: Plan, routing: Impact | None, found: Sequence[Finding] = ()) -> str:
    """Render a plan; `routing` is its impact, `found` are the findings about what it changes."""
    all_rows = rows(plan)
    count = summary(all_rows, plan)
    head = [f"### rabbit-topo plan: {headline(count) or 'nothing to do'}", "", *numbers(count), *_about(plan)]
    allowed = "".join(f", {code(name)}" for name in agreed(plan)).replace(", ", "; allowed: ", 1)
    head[-1] += f" Prune is {'on' if plan.prune else 'off'}{allowed}."
    if plan.excess:
        head += ["", "> [!CAUTION]", f"> **Too much:** it {sentence(plan.excess)}. `apply` refuses this plan."]
        head += [f"> To unblock: {sentence(REMEDY)}."]
    head += not_followed(routing)
    sections = [*body_sections(plan, all_rows, routing), finding_section(found), _unverified(plan)]
    return page("\n".join(head), sections, "rabbit-topo plan")


def headline(count: Mapping[str, int]) -> str:
    """Name what is to be done in a few words, empty where that is nothing."""
    return ", ".join(f"{count[name]:,} {said}" for name, said in _COLUMNS.items() if count[name] and name in _HEADLINE)


def not_followed(routing: Impact | None) -> list[str]:
    """Say what was too much to follow: it stands where no page is too full for it."""
    return ["", f"**Not followed:** {sentence(unfollowed(routing))}."] if routing and routing.unfollowed else []


def body_sections(plan: Plan, all_rows: Sequence[Row], routing: Impact | None) -> list[Section]:
    """Render the rows of a plan by section, and what they do to routing."""
    stranded, elsewhere = impact_sections(routing)
    several = len({*plan.declared.vhosts, *plan.there.vhosts}) > 1
    parts = [
        _section(heading, gloss, [row for row in all_rows if name_of(row.change) == kind], several=several)
        for heading, gloss, kind in SECTIONS
    ]
    unseen = [row for row in all_rows if name_of(row.change) == "unseen"]
    parts.append(_section("UNSEEN", "by AMQP", [row for row in unseen if row.status == "blocked"], several=several))
    again = [_row(row, several=several) for row in unseen if row.status == "planned"]
    parts.append(Section("DECLARED AGAIN", again, "unseen by AMQP; what is there stays as it is", folds=True))
    left = [_row(row, several=several) for row in all_rows if row.status == "left_alone"]
    parts.append(Section("LEFT ALONE", left, "ours, and in no file", folded=True))
    return [stranded, *parts, elsewhere]


def check_markdown(plan: Plan, *, strict: bool = False) -> str:
    """Render what `check` found."""
    all_rows = differences(plan)
    several = len(plan.declared.vhosts) > 1
    said = (
        "".join(span.text for span in verdict(plan, all_rows, strict=strict)).strip().rstrip(".").replace(": ", ", ", 1)
    )
    head = [f"### rabbit-topo check: {said[0].lower()}{said[1:]}", "", *_about(plan)]
    head[-1] += f" Read by {sentence(road(plan.facts))}."
    parts = []
    for heading, gloss, kinds in FINDINGS:
        chosen = [row for row in all_rows if name_of(row.change) in kinds]
        found = [_finding(row, several=several) for row in chosen]
        parts.append(Section(heading, found, gloss, folds=heading in _FOLDS))
    return page("\n".join(head), [*parts, _unverified(plan)], "rabbit-topo check")


def report_markdown(report: Report) -> str:
    """Render what an apply did."""
    plan = report.plan
    several = len(plan.declared.vhosts) > 1
    numbers: dict[str, Sequence[object]] = {
        "done": report.done,
        "failed": report.failed,
        "unknown": report.unknown,
        "not attempted": report.not_attempted,
        "blocked": plan.blocked,
    }
    told = ", ".join(f"{len(some):,} {name}" for name, some in numbers.items() if some or name == "done")
    head = [f"### rabbit-topo apply: {'applied' if report.exit_code == 0 else 'incomplete'}, {told}", "", *_about(plan)]
    if report.unverified:
        head += ["", f"**Not seen:** the result could not be verified: {sentence(report.unverified)}."]
    elif not report.surprises:
        head[-1] += " A second look found it as predicted."
    destroyed = [outcome for outcome in report.done if not isinstance(outcome.operation, Declare)]
    made = [outcome for outcome in report.done if isinstance(outcome.operation, Declare)]
    blocked = [row for row in rows(plan) if row.status == "blocked"]
    surprises = [_surprise(change, several=several) for change in report.surprises]
    parts = [
        _outcomes("FAILED", report.failed, several=several),
        _outcomes("UNKNOWN", report.unknown, "sent, and never answered", several=several),
        Section("STILL DIFFERENT", surprises, "found by looking again, and not foreseen"),
        _section("BLOCKED", "", blocked, several=several),
        _outcomes("NOT ATTEMPTED", report.not_attempted, several=several),
        _outcomes("DELETED OR REPLACED", destroyed, several=several),
        Section("DONE", [_outcome(outcome, several=several) for outcome in made], folds=True),
    ]
    return page("\n".join(head), parts, "rabbit-topo apply")


def numbers(count: Mapping[str, int]) -> list[str]:
    """Lay out the numbers as a table: no name stands in it."""
    shown = [(said, count[name]) for name, said in _COLUMNS.items() if count[name] or name == "unchanged"]
    cells = [[said for said, _ in shown], ["---:" for _ in shown], [f"{number:,}" for _, number in shown]]
    return [*(f"| {' | '.join(row)} |" for row in cells), ""]


def _about(plan: Plan) -> list[str]:
    facts = plan.facts
    cluster = f", cluster {code(facts.cluster_name)}" if facts.cluster_name else ""
    version = f" {sentence(facts.version)}" if facts.version else ""
    number = sum(key.kind is not Kind.VHOST for key in plan.declared.resources)
    declared = f"{counted(number, 'object')} in {counted(len(plan.declared.files), 'file')}"
    return [f"Target {code(facts.target)}, {sentence(facts.product)}{version}{cluster}; {declared}."]


def _section(heading: str, gloss: str, chosen: Sequence[Row], *, several: bool) -> Section:
    shown = [_row(row, several=several) for row in chosen if row.status != "left_alone"]
    return Section(heading, shown, gloss, folds=heading in _FOLDS and not any(_warns(row) for row in chosen))


def _warns(row: Row) -> bool:
    return row.status == "blocked" or bool(row.hazards)


def _row(row: Row, *, several: bool) -> str:
    lines = [_line(row.change, subject(row.change), several=several, place=place_of(row.change))]
    lines += [f"  - {said}" for said in _fields(row.change)]
    lines += [f"  - {sentence(detail)}" for detail in row.details]
    lines += [f"  - **Hazard:** {sentence(hazard)}" for hazard in row.hazards]
    if row.status == "blocked":
        lines += [f"  - **Blocked:** {sentence(row.reason)}", f"  - To unblock: {sentence(row.remedy)}"]
    elif row.remedy:
        lines.append(f"  - {sentence(row.remedy)}")
    return "\n".join(lines)


def _finding(row: Row, *, several: bool) -> str:
    lines = [_line(row.change, subject(row.change), several=several, place=place_of(row.change))]
    lines += [f"  - {said}" for said in _drifts(row.change)]
    if not _traits(row.change) and (said := standing(row)):
        lines.append(f"  - {sentence(said)}")
    return "\n".join([*lines, *(f"  - {sentence(said)}" for said in more_of(row))])


def _surprise(change: Change, *, several: bool) -> str:
    lines = [_line(change, subject(change), several=several)]
    return "\n".join([*lines, *(f"  - {said}" for said in _drifts(change))])


def _line(change: Change, resource: Resource, *, several: bool, place: str = "") -> str:
    return _item(SYMBOL[name_of(change)], resource, several=several, place=place, traits=_traits(change))


def _traits(change: Change) -> str:
    """Spell what a new object is: of one that is there a reader may look."""
    match change:
        case Create(resource=Policy() as policy):
            return f", {code(policy.pattern)} on {sentence(policy.apply_to)}, priority {policy.priority}"
        case Create(resource=Exchange() | Queue() as resource) if not change.note.external:
            return f", {sentence(words.traits(resource))}"
        case _:
            return ""


def _item(mark: str, resource: Resource, *, several: bool, place: str = "", traits: str = "") -> str:
    key = resource.key
    name = words.binding_arrow(resource) if isinstance(resource, Binding) else key.name
    vhost = f" in vhost {code(key.vhost)}" if several and key.kind is not Kind.VHOST else ""
    where = f", {code(place)}" if place else ""
    return f"- `{mark}` {key.kind} **{code(name)}**{vhost}{traits}{where}"


def _fields(change: Change) -> Iterator[str]:
    match change:
        case Create(resource=Policy(definition=definition)):
            yield from (f"{code(name)}: {code(words.value(definition[name]))}" for name in definition)
        case Update() | Replace() | Unfinished():
            for field in change.fields:
                values = f"{code(words.value(field.observed))} → {code(words.value(field.declared))}"
                yield f"{code(field.path)}: {values}"
        case Displaced():
            yield f"policy: {code(change.theirs.name)} → {code(change.ours.name)}"
        case _:
            return


def _drifts(change: Change) -> Iterator[str]:
    match change:
        case Update() | Replace() | Unfinished():
            for field in change.fields:
                ours, theirs = code(words.value(field.declared)), code(words.value(field.observed))
                yield f"{code(field.path)}: declared {ours}, broker {theirs}"
        case _:
            return


def _outcomes(heading: str, outcomes: Sequence[Outcome], gloss: str = "", *, several: bool) -> Section:
    return Section(heading, [_outcome(outcome, several=several) for outcome in outcomes], gloss)


def _outcome(outcome: Outcome, *, several: bool) -> str:
    operation = outcome.operation
    place = place_of(operation.cause)
    lines = [_item(operation_mark(operation), operation.resource, several=several, place=place)]
    told = [outcome.note] if isinstance(outcome, Done) else [outcome.reason]
    if isinstance(outcome, Failed):
        told.append(outcome.hint)
    return "\n".join([*lines, *(f"  - {sentence(said)}" for said in told if said)])


def _unverified(plan: Plan) -> Section:
    found = [f"- {sentence(what)}: {sentence(why)}" for what, why in unverified_entries(plan)]
    return Section("NOT VERIFIED", found, folded=True)
