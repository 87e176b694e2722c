"""Laws of the linter: in random topologies, what a rule says of a way is what the router does on it."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint import BY_CODE, Context
from rabbit_topo.lint.index import Index
from rabbit_topo.model import Key, Kind, Topology
from rabbit_topo.routing import Message, Router
from rabbit_topo.routing.dead_letters import Held, dead_letter
from tests.dead_letter_chains import chain
from tests.routing_worlds import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.types import Hit
    from tests.routing_worlds import World

VERSIONS = ("3.10.8", "3.13", "4.3.6")
WORLDS = 60
CHAINS = 300
WORDS = (("a", "a"), ("a", "b.a"), ("b", "a.a.b"), ("c", "c"))


@pytest.fixture(scope="module")
def worlds() -> list[tuple[World, Index]]:
    made = [make_world(Random(seed), "v", VERSIONS[seed % 3], 40) for seed in range(WORLDS)]  # noqa: S311 - a series
    return [(world, Index(world.topology, Context(world.version))) for world in made]


def hits(index: Index, code: str) -> Iterator[Hit]:
    return iter(BY_CODE[code].check(index))


def reached(router: Router, message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    route = router.route(message)
    return route.queues, route.perhaps


@pytest.mark.parametrize("code", ["RT203", "RT204"])
def test_a_binding_without_an_effect_can_go(worlds: list[tuple[World, Index]], code: str) -> None:
    tried = 0
    for world, index in worlds:
        for hit in hits(index, code):
            resources = {key: one for key, one in world.topology.resources.items() if key != hit.key}
            without = Router(Topology(resources), world.version)
            for message in world.messages:
                assert reached(without, message) == reached(index.router, message), (hit, message)
            tried += 1
    assert tried > 10


def test_an_exchange_that_drops_everything_does(worlds: list[tuple[World, Index]]) -> None:
    tried = 0
    for world, index in worlds:
        for hit in hits(index, "RT202"):
            for message in world.messages[:10]:
                sent = Message(hit.key.name, message.routing_key, message.headers, "v")
                route = index.router.route(sent, published=False)
                assert route.unroutable or route.refusal
            tried += 1
    assert tried > 10


def test_no_exchange_leads_to_a_queue_that_is_unreachable(worlds: list[tuple[World, Index]]) -> None:
    found: Counter[bool] = Counter()
    for world, index in worlds:
        lonely = {hit.key.name for hit in hits(index, "RT201")}
        for message in world.messages:
            if message.exchange:
                assert lonely.isdisjoint(sum(reached(index.router, message), ()))
        found.update(key.name in lonely for key in world.topology.resources if key.kind is Kind.QUEUE)
    assert min(found[True], found[False]) > 5


def test_lost_dead_letters_reach_no_queue_whatever_their_headers() -> None:
    random = Random(1)  # noqa: S311 - a series
    tried = 0
    for number in range(CHAINS):
        version = VERSIONS[number % 3]
        router = (made := chain(random, number, "v", version)).router(version)
        index = Index(router.topology, Context(version), router)
        told = {hit.key for hit in hits(index, "RT302")}
        for queue in made.queues:
            empty = [
                way for way in index.ways.dead(queue) if not _gets(router, queue.name, way.key or "", made.message)
            ]
            patterns = index.ways.lost_patterns(queue)
            keys = [pattern.replace("*", word).replace("#", more) for pattern in patterns for word, more in WORDS]
            assert not any(_gets(router, queue.name, key, made.message) for key in keys)
            assert empty or patterns or queue.key not in told
            assert {way.way for way in index.ways.dead(queue) if way.lost} <= {way.way for way in empty}
            tried += queue.key in told
    assert tried > 10


def _gets(router: Router, queue: str, key: str, message: Message) -> set[str]:
    """Return which queues may get a dead letter of a queue, with no headers, with some, and with others."""
    found: set[str] = set()
    for headers in ({}, message.headers, {"a": 1, "b": "x", "x-a": True}):
        letter = dead_letter(router, Held(queue, "v", (key,), headers), "rejected")
        found.update(letter.queues, letter.perhaps)
    return found


def test_what_dead_letters_reach_whatever_the_key_they_reach_with_each() -> None:
    random = Random(2)  # noqa: S311 - a series
    tried = 0
    for number in range(CHAINS):
        version = VERSIONS[number % 3]
        router = (made := chain(random, number, "v", version)).router(version)
        index = Index(router.topology, Context(version), router)
        for queue in made.queues:
            for way in index.ways.dead(queue):
                for key in (way.key,) if way.key is not None else ("", "a", "a.b", "ü.#"):
                    letter = dead_letter(router, Held(queue.name, "v", (key,)), "rejected")
                    assert letter.route
                    assert {Key("v", Kind.QUEUE, name) for name in letter.route.queues} >= set(way.queues)
                tried += bool(way.queues)
    assert tried > 10
