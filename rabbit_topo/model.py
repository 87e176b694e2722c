"""The nouns of a topology, as frozen values.

A resource is an `Exchange`, `Queue`, `Binding`, `Policy` or `Vhost`. Its `key` spells out its
whole identity; two resources are equal when the broker could not tell them apart.
Where something was declared, who owns it and the like are no part of it: those are a `Note`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Plain: TypeAlias = Any  # None, bool, int, float, str, and lists and string-keyed dicts of them
DestinationKind: TypeAlias = Literal["queue", "exchange"]
_DUMP = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Arguments(Mapping[str, Plain]):
    """The arguments of an object, equal when names, values and AMQP classes are equal.

    In Python `1 == True == 1.0`; on the broker they are three things. `text` is canonical JSON,
    which keeps the classes apart, and equality is equality of that text.

    >>> Arguments({"n": 1}) == Arguments({"n": 1.0})
    False
    """

    __slots__ = ("_items", "text")

    def __init__(self, items: Mapping[str, Plain] | None = None) -> None:
        """Copy `items`; raise ValueError for NaN and infinities, which AMQP peers do not share."""
        self._items: Mapping[str, Plain] = dict(items) if items else {}
        self.text: str = _DUMP.encode(self._items) if items else "{}"

    def __getitem__(self, name: str) -> Plain:
        """Return the value of one argument."""
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, sorted."""
        return iter(sorted(self._items))

    def __len__(self) -> int:
        """Count the arguments."""
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        """Compare names, values and classes."""
        return isinstance(other, Arguments) and self.text == other.text

    def __hash__(self) -> int:
        """Hash what equality compares."""
        return hash(self.text)

    def __repr__(self) -> str:
        """Show the canonical text."""
        return f"Arguments({self.text})"

    def without(self, *names: str) -> Arguments:
        """Return the same arguments less those named."""
        return Arguments({name: value for name, value in self._items.items() if name not in names})


EMPTY = Arguments()


class Kind(StrEnum):
    """The kinds of resources."""

    VHOST = "vhost"
    EXCHANGE = "exchange"
    QUEUE = "queue"
    BINDING = "binding"
    POLICY = "policy"


class Key(NamedTuple):
    """The whole identity of a resource. For a binding `name` is the source exchange."""

    vhost: str
    kind: Kind
    name: str
    destination_kind: str = ""
    destination: str = ""
    routing_key: str = ""
    arguments: str = ""

    @property
    def order(self) -> tuple[str | int, ...]:
        """What rows are sorted by: vhost by vhost, first what others need, then by name."""
        return (self.vhost, _RANK[self.kind], *self[2:])


_RANK = {kind: rank for rank, kind in enumerate((Kind.VHOST, Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING, Kind.POLICY))}

# What every vhost has from its first moment: name -> type (rabbit_vhost:declare_default_exchanges). All are durable.
PREDECLARED = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.headers": "headers",
    "amq.match": "headers",
    "amq.rabbitmq.trace": "topic",
    "amq.topic": "topic",
}


@dataclass(frozen=True, slots=True)
class Vhost:
    """A virtual host, known by its name alone."""

    name: str

    @property
    def key(self) -> Key:
        """Identity: the name."""
        return Key(self.name, Kind.VHOST, self.name)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange. `arguments` holds `alternate-exchange` too. `type` is None only where unstated."""

    vhost: str
    name: str
    type: str | None
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: Arguments = EMPTY

    @property
    def key(self) -> Key:
        """Identity: vhost and name."""
        return Key(self.vhost, Kind.EXCHANGE, self.name)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. `arguments` never holds `x-queue-type`: that is `type`, None where unstated."""

    vhost: str
    name: str
    type: str | None = None
    durable: bool = True
    auto_delete: bool = False
    arguments: Arguments = EMPTY

    @property
    def key(self) -> Key:
        """Identity: vhost and name."""
        return Key(self.vhost, Kind.QUEUE, self.name)


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding from an exchange to a queue or to another exchange."""

    vhost: str
    source: str
    destination_kind: DestinationKind
    destination: str
    routing_key: str = ""
    arguments: Arguments = EMPTY

    @property
    def key(self) -> Key:
        """Identity: everything, the arguments with their classes included."""
        return Key(
            self.vhost,
            Kind.BINDING,
            self.source,
            self.destination_kind,
            self.destination,
            self.routing_key,
            self.arguments.text,
        )

    @property
    def source_key(self) -> Key:
        """The exchange that it leaves."""
        return Key(self.vhost, Kind.EXCHANGE, self.source)

    @property
    def destination_key(self) -> Key:
        """The queue or exchange that it leads to."""
        return Key(self.vhost, Kind(self.destination_kind), self.destination)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; `definition` uses RabbitMQ's own keys (`max-length`), in its own units."""

    vhost: str
    name: str
    pattern: str
    apply_to: str = "all"
    priority: int | float = 0
    definition: Arguments = EMPTY

    @property
    def key(self) -> Key:
        """Identity: vhost and name."""
        return Key(self.vhost, Kind.POLICY, self.name)


