"""A real producer and a real consumer that live on what the topology says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import amqp
import pytest
from kombu.connection import Connection
from kombu.exceptions import ContentDisallowed
from kombu.messaging import Producer as KombuProducer

from rabbit_topo import load
from rabbit_topo.clients import NotConfirmed, NotRouted, consumer, publisher, queue
from rabbit_topo.model import (
    Arguments,
    Binding,
    Consumer,
    Exchange,
    Key,
    Kind,
    Note,
    Plain,
    Publisher,
    Queue,
    Resource,
    Topology,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kombu.message import Message

    from rabbit_topo import clients as client
    from tests.brokers import Node

RELIABLE: Mapping[str, Plain] = {
    "delivery_mode": "persistent",
    "mandatory": True,
    "serializer": "json",
    "retry": True,
    "retry_policy": {"max_retries": 5, "interval_start": 0.05, "interval_step": 0.1, "interval_max": 1},
}


def shop(vhost: str) -> Topology:
    """A topic exchange into an internal one, a work queue with dead letters, a stray header."""
    letters = Arguments({"x-dead-letter-exchange": "t.dead", "x-message-ttl": 600_001})
    resources: list[Resource] = [
        Exchange(vhost, "t", "topic", arguments=Arguments({"alternate-exchange": "t.other"})),
        Exchange(vhost, "t.inner", "fanout", internal=True, auto_delete=False),
        Exchange(vhost, "t.other", "fanout", durable=False),
        Exchange(vhost, "t.dead", "fanout"),
        Exchange(vhost, "t.headers", "headers"),
        Exchange(vhost, "amq.topic", "topic"),
        Queue(vhost, "t.work", "quorum", arguments=letters),
        Queue(vhost, "t.log", "classic"),
        Queue(vhost, "t.dead", "classic"),
        Queue(vhost, "t.small", "classic", arguments=Arguments({"x-max-length": 1, "x-overflow": "reject-publish"})),
        Queue(vhost, "t.stream", "stream"),
        Binding(vhost, "t", "queue", "t.work", "work.#"),
        Binding(vhost, "t", "exchange", "t.inner", "#.log"),
        Binding(vhost, "t.inner", "queue", "t.log"),
        Binding(vhost, "t.dead", "queue", "t.dead"),
        Binding(vhost, "t.headers", "queue", "t.small", "", Arguments({"x-match": "all", "kind": "small"})),
        Binding(vhost, "t.headers", "queue", "t.log", "", Arguments({"x-match": "all", "n": 3})),
        Binding(vhost, "amq.topic", "queue", "t.stream", "#"),
    ]
    publishers = [
        Publisher("work", vhost, "t", "work.new", RELIABLE),
        Publisher("small", vhost, "t.headers", "", {"mandatory": True, "headers": {"kind": "small"}}),
        Publisher("direct", vhost, "", "t.log", {"content_type": "application/vnd.test+json", "expiration": 60_000}),
    ]
    consumers = [
        Consumer("worker", vhost, ("t.work",), {"prefetch": 2}),
        Consumer("logger", vhost, ("t.log",), {"no_ack": True, "accept": ["json"]}),
        Consumer("reader", vhost, ("t.stream",)),
    ]
    return Topology(
        {resource.key: resource for resource in resources},
        notes={Key(vhost, Kind.EXCHANGE, "amq.topic"): Note(external=True)},
        publishers={entry.name: entry for entry in publishers},
        consumers={entry.name: entry for entry in consumers},
    )


EXAMPLE = Path(__file__).parents[2] / "topology"


@pytest.fixture
def connection(node: Node, vhost: str) -> Iterator[Connection]:
    made = connect(node, vhost)
    yield made
    made.release()


def connect(node: Node, vhost: str, name: str = "test") -> Connection:
    url = node.amqp_url.rstrip("/").replace("amqp://", "pyamqp://")
    options = {"client_properties": {"connection_name": f"{name} {vhost}"}}
    return Connection(f"{url}/{quote(vhost, safe='')}", transport_options=options)


def work_on(worker: client.Consumer) -> None:
    while True:
        worker.drain()


def kill(node: Node, vhost: str, name: str = "test") -> None:
    """Close connections of this name from the broker's side."""
    found: list[str] = []
    while not found:  # the list follows the connections by some seconds
        found = [
            item["name"]
            for item in node.http("GET", "connections")
            if item.get("client_properties", {}).get("connection_name") == f"{name} {vhost}"
        ]
    for item in found:
        node.http("DELETE", "connections", item)


