"""What differs between a broker and the files.

Both sides are normalised where they come in, so comparing is `==`. One loop over the union of the keys, and one
sort of what differs; which property RabbitMQ can change in place is decided by the kind alone: only policies can.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.arguments import same_value
from rabbit_topo.model import (
    PREDECLARED,
    RESERVED,
    Binding,
    Exchange,
    Kind,
    Mark,
    Note,
    Policy,
    Queue,
    Vhost,
    heed,
    mark_of,
    target_of,
)
from rabbit_topo.policies import effective, reaches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from rabbit_topo.model import (
        Arguments,
        Key,
        Observed,
        Plain,
        Resource,
        Scope,
        Topology,
    )


class Absent(Enum):
    """The value of a field that one side does not have."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Field:
    """One property that differs: its path (`durable`, `arguments.x-max-length`) and both values."""

    path: str
    observed: Plain
    declared: Plain


@dataclass(frozen=True, slots=True)
class Create:
    """Declared, and not there. `near` is an undeclared binding between the same two ends, if there is one."""

    resource: Resource
    note: Note
    near: Binding | None = None

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class _Different:
    """There, but different in these fields."""

    before: Resource
    after: Resource
    fields: tuple[Field, ...]
    note: Note

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.after.key


@dataclass(frozen=True, slots=True)
class Update(_Different):
    """There, but different, in a way that the broker can change."""


@dataclass(frozen=True, slots=True)
class Replace(_Different):
    """There, but different, in a way that no RabbitMQ can change in place."""


@dataclass(frozen=True, slots=True)
class Displaced:
    """Our policy does not take effect on our object, because somebody else's takes precedence."""

    resource: Queue | Exchange
    ours: Policy
    theirs: Policy
    note: Note

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Delete:
    """There, ours and not declared (`stale` for a binding, `stray` for the rest), or named by `absent:`.

    `gone` is what one of two topologies has, and the other does not.
    """

    resource: Resource
    reason: Literal["stale", "stray", "absent", "gone"]
    note: Note

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Unseen:
    """Declared, and the road does not show whether it is there; `reason` says why. No difference is known."""

    resource: Resource
    note: Note
    reason: str

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An earlier run was stopped in the middle of a replacement: `marked` is the queue that it left on the broker.

    `before` is the target as it is now, None where it is gone. `after` is what it is to be: as declared, or else as
    it is; None where nobody knows. The target's own `Create` or `Replace` is part of this change.
    """

    marked: Queue
    mark: Mark
    before: Resource | None
    after: Resource | None
    note: Note
    fields: tuple[Field, ...] = ()

    @property
    def key(self) -> Key:
        """What it is about: the marked queue. `target` is what that serves."""
        return self.marked.key

    @property
    def target(self) -> Key:
        """The object that was being replaced."""
        return target_of(self.marked.vhost, self.mark)


Change: TypeAlias = Create | Update | Replace | Displaced | Delete | Unseen | Unfinished


def diff(observed: Observed, declared: Topology, scope: Scope | None = None) -> tuple[Change, ...]:
    """Subtract what is declared from what was observed; the result is sorted by `Key.order`.

    `scope` says what is ours beyond what is declared; it defaults to the files' own. Objects of others are
    never part of the result. What an inventory on the broker owns or protects is heeded.

    >>> from rabbit_topo.model import Facts, Observed, Queue, Topology
    >>> nothing = Observed(Topology(), Facts("here", "4.3", vhosts=frozenset({"/"})))
    >>> orders = Queue("/", "orders")
    >>> [change] = diff(nothing, Topology(resources={orders.key: orders}))
    >>> type(change).__name__, change.key.name
    ('Create', 'orders')
    """
    declared = heed(declared, observed.facts.inventory)
    scope = declared.scope if scope is None else scope
    there = {**observed.topology.resources, **_to_be_born(observed, declared)}
    unfinished = _unfinished(there, declared, scope)
    marked = {change.key for change in unfinished.values()}
    changes: list[Change] = [*unfinished.values()]
    for key in there.keys() | declared.resources.keys():
        if unfinished and _is_part_of(unfinished, marked, key, there.get(key)):
            continue
        if key not in declared.resources:
            changes.extend(undeclared(there[key], declared, scope))
        elif key.kind is Kind.VHOST:
            if key.name not in observed.facts.vhosts:
                changes.append(Create(Vhost(key.name), declared.note(key)))
        elif key in there:
            changes.extend(_compared(there[key], declared.resources[key], declared.note(key)))
        else:
            changes.append(_not_found(declared.resources[key], declared, observed))
    changes.extend(_displaced(observed, declared, scope))
    return tuple(_with_nearest(sorted(changes, key=lambda change: change.key.order)))


def _unfinished(there: Mapping[Key, Resource], declared: Topology, scope: Scope) -> dict[Key, Unfinished]:
    """Find what earlier runs left, by the object that they were replacing: of those that are ours alone."""
    found = {}
    for resource in there.values():
        mark = mark_of(resource) if isinstance(resource, Queue) else None
        if not isinstance(resource, Queue) or mark is None or not mark.is_unfinished:
            continue
        target = target_of(resource.vhost, mark)
        note, before = declared.note(target), there.get(target)
        if note.external or not (
            target in declared.resources or target in declared.absent or scope.owns(target.vhost, target.name)
        ):
            continue
        after = declared.resources.get(target, before)
        fields = tuple(_fields(before, after)) if before and after else ()
        found[target] = Unfinished(resource, mark, before, after, note, fields)
    return found


def _is_part_of(
    unfinished: Mapping[Key, Unfinished], marked: AbstractSet[Key], key: Key, there: Resource | None
) -> bool:
    """Say whether an object's own difference is part of what is unfinished.

    A migration ends with the object as declared. A replacement of which a journal is left brings back what was lost,
    and leaves a difference for the next plan. The exchange that messages pass through on their way is taken away by
    who finishes.
    """
    if key in unfinished:
        return unfinished[key].mark.purpose == "migrate" or there is None
    if isinstance(there, Binding) and there.source.startswith(RESERVED):
        return there.destination_key in unfinished or there.destination_key in marked
    return False


def seen(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes that are known: what a road does not show is the same before and after."""
    return tuple(change for change in changes if not isinstance(change, Unseen))


