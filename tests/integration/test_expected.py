"""A wrong target is refused before anything but its own introduction is read from it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.connect import connect_target
from rabbit_topo.broker.diagnosis import diagnose
from rabbit_topo.broker.target import Expected, Target
from rabbit_topo.errors import Refusal
from rabbit_topo.model import Queue, Topology, Vhost
from tests.relay import Relay

if TYPE_CHECKING:
    from tests.brokers import Node

DECLARE = bytes([0, 50, 0, 10])  # class and method of queue.declare


def wanting(vhost: str) -> Topology:
    queue, home = Queue(vhost, "orders"), Vhost(vhost)
    return Topology(resources={home.key: home, queue.key: queue})


def test_by_http_nothing_is_asked_after_the_overview(node: Node, vhost: str) -> None:
    for expected in (Expected("another"), Expected(version="1.0"), Expected(tags=(("region", "mars"),))):
        with Relay(node.broker_url) as line:
            broker = connect_target(Target(line.url, node.amqp_url, expected=expected))
            with pytest.raises(Refusal, match="is not the broker that is expected"):
                broker.observe(wanting(vhost))
            broker.close()
            assert re.findall(rb"(?:GET|PUT|POST|DELETE) (\S+)", line.said) == [b"/api/overview"]


def test_by_amqp_nothing_is_asked_after_the_login(node: Node, vhost: str) -> None:
    right = Expected(node.http("GET", "overview")["cluster_name"], node.version)
    with Relay(node.amqp_url) as line:
        for expected in (Expected("another"), Expected(version="1.0")):
            broker = connect_target(Target(amqp=line.url, expected=expected))
            with pytest.raises(Refusal, match="is not the broker that is expected"):
                broker.observe(wanting(vhost))
            broker.close()
        assert DECLARE not in line.said
        broker = connect_target(Target(amqp=line.url, expected=right))
        broker.observe(wanting(vhost))
        broker.close()
        assert DECLARE in line.said  # so the bytes are the right ones


def test_doctor_says_that_it_is_the_expected_broker_or_looks_no_further(node: Node, vhost: str) -> None:
    right = Expected(node.http("GET", "overview")["cluster_name"], node.label)
    for target in (Target(node.broker_url, expected=right), Target(amqp=node.amqp_url, expected=right)):
        found = diagnose(target, wanting(vhost))
        assert (found.exit_code, found.expected) == (0, right.words)
        wrong = replace(target, expected=Expected("another"))
        with pytest.raises(Refusal, match="is not the broker that is expected"):
            diagnose(wrong, wanting(vhost))


def test_tags_are_seen_by_http_and_refused_over_amqp_alone(node: Node, vhost: str) -> None:
    expected = Expected(version=node.label, tags=(("region", "eu"),))
    if node.label == "3.10":
        with pytest.raises(Refusal, match="it has no such tag"):
            connect_target(Target(node.broker_url, expected=expected)).observe(wanting(vhost))
        return
    node.http("PUT", "global-parameters", "cluster_tags", body={"value": {"region": "eu"}})
    try:
        broker = connect_target(Target(node.broker_url, node.amqp_url, expected=expected))
        assert broker.observe(wanting(vhost)).facts.version == node.version
        broker.close()
        alone = connect_target(Target(amqp=node.amqp_url, expected=expected))
        with pytest.raises(Refusal, match="cannot be seen") as caught:
            alone.observe(wanting(vhost))
        assert "--broker" in caught.value.hint
        alone.close()
    finally:
        node.http("DELETE", "global-parameters", "cluster_tags")
