"""Random topologies with everything odd that RabbitMQ 3.10 to 4.3 allow in names, keys and arguments.

Queues of one world often share their options, as they do where people work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.model import Arguments, Binding, Exchange, Key, Policy, Queue, Resource, Topology, Vhost

if TYPE_CHECKING:
    from random import Random

DOMAINS = ("shop", "Shop", "user-service", "on", "1", "0x1", "2024-01-01", "naïve", "a b", "{name}", "null", "con", "~")
WORDS = (
    "orders",
    "dead",
    "1.10",
    "q",
    "no",
    "wait",
    "retry",
    "Ärger",
    "x:y",
    "# y",
    "- z",
    "'",
    '"',
    "\\d",
    "%2F",
    "🐇",
)
# None of these is text that a YAML reader takes for what it is, or that every tool shows.
ODD = (
    "~",
    "null",
    "true",
    "off",
    "1e3",
    "1_000",
    "12:30",
    "=",
    "<<",
    "!x",
    "&a",
    "*",
    "@b",
    "`c",
    "|",
    ">",
    "?",
    ":",
    "-",
)
CONTROLS = ("\t", "\x01", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", " ", "\u200b")
KEYS = (
    "",
    "#",
    "*",
    "a.*",
    "order.created",
    "order.#",
    "1.10",
    "on",
    "käse",
    "~",
    "%2F",
    " x ",
    "a" * 255,
    "#.#",
    "\t",
)
TYPES = ("direct", "fanout", "topic", "headers")


def odd_world(random: Random, vhost: str = "/", *, nulls: bool = False, internal: bool = True) -> Topology:
    """Draw one; each binding has both of its ends.

    With `nulls`, arguments of bindings may hold a null; without `internal`, no exchange is.
    """
    draw = _Draw(random, vhost, nulls=nulls, internal=internal)
    found: dict[Key, Resource] = {Key(vhost, Vhost(vhost).key.kind, vhost): Vhost(vhost)}
    exchanges: list[Resource] = [draw.exchange() for _ in range(random.randint(0, 8))]
    queues = [draw.queue() for _ in range(random.choice((0, 3, 12, 25)))]
    policies = [draw.policy() for _ in range(random.randint(0, 3))]
    for one in [*exchanges, *queues, *policies]:
        found.setdefault(one.key, one)
    ends: list[Exchange | Queue] = [one for one in found.values() if isinstance(one, Exchange | Queue)]
    for _ in range(random.randint(0, 2 * len(ends))):
        binding = draw.binding([end for end in ends if isinstance(end, Exchange)], random.choice(ends))
        found.setdefault(binding.key, binding)
    return Topology(found)


class _Draw:
    def __init__(self, random: Random, vhost: str, *, nulls: bool, internal: bool) -> None:
        self.random = random
        self.vhost = vhost
        self.nulls = nulls
        self.internal = internal
        self.domains = random.sample(DOMAINS, 3)
        self.sets = [self.limits() for _ in range(2)]

    def name(self) -> str:
        match self.random.randint(0, 9):
            case 0:
                return self.random.choice((*ODD, *DOMAINS))
            case 1:
                odd = "".join(self.random.choice((*CONTROLS, "x", "é", "漢")) for _ in range(self.random.randint(1, 6)))
                return odd + self.random.choice(("", "é" * 115))
            case 2:
                return self.random.choice(self.domains)
            case _:
                separator = self.random.choice("...._-:/")
                parts = (self.random.choice(WORDS) for _ in range(self.random.randint(1, 2)))
                return separator.join((self.random.choice(self.domains), *parts))

    def value(self, depth: int = 0) -> Any:
        plain = (0, 1, -1, 2**31, -(2**40), 2**63 - 1, 1.0, 0.5, -2.5e-7, 1e300, True, False, "", "1", "true", "pdf")
        match self.random.randint(0, 5):
            case 0 if depth < 2:
                return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
            case 1 if depth < 2:
                return {self.random.choice(("k", "x-k", "on")): self.value(depth + 1)}
            case 2:
                return self.name()
            case _:
                return self.random.choice(plain)

    def limits(self) -> dict[str, Any]:
        known: dict[str, Any] = {
            "x-message-ttl": self.random.choice((0, 1, 1500, 60_000, 3_600_000, 604_800_000)),
            "x-expires": self.random.choice((1_800_000, 86_400_001, 315_360_000_000)),
            "x-max-length": self.random.choice((1, 10_000)),
            "x-max-length-bytes": self.random.choice((1, 1_000_000, 1_048_576, 5_000_000_000)),
            "x-overflow": self.random.choice(("drop-head", "reject-publish")),
            "x-single-active-consumer": True,
        }
        chosen = dict(self.random.sample(sorted(known.items()), self.random.randint(0, 4)))
        if self.random.random() < 0.5:
            chosen["x-dead-letter-exchange"] = self.random.choice(("", "shop.dead", "on"))
        return chosen

    def queue(self) -> Queue:
        name = self.name()
        type_ = self.random.choice(("classic", "classic", "quorum", "quorum", "stream"))
        if type_ == "stream":
            arguments: dict[str, Any] = self.random.choice(
                ({}, {"x-max-age": "7D"}, {"x-max-age": "3600s", "x-max-length-bytes": 1_000_000_000})
            )
            return Queue(self.vhost, name, type_, arguments=Arguments(arguments))
        arguments = dict(self.random.choice((*self.sets, self.limits())))
        if "x-dead-letter-exchange" in arguments and self.random.random() < 0.7:
            arguments["x-dead-letter-routing-key"] = self.random.choice((name, name, f"{name}.dead", "{name}"))
        if self.random.random() < 0.2:
            arguments["x-custom"] = self.value()
        if type_ == "quorum":
            arguments |= self.random.choice(({}, {"x-delivery-limit": 5}, {"x-dead-letter-strategy": "at-most-once"}))
            return Queue(self.vhost, name, type_, arguments=Arguments(arguments))
        arguments |= self.random.choice(({}, {}, {"x-max-priority": 4}, {"x-queue-mode": "lazy"}))
        auto_delete = self.random.random() < 0.1
        return Queue(self.vhost, name, type_, auto_delete=auto_delete, arguments=Arguments(arguments))

    def exchange(self) -> Exchange:
        arguments = self.random.choice(({}, {}, {"alternate-exchange": self.name()}, {"x-custom": self.value()}))
        return Exchange(
            self.vhost,
            self.name(),
            self.random.choice(TYPES),
            durable=self.random.random() < 0.8,
            internal=self.random.random() < 0.2 and self.internal,
            arguments=Arguments(arguments),
        )

    def policy(self) -> Policy:
        definition = self.random.choice(
            ({"max-length": 9}, {"message-ttl": 90_000, "dead-letter-exchange": "dead"}, {"alternate-exchange": "x"})
        )
        return Policy(
            self.vhost,
            self.name(),
            self.random.choice(("^shop\\.", ".*", "^(a|b)#$", "no", "1.10", "")),
            self.random.choice(("queues", "exchanges", "all")),
            self.random.choice((0, 1, 7)),
            Arguments(definition),
        )

    def binding(self, exchanges: list[Exchange], end: Exchange | Queue) -> Binding:
        predeclared = [Exchange(self.vhost, f"amq.{kind}", kind) for kind in TYPES]
        source = self.random.choice((*exchanges, *exchanges, *predeclared))
        arguments: dict[str, Any] = {}
        if self.random.random() < (0.8 if source.type == "headers" else 0.2):
            arguments = {self.random.choice(("format", "n", "x-h", "on", "é")): self.value() for _ in range(2)}
            if self.nulls and self.random.random() < 0.3:
                arguments["void"] = None
        if source.type == "headers" and self.random.random() < 0.7:
            arguments["x-match"] = self.random.choice(("all", "any", "any-with-x"))
        key = self.random.choice((*KEYS, self.name()))
        if arguments:  # else the management plugin could list nothing any more
            key = key.replace("~", "t")
        kind: Any = end.key.kind.value
        return Binding(self.vhost, source.name, kind, end.name, key, Arguments(arguments))
