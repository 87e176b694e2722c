"""The index grows with the bindings and a route with the words of its key; neither grows faster, nor with the other."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from bench.routing import PLAIN, WILD, topic_topology
from rabbit_topo.model import Binding
from rabbit_topo.routing import Message, Router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BINDINGS = 3_000


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Leave the collector of cycles off, as the command does: it looks at what other tests left, too."""
    gc.disable()
    yield
    gc.enable()


def seconds(step: Callable[[], object]) -> float:
    """Return the processor's seconds of the best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        step()
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("patterns", [PLAIN, WILD], ids=["plain", "wild"])
def test_the_index(patterns: tuple[str, ...]) -> None:
    def took(bindings: int) -> float:
        topology = topic_topology(bindings, patterns)
        topology.bindings_from(next(iter(topology.resources)))  # sorted once, whoever asks first
        return seconds(lambda: Router(topology).route(Message("events", "none")))

    assert took(4 * BINDINGS) < 8 * took(BINDINGS)


def routing(router: Router, keys: list[str]) -> Callable[[], object]:
    messages = [Message("events", key) for key in keys]
    return lambda: [router.route(message) for message in messages]


def test_a_route_among_more_bindings() -> None:
    def took(bindings: int) -> float:
        router = Router(topic_topology(bindings))
        router.route(Message("events", "none"))
        return seconds(routing(router, [f"shop.{number}.0.created" for number in range(100)]))

    assert took(16 * BINDINGS) < 4 * took(BINDINGS)


def test_a_route_beside_a_hidden_binding() -> None:
    hidden = Binding("/", "events", "queue", "amq.gen-1", "zzz")

    def took(bindings: int) -> float:
        router = Router(topic_topology(bindings), hidden_bindings=[hidden])
        router.route(Message("events", "none"))
        return seconds(routing(router, [f"shop.{number}.0.created" for number in range(100)]))

    assert took(16 * BINDINGS) < 4 * took(BINDINGS)


@pytest.mark.parametrize("word", ["", "#", "a"])
def test_a_key_of_more_words_among_many_hashes(word: str) -> None:
    router = Router(topic_topology(BINDINGS, (*WILD, "#.#.#.#.*.#.*.#.{a}")))

    def took(words: int) -> float:
        return seconds(routing(router, [".".join([word] * words)] * 10))

    assert took(128) < 8 * took(32)
