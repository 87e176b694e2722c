from __future__ import annotations

import re

import pytest

from rabbit_topo.adopt.ephemera import ONE_EACH, TABLE, Family, family, ignored
from rabbit_topo.load.patterns import pattern as wrong
from rabbit_topo.model import Arguments, Exchange, Queue

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
HEX = UUID.replace("-", "")


def passing(name: str) -> Queue:
    return Queue("/", name, "classic", durable=False, auto_delete=True)


def expiring(name: str) -> Queue:
    return Queue("/", name, "classic", arguments=Arguments({"x-expires": 60_000}))


def lasting(name: str) -> Queue:
    return Queue("/", name, "classic")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("celery@host.celery.pidbox", "Celery's remote control"),
        (f"{UUID}.reply.celery.pidbox", "Celery's remote control"),
        ("host.mine.pidbox", "kombu's remote control"),
        (f"celeryev.{UUID}", "Celery's events"),
        (f"bcast.{UUID}", "kombu's broadcasts"),
        ("DESKTOPTNOQ92E_DotnetMassTran_bus_kbdyyyfp5jkqd4a4bdqgqidibq", "MassTransit's temporary endpoints"),
        ("orders.anonymous.1Rx9HOqvTAaHeeZrQWu8Pg", "Spring Cloud Stream's anonymous groups"),
        ("spring.gen-1Rx9HOqvTAaHeeZrQWu8Pg", "Spring AMQP's anonymous queues"),
        (f"easynetq.response.{UUID}", "EasyNetQ's responses"),
        (f"rpc.reply-orders-{UUID}", "Nameko's replies"),
        (f"reply_{HEX}", "oslo.messaging's replies"),
        (f"compute_fanout_{HEX}", "oslo.messaging's fanouts"),
        ("mqtt-subscription-sensor 1qos1", "MQTT clients' subscriptions"),
        ("stomp-subscription-1Rx9HOqvTAaHeeZrQWu8Pg", "STOMP clients' subscriptions"),
        (f"jms-temp-queue-{UUID}", "JMS clients' temporary objects"),
        (UUID, ONE_EACH),
        (f"shop.{UUID}.events", ONE_EACH),
        (HEX.upper(), ONE_EACH),
    ],
)
def test_names_that_come_and_go_are_known_by_what_they_are(name: str, why: str) -> None:
    for queue in (passing(name), expiring(name)):
        found = family(queue)
        assert found is not None
        assert found.why == why
        assert re.fullmatch(found.pattern, name, re.DOTALL)
    assert family(lasting(name)) is None


@pytest.mark.parametrize("name", ["celery", "shop.orders", "pidbox", "celery.pidbox.x", f"x{UUID}", f"{HEX}0", "q.bus"])
def test_a_queue_of_a_name_of_its_own_stays(name: str) -> None:
    assert family(passing(name)) is None


@pytest.mark.parametrize(
    ("exchange", "goes"),
    [
        (Exchange("/", "celery.pidbox", "fanout", durable=False), True),
        (Exchange("/", "reply.celery.pidbox", "direct", durable=False), True),
        (Exchange("/", "celery.pidbox", "fanout"), False),
        (Exchange("/", "celeryev", "topic"), True),
        (Exchange("/", "celeryev", "direct"), False),
        (Exchange("/", f"x.{UUID}", "fanout", auto_delete=True), True),
        (Exchange("/", f"x.{UUID}", "fanout", arguments=Arguments({"x-expires": 1})), False),
        (Exchange("/", "federation: x -> rabbit@host B", "x-federation-upstream"), True),
        (Exchange("/", "federation: x -> rabbit@host B", "fanout", auto_delete=True, internal=True), True),
        (Exchange("/", "federation: x -> rabbit@host B", "fanout"), False),
    ],
)
def test_exchanges_come_and_go_too(exchange: Exchange, goes: bool) -> None:  # noqa: FBT001 - a column of a table
    assert (family(exchange) is not None) is goes


def test_what_federation_makes_is_known_by_its_purpose() -> None:
    made = Queue("/", "federation: x -> y", "classic", arguments=Arguments({"x-internal-purpose": "federation"}))

    assert family(made) == Family("federation: .+", "made by RabbitMQ's federation")
    assert family(lasting("federation: x -> y")) is None


def test_a_shard_of_each_node_is_made_by_the_plugin() -> None:
    assert family(lasting("sharding: shop.events - rabbit@host - 0")) is not None
    assert family(passing("sharding: shop.events - rabbit@host - x")) is None
    assert family(Exchange("/", "sharding: shop.events - rabbit@host - 0", "topic")) is None


def test_patterns_of_the_table_are_such_as_files_take() -> None:
    assert not [row.pattern for row in TABLE if wrong(row.pattern)]


def test_a_pattern_stands_for_all_of_its_family() -> None:
    names = [f"{host}.celery.pidbox" for host in "abc"]

    rows, lost = ignored({name: family(passing(name)) for name in names}, {"celery"})  # type: ignore[misc]

    assert [(row.pattern, row.why, row.names) for row in rows] == [
        (r"(.+\.)?celery\.pidbox", "Celery's remote control", tuple(names))
    ]
    assert not lost


def test_names_with_a_uuid_are_ignored_below_what_they_begin_with() -> None:
    names = [f"shop.{UUID}", f"mail.{UUID}.x", f"b.{HEX}"]

    rows, _ = ignored({name: found for name in names if (found := family(passing(name)))}, ())

    assert [row.pattern for row in rows] == [r"b\.[0-9a-f]{32}", r"mail\.[0-9a-f-]{36}\.x", r"shop\.[0-9a-f-]{36}"]


def test_many_such_families_are_ignored_by_one_pattern() -> None:
    names = [f"{word}.{UUID}" for word in "abcdef"] + ["x.celery.pidbox"]

    rows, _ = ignored({name: found for name in names if (found := family(passing(name)))}, ())

    assert [row.pattern for row in rows] == [r"(.+\.)?celery\.pidbox", ".*[0-9A-Fa-f-]{32}.*"]
    assert not any(wrong(row.pattern) for row in rows)


def test_a_pattern_that_would_match_what_is_taken_gives_way_to_names() -> None:
    families = {name: found for name in ("a.celery.pidbox", "b.celery.pidbox") if (found := family(passing(name)))}

    rows, lost = ignored(families, {"c.celery.pidbox", "b.celery.pidbox"})

    assert [(row.pattern, row.names) for row in rows] == [(r"a\.celery\.pidbox", ("a.celery.pidbox",))]
    assert lost == {"b.celery.pidbox"}
