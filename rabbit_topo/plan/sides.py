"""Two topologies, made comparable: each may be what files say, or what a broker or a definitions file holds.

What files leave open (a queue's type, a property of an external object) fits anything that is there; between two sets
of files it is a difference, and one that asks for no work. What files take out on purpose (`ignore:`, the run-time
bindings of a queue with `open_bindings`) is left out of what is there, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import PREDECLARED, RESERVED, Arguments, Binding, Exchange, Kind, Note, Queue, Vhost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from rabbit_topo.model import Facts, Key, Plain, Resource, Topology

IGNORED: Final = "`ignore:` takes them out"
OPEN: Final = "bindings that consumers make at run time (`open_bindings`)"
OWN: Final = "what this tool keeps on a broker for a while"
EMPTY_VHOSTS: Final = "vhosts that hold nothing, and that the files do not name"
HIDDEN: Final = "exclusive and server-named queues, and what is bound to them"
_ARGUMENT: Final = "arguments."


@dataclass(frozen=True, slots=True)
class Side:
    """One of two topologies. `facts` are those of the broker or the definitions file, None where files were read.

    `shown` names it, without credentials; `version` is the release of RabbitMQ that it is on, or for. `renamed` is the
    vhost that documents were given which name none; `sees_all` says whether a broker tells this user of every vhost.
    """

    topology: Topology
    shown: str
    version: str
    facts: Facts | None = None
    renamed: str = ""
    sees_all: bool = True

    @property
    def vhosts(self) -> frozenset[str]:
        """The vhosts that are there, or that the files name."""
        return frozenset(self.topology.vhosts) if self.facts is None else self.facts.vhosts


@dataclass(frozen=True, slots=True)
class Remark:
    """Two sets of files say different things of an object, and nothing is to be done on a broker about it."""

    resource: Resource
    note: Note
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is there and not compared, and why."""

    reason: str
    keys: tuple[Key, ...]


