"""Random topologies and messages that ask everything of routing at once; the same seed gives the same world.

    world = make_world(random.Random(7), "/", "4.3")
    world.topology, world.messages, world.outcomes()

Exchanges of every type that the version has, bound to queues and to each other in circles, alternate exchanges by
argument and by policy, keys and headers that nobody would choose. What RabbitMQ refuses to declare is left out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.arguments.versions import read_release
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Policy, Queue, Topology, Vhost
from rabbit_topo.routing import Message, Router

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from rabbit_topo.model import DestinationKind, Resource

ONE_OF: Final = frozenset({"x-consistent-hash", "x-modulus-hash", "x-random", "x-local-random"})
WORDS: Final = ("a", "a", "b", "b", "c", "", "*", "#", "a*", "#a", "ü", "A", "a b")
HEADERS: Final = ("a", "a", "b", "b", "c", "x-a", "x-b", "X-a", "x-", "x", "", "CC", "BCC", "ü", "h" * 255)
VALUES: Final[tuple[Any, ...]] = (
    *(None, None, True, False, 0, 1, 1, -1, 2**31 - 1, 2**31, 2**40, 2**53 + 1, -(2**63)),
    *(1.0, 1.0, 0.0, -0.0, 1.5, float(2**53), float(2**31), "", "1", "1.0", "true", "a", "ü", "x" * 300),
    *(1704067200, 1704067200000, 1000),
    *([], {}, [1], [1.0], [True], ["a"], [None], [[1], ["a"]], [2**40], ["a", "b"], ["b", "a"]),
    *({"k": 1}, {"k": 1.0}, {"k": "v"}, {"k": None}, {"k": "v", "l": "w"}, {"l": "w", "k": "v"}, {"k": {"k": []}}),
)
MOMENTS: Final = (datetime(2024, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
NAMES: Final = ("q.a", "q.b", "a", "a.b", "q c", "#", "q.ü", "Q.a", "q" * 255, "q.d", "q.e", "q.f")
MATCHES: Final = ("all", "any", "all-with-x", "any-with-x", None)
MALFORMED: Final[tuple[Any, ...]] = ("a", 5, True, None, {"a": "b"}, 1.5)


@dataclass(frozen=True)
class World:
    """One topology of one vhost, and messages for it; `moments` are the bindings' arguments that are timestamps."""

    vhost: str
    version: str
    topology: Topology
    messages: tuple[Message, ...]
    moments: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def outcomes(self) -> list[Router]:
        """Return a router for each way in which hashes and chance can choose: there every exchange is certain."""
        resources = self.topology.resources
        chosen: list[list[tuple[Exchange, Binding]]] = []
        for exchange in resources.values():
            if isinstance(exchange, Exchange) and exchange.type in ONE_OF:
                ways = [(exchange, binding) for binding in self.topology.bindings_from(exchange.key)]
                chosen += [ways] if ways else []
        found = []
        for choice in itertools.product(*chosen):
            left = dict(resources)
            for exchange, kept in choice:
                left[exchange.key] = replace(exchange, type="fanout")
                for binding in self.topology.bindings_from(exchange.key):
                    if binding != kept:
                        del left[binding.key]
            found.append(Router(Topology(left), self.version))
        return found


def make_world(random: Random, vhost: str, version: str, messages: int = 120) -> World:
    """Make one world of about ten exchanges, ten queues and forty bindings, and messages for it."""
    maker = _Maker(random, vhost, version)
    maker.exchanges()
    maker.queues()
    maker.policies()
    maker.bindings()
    sent = tuple(maker.message() for _ in range(messages))
    return World(vhost, version, Topology({one.key: one for one in maker.all()}), sent, maker.moments)