def test_a_message_goes_from_the_publisher_to_the_consumer(connection: Connection, vhost: str) -> None:
    topology = shop(vhost)
    got: list[Any] = []

    def on_message(message: Message) -> None:
        got.append((message.payload, message.properties["delivery_mode"], message.headers, message.delivery_info))
        message.ack()

    with (
        publisher(topology, "work", connection) as work,
        consumer(topology, "worker", connection, on_message) as worker,
    ):
        work.publish({"card": 7}, headers={"by": "test"}, correlation_id="1")
        while not got:
            worker.drain()
    payload, delivery_mode, headers, info = got[0]
    assert (payload, delivery_mode, headers) == ({"card": 7}, 2, {"by": "test"})
    assert (info["exchange"], info["routing_key"]) == ("t", "work.new")


def test_the_publisher_alone_declares_everything_a_message_can_come_to(
    connection: Connection, node: Node, vhost: str
) -> None:
    publisher(shop(vhost), "work", connection).publish("x")
    exchanges = {item["name"]: item for item in node.http("GET", "exchanges", vhost)}
    assert {name for name in exchanges if name.startswith("t")} == {"t", "t.inner", "t.other", "t.dead"}
    assert exchanges["t.inner"]["internal"] is True
    assert exchanges["t.other"]["durable"] is False
    queues = {item["name"]: item for item in node.http("GET", "queues", vhost, query="disable_stats=true")}
    assert set(queues) == {"t.work", "t.log", "t.dead"}
    assert queues["t.work"]["arguments"] == {
        "x-dead-letter-exchange": "t.dead",
        "x-message-ttl": 600_001,
        "x-queue-type": "quorum",
    }
    bindings = {
        (item["source"], item["destination"], item["routing_key"])
        for item in node.http("GET", "bindings", vhost)
        if item["source"]
    }
    assert bindings == {
        ("t", "t.work", "work.#"),
        ("t", "t.inner", "#.log"),
        ("t.inner", "t.log", ""),
        ("t.dead", "t.dead", ""),
    }


def test_no_binding_with_an_integer_is_declared(connection: Connection, node: Node, vhost: str) -> None:
    publisher(shop(vhost), "small", connection).publish("x")
    bindings = node.http("GET", "bindings", vhost)
    assert [item["arguments"] for item in bindings if item["source"] == "t.headers"] == [
        {"x-match": "all", "kind": "small"}
    ]
    assert len(queue(shop(vhost), "t.log").bindings) == 1


def test_what_exists_is_used_as_it_is(connection: Connection, vhost: str) -> None:
    channel = connection.channel()
    channel.exchange_declare("t", "fanout", durable=False, auto_delete=False)
    channel.queue_declare("t.work", durable=True, auto_delete=False)
    got: list[Message] = []
    with consumer(shop(vhost), "worker", connection, got.append) as worker:
        publisher(shop(vhost), "work", connection).publish("x", routing_key="no.such.key")
        while not got:
            worker.drain()


def test_a_message_that_no_queue_takes_is_an_error_and_the_next_one_is_fine(connection: Connection, vhost: str) -> None:
    work = publisher(shop(vhost), "work", connection)
    for _ in range(2):
        with pytest.raises(NotRouted, match="no queue takes 'nowhere' from exchange 't'"):
            work.publish("x", routing_key="nowhere")
        work.publish("x")
    work.publish("x", routing_key="nowhere", mandatory=False)


def test_a_full_queue_is_an_error(connection: Connection, vhost: str) -> None:
    small = publisher(shop(vhost), "small", connection)
    small.publish("first")
    with pytest.raises(NotConfirmed):
        small.publish("second")
    with pytest.raises(NotRouted):
        small.publish("third", headers={"kind": "large"})


def test_options_reach_the_message(connection: Connection, vhost: str) -> None:
    publisher(shop(vhost), "direct", connection).publish({"n": 1}, delivery_mode="transient", priority=3)
    message = queue(shop(vhost), "t.log")(connection.channel()).get()
    assert message.content_type == "application/vnd.test+json"
    assert message.body == '{"n": 1}'
    assert message.properties["expiration"] == "60000"
    assert message.properties["delivery_mode"] == 1
    assert message.properties["priority"] == 3


def test_a_publisher_survives_its_connection_and_declares_again(connection: Connection, node: Node, vhost: str) -> None:
    work = publisher(shop(vhost), "work", connection)
    work.publish(1)
    node.http("DELETE", "queues", vhost, "t.work")
    kill(node, vhost)
    work.publish(2)
    message = queue(shop(vhost), "t.work")(connection.channel()).get()
    assert message.payload == 2


def test_without_retry_a_lost_connection_is_an_error_once(connection: Connection, node: Node, vhost: str) -> None:
    work = publisher(shop(vhost), "work", connection)
    work.publish(1)
    kill(node, vhost)
    with pytest.raises(connection.connection_errors):
        work.publish(2, retry=False)
    work.publish(3, retry=False)