def _not_found(resource: Resource, declared: Topology, observed: Observed) -> Create | Unseen:
    """Tell what is missing from what this road does not show. Nothing is bound to what is missing."""
    key, unverified = resource.key, observed.facts.unverified
    note = declared.note(key)
    gap = unverified.get(key)
    if gap is None:
        return Create(resource, note)
    ends = (resource.source_key, resource.destination_key) if isinstance(resource, Binding) else ()
    there = observed.topology.resources
    if any(end in declared.resources and end not in there and end not in unverified for end in ends):
        return Create(resource, note)
    return Unseen(resource, note, gap.reason)


def _to_be_born(observed: Observed, declared: Topology) -> dict[Key, Resource]:
    """Return the server's own exchanges of the vhosts that are still to be created: they come with the vhost."""
    return {
        key: Exchange(key.vhost, key.name, PREDECLARED[key.name], internal=key.name == "amq.rabbitmq.trace")
        for key in declared.resources
        if key.kind is Kind.EXCHANGE and key.name in PREDECLARED and key.vhost not in observed.facts.vhosts
    }


def undeclared(resource: Resource, declared: Topology, scope: Scope) -> Iterator[Delete]:
    """Return what is to be said of an object that no file declares: nothing where it is not ours."""
    key = resource.key
    if key in declared.absent:
        yield Delete(resource, "absent", declared.absent[key])
    elif isinstance(resource, Binding):
        note = declared.note(resource.destination_key)
        ours = resource.destination_key in declared.resources and not note.external
        if (ours and not note.open_bindings) or scope.covers(key):
            yield Delete(resource, "stale", note)
    elif key.kind is not Kind.VHOST and not key.name.startswith(("amq.", RESERVED)) and scope.covers(key):
        noted = scope.owned.get(key) if not scope.owns(key.vhost, key.name) else None
        yield Delete(resource, "stray", Note(owner=f"project {noted}" if noted else ""))


