"""A node that starts answers before it knows all that it has."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from time import monotonic

import pytest

from rabbit_topo.broker.connect import connect
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import Kind, Topology
from tests.brokers import Node, start, why_not

QUEUES = 30
SEEN_ON = [label for label in ("4.0",) if os.environ.get("CI") or not why_not(label)]


@pytest.mark.parametrize("version", SEEN_ON)
def test_it_is_never_taken_for_a_node_without_queues(version: str) -> None:
    """On 4.0.5 it lists bindings to queues, and not one queue, for a moment of about every second start."""
    with start(version) as sandbox:
        node = Node(version, sandbox)
        node.http("PUT", "exchanges", "/", "x", body={"type": "fanout", "durable": True})
        for number in range(QUEUES):
            node.http("PUT", "queues", "/", f"q{number}", body={"durable": True})
            node.http("POST", "bindings", "/", "e", "x", "q", f"q{number}", body={})
        sandbox.stop_node()
        starting = threading.Thread(target=sandbox.start_node)
        starting.start()
        seen, deadline = 0, monotonic() + 60
        while seen < 5 and monotonic() < deadline:
            try:
                with closing(connect(sandbox.broker_url, timeout=5)) as broker:
                    observed = broker.observe(Topology.naming("/"))
            except BrokerError:
                continue  # it does not listen yet, or says that it cannot tell
            assert len(observed.topology.of(Kind.QUEUE)) == QUEUES
            seen += 1
        starting.join()
    assert seen == 5
