"""What was not verified: the part of a topology that the road to the broker does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.model import EVERYTHING, Binding, Exchange, Kind, Policy, Queue
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import DestinationKind, Facts, Key, Note, Resource
    from rabbit_topo.plan import Plan

_ROADS: Final = {
    "management": "management (HTTP)",
    "file": "definitions file",
    "active": "AMQP, by active declares that can create nothing",
    "passive": "AMQP, by passive declares",
}
_NAMED: Final = 3
_COLUMN: Final = 28


class Gap(NamedTuple):
    """One declared object, the paths of it that were not verified (none: not even that it is there), and why."""

    resource: Resource
    paths: tuple[str, ...]
    reason: str


def gaps(plan: Plan) -> list[Gap]:
    """Return every object that the files name and of which something was not verified, sorted by key."""
    found = [Gap(change.resource, (), change.reason) for change in plan.unseen]
    for key, unverified in plan.facts.unverified.items():
        if key in plan.declared.absent:
            found.append(Gap(_named(key), unverified.paths, unverified.reason))
        elif unverified.paths and key in plan.declared.resources:
            paths = _stated(unverified.paths, plan.declared.note(key))
            if paths:
                found.append(Gap(plan.declared.resources[key], paths, unverified.reason))
    return sorted(found, key=lambda gap: gap.resource.key.order)


def _named(key: Key) -> Resource:
    """Stand in for an object that is to be absent: no more than its name is known."""
    match key.kind:
        case Kind.EXCHANGE:
            return Exchange(key.vhost, key.name, None)
        case Kind.QUEUE:
            return Queue(key.vhost, key.name)
        case Kind.BINDING:
            to: DestinationKind = "queue" if key.destination_kind == Kind.QUEUE else "exchange"
            return Binding(key.vhost, key.name, to, key.destination, key.routing_key)
        case _:
            return Policy(key.vhost, key.name, "")


def _stated(paths: tuple[str, ...], note: Note) -> tuple[str, ...]:
    """Leave out what an external mention does not state."""
    if not note.external:
        return paths
    if paths == EVERYTHING:
        return tuple(sorted(note.stated))
    return tuple(path for path in paths if path in note.stated)


def refused(plan: Plan) -> int:
    """Count the declared exchanges and queues of which the broker does not tell whether they are there."""
    return sum(change.key.kind in {Kind.EXCHANGE, Kind.QUEUE} for change in plan.unseen)


def complete(plan: Plan, found: Sequence[Gap]) -> bool:
    """Say whether everything was verified, undeclared objects included."""
    return plan.facts.lists and not found and not inventory_gap(plan.facts)


def inventory_gap(facts: Facts) -> str:
    """Say why the inventory on the broker could not be seen; empty where it was, or where none is kept."""
    return facts.inventory.gap if facts.inventory else ""


def road(facts: Facts) -> str:
    """Say by which road a broker was read."""
    return _ROADS[facts.road]


def unverified_lines(plan: Plan, width: int, gloss: str = "") -> Iterator[Line]:
    """Render what was not verified: alike objects on one line, with their number or their names."""
    entries = unverified_entries(plan)
    if entries:
        yield ()
        yield (Span("  NOT VERIFIED", "bold"), Span(f"  {gloss}" if gloss else "", "dim"))
    for what, why in entries:
        yield from _entry(what, why, width)


def unverified_entries(plan: Plan) -> list[tuple[str, str]]:
    """Return what was not verified, and why: alike objects in one entry, with their number or their names."""
    alike: dict[tuple[Kind, tuple[str, ...], str], list[Resource]] = {}
    for gap in gaps(plan):
        alike.setdefault((gap.resource.key.kind, gap.paths, gap.reason), []).append(gap.resource)
    found = []
    for (kind, paths, reason), resources in alike.items():
        named = f"{', '.join(words.clean(path) for path in paths)}: " if paths not in {(), EVERYTHING} else ""
        found.append((_called(kind, resources), f"{named}{reason}"))
    if unseen := inventory_gap(plan.facts):
        found.append(("the inventory", unseen))
    if not plan.facts.lists:
        found.append(("undeclared objects", "AMQP lists nothing"))
        if plan.facts.road == "active":
            found.append(("undeclared arguments", "the broker compares only those that it knows"))
    return found


def renewed_lines(facts: Facts, width: int) -> Iterator[Line]:
    """Say which leases the reading renewed."""
    if facts.renewed:
        names = [words.clean(key.name) for key in facts.renewed]
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        yield ()
        said = f"Asking renewed the x-expires lease of {counted(len(names), 'queue')}: {shown}."
        yield from wrapped("  ", "", said, width)


def _called(kind: Kind, resources: Sequence[Resource]) -> str:
    if kind in {Kind.BINDING, Kind.POLICY} or len(resources) > _NAMED:
        return counted(len(resources), kind.value)
    return f"{kind} {', '.join(words.clean(resource.key.name) for resource in resources)}"


def _entry(left: str, said: str, width: int) -> Iterator[Line]:
    head = f"  ? {left}"
    if len(head) > _COLUMN - 2:
        yield (Span(head),)
        head = ""
    yield from wrapped(f"{head:<{_COLUMN}}", "", said, width)
