"""Reading a broker over AMQP alone: everything that it compares is told right, and nothing is created or changed.

A longer run is `RABBIT_TOPO_ALONE=400 RABBIT_TOPO_ALONE_SEEDS=1,2,3 RABBIT_TOPO_ALONE_TURNS=3000 pytest` and this file:
so many objects a seed, these seeds, and so often does another client make one of its objects anew meanwhile.
"""

from __future__ import annotations

import os
import random
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pytest

from rabbit_topo.arguments import QUEUE_TYPES, compared_arguments, parse_age
from rabbit_topo.broker import sandbox_host
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.readings import read_exchange, read_queue
from rabbit_topo.broker.target import Target
from rabbit_topo.diff import Replace, diff
from rabbit_topo.model import EVERYTHING, Arguments, Exchange, Queue
from tests.alone import HASH, connection, make, one, state, topology
from tests.brokers import Node, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Key, Observed, Topology

ROUNDS = int(os.environ.get("RABBIT_TOPO_ALONE", "40"))  # objects a version, each with its own differences
TURNS = int(os.environ.get("RABBIT_TOPO_ALONE_TURNS", "150"))  # how often the other client makes an object anew
RELAXED = "quorum_queue.property_equivalence.relaxed_checks_on_redeclaration"
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


class _Random:
    """Objects, and what the files say of them instead."""

    def __init__(self, seed: str, vhost: str, number: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
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
        values = [*VALUES[kind].get(name, []), 5, "5", "none"]
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
        names = ("type", "durable", "auto_delete", "internal", "arguments")
        kept = [name for name in names if self.random.random() < 0.5]
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
    make(node, *(there for there, _ in pairs))
    declared = topology(vhost, *(said for _, said in pairs))
    before = state(node, vhost)
    observed = alone.observe(declared)
    assert state(node, vhost) == before
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


class _Churner:
    """Another client, who deletes and makes its own few objects again and again, and minds what it finds there."""

    def __init__(self, node: Node, vhost: str) -> None:
        self.node, self.vhost = node, vhost
        classic, quorum = Queue(vhost, "c", "classic"), Queue(vhost, "c", "quorum")
        topic = Exchange(vhost, "x", "topic")
        self.variants: list[list[Any]] = [
            [
                replace(classic, arguments=Arguments({"x-max-length": 5})),
                replace(classic, auto_delete=True, arguments=Arguments({"x-max-priority": 3})),
                replace(classic, durable=True, arguments=Arguments({"x-dead-letter-exchange": "dead"})),
                replace(quorum, arguments=Arguments({"x-delivery-limit": 5})),
            ],
            [replace(classic, name="d", durable=n % 2 > 0, auto_delete=n % 3 > 0) for n in range(6)],
            [
                topic,
                replace(topic, type="fanout", durable=False),
                replace(topic, internal=True, arguments=Arguments({"alternate-exchange": "fan"})),
                replace(topic, type=HASH, auto_delete=True),
            ],
        ]
        self.turns = 0
        self.trouble: list[Any] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._thread.join()

    def _run(self) -> None:
        chance = random.Random(1)  # noqa: S311 - the same
        there: list[Any] = [None] * len(self.variants)
        try:
            with connection(self.node, self.vhost) as opened:
                channel = opened.channel()
                while not self.ended.is_set():
                    which = chance.randrange(len(self.variants))
                    self._mind(which, there[which])
                    (channel.queue_delete if which < 2 else channel.exchange_delete)(self.variants[which][0].name)
                    self._mind(which, None)
                    there[which] = chance.choice([*self.variants[which], None])
                    if there[which] is not None:
                        make(self.node, there[which])
                    self.turns += 1
        except Exception as error:  # noqa: BLE001 - told by the test
            self.trouble.append(error)

    def _mind(self, which: int, expected: Any) -> None:
        kind, read = ("queues", read_queue) if which < 2 else ("exchanges", read_exchange)
        listed = self.node.http("GET", kind, self.vhost, query="disable_stats=true")
        found = [read(self.vhost, item) for item in listed if item["name"] == self.variants[which][0].name]
        if found != ([] if expected is None else [expected]):
            self.trouble.append((found, expected))


def test_nothing_is_created_while_another_client_deletes_and_creates(node: Node, vhost: str, alone: AmqpAlone) -> None:
    queue = Queue(vhost, "c", "classic", arguments=Arguments({"x-max-length": 7, "x-message-ttl": 60_000}))
    wanted: list[Any] = [
        queue,
        replace(queue, name="d"),
        Exchange(vhost, "x", "direct", arguments=Arguments({"x-mine": 1})),
    ]
    with _Churner(node, vhost) as churner:
        known = {it.key: {_bare(it): it for it in group} for group in churner.variants for it in group}
        seen: set[Any] = set()
        while churner.turns < TURNS and not churner.trouble:
            for kind in QUEUE_TYPES:
                asked = [replace(it, type=kind) if isinstance(it, Queue) else it for it in wanted]
                observed = alone.observe(topology(vhost, *asked))
                for it in asked:
                    got = observed.topology.resources.get(it.key)
                    gap = observed.facts.unverified.get(it.key)
                    if got is not None and (gap is None or gap.paths != EVERYTHING):
                        assert _bare(got) in known[it.key], got
                        seen.add(got)
    assert not churner.trouble
    assert len(seen) > 4


def _bare(it: Any) -> Any:
    return replace(it, arguments=it.arguments.without("x-mine"))


def test_a_green_of_relaxed_equivalence_is_not_believed(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if label == "3.10":
        pytest.skip("it came with 3.11.16")
    monkeypatch.setattr(sandbox_host, "_CONFIG", f"{sandbox_host._CONFIG}{RELAXED} = true\n")
    with start(label) as sandbox:
        node = Node(label, sandbox)
        there = Queue("/", "q", "quorum", arguments=Arguments({"x-max-length": 5, "x-delivery-limit": 3}))
        make(node, there)
        declared = replace(there, type="classic", durable=False, arguments=Arguments({"x-max-length": 5}))
        with connection(node, "/") as opened:  # what a client gets to hear
            opened.channel().queue_declare(
                "q", durable=False, auto_delete=False, arguments={"x-queue-type": "classic", "x-max-length": 5}
            )
        road = AmqpAlone(Target(amqp=node.amqp_url))
        assert one(road, declared) == (there, None)
        assert one(road, replace(declared, type=None)) == (there, None)
        assert one(road, replace(declared, arguments=Arguments({"x-max-length": 6}))) == (there, None)
        classic = Queue("/", "c", "classic", arguments=Arguments({"x-max-length": 5}))
        make(node, classic)
        assert one(road, replace(classic, type="quorum", durable=False)) == (classic, None)
        assert one(road, classic) == (classic, None)
        assert one(road, Queue("/", "gone", "classic")) == (None, None)
        road.close()
