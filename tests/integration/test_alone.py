"""Reading a broker over AMQP alone: everything that it compares is told right, and nothing is created or changed."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.arguments import QUEUE_ARGUMENTS, QUEUE_TYPES, compared_arguments, parse_age
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.target import Target
from rabbit_topo.diff import Create, Replace, Unseen, diff
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Note, Policy, Queue, Topology, Unverified, Vhost
from rabbit_topo.plan import Declare, Done, Failed, Remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Observed, Resource
    from tests.brokers import Node

ROUNDS = int(os.environ.get("RABBIT_TOPO_ALONE", "40"))  # objects a version, each with its own differences
EVERYTHING = ("*",)
HASH = "x-consistent-hash"
VALUES: dict[str, dict[str, list[Any]]] = {
    "classic": {
        "x-max-length": [0, 5, 6, 2**40],
        "x-message-ttl": [1000, 60_000],
        "x-expires": [3_600_000, 7_200_000],
        "x-dead-letter-exchange": ["", "dead", "it's 'q'", "' but current is 'x", "käse", "5"],
        "x-overflow": ["drop-head", "reject-publish"],
        "x-max-priority": [1, 4],
        "x-single-active-consumer": [True, False],
        "x-max-length-bytes": [0, 10**9],
        "x-queue-mode": ["lazy", "default"],
    },
    "quorum": {
        "x-max-length": [5, 6],
        "x-delivery-limit": [3, 7, "7", 7.5],
        "x-dead-letter-exchange": ["", "dead"],
        "x-dead-letter-strategy": ["at-most-once", "at-least-once"],
        "x-single-active-consumer": [True, False],
        "x-queue-leader-locator": ["balanced", "client-local"],
    },
    "stream": {
        "x-max-age": ["7D", "604800s", "1h"],
        "x-max-length-bytes": [10**9, 2 * 10**9],
        "x-stream-max-segment-size-bytes": [10**6, 2 * 10**6],
        "x-initial-cluster-size": [1, 3],
    },
}


@pytest.fixture
def alone(node: Node) -> Iterator[AmqpAlone]:
    road = AmqpAlone(Target(amqp=node.amqp_url))
    yield road
    road.close()


@pytest.fixture
def passive(node: Node) -> Iterator[AmqpAlone]:
    road = AmqpAlone(Target(amqp=node.amqp_url, probe="passive"))
    yield road
    road.close()


def _topology(vhost: str, *resources: Resource, notes: dict[Key, Note] | None = None, **more: Any) -> Topology:
    whole = {resource.key: resource for resource in (Vhost(vhost), *resources)}
    return Topology(resources=whole, notes=notes or {}, **more)


def _make(node: Node, *resources: Exchange | Queue) -> None:
    for it in resources:
        body: dict[str, Any] = {"durable": it.durable, "auto_delete": it.auto_delete, "arguments": {**it.arguments}}
        if isinstance(it, Queue):
            body["arguments"] |= {"x-queue-type": it.type} if it.type else {}
            node.http("PUT", "queues", it.vhost, it.name, body=body)
        else:
            node.http("PUT", "exchanges", it.vhost, it.name, body=body | {"type": it.type, "internal": it.internal})


def _state(node: Node, vhost: str) -> Any:
    """Everything of a vhost that is no statistic."""
    queues = node.http("GET", "queues", vhost, query="disable_stats=true&columns=name,durable,auto_delete,arguments")
    exchanges = node.http("GET", "exchanges", vhost, query="disable_stats=true")
    bindings = node.http("GET", "bindings", vhost)
    return [sorted(items, key=repr) for items in (queues, exchanges, bindings)]


def _seen(road: AmqpAlone, *resources: Resource) -> Observed:
    return road.observe(_topology(resources[0].key.vhost, *resources))


class _Random:
    """Objects, and what the files say of them instead."""

    def __init__(self, seed: str, vhost: str, number: int) -> None:
        self.random = random.Random(seed)
        self.vhost = vhost
        self.number = number

    def pairs(self) -> list[tuple[Any, Any]]:
        return [self._queue(n) if n % 3 else self._exchange(n) for n in range(self.number)]

    def _queue(self, n: int) -> tuple[Queue, Queue]:
        kind = self.random.choice(QUEUE_TYPES)
        there = Queue(
            self.vhost,
            f"q{n}" + self.random.choice(["", "'", " in vhost 'v'", "-ä", "' but current is none"]),
            kind,
            auto_delete=kind == "classic" and self.random.random() < 0.3,
            arguments=self._arguments(kind),
        )
        said = there
        for _ in range(self.random.choice([0, 1, 1, 2, 4])):
            match self.random.randrange(6):
                case 0:
                    said = replace(said, type=self.random.choice([*QUEUE_TYPES, None]))
                case 1:
                    said = replace(said, durable=not said.durable)
                case 2:
                    said = replace(said, auto_delete=not said.auto_delete)
                case _:
                    said = replace(said, arguments=self._mutated(said.arguments, said.type or kind))
        return there, said

    def _arguments(self, kind: str) -> Arguments:
        names = self.random.sample(sorted(VALUES[kind]), self.random.randrange(4))
        return Arguments({name: self.random.choice(VALUES[kind][name]) for name in names})

    def _mutated(self, arguments: Arguments, kind: str) -> Arguments:
        name = self.random.choice(sorted({*arguments, *VALUES[kind], "x-custom"}))
        if name in arguments and self.random.random() < 0.4:
            return arguments.without(name)
        values = VALUES[kind].get(name, []) + [5, "5", "none"]
        return Arguments({**arguments, name: self.random.choice(values)})

    def _exchange(self, n: int) -> tuple[Exchange, Exchange]:
        types = ["direct", "fanout", "topic", "headers", HASH]
        alternates: list[dict[str, Any]] = [{}, {"alternate-exchange": "fan"}, {"alternate-exchange": "1"}]
        there, said = (
            Exchange(
                self.vhost,
                f"x{n}'",
                self.random.choice(types),
                durable=self.random.random() < 0.7,
                auto_delete=self.random.random() < 0.3,
                internal=self.random.random() < 0.3,
                arguments=Arguments(self.random.choice(alternates)),
            )
            for _ in range(2)
        )
        kept = [name for name in ("type", "durable", "auto_delete", "internal", "arguments") if self.random.random() < 0.5]
        return there, replace(said, **{name: getattr(there, name) for name in kept})


def _compared(observed: Observed, declared: Topology, hidden: set[tuple[Key, str]]) -> dict[tuple[Key, str], Any]:
    """What differs, less what is not verified."""
    found = {}
    for change in diff(observed, declared):
        assert isinstance(change, Replace), change
        for field in change.fields:
            if (change.key, field.path) not in hidden:
                aged = field.path == "arguments.x-max-age" and isinstance(field.observed, str)
                found[change.key, field.path] = parse_age(field.observed) if aged else repr(field.observed)
    return found


@pytest.mark.parametrize("seed", os.environ.get("RABBIT_TOPO_ALONE_SEEDS", "1").split(","))
def test_every_difference_is_named_with_the_right_value_and_nothing_changes(
    node: Node, vhost: str, alone: AmqpAlone, seed: str
) -> None:
    pairs = _Random(seed, vhost, ROUNDS).pairs()
    _make(node, *(there for there, _ in pairs))
    declared = _topology(vhost, *(said for _, said in pairs))
    before = _state(node, vhost)
    observed = alone.observe(declared)
    assert _state(node, vhost) == before
    truth = Management(Target(node.broker_url)).observe(declared)
    hidden = {(key, path) for key, gap in observed.facts.unverified.items() for path in gap.paths}
    assert not any(path == "*" for _, path in hidden)
    for key, path in hidden:
        there = truth.topology.resources[key]
        assert isinstance(there, Queue)
        assert path.removeprefix("arguments.") not in compared_arguments(there.type, node.version)
    assert _compared(observed, declared, hidden) == _compared(truth, declared, hidden)
    assert set(observed.facts.renewed) == {
        key for key, it in observed.topology.resources.items() if isinstance(it, Queue) and "x-expires" in it.arguments
    }