@dataclass(slots=True)
class Pair:
    """What is compared of two sides, by key; `vhosts` narrows it to these, if there are any."""

    a: Side
    b: Side
    vhosts: Collection[str] = ()
    before: dict[Key, Resource] = field(default_factory=dict)
    after: dict[Key, Resource] = field(default_factory=dict)
    notes: dict[Key, Note] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    _left_out: dict[str, set[Key]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Bring both sides to terms in which they can be compared."""
        self.notes = dict(self.b.topology.notes)
        self.before = self._kept(self.a, self.b)
        self.after = self._kept(self.b, self.a)
        if self.a.facts is None:
            settle = self._settle_statements if self.b.facts is None else self._settle_with_what_is_there
            for key in sorted(self.before.keys() | self.after.keys(), key=lambda key: key.order):
                settle(key)
        self.before |= self._vhosts(self.a, self.b, self.before)
        self.after |= self._vhosts(self.b, self.a, self.after)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What was left out, by its reason."""
        return tuple(LeftOut(reason, tuple(sorted(keys))) for reason, keys in sorted(self._left_out.items()))

    def _is_asked(self, vhost: str) -> bool:
        return not self.vhosts or vhost in self.vhosts

    def _kept(self, side: Side, other: Side) -> dict[Key, Resource]:
        found = {}
        for key, resource in side.topology.resources.items():
            if key.kind is Kind.VHOST or not self._is_asked(key.vhost):
                continue
            if side.facts is not None:
                if _is_servers(resource, other):
                    continue
                if why := _why_left_out(resource, other):
                    self._left_out.setdefault(why, set()).add(key)
                    continue
            found[key] = resource
        hidden: tuple[Queue | Binding, ...] = (*side.facts.hidden, *side.facts.hidden_bindings) if side.facts else ()
        if keys := {one.key for one in hidden if self._is_asked(one.vhost)}:
            self._left_out.setdefault(HIDDEN, set()).update(keys)
        return found

    def _vhosts(self, side: Side, other: Side, kept: Mapping[Key, Resource]) -> dict[Key, Resource]:
        """Return the vhosts of a side. Of an empty one that is there, files that do not name it say nothing."""
        found = {}
        full = {key.vhost for key in kept}
        for vhost in map(Vhost, filter(self._is_asked, side.vhosts)):
            if side.facts is None or other.facts is not None or vhost.name in full | other.vhosts:
                found[vhost.key] = vhost
            else:
                self._left_out.setdefault(EMPTY_VHOSTS, set()).add(vhost.key)
        return dict(found)

    def _settle_with_what_is_there(self, key: Key) -> None:
        """Fill what the files of A leave open with what B has."""
        said, there = self.before.get(key), self.after.get(key)
        note = self.a.topology.note(key)
        if said is None:
            return
        if note.external and there is None:
            del self.before[key]
            self.remarks.append(Remark(said, note, "A takes it for somebody else's (external); B does not have it"))
        elif note.external and isinstance(there, Exchange | Queue):
            self.before[key] = _stated(note, said, there)
        elif isinstance(said, Queue) and isinstance(there, Queue) and said.type is None:
            self.before[key] = replace(said, type=there.type)

    def _settle_statements(self, key: Key) -> None:
        """Compare what two sets of files say of an object that one of them does not declare, or not in full."""
        one, other = self.before.get(key), self.after.get(key)
        ours, theirs = self.a.topology.note(key), self.b.topology.note(key)
        if ours.external and one is not None:
            if other is None and key not in self.b.topology.absent:
                self.after[key], self.notes[key] = one, ours
                if not _says_what_is_so(one, ours):
                    self._remark(one, ours, "A takes it for somebody else's (external); B does not speak of it")
            elif other is not None and theirs.external:
                self._compare_statements(one, other)
            elif other is not None:
                del self.before[key]  # B makes its own what A leaves to others: A declares nothing
        elif theirs.external and other is not None:
            if one is None:
                self.before[key] = other
                if not _says_what_is_so(other, theirs):
                    self._remark(other, theirs, "B takes it for somebody else's (external); A does not speak of it")
            else:
                self._remark(other, theirs, "A declares it; B takes it for somebody else's (external)")
        elif isinstance(one, Queue) and isinstance(other, Queue) and one.type is not None and other.type is None:
            self._remark(other, theirs, f"A says type {one.type}; B leaves it to the broker")

    def _compare_statements(self, one: Resource, other: Resource) -> None:
        key = other.key
        ours, theirs = self.a.topology.note(key), self.b.topology.note(key)
        self.before[key] = other
        different = [
            path
            for path in sorted(ours.stated | theirs.stated)
            if (path in ours.stated) != (path in theirs.stated)
            or Arguments({"": _value(one, path)}) != Arguments({"": _value(other, path)})
        ]
        if different:
            self._remark(other, theirs, f"external; A and B state it differently: {', '.join(different)}")

    def _remark(self, resource: Resource, note: Note, text: str) -> None:
        self.remarks.append(Remark(resource, note, text))


def _is_servers(resource: Resource, other: Side) -> bool:
    """Say whether an exchange is the server's own; one that files mention is compared with their words."""
    mentioned = other.facts is None and resource.key in other.topology.resources
    return isinstance(resource, Exchange) and resource.name.startswith("amq.") and not mentioned


def _why_left_out(resource: Resource, other: Side) -> str:
    if any(name.startswith(RESERVED) for name in _names(resource)):
        return OWN
    if other.facts is not None or resource.key in other.topology.resources:
        return ""
    key = resource.key
    if other.topology.scope.ignores(key.vhost, key.destination or key.name):
        return IGNORED
    if isinstance(resource, Binding) and other.topology.note(resource.destination_key).open_bindings:
        return OPEN
    return ""


def _names(resource: Resource) -> Iterator[str]:
    match resource:
        case Binding():
            yield from (resource.source, resource.destination)
        case Exchange() | Queue():
            yield resource.name
        case _:
            return


def _says_what_is_so(mentioned: Resource, note: Note) -> bool:
    """Say whether a mention is of one of the server's own exchanges, and right: every vhost has it anyway."""
    if not isinstance(mentioned, Exchange) or mentioned.name not in PREDECLARED:
        return False
    known = Exchange(
        mentioned.vhost,
        mentioned.name,
        PREDECLARED[mentioned.name],
        internal=mentioned.name == "amq.rabbitmq.trace",
    )
    return all(_value(mentioned, path) == _value(known, path) for path in note.stated)


def _value(resource: Resource, path: str) -> Plain:
    """Return a property of an exchange or queue by the path that notes give it."""
    if path.startswith(_ARGUMENT):
        return getattr(resource, "arguments", {}).get(path.removeprefix(_ARGUMENT))
    return getattr(resource, path)


def _stated(note: Note, said: Resource, there: Exchange | Queue) -> Resource:
    """Return what is there, with what a mention states of it laid over."""
    over = {path.removeprefix(_ARGUMENT): _value(said, path) for path in note.stated if path.startswith(_ARGUMENT)}
    flags = {path: _value(said, path) for path in note.stated if not path.startswith(_ARGUMENT)}
    return replace(there, **flags, arguments=Arguments({**there.arguments, **over}))
