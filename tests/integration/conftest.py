"""Real brokers for the tests: `node` is one RabbitMQ after the other, `vhost` an empty vhost on it.

    def test_it(node, vhost): ...     # runs on 3.10, on 4.0 and on 4.3

Nodes start when the first test wants them and stay until the last. A test that stops or breaks its
broker takes `own_node` instead. A broker that cannot be had is a failure where CI is set; elsewhere
its tests are not run, and the summary says so.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.brokers import LABELS, Node, start, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "label" in metafunc.fixturenames:
        wanted = [label for label in LABELS if os.environ.get("CI") or not why_not(label)]
        metafunc.parametrize("label", wanted, scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for label in LABELS:
        if reason := why_not(label):
            terminalreporter.section(f"NOT TESTED ON RabbitMQ {label}", red=True, bold=True)
            terminalreporter.line(reason)


@pytest.fixture(scope="session")
def _node_of() -> Iterator[Callable[[str], Node]]:
    """Start every node at most once, in whichever order tests ask."""
    running: dict[str, Node] = {}
    with ExitStack() as stack:

        def get(label: str) -> Node:
            if label not in running:
                running[label] = Node(label, stack.enter_context(start(label)))
            return running[label]

        yield get


@pytest.fixture(scope="session")
def node(label: str, _node_of: Callable[[str], Node]) -> Node:
    """A running broker, shared by all tests: `.broker_url`, `.amqp_url`, `.version`, `.label`, `.http(...)`."""
    if reason := why_not(label):
        pytest.fail(f"no RabbitMQ {label}: {reason}")
    return _node_of(label)


@pytest.fixture
def own_node(label: str) -> Iterator[Node]:
    """A broker for this test alone, to be stopped, killed and filled: `own_node.sandbox.kill()`."""
    if reason := why_not(label):
        pytest.fail(f"no RabbitMQ {label}: {reason}")
    with start(label) as sandbox:
        yield Node(label, sandbox)


@pytest.fixture
def vhost(node: Node) -> Iterator[str]:
    """The name of a fresh vhost on `node`, where guest may do everything."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    node.http("PUT", "vhosts", name, body={})
    node.http("PUT", "permissions", name, "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    yield name
    node.http("DELETE", "vhosts", name)