class _Maker:
    def __init__(self, random: Random, vhost: str, version: str) -> None:
        self.random = random
        self.vhost = vhost
        self.release = read_release(version) or (4, 3)
        self.moments: dict[Key, dict[str, Any]] = {}
        self._exchanges: list[Exchange] = []
        self._queues: list[Queue] = []
        self._policies: list[Policy] = []
        self._bindings: dict[Key, Binding] = {}

    def all(self) -> Iterator[Resource]:
        yield Vhost(self.vhost)
        yield from self._exchanges
        yield from self._queues
        yield from self._policies
        yield from self._bindings.values()

    def exchanges(self) -> None:
        """Two of each common type, and one or two of those of which few know."""
        kinds = ["direct", "fanout", "topic", "topic", "headers", "headers", self.random.choice(["direct", "fanout"])]
        kinds += self.random.sample(self._rare(), 2) if self.random.random() < 0.5 else []
        names = [f"x{number}.{kind}" for number, kind in enumerate(kinds)]
        names[0] = self.random.choice([names[0], "ü.x", "a", "x" * 255])
        for name, kind in zip(names, kinds, strict=True):
            alternate = self.random.choice(["nowhere", *names]) if self.random.random() < 0.5 else None
            self._exchanges.append(
                Exchange(
                    self.vhost,
                    name,
                    kind,
                    durable=self.random.random() < 0.8,
                    internal=self.random.random() < 0.15,
                    arguments=Arguments({"alternate-exchange": alternate} if alternate else {}),
                )
            )

    def _rare(self) -> list[str]:
        local = ["x-local-random"] if self.release >= (4, 0) else []
        return ["x-consistent-hash", "x-modulus-hash", "x-random", "x-recent-history", *local]

    def queues(self) -> None:
        for name in self.random.sample(NAMES, 9):
            chance = self.random.random()
            kind = "quorum" if chance < 0.03 else "stream" if chance < 0.06 else "classic"
            # A stream with a name of 255 bytes is declared and confirms nothing.
            self._queues.append(Queue(self.vhost, name, kind if len(name) < 100 else "classic"))

    def policies(self) -> None:
        """Up to three policies that name alternate exchanges, of different priorities."""
        for priority in range(self.random.randrange(4)):
            pattern = self.random.choice(["^x[0-3]", "topic$", "", "headers", "ü", "^x.$"])
            alternate = self.random.choice(["nowhere", *(one.name for one in self._exchanges)])
            self._policies.append(
                Policy(
                    self.vhost,
                    f"p{priority}",
                    pattern,
                    self.random.choice(["all", "exchanges", "queues"]),
                    priority,
                    Arguments({"alternate-exchange": alternate}),
                )
            )

    def bindings(self) -> None:
        for exchange in self._exchanges:
            most = 5 if exchange.type in ONE_OF else 16 if exchange.type in ("topic", "headers") else 9
            for _ in range(self.random.randrange(most)):
                self._bind(exchange)
        for name in ("amq.topic", "amq.headers", "amq.direct", "amq.rabbitmq.trace"):
            kind = {"amq.headers": "headers", "amq.direct": "direct"}.get(name, "topic")
            for _ in range(self.random.randrange(3)):
                self._bind(Exchange(self.vhost, name, kind))

    def _bind(self, source: Exchange) -> None:
        ends: list[Exchange | Queue] = list(self._queues)
        if source.type == "x-local-random":
            ends = [queue for queue in self._queues if queue.type == "classic"]
        elif self.random.random() < 0.3:
            ends = [*self._exchanges]
        end = self.random.choice(ends)
        key, given = self._pattern(source.type), self._arguments(source.type)
        moments = {name: value for name, value in given.items() if isinstance(value, datetime)}
        plain = given | {name: int(value.timestamp()) for name, value in moments.items()}
        kind: DestinationKind = "queue" if isinstance(end, Queue) else "exchange"
        binding = Binding(self.vhost, source.name, kind, end.name, key, Arguments(plain))
        if binding.key in self._bindings and (moments or binding.key in self.moments):
            return
        self._bindings[binding.key] = binding
        if moments:
            self.moments[binding.key] = given

    def _pattern(self, kind: str | None) -> str:
        if kind == "x-consistent-hash":
            return str(self.random.randrange(1, 4))
        if kind == "x-local-random":
            return ""
        while True:
            key = self.key(wild=0.35 if kind == "topic" else 0.0)
            if kind != "topic" or self.release < (4, 3) or key.split(".").count("#") <= 2:
                return key

    def key(self, wild: float = 0.0) -> str:
        """Make a routing key, or with `wild` a pattern."""
        if self.random.random() < 0.06:
            return self.random.choice(["", ".", "..", "a.", ".a", "a..b", "k" * 255, "q.a", "ü", *self._long()])
        words = [
            self.random.choice("*#") if self.random.random() < wild else self.random.choice(WORDS)
            for _ in range(self.random.choice([0, 1, 1, 2, 2, 3, 3, 4, 6]))
        ]
        return ".".join(words)

    def _long(self) -> list[str]:
        """Keys of very many words, except where a pattern has three `#`: before 4.3 the broker would take hours."""
        many = any(one.routing_key.split(".").count("#") > 2 for one in self._bindings.values())
        return [] if many else ["a." * 127, "." * 255]

    def _arguments(self, kind: str | None) -> dict[str, Any]:
        if kind != "headers" and self.random.random() < 0.8:
            return {}
        match = self.random.choice(MATCHES)
        given: dict[str, Any] = {"x-match": match} if match else {}
        for _ in range(self.random.choice([0, 1, 1, 1, 2, 2, 3])):
            name = self.random.choice(HEADERS)
            given[name] = self.random.choice(VALUES) if self.random.random() < 0.92 else self.random.choice(MOMENTS)
        return given

    def message(self) -> Message:
        """Make a message; about one in twelve is refused."""
        often = [one.name for one in self._exchanges if not one.internal] * 4
        name = self.random.choice([*often, *(one.name for one in self._exchanges), "", "", "amq.topic"])
        if self.random.random() < 0.06:
            name = self.random.choice(["gone", "amq.rabbitmq.trace", "amq.headers", "amq.direct"])
        key = self.random.choice(NAMES) if not name and self.random.random() < 0.8 else self._near(name)
        return Message(name, key, self._headers(name), self.vhost)

    def _near(self, name: str) -> str:
        """Make a key; where it can be, one that is like a binding's."""
        there = [one.routing_key for one in self._bindings.values() if one.source == name]
        if not there or self.random.random() < 0.4:
            return self.key(wild=0.05)
        return self._filled(self.random.choice(there))

    def _filled(self, pattern: str) -> str:
        words: list[str] = []
        for word in pattern.split(".") if pattern else []:
            if word == "#" and self.random.random() < 0.9:
                words += [self.random.choice(WORDS) for _ in range(self.random.randrange(3))]
            else:
                words.append(self.random.choice(WORDS) if word == "*" else word)
        key = ".".join(words)
        return key if len(key.encode()) < 256 else pattern

    def _headers(self, name: str) -> dict[str, Any]:
        given: dict[str, Any] = {}
        there = [one.key for one in self._bindings.values() if one.source == name and one.arguments]
        if there and self.random.random() < 0.7:
            key = self.random.choice(there)
            like = self.moments.get(key) or dict(self._bindings[key].arguments)
            given |= {name: value for name, value in like.items() if name != "x-match" or self.random.random() < 0.1}
            for header, value in list(given.items()):
                if value is None:
                    given[header] = self.random.choice(VALUES)
                elif value in (1704067200, 1704067200000) and self.random.random() < 0.5:
                    given[header] = MOMENTS[0]
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            given[self.random.choice(HEADERS)] = self.random.choice([*VALUES, *MOMENTS])
        for header in ("CC", "BCC"):
            chance = self.random.random()
            if chance < 0.12:
                given[header] = [self._copy() for _ in range(self.random.randrange(4))]
            elif chance < 0.13:
                given[header] = self.random.choice(MALFORMED)
            elif not isinstance(given.get(header, []), list) and chance < 0.95:
                del given[header]
        return dict(self.random.sample(sorted(given.items()), len(given)))

    def _copy(self) -> Any:
        chance = self.random.random()
        if chance < 0.1:
            return self.random.choice([5, True, None, ["a"], {"k": "a"}])
        return self.random.choice(NAMES) if chance < 0.4 else self.key()
