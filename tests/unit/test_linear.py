"""Twice the objects take twice the time to compare and to plan, whether nothing differs or everything does."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from bench.topologies import topology
from rabbit_topo import diff, make_plan
from rabbit_topo.model import Facts, Observed, Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.diff import Change

VHOST = "shop"
OBJECTS = 6_200


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Leave the collector of cycles off, as the command does: it looks at what other tests left, too."""
    gc.disable()
    yield
    gc.enable()


def compared(objects: int, *, there: bool) -> tuple[Observed, Topology, tuple[Change, ...]]:
    declared = topology(objects, VHOST)
    facts = Facts("here", "4.3", vhosts=frozenset({VHOST} if there else ()))
    observed = Observed(topology(objects, VHOST) if there else Topology({}), facts)
    changes = diff(observed, declared)
    assert len(changes) == (0 if there else objects + 1)
    return observed, declared, changes


def seconds(step: Callable[[], object]) -> float:
    """Return the processor's seconds of the best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        step()
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("there", [True, False], ids=["nothing differs", "everything differs"])
def test_comparing(there: bool) -> None:  # noqa: FBT001 - a parameter
    def took(objects: int) -> float:
        observed, declared, _ = compared(objects, there=there)
        return seconds(lambda: diff(observed, declared))

    assert took(4 * OBJECTS) < 8 * took(OBJECTS)


@pytest.mark.parametrize("there", [True, False], ids=["nothing differs", "everything differs"])
def test_planning(there: bool) -> None:  # noqa: FBT001 - a parameter
    def took(objects: int) -> float:
        observed, declared, changes = compared(objects, there=there)
        return seconds(lambda: make_plan(changes, observed, declared))

    assert took(4 * OBJECTS) < 8 * took(OBJECTS)
