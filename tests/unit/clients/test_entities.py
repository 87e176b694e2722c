"""Declared objects as kombu's, and what a publisher or a consumer needs to be there."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.transport.base import to_rabbitmq_queue_arguments

from rabbit_topo.clients import consumer, exchange, publisher, queue
from rabbit_topo.clients.entities import has_integer
from rabbit_topo.clients.needs import Needs, of_consumer, of_publisher
from rabbit_topo.errors import UsageError
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


def topology(*resources: Resource, external: tuple[Resource, ...] = ()) -> Topology:
    """Put values together; the external ones get their note."""
    everything = {resource.key: resource for resource in (*resources, *external)}
    return Topology(everything, notes={resource.key: Note(external=True) for resource in external})


def names(needs: Needs) -> tuple[list[str], list[str], list[str]]:
    """Name what is needed."""
    bindings = [f"{binding.source}>{binding.destination}" for binding in needs.bindings]
    return [item.name for item in needs.exchanges], [item.name for item in needs.queues], bindings


def test_an_exchange_keeps_its_properties() -> None:
    made: Any = exchange(
        topology(Exchange("/", "a", "topic", durable=False, auto_delete=True, arguments=Arguments({"x": 1}))), "a"
    )
    assert (made.name, made.type, made.durable, made.auto_delete, made.arguments) == (
        "a",
        "topic",
        False,
        True,
        {"x": 1},
    )
    assert not made.no_declare


def test_what_kombu_cannot_declare_is_marked() -> None:
    shop = topology(Exchange("/", "inner", "fanout", internal=True), external=(Exchange("/", "amq.topic", None),))
    assert exchange(shop, "inner").no_declare
    assert exchange(shop, "amq.topic").no_declare


def test_a_queue_comes_with_its_bindings_in_kombus_units() -> None:
    arguments = Arguments(
        {"x-expires": 60_000, "x-message-ttl": 500, "x-max-length": 5, "x-single-active-consumer": True}
    )
    made: Any = queue(
        topology(
            Exchange("/", "a", "headers"),
            Queue("/", "q", "classic", auto_delete=True, arguments=arguments),
            Binding("/", "a", "queue", "q", "k", Arguments({"x-match": "all"})),
            Binding("/", "a", "queue", "q", "k", Arguments({"x-match": "all", "n": 1})),
            Binding("/", "amq.direct", "queue", "q", "d"),
            Binding("/", "a", "exchange", "q", "another"),
        ),
        "q",
    )
    assert (made.expires, made.message_ttl, made.max_length, made.auto_delete) == (60, 0.5, 5, True)
    assert made.queue_arguments == {"x-queue-type": "classic", "x-single-active-consumer": True}
    bound = {(item.exchange.name, item.routing_key, item.exchange.no_declare) for item in made.bindings}
    assert bound == {("a", "k", False), ("amq.direct", "d", True)}


@pytest.mark.parametrize("milliseconds", [0, 1, 29, 57, 999, 1001, 1009, 600_001, 2**40 + 1])
def test_no_millisecond_is_lost(milliseconds: int) -> None:
    stored = Queue("/", "q", arguments=Arguments({"x-message-ttl": milliseconds}))
    made: Any = queue(topology(stored), "q")
    sent = to_rabbitmq_queue_arguments(made.queue_arguments, message_ttl=made.message_ttl)
    assert sent == {"x-message-ttl": milliseconds}


def test_a_queue_without_a_type_is_given_none() -> None:
    made: Any = queue(topology(Queue("/", "q")), "q")
    assert made.queue_arguments == {}


def test_a_name_in_several_vhosts_needs_the_vhost() -> None:
    shop = topology(Queue("a", "q", durable=False), Queue("b", "q"))
    with pytest.raises(UsageError, match="several vhosts: a, b"):
        queue(shop, "q")
    assert queue(shop, "q", vhost="b").durable


def test_an_unknown_name_gets_a_suggestion() -> None:
    shop = topology(Queue("/", "orders"), Exchange("/", "orders-x", "fanout"))
    with pytest.raises(UsageError, match="no queue order") as caught:
        queue(shop, "order")
    assert caught.value.hint == "did you mean orders?"
    nothing: Any = None
    with pytest.raises(UsageError, match="no publisher nobody"):
        publisher(shop, "nobody", nothing)
    with pytest.raises(UsageError, match="no consumer nobody"):
        consumer(shop, "nobody", nothing, nothing)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, True),
        (True, False),
        (1.0, False),
        ("1", False),
        (None, False),
        ([], False),
        ([{"a": [2]}], True),
        ({"a": [True, None]}, False),
    ],
)
def test_integers_are_found_wherever_they_are(value: Plain, expected: bool) -> None:  # noqa: FBT001
    assert has_integer(value) is expected


SHOP = topology(
    Exchange("/", "in", "topic", arguments=Arguments({"alternate-exchange": "lost"})),
    Exchange("/", "lost", "fanout"),
    Exchange("/", "copy", "fanout"),
    Exchange("/", "dead", "fanout"),
    Exchange("/", "elsewhere", "fanout"),
    Queue("/", "work", arguments=Arguments({"x-dead-letter-exchange": "dead"})),
    Queue("/", "lost"),
    Queue("/", "copy"),
    Queue("/", "wait", arguments=Arguments({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"})),
    Queue("/", "elsewhere"),
    Queue("/", "theirs", arguments=Arguments({"x-dead-letter-exchange": ""})),
    Queue("other", "work"),
    Binding("/", "in", "queue", "work", "a"),
    Binding("/", "in", "queue", "theirs.too", "a"),
    Binding("/", "in", "exchange", "copy", "#"),
    Binding("/", "copy", "queue", "copy"),
    Binding("/", "lost", "queue", "lost"),
    Binding("/", "dead", "queue", "wait"),
    Binding("/", "elsewhere", "queue", "elsewhere"),
    Binding("/", "elsewhere", "queue", "theirs"),
    Binding("/", "partner", "queue", "copy"),
    external=(Exchange("/", "partner", "topic"), Queue("/", "theirs.too")),
)


def test_a_publisher_needs_all_that_its_messages_can_come_to() -> None:
    exchanges, queues, bindings = names(of_publisher(SHOP, Publisher("p", "/", "in", "a")))
    assert exchanges == ["copy", "dead", "in", "lost"]
    assert queues == ["copy", "lost", "wait", "work"]
    assert bindings == ["copy>copy", "dead>wait", "in>copy", "in>theirs.too", "in>work", "lost>lost"]


def test_a_publisher_to_the_default_exchange_needs_the_queue_of_its_key() -> None:
    assert names(of_publisher(SHOP, Publisher("p", "/", "", "wait"))) == (
        ["dead"],
        ["wait", "work"],
        ["dead>wait"],
    )


def test_a_consumer_needs_its_queue_what_leads_to_it_and_what_it_leads_to() -> None:
    exchanges, queues, bindings = names(of_consumer(SHOP, Consumer("c", "/", ("copy",))))
    assert exchanges == ["copy", "in"]
    assert queues == ["copy"]
    assert bindings == ["copy>copy", "in>copy", "partner>copy"]
    assert names(of_consumer(SHOP, Consumer("c", "/", ("theirs",))))[1] == ["theirs"]


def test_nothing_of_another_vhost_is_needed() -> None:
    needs = of_consumer(SHOP, Consumer("c", "other", ("work",)))
    assert [item.key for item in needs.queues] == [Key("other", Kind.QUEUE, "work")]
    assert not needs.bindings


def test_a_walk_in_circles_ends() -> None:
    circle = topology(
        Exchange("/", "a", "fanout"),
        Exchange("/", "b", "fanout"),
        Binding("/", "a", "exchange", "b"),
        Binding("/", "b", "exchange", "a"),
        Binding("/", "b", "exchange", "b", "", Arguments({"n": 1})),
        Queue("/", "q", arguments=Arguments({"x-dead-letter-exchange": "a"})),
        Binding("/", "b", "queue", "q"),
    )
    everything = (["a", "b"], ["q"], ["a>b", "b>a", "b>q"])
    assert names(of_publisher(circle, Publisher("p", "/", "a"))) == everything
    assert names(of_consumer(circle, Consumer("c", "/", ("q",)))) == everything
