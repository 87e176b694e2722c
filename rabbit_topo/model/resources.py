"""What a broker holds, as frozen values; two are equal when the broker could not tell them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
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

    def only(self, name: str) -> Arguments:
        """Return the argument of this name alone, or none: two of them compare with their classes.

        >>> Arguments({"n": 1, "m": 2}).only("n") == Arguments({"n": True}).only("n")
        False
        """
        return Arguments({name: self._items[name]}) if name in self._items else EMPTY

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

    @property
    def ends(self) -> tuple[Key, ...]:
        """What a binding needs: the exchange that it leaves, and what it leads to; nothing for what is no binding.

        >>> [str(end.kind) for end in Key("/", Kind.BINDING, "x", "queue", "q").ends], Key("/", Kind.QUEUE, "q").ends
        (['exchange', 'queue'], ())
        """
        if self.kind is not Kind.BINDING:
            return ()
        return (
            Key(self.vhost, Kind.EXCHANGE, self.name),
            Key(self.vhost, Kind(self.destination_kind), self.destination),
        )


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


def holds_null(value: Plain) -> bool:
    """Say whether a null stands anywhere in an argument's value.

    >>> holds_null({"a": [1, {"b": None}]})
    True
    """
    return any(one is None for one in _leaves(value))


def holds_integer(value: Plain) -> bool:
    """Say whether an integer stands anywhere in an argument's value; AMQP has several widths of them.

    >>> holds_integer({"a": [{"b": 1}]}), holds_integer({"a": True})
    (True, False)
    """
    return any(isinstance(one, int) and not isinstance(one, bool) for one in _leaves(value))


def _leaves(value: Plain) -> Iterator[Plain]:
    match value:
        case dict():
            for below in value.values():
                yield from _leaves(below)
        case list():
            for below in value:
                yield from _leaves(below)
        case _:
            yield value
