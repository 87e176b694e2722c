"""Queues are migrated while publishers send: every confirmed message is there afterwards, unchanged, and every binding.

A sample here; RABBIT_TOPO_LONG=1 takes 20,000 messages a queue, and each change in an apply of its own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.ctl import quick_statistics
from tests.migrating import LONG, Scene, ending
from tests.traffic import Consumer, Publisher, Tally, drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.brokers import Node


@dataclass(frozen=True)
class Change:
    """What a queue is, and what the files want it to be; `how` is in YAML's flow style."""

    how: str
    kind: str = "classic"
    durable: bool = True
    arguments: dict[str, Any] = field(default_factory=dict)


CHANGES: dict[str, Change] = {
    "to.quorum": Change("type: quorum"),
    "to.classic": Change("type: classic", "quorum"),
    "ttl": Change("type: classic, message_ttl: 2h", arguments={"message_ttl": 3_600_000}),
    "ttl.gone": Change("type: quorum", "quorum", arguments={"message_ttl": 3_600_000}),
    "expires": Change("type: classic, expires: 2h", arguments={"expires": 3_600_000}),
    "length": Change("type: quorum, max_length: 500000", "quorum", arguments={"max_length": 600_000}),
    "bytes": Change("type: classic, max_length_bytes: 1GiB"),
    "overflow": Change(
        "type: classic, max_length: 500000, overflow: reject-publish", arguments={"max_length": 500_000}
    ),
    "dead.letters": Change(
        "type: quorum, dead_letter: {exchange: amq.fanout, routing_key: dead}",
        "quorum",
        arguments={"dead_letter_exchange": "amq.direct"},
    ),
    "single": Change("type: classic, single_active_consumer: true"),
    "single.classic": Change("type: quorum", arguments={"single_active_consumer": True}),
    "single.gone": Change("type: quorum", "quorum", arguments={"single_active_consumer": True}),
    "priority": Change("type: classic, max_priority: 5"),
    "priority.gone": Change("type: classic", arguments={"max_priority": 5}),
    "deliveries": Change("type: quorum, delivery_limit: 30", "quorum", arguments={"delivery_limit": 50}),
    "lazy": Change("type: classic, arguments: {x-queue-mode: lazy}"),
    "unknown": Change("type: quorum, arguments: {x-shop: south}", "quorum", arguments={"shop": "north"}),
    "transient": Change("type: classic, durable: false"),
    "durable": Change("type: quorum", durable=False),
    "auto": Change("type: classic, auto_delete: true"),
    "auto.gone": Change("type: quorum", arguments={"auto_delete": True}),
}
BACKLOG = 20_000 if LONG else 150
BIG = 20_000 if LONG else 2_000
GROUPS = [[name] for name in CHANGES] if LONG else [[name for name in CHANGES if not name.startswith("to.")]]


@pytest.fixture(scope="module", autouse=True)
def _quick(node: Node) -> Iterator[None]:
    with quick_statistics(node):
        yield


@pytest.fixture
def scene(node: Node, vhost: str, tmp_path: Path) -> Scene:
    return Scene(node, vhost, tmp_path)


def _lay(scene: Scene, name: str) -> Any:
    change = CHANGES[name]
    scene.declare(name, change.how)
    return scene.lay(name, change.kind, durable=change.durable, **change.arguments)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0] if LONG else "all")
def test_each_property_is_changed_while_a_publisher_sends(
    scene: Scene, names: list[str], record_property: Callable[[str, object], None]
) -> None:
    ways = {name: _lay(scene, name) for name in names}
    bound = scene.bindings()
    routes = [route for of_one in ways.values() for route in of_one]
    sent = scene.fill(routes, BACKLOG * len(names))
    with Publisher(scene.node, scene.vhost, routes, first=10_000_000, rate=1000, seconds=280) as publisher:
        code, said = scene.migrate()
    assert code == 0, ending(said)
    assert not publisher.returned, len(publisher.returned)
    assert not publisher.unknown, len(publisher.unknown)
    assert len(publisher.confirmed) > len(names)
    scene.settled(bound)
    sent |= publisher.confirmed
    twice = 0
    for name, own in ways.items():
        its = {number for number in sent if routes[number % len(routes)] in own}
        twice += scene.complete(name, its, routes).twice
    record_property("duplicates", twice)
    print(f"{len(sent)} messages, {len(publisher.confirmed)} of them meanwhile; {twice} came twice\n{ending(said)}")


@pytest.mark.parametrize("name", ["to.quorum", "to.classic"])
def test_a_queue_becomes_one_of_the_other_type_and_keeps_its_order(scene: Scene, name: str) -> None:
    routes = _lay(scene, name)
    bound = scene.bindings()
    sent = scene.fill(routes, BIG)
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.settled(bound)
    tally = scene.complete(name, sent)
    assert (tally.twice, tally.redelivered) == (0, 0)
    for priority in {number % 10 if number % 2 else 0 for number in sent}:  # quorum queues of 4.x heed it
        same = [number for number in tally.order if (number % 10 if number % 2 else 0) == priority]
        assert same == sorted(same)


@pytest.mark.parametrize("name", ["to.quorum", "to.classic"])
def test_a_busy_queue_is_migrated_between_two_consumers(scene: Scene, name: str) -> None:
    routes = _lay(scene, name)
    bound = scene.bindings()
    sent = scene.fill(routes, BIG)
    with Publisher(scene.node, scene.vhost, routes, first=10_000_000, seconds=280, rate=2000) as busy:
        with Consumer(scene.node, scene.vhost, name, routes) as consumer:
            leaving = threading.Timer(1.5, consumer.leave)
            leaving.start()
            code, said = scene.migrate("--wait-consumers", "30s")
            leaving.join()
        assert code == 0, ending(said)
        with Consumer(scene.node, scene.vhost, name, routes) as later:
            busy.stop()
    scene.settled(bound)
    everything = Tally(routes)
    for tally in (consumer.tally, later.tally, drain(scene.node, scene.vhost, name, routes)):
        everything.came.update(tally.came)
        everything.changed += tally.changed
    assert not everything.lost(sent | busy.confirmed), everything.lost(sent | busy.confirmed)[:20]
    assert not everything.changed, everything.changed[:5]
    assert not busy.returned
    assert consumer.tally.came
    print(f"{len(sent | busy.confirmed)} messages; {everything.twice} came twice\n{ending(said)}")
