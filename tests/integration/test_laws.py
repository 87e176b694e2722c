"""The law of `tests/laws/law.py` against real brokers, on both roads, in one vhost that is emptied between pairs."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings

from rabbit_topo.broker.connect import connect
from tests.laws import law
from tests.laws.strategies import pairs

if TYPE_CHECKING:
    from rabbit_topo.model import Topology
    from tests.brokers import Node

PAIRS = int(os.environ.get("RABBIT_TOPO_PAIRS", "40"))  # a road and a version: 240 in all


def empty(node: Node, vhost: str) -> None:
    """Delete everything; what vanishes by itself on the way is gone too."""
    for kind in ("queues", "exchanges", "policies"):
        for found in node.http("GET", kind, vhost):
            if not found["name"].startswith("amq.") and found["name"]:
                try:
                    node.http("DELETE", kind, vhost, found["name"])
                except AssertionError as error:
                    assert ": 404 " in str(error)  # noqa: PT017 - the one answer that is fine
    for binding in node.http("GET", "bindings", vhost):
        assert not binding["source"], binding


def test_amqp_alone_declares_what_is_missing_and_changes_nothing(node: Node, vhost: str) -> None:
    whole = connect(node.broker_url, amqp=node.amqp_url)
    alone = connect(amqp=node.amqp_url)
    seen: Counter[bool] = Counter()

    @settings(max_examples=PAIRS // 2, deadline=None, database=None, phases=[Phase.generate])
    @given(pairs(vhost))
    def obeyed(pair: tuple[Topology, Topology]) -> None:
        observed, declared = pair
        empty(node, vhost)
        law.fill(whole, observed)
        seen[law.holds_alone(alone, whole, declared)] += 1

    try:
        obeyed()
    finally:
        whole.close()
        alone.close()
    assert seen.total() >= PAIRS // 2


@pytest.mark.parametrize("road", ["http", "both"])
def test_a_plan_reaches_the_declared_topology(node: Node, vhost: str, road: str) -> None:
    broker = connect(node.broker_url, amqp=node.amqp_url if road == "both" else None)
    seen: Counter[bool] = Counter()

    @settings(max_examples=PAIRS, deadline=None, database=None, phases=[Phase.generate])  # shrinking takes minutes here
    @given(pairs(vhost))
    def obeyed(pair: tuple[Topology, Topology]) -> None:
        observed, declared = pair
        empty(node, vhost)
        law.fill(broker, observed)
        seen[law.holds(broker, declared)] += 1

    try:
        obeyed()
    finally:
        broker.close()
    assert seen.total() >= PAIRS
    assert seen[True] >= PAIRS // 5, seen  # pairs without a blocked row
    assert seen[False] >= PAIRS // 10, seen  # pairs with one