def test_a_consumer_survives_its_connection_and_its_queue(connection: Connection, node: Node, vhost: str) -> None:
    topology = shop(vhost)
    got: list[int] = []

    def on_message(message: Message) -> None:
        message.ack()
        got.append(message.payload)

    other = connect(node, vhost, "other")
    work = publisher(topology, "work", other)
    with consumer(topology, "worker", connection, on_message) as worker:
        work.publish(1)
        while got != [1]:
            worker.drain()
        kill(node, vhost)
        work.publish(2)
        while got != [1, 2]:
            worker.drain()
        node.http("DELETE", "queues", vhost, "t.work")
        while worker.drain():  # the broker's cancel, and the way back
            pass
        work.publish(3)
        while got != [1, 2, 3]:
            worker.drain()
    other.release()


def test_what_the_handler_raises_is_raised(connection: Connection, vhost: str) -> None:
    def on_message(_message: Message) -> None:
        raise ConnectionError("the database is away")

    publisher(shop(vhost), "work", connection).publish("x")
    with (
        consumer(shop(vhost), "worker", connection, on_message) as worker,
        pytest.raises(ConnectionError, match="the database is away"),
    ):
        work_on(worker)


def test_the_prefetch_is_obeyed_and_dead_letters_have_a_place(connection: Connection, vhost: str) -> None:
    topology = shop(vhost)
    work = publisher(topology, "work", connection)
    for number in range(5):
        work.publish(number)
    held: list[Message] = []
    with consumer(topology, "worker", connection, held.append) as worker:
        while worker.drain(timeout=0.5):
            pass
        assert [message.payload for message in held] == [0, 1]
        held[0].reject()
        while len(held) < 3:
            worker.drain()
    dead = queue(topology, "t.dead")(connection.channel())
    message = None
    while message is None:
        message = dead.get()
    assert message.payload == 0


def test_a_consumer_that_does_not_acknowledge_takes_what_it_accepts(connection: Connection, vhost: str) -> None:
    topology = shop(vhost)
    got: list[Any] = []
    publisher(topology, "work", connection).publish({"n": 1}, routing_key="work.log")
    publisher(topology, "work", connection).publish("yaml", routing_key="work.log", serializer="yaml")
    with (
        consumer(topology, "logger", connection, lambda message: got.append(message.payload)) as logger,
        pytest.raises(ContentDisallowed),
    ):
        work_on(logger)
    assert got == [{"n": 1}]
    assert queue(topology, "t.log")(connection.channel()).get() is None


def test_a_stream_is_consumed(connection: Connection, vhost: str) -> None:
    got: list[Any] = []

    def on_message(message: Message) -> None:
        got.append(message.payload)
        message.ack()

    with consumer(shop(vhost), "reader", connection, on_message) as reader:
        KombuProducer(connection.channel()).publish("x", exchange="amq.topic", routing_key="a")
        while not got:
            reader.drain()
    assert got == ["x"]


def test_many_publishers_share_one_connection(connection: Connection, node: Node, vhost: str) -> None:
    topology = shop(vhost)
    publishers = [publisher(topology, "work", connection) for _ in range(5)]
    for each in publishers:
        each.publish("x")
    kill(node, vhost)
    for each in publishers:
        each.publish("y")
    assert queue(topology, "t.work")(connection.channel()).queue_declare(passive=True).message_count == 10
    for each in publishers:
        each.close()


def test_a_user_that_may_only_write_publishes_to_what_the_tool_declared(
    connection: Connection, node: Node, vhost: str, caplog: pytest.LogCaptureFixture
) -> None:
    topology = shop(vhost)
    publisher(topology, "work", connection).publish(1)
    node.http("PUT", "users", vhost, body={"password": "app", "tags": ""})
    node.http("PUT", "permissions", vhost, vhost, body={"configure": "^$", "write": "^t$", "read": "^$"})
    app = connection.clone(userid=vhost, password="app")
    with caplog.at_level(logging.WARNING):
        publisher(topology, "work", app).publish(2)
    assert "taking t.work for bound to t" in caplog.text
    node.http("DELETE", "exchanges", vhost, "t")
    with pytest.raises(amqp.AccessRefused, match="exchange 't'"):
        publisher(topology, "work", app).publish(3)
    app.release()
    node.http("DELETE", "users", vhost)


def test_the_example_sends_and_receives_its_commands(connection: Connection, vhost: str) -> None:
    topology = load(EXAMPLE, vhost=vhost)
    got: set[tuple[str, int]] = set()

    def on_message(message: Message) -> None:
        got.add((message.delivery_info["routing_key"], message.payload["card"]))
        message.ack()

    commands = ("mcard.mint", "mcard.single_mint", "mcard.single_burn")
    for number, name in enumerate(commands):
        publisher(topology, name, connection).publish({"card": number})
    with (
        consumer(topology, "mint-worker", connection, on_message) as worker,
        consumer(topology, "burn-worker", connection, on_message),
    ):
        while len(got) < len(commands):
            worker.drain()
    assert got == {("mcard.mint", 0), ("mcard.single_mint", 1), ("mcard.single_burn", 2)}
