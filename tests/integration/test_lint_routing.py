"""What the rules of routing and dead letters say of their examples, on real brokers."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from rabbit_topo.lint import BY_CODE, Context, lint
from rabbit_topo.lint.index import Index
from rabbit_topo.load import tolerant
from rabbit_topo.model import Binding, Exchange, Queue
from tests.traffic import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rabbit_topo.model import Topology
    from tests.brokers import Node

_PATIENCE = 20.0
_LOOKS = 10
MAIL = "shop.mail"


@pytest.fixture
def read(tmp_path: Path, vhost: str) -> Callable[[str], Topology]:
    """Read a file, and find in it what the linter finds."""

    def read(text: str) -> Topology:
        file = tmp_path / "shop.yaml"
        file.write_text(text, encoding="utf-8")
        return tolerant(str(file), vhost=vhost).topology

    return read


@contextmanager
def declared(node: Node, topology: Topology) -> Iterator[Any]:
    """Declare everything and give a channel of that vhost."""
    (vhost,) = topology.vhosts
    with connected(node, vhost) as connection:
        channel = connection.channel()
        for resource in topology.resources.values():
            if isinstance(resource, Exchange):
                channel.exchange_declare(
                    resource.name,
                    resource.type,
                    durable=True,
                    auto_delete=False,
                    arguments=dict(resource.arguments),
                )
            elif isinstance(resource, Queue):
                arguments = {**resource.arguments, "x-queue-type": resource.type}
                channel.queue_declare(resource.name, durable=True, auto_delete=False, arguments=arguments)
        for resource in topology.resources.values():
            if isinstance(resource, Binding):
                bind = channel.queue_bind if resource.destination_kind == "queue" else channel.exchange_bind
                bind(resource.destination, resource.source, resource.routing_key, arguments=dict(resource.arguments))
        yield channel


def publish(channel: Any, exchange: str, key: str) -> None:
    channel.confirm_select()
    channel.basic_publish_confirm(amqp.Message("m"), exchange, key)


def taken(channel: Any, queue: str) -> Any:
    """Wait for a message in a queue and take it."""
    until = time.monotonic() + _PATIENCE
    while (got := channel.basic_get(queue)) is None:
        assert time.monotonic() < until, f"nothing comes to {queue}"
        time.sleep(0.02)
    return got


def counts(channel: Any, topology: Topology) -> Mapping[str, int]:
    """Count what lies in the queues, once it has been the same for some looks."""
    names = [one.name for one in topology.resources.values() if isinstance(one, Queue)]
    until = time.monotonic() + _PATIENCE
    seen: list[dict[str, int]] = []
    while len(seen) < _LOOKS or any(look != seen[-1] for look in seen[-_LOOKS:]):
        assert time.monotonic() < until, f"it does not come to rest: {seen[-3:]}"
        seen.append({name: channel.queue_declare(name, passive=True).message_count for name in names})
        time.sleep(0.02)
    return {name: count for name, count in seen[-1].items() if count}


def reject_one(channel: Any) -> None:
    publish(channel, "", MAIL)
    channel.basic_reject(taken(channel, MAIL).delivery_tag, requeue=False)


@pytest.mark.parametrize(
    ("code", "example", "expected"),
    [
        ("RT301", "bad", {}),
        ("RT301", "good", {"shop.dead": 1}),
        ("RT302", "bad", {}),
        ("RT302", "good", {"shop.dead": 1}),
        ("RT303", "good", {"shop.dead": 1}),
        ("RT304", "good", {MAIL: 1}),
    ],
)
def test_rejected_messages(
    node: Node, read: Callable[[str], Topology], code: str, example: str, expected: Mapping[str, int]
) -> None:
    topology = read(getattr(BY_CODE[code], example).replace("30s", "50ms"))
    with declared(node, topology) as channel:
        reject_one(channel)
        if expected:
            (name,) = expected
            channel.basic_reject(taken(channel, name).delivery_tag, requeue=True)
        assert counts(channel, topology) == expected


def test_a_circle_of_expiries_loses_what_goes_round(node: Node, read: Callable[[str], Topology]) -> None:
    topology = read(BY_CODE["RT304"].bad.replace("1m", "100ms").replace("30s", "100ms"))
    assert [hit.severity for hit in BY_CODE["RT304"].check(Index(topology, Context(node.version)))] == [None]
    with declared(node, topology) as channel:
        publish(channel, "", MAIL)
        until = time.monotonic() + _PATIENCE
        empty = 0
        while empty < _LOOKS:  # between two queues it can be missed once, not each time
            assert time.monotonic() < until, "the message goes round and round"
            there = sum(channel.queue_declare(name, passive=True).message_count for name in (MAIL, "shop.wait"))
            empty = 0 if there else empty + 1
            time.sleep(0.03)


def test_a_circle_loses_what_is_over_a_delivery_limit_in_it(node: Node, read: Callable[[str], Topology]) -> None:
    text = BY_CODE["RT304"].good.replace("retry: true\n    dead", "retry: true\n    delivery_limit: 1\n    dead")
    topology = read(text.replace("30s", "100ms"))
    (hit,) = BY_CODE["RT304"].check(Index(topology, Context(node.version)))
    assert (hit.severity, hit.key.name) == ("warning", MAIL)
    with declared(node, topology) as channel:
        publish(channel, "", MAIL)
        until = time.monotonic() + _PATIENCE
        empty = 0
        while empty < _LOOKS:
            assert time.monotonic() < until, "the message goes round and round"
            if (message := channel.basic_get(MAIL)) is not None:
                channel.basic_reject(message.delivery_tag, requeue=True)
            waiting = channel.queue_declare("shop.wait", passive=True).message_count
            empty = 0 if message or waiting else empty + 1
            time.sleep(0.03)


def test_a_dead_letter_key_needs_an_exchange_even_where_a_policy_has_one(node: Node, vhost: str) -> None:
    body = {"pattern": ".*", "apply-to": "queues", "definition": {"dead-letter-exchange": "amq.fanout"}}
    node.http("PUT", "policies", vhost, "dead", body=body)
    arguments = {"x-dead-letter-routing-key": "shop.dead"}
    with connected(node, vhost) as connection:
        channel = connection.channel()
        with pytest.raises(amqp.PreconditionFailed, match="routing_key_but_no_dlx"):
            channel.queue_declare(MAIL, durable=True, auto_delete=False, arguments=arguments)


def test_a_quorum_queue_drops_what_fails_where_the_rule_says_so(node: Node, read: Callable[[str], Topology]) -> None:
    topology = read(BY_CODE["RT305"].bad)
    rule = [BY_CODE["RT305"]]
    told = bool(lint(topology, Context(node.version), rules=rule).found)
    with declared(node, topology) as channel:
        publish(channel, "", MAIL)
        for _ in range(21):
            channel.basic_reject(taken(channel, MAIL).delivery_tag, requeue=True)
        assert counts(channel, topology) == ({} if told else {MAIL: 1})


@pytest.mark.parametrize(
    ("code", "exchange", "expected"),
    [
        ("RT202 bad", "shop.orders", {}),
        ("RT203 bad", "shop.orders", {MAIL: 1}),
        ("RT204 bad", "shop.news", {MAIL: 1}),
        ("RT205 bad", "shop.orders", {}),
        ("RT205 good", "shop.orders", {MAIL: 1}),
        ("RT206 bad", "shop.documents", {"shop.scans": 1}),
        ("RT206 good", "shop.documents", {}),
        ("RT207 bad", "shop.orders", {MAIL: 1}),
        ("RT208 bad", "shop.orders", {MAIL: 1}),
        ("RT209 good", "shop.orders", {"shop.audit": 1}),
        ("RT210 good", "shop.orders", {"shop.audit": 1}),
    ],
)
def test_published_messages(
    node: Node,
    read: Callable[[str], Topology],
    code: str,
    exchange: str,
    expected: Mapping[str, int],
) -> None:
    code, example = code.split()
    topology = read(getattr(BY_CODE[code], example))
    with declared(node, topology) as channel:
        publish(channel, exchange, "order.paid")
        assert counts(channel, topology) == expected


@pytest.mark.parametrize(("example", "expected"), [("bad", {}), ("good", {"shop.unrouted": 1})])
def test_what_no_binding_takes(
    node: Node, read: Callable[[str], Topology], example: str, expected: Mapping[str, int]
) -> None:
    topology = read(getattr(BY_CODE["RT208"], example))
    with declared(node, topology) as channel:
        publish(channel, "shop.orders", "order.lost")
        assert counts(channel, topology) == expected
