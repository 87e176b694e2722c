"""The tables of arguments against real brokers: what they call refused everywhere is refused here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.arguments import QUEUE_ARGUMENTS, QUEUE_TYPES, refused_everywhere
from rabbit_topo.arguments.tables import EVER, NOT_IN_POLICIES, POLICY_KEYS
from rabbit_topo.model import Arguments, Queue

if TYPE_CHECKING:
    from tests.brokers import Node

TEN_YEARS_MS = 315_360_000_000
RIGHT: dict[str, list[Any]] = {
    "x-expires": [60_000, TEN_YEARS_MS],
    "x-message-ttl": [0, TEN_YEARS_MS],
    "x-dead-letter-exchange": ["", "not.there"],
    "x-dead-letter-routing-key": ["", "k"],
    "x-max-length": [0, 5],
    "x-max-length-bytes": [0, 2**40],
    "x-overflow": ["drop-head", "reject-publish"],
    "x-single-active-consumer": [True, False],
    "x-max-priority": [0, 255],
    "x-queue-mode": ["default"],
    "x-queue-version": [2],
    "x-queue-master-locator": [],
    "x-queue-leader-locator": ["client-local", "balanced"],
    "x-dead-letter-strategy": ["at-most-once", "at-least-once"],
    "x-delivery-limit": [0, 5],
    "x-quorum-initial-group-size": [1],
    "x-max-in-memory-length": [0],
    "x-max-in-memory-bytes": [0],
    "x-max-age": ["1s", "7D", "1Y"],
    "x-stream-max-segment-size-bytes": [1_000_000, 3_000_000_000],
    "x-initial-cluster-size": [1],
}
LOCATOR = "queue-master-locator"  # 3.10 gives no answer where it is no text
VALUES: list[Any] = [-1, 0, 256, 1.5, 2**50, 3_000_000_001, "", "7d", "0s", "5", "hello", True, None, [], {}]


def _refused(node: Node, vhost: str, name: str, queue: Queue) -> str:
    arguments = dict(queue.arguments) | ({"x-queue-type": queue.type} if queue.type else {})
    body = {"durable": queue.durable, "auto_delete": queue.auto_delete, "arguments": arguments}
    try:
        node.http("PUT", "queues", vhost, name, body=body)
    except AssertionError as refusal:
        return str(refusal)
    return ""


def test_what_no_version_takes_is_refused(node: Node, vhost: str) -> None:
    accepted = []
    for kind in QUEUE_TYPES:
        for argument in QUEUE_ARGUMENTS:
            for value in [*VALUES, *RIGHT.get(argument, [])]:
                arguments = {argument: value}
                if argument == "x-dead-letter-routing-key" and kind != "stream" and not isinstance(value, str):
                    arguments["x-dead-letter-exchange"] = ""
                queue = Queue(vhost, "q", kind, arguments=Arguments(arguments))
                if refused_everywhere(queue) and not _refused(node, vhost, "q", queue):
                    accepted.append((kind, argument, value))
    assert accepted == []


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_queues_that_cannot_be_transient_or_auto_delete(node: Node, vhost: str, kind: str) -> None:
    for queue in (Queue(vhost, "q", kind, durable=False), Queue(vhost, "q", kind, auto_delete=True)):
        assert refused_everywhere(queue)
        assert "invalid property" in _refused(node, vhost, "q", queue)


def test_right_values_are_taken(node: Node, vhost: str) -> None:
    refused = []
    for argument, values in RIGHT.items():
        for kind in (kind for kind, since in QUEUE_ARGUMENTS[argument].types.items() if since == EVER):
            for value in values:
                arguments = {argument: value}
                if argument == "x-dead-letter-routing-key":
                    arguments["x-dead-letter-exchange"] = ""
                queue = Queue(vhost, "q", kind, arguments=Arguments(arguments))
                assert refused_everywhere(queue) == []
                if reason := _refused(node, vhost, f"{kind} {argument} {value}", queue):
                    refused.append((kind, argument, value, reason))
    assert refused == []


def test_policies_refuse_what_the_tables_say(node: Node, vhost: str) -> None:
    checks = [(key, check) for key, check in POLICY_KEYS.items() if key != LOCATOR or node.label != "3.10"]
    definitions = [{key: value} for key, check in checks for value in VALUES if check(value)]
    definitions += [{key: 1} for key in NOT_IN_POLICIES] + [{key: True} for key in NOT_IN_POLICIES] + [{}]
    accepted = []
    for definition in definitions:
        try:
            node.http("PUT", "policies", vhost, "p", body={"pattern": ".*", "definition": definition})
        except AssertionError:
            continue
        accepted.append(definition)
    assert accepted == []
