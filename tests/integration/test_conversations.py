"""Many talks over one connection to a real broker: what it refuses, closes and loses stays with whom it concerns."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from amqp import spec
from amqp.serialization import dumps

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.amqp_table import table
from rabbit_topo.broker.amqp_talk import Job, Lost, Method, Ok, Refused
from rabbit_topo.broker.target import Target
from rabbit_topo.model import Arguments, Exchange, Queue
from tests.operations import declare, run
from tests.proxy import Fault, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.amqp_talk import Talk
    from tests.brokers import Node


@pytest.fixture
def amqp(node: Node) -> Iterator[Amqp]:
    road = Amqp(Target(amqp=node.amqp_url))
    yield road
    road.close()


def queue(name: str, type_: str = "classic") -> Method:
    return Method(spec.Queue.Declare, dumps("Bsbbbbb", (0, name, False, True, False, False, False)) + _typed(type_))


def passive(name: str) -> Method:
    return Method(spec.Queue.Declare, dumps("Bsbbbbb", (0, name, True, False, False, False, False)) + table({}))


def guarded_delete(name: str) -> Method:
    """Delete if unused: of a quorum queue the broker closes the connection over it, with 540."""
    return Method(spec.Queue.Delete, dumps("Bsbbb", (0, name, True, False, False)))


def _typed(type_: str) -> bytes:
    return table({"x-queue-type": type_})


def say(*methods: Method) -> Talk[list[int]]:
    """Say one after the other; the codes of what was refused, 0 where nothing was."""
    codes = []
    for method in methods:
        answer = yield method
        codes.append(answer.code if isinstance(answer, Refused) else 0)
    return codes


def results(amqp: Amqp, vhost: str, talks: dict[str, Talk[Any]]) -> dict[str, Any]:
    told = {job.about: result for job, result in amqp.converse(vhost, [Job(*item) for item in talks.items()])}
    assert told.keys() == talks.keys()
    return told


def names(node: Node, vhost: str) -> set[str]:
    return {item["name"] for item in node.http("GET", "queues", vhost, query="disable_stats=true")}


def connections(node: Node, vhost: str) -> list[str]:
    listed = node.http("GET", "connections", query="columns=name,vhost")
    return [item["name"] for item in listed if item.get("vhost") == vhost]


def test_what_the_broker_refuses_stays_with_its_talk(amqp: Amqp, node: Node, vhost: str) -> None:
    results(amqp, vhost, {"keep": say(queue("keep", "quorum"))})
    talks = {f"q{n}": say(queue(f"q{n}")) for n in range(150)}
    talks |= {f"none{n}": say(passive(f"none{n}"), queue(f"late{n}"), passive(f"late{n}")) for n in range(10)}
    talks |= {f"hard{n}": say(queue(f"soon{n}"), guarded_delete("keep"), queue(f"then{n}")) for n in range(3)}
    talks |= {f"r{n}": say(queue(f"r{n}")) for n in range(150)}
    told = results(amqp, vhost, talks)
    assert Counter(map(tuple, told.values())) == {(0,): 300, (404, 0, 0): 10, (0, 540, 0): 3}
    wanted = {f"{name}{n}" for name, count in (("q", 150), ("r", 150), ("late", 10)) for n in range(count)}
    assert names(node, vhost) == wanted | {"keep"} | {f"{name}{n}" for name in ("soon", "then") for n in range(3)}


def test_the_answer_of_a_declare_counts(amqp: Amqp, node: Node, vhost: str) -> None:
    node.http("PUT", "queues", vhost, "full", body={"durable": True})
    message = {"properties": {}, "routing_key": "full", "payload": "hello", "payload_encoding": "string"}
    node.http("POST", "exchanges", vhost, "amq.default", "publish", body=message)

    def look() -> Talk[Any]:
        return (yield passive("full"))

    assert results(amqp, vhost, {"full": look()}) == {"full": Ok(("full", 1, 0))}


def test_what_is_larger_than_a_frame(node: Node, vhost: str) -> None:
    large = Queue(vhost, "large", "classic", arguments=Arguments({"x-note": "n" * 140_000}))
    small = Queue(vhost, "small", "classic", arguments=Arguments({"x-note": "n" * 120_000}))
    road = AmqpAlone(Target(amqp=node.amqp_url))
    told = run(road, declare(large), declare(small), declare(Exchange(vhost, "x", "fanout")))
    road.close()
    assert "larger than an AMQP frame" in told[0]
    assert told[1:] == ["", ""]


def test_what_the_broker_tells_of_itself(amqp: Amqp, node: Node, vhost: str) -> None:
    server = amqp.server(vhost)
    assert (server.product, server.version) == ("RabbitMQ", node.version)
    assert server.cluster_name == node.http("GET", "cluster-name")["name"] == amqp.cluster_name(vhost)
    assert (server.heartbeat, server.frame_max) == (60, 131_072)


def test_a_connection_that_is_reset_and_one_that_is_closed_by_an_administrator(node: Node, vhost: str) -> None:
    """Reply code 320: nobody's fault, so what was in flight is sent again; so it is after a reset."""
    with Proxy(node.amqp_url, Fault("reset", "down", 1_500)) as line:
        amqp = Amqp(Target(amqp=line.url))
        told = results(amqp, vhost, {f"q{n}": say(queue(f"q{n}")) for n in range(300)})
        assert line.strikes == 1
        assert line.connections == 2
        assert set(map(tuple, told.values())) == {(0,)}
        deadline = time.monotonic() + 60
        while not (ours := connections(node, vhost)):
            assert time.monotonic() < deadline, "the broker does not list the connection"
        for name in ours:
            node.http("DELETE", "connections", name)
        assert results(amqp, vhost, {"one": say(queue("one"))}) == {"one": [0]}
        assert line.connections == 3
        amqp.close()
    assert names(node, vhost) == {f"q{n}" for n in range(300)} | {"one"}


def test_a_talk_for_once_is_not_resumed(node: Node, vhost: str) -> None:
    with Proxy(node.amqp_url) as line:
        amqp = Amqp(Target(amqp=line.url))
        amqp.server(vhost)
        line.fault = Fault("reset", "down", line.passed["down"])  # at the first byte of an answer
        jobs = [Job(f"q{n}", say(queue(f"q{n}")), once=n % 2 == 0) for n in range(20)]
        told = {job.about: result for job, result in amqp.converse(vhost, jobs)}
        amqp.close()
    assert {name for name, result in told.items() if isinstance(result, Lost) and result.sent} == {
        f"q{n}" for n in range(0, 20, 2)
    }
    assert all(told[f"q{n}"] == [0] for n in range(1, 20, 2))


def test_a_broker_that_falls_silent(node: Node, vhost: str) -> None:
    with Proxy(node.amqp_url) as line:
        amqp = Amqp(Target(amqp=line.url, timeout=0.5))
        amqp.server(vhost)
        line.fault = Fault("stall", "up", line.passed["up"])
        told = results(amqp, vhost, {f"q{n}": say(queue(f"q{n}")) for n in range(5)})
        amqp.close()
        assert line.connections == 2
    assert set(map(tuple, told.values())) == {(0,)}