Resource: TypeAlias = Vhost | Exchange | Queue | Binding | Policy


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file; line and column start at 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Spell it as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a resource beside its comparable self.

    `stated` names the fields that an external mention gives: `type`, `durable`, `auto_delete`,
    `internal`, and `arguments.NAME` for each argument.
    """

    origin: Origin | None = None
    description: str = ""
    owner: str = ""
    protect: bool = False
    external: bool = False
    stated: frozenset[str] = frozenset()
    open_bindings: bool = False
    direct: bool = False
    retry: bool = False


NO_NOTE = Note()


@dataclass(frozen=True)
class Scope:
    """What is ours beyond what is declared, and what never is: patterns by vhost.

    Patterns are regular expressions that must match the whole name.
    """

    owns_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def _owns(self) -> Mapping[str, re.Pattern[str]]:
        return {vhost: _any_of(patterns) for vhost, patterns in self.owns_patterns.items() if patterns}

    @cached_property
    def _ignores(self) -> Mapping[str, re.Pattern[str]]:
        return {vhost: _any_of(patterns) for vhost, patterns in self.ignore_patterns.items() if patterns}

    def ignores(self, vhost: str, name: str) -> bool:
        """Say whether `ignore:` takes this name out."""
        pattern = self._ignores.get(vhost)
        return bool(pattern and pattern.fullmatch(name))

    def owns(self, vhost: str, name: str) -> bool:
        """Say whether `owns:` covers this name, and `ignore:` does not."""
        pattern = self._owns.get(vhost)
        return bool(pattern and pattern.fullmatch(name)) and not self.ignores(vhost, name)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who sends what: an exchange, a routing key, and publishing options.

    `options` are those of the YAML after merging: `delivery_mode`, `mandatory`, `serializer`,
    `retry`, `retry_policy`, `headers`, `content_type`, `compression`, `expiration`, `priority`.
    """

    name: str
    vhost: str
    exchange: str
    routing_key: str = ""
    options: Mapping[str, Plain] = field(default_factory=dict)
    note: Note = NO_NOTE


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who takes from which queues; `options` holds `prefetch` and the like."""

    name: str
    vhost: str
    queues: tuple[str, ...]
    options: Mapping[str, Plain] = field(default_factory=dict)
    note: Note = NO_NOTE


@dataclass(frozen=True, slots=True)
class RouteTest:
    """A route test as written: checked for its form, run by a later command."""

    name: str
    vhost: str
    body: Mapping[str, Plain]
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """Resources by key, and beside them what is no part of the comparison.

    `vhosts` are those that the files name (or that the broker has); they stand in `resources`
    too, as `Vhost`. `absent` maps what is to be deleted to where it says so.
    """

    resources: Mapping[Key, Resource] = field(default_factory=dict)
    notes: Mapping[Key, Note] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    absent: Mapping[Key, Note] = field(default_factory=dict)
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    tests: tuple[RouteTest, ...] = ()
    files: tuple[str, ...] = ()

    def note(self, key: Key) -> Note:
        """Return what is noted of a resource."""
        return self.notes.get(key, NO_NOTE)

    @property
    def vhosts(self) -> tuple[str, ...]:
        """The vhosts named, sorted."""
        return tuple(sorted({key.vhost for key in self.resources} | {key.vhost for key in self.absent}))

    def of(self, kind: Kind) -> list[Resource]:
        """Return the resources of one kind, in the order of their keys."""
        return [self.resources[key] for key in sorted(self.resources) if key.kind is kind]


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages ready, messages unacknowledged, consumers of one queue."""

    ready: int
    unacknowledged: int
    consumers: int

    @property
    def messages(self) -> int:
        """Every message that would be lost with the queue."""
        return self.ready + self.unacknowledged

    @property
    def idle(self) -> bool:
        """No message and no consumer."""
        return not (self.messages or self.consumers)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a broker says of itself, beside its topology.

    `target` is its URL without credentials, or the file's path. `counts` lacks a queue whose
    counts could not be had. `binding_ids` holds, for each binding, the `properties_key` of every
    copy that the server keeps (integer widths make twins). `exclusive` queues are nobody's to
    manage. `deletes_quorum` says whether the road can delete quorum queues and streams.
    `writes_null` says whether it can write a null in a binding's arguments.
    """

    target: str
    version: str
    cluster_name: str = ""
    vhosts: frozenset[str] = frozenset()
    exchange_types: frozenset[str] = frozenset()
    default_queue_types: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[Key, Counts] = field(default_factory=dict)
    binding_ids: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    exclusive: frozenset[Key] = frozenset()
    operator_policies: tuple[Policy, ...] = ()
    deletes_quorum: bool = True
    writes_null: bool = True
    product: str = "RabbitMQ"


@dataclass(frozen=True, slots=True)
class Observed:
    """A broker at one moment: its topology, less the server's own objects, and its facts.

    The topology holds everything of the vhosts asked for except `amq.*` queues, exclusive queues
    with the bindings into them, the default exchange and its implicit bindings. The `amq.*` exchanges are
    in it: they may be named as external, and bound.
    """

    topology: Topology
    facts: Facts


def frozen(items: Mapping[str, Plain]) -> Mapping[str, Plain]:
    """Return a read-only view of a copy."""
    return MappingProxyType(dict(items))
