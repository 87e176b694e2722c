"""Twice the queues take twice the time to lint, however they hang together."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from bench.lint import SHAPES, lint_topology
from rabbit_topo.lint import Context, chosen, lint

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUES = 150


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Leave the collector of cycles off, as the command does: it looks at what other tests left, too."""
    gc.disable()
    yield
    gc.enable()


def took(queues: int, shape: str) -> float:
    """Return the processor's seconds of the best of two."""
    topology = lint_topology(queues, shape)
    context = Context(exchange_types=frozenset(), nodes=3, naming={"queue": ".*"})
    rules = chosen(["ALL"])
    best = float("inf")
    for _ in range(2):
        began = time.process_time()
        lint(topology, context, rules=rules)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_queues_take_far_less_than_sixteen_times_as_long(shape: str) -> None:
    assert took(4 * QUEUES, shape) < 8 * took(QUEUES, shape)
