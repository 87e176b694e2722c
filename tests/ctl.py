"""What only the server's own tool can do to a node: `ctl(node, "eval", "...")`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers import Node

_CTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
# Statistics are told every so many milliseconds and collected every so many seconds, both as read at a start.
_EVERY = """
application:set_env(rabbit, collect_statistics_interval, {told}),
application:set_env(rabbitmq_management_agent, rates_mode, {rates}),
application:set_env(rabbitmq_management_agent, sample_retention_policies,
    [{{Kind, [{{605, {collected}}}, {{3600, 60}}]}} || Kind <- [global, basic, detailed]]),
Plugins = [rabbitmq_management, rabbitmq_management_agent],
[application:stop(Plugin) || Plugin <- Plugins],
[application:start(Plugin) || Plugin <- lists:reverse(Plugins)].
"""


def ctl(node: Node, *words: str) -> None:
    """Run rabbitmqctl beside the node. Raises AssertionError where it fails."""
    code = node.sandbox._launch("ctl", _CTL, *words).wait(60)
    assert code == 0, f"rabbitmqctl {' '.join(words)}: exit code {code}: {node.sandbox._log_tail()}"


@contextmanager
def quick_statistics(node: Node) -> Iterator[None]:
    """Let the broker tell its statistics each second, and not every five: a migration waits for a queue's first.

    They are detailed: only then does the broker tell which exchange a queue is fed from.
    """
    _statistics(node, 300, 1, "detailed")
    try:
        yield
    finally:
        _statistics(node, 5000, 5, "basic")


def _statistics(node: Node, told: int, collected: int, rates: str) -> None:
    ctl(node, "eval", _EVERY.format(told=told, collected=collected, rates=rates))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            node.http("GET", "overview")
        except (OSError, AssertionError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the management plugin did not come back")