def _compared(before: Resource, after: Resource, note: Note) -> Iterator[Change]:
    fields = tuple(_fields(before, after))
    if note.external:
        fields = tuple(field for field in fields if field.path in note.stated)
    if fields:
        yield (Update if isinstance(after, Policy) else Replace)(before, after, fields, note)


def _fields(before: Resource, after: Resource) -> Iterator[Field]:
    match before, after:
        case Exchange(), Exchange():
            yield from _attributes(before, after, "type", "durable", "auto_delete", "internal")
            yield from _arguments("arguments", before.arguments, after.arguments)
        case Queue(), Queue():
            if after.type is not None:
                yield from _attributes(before, after, "type")
            yield from _attributes(before, after, "durable", "auto_delete")
            yield from _arguments("arguments", before.arguments, after.arguments)
        case Policy(), Policy():
            yield from _attributes(before, after, "pattern", "apply_to", "priority")
            yield from _arguments("definition", before.definition, after.definition)
        case _:
            return


def _attributes(before: Resource, after: Resource, *names: str) -> Iterator[Field]:
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Field(name, old, new)


def _arguments(path: str, before: Arguments, after: Arguments) -> Iterator[Field]:
    if before == after:
        return
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if old is ABSENT or new is ABSENT or not same_value(name, old, new):
            yield Field(f"{path}.{name}", old, new)


def _displaced(observed: Observed, declared: Topology, scope: Scope) -> Iterator[Displaced]:
    """Compare which policy would win if ours were all in place with which of ours should.

    Owned strays are left out: they have rows of their own.
    """
    ours = [policy for policy in declared.of(Kind.POLICY) if isinstance(policy, Policy)]
    if not ours:
        return
    theirs = [
        policy
        for key, policy in observed.topology.resources.items()
        if isinstance(policy, Policy)
        and key not in declared.resources
        and key not in declared.absent
        and not scope.covers(key)
    ]
    if not theirs:
        return
    for key, resource in declared.resources.items():
        if not isinstance(resource, Queue | Exchange) or declared.note(key).external:
            continue
        there = observed.topology.resources.get(key, resource)
        target = there if isinstance(there, Queue | Exchange) else resource
        if isinstance(target, Queue) and target.type is None:
            target = _typed(target, observed)
        winner = effective(ours, target, observed.facts.version)
        if winner is None:
            continue
        # A tie is a displacement too: the server promises no order. So is a pattern that cannot be read here.
        version = observed.facts.version
        rivals = [p for p in theirs if p.priority >= winner.priority and reaches(p, target, version) is not False]
        if rivals:
            rival = min(rivals, key=lambda policy: (-policy.priority, policy.name))
            yield Displaced(resource, winner, rival, declared.note(key))


def _typed(queue: Queue, observed: Observed) -> Queue:
    default = observed.facts.default_queue_types.get(queue.vhost, "classic")
    return Queue(queue.vhost, queue.name, default, queue.durable, queue.auto_delete, queue.arguments)


def _with_nearest(changes: list[Change]) -> Iterator[Change]:
    """Give a binding to be created the stale one that it most likely takes the place of."""
    stale: dict[tuple[Key, Key], dict[str, Binding]] = {}
    for change in changes:
        if isinstance(change, Delete) and isinstance(change.resource, Binding):
            binding = change.resource
            stale.setdefault((binding.source_key, binding.destination_key), {})[binding.routing_key] = binding
    for change in changes:
        if isinstance(change, Create) and isinstance(change.resource, Binding):
            wanted = change.resource
            rivals = stale.get((wanted.source_key, wanted.destination_key), {})
            near = rivals.get(wanted.routing_key) or next(iter(rivals.values()), None)
            yield Create(wanted, change.note, near)
        else:
            yield change
