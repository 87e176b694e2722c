"""Messages that move between queues: every byte, in their order, and none is lost whatever happens meanwhile."""

from __future__ import annotations

import random
import struct
import subprocess
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import amqp
import pytest

from rabbit_topo.broker import mover_run
from rabbit_topo.broker.mover import Mover, Stuck
from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.model import Arguments, Queue
from tests.brokers import Node, start
from tests.certificates import Authority
from tests.integration.test_no_loss import channel
from tests.proxy import Fault, Proxy

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

COUNTERS = {"x-delivery-count", "x-acquired-count"}


@contextmanager
def mover(node: Node, vhost: str, url: str = "", **more: Any) -> Iterator[Mover]:
    target = Target(amqp=url or node.amqp_url, timeout=more.pop("timeout", 20.0))
    with closing(Mover(target, vhost, **more)) as made:
        yield made


def queue(node: Node, vhost: str, name: str, kind: str = "classic", *, auto_delete: bool = False, **more: Any) -> Queue:
    arguments = {f"x-{key.replace('_', '-')}": value for key, value in more.items()}
    with channel(node, vhost) as opened:
        told = {"x-queue-type": kind, **arguments}
        opened.queue_declare(name, durable=True, auto_delete=auto_delete, arguments=told)
    return Queue(vhost, name, kind, auto_delete=auto_delete, arguments=Arguments(arguments))


def fill(node: Node, into: Queue, count: int, size: int = 0) -> None:
    with channel(node, into.vhost) as opened:
        opened.confirm_select()
        for number in range(count):
            opened.basic_publish(amqp.Message(f"{number}".ljust(size), delivery_mode=2), routing_key=into.name)
        wait_until(lambda: opened.queue_declare(into.name, passive=True).message_count == count)


def wait_until(true: Any) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)


def drained(node: Node, source: Queue) -> list[Any]:
    found = []
    with channel(node, source.vhost) as opened:
        while (message := opened.basic_get(source.name, no_ack=True)) is not None:
            found.append(message)
    return found


def numbers(node: Node, source: Queue) -> list[int]:
    return [int(message.body) for message in drained(node, source)]


def leftovers(node: Node, vhost: str) -> list[str]:
    return [item["name"] for item in node.http("GET", "exchanges", vhost) if item["name"].startswith("rabbit-topo.")]


NASTY: list[dict[str, Any]] = [
    {},
    {"application_headers": {}},
    {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "application_headers": {"x-delivery-count": 7, "größe": "ß", "x-acquired-count": "mine"},
        "delivery_mode": 1,
        "priority": 255,
        "correlation_id": "c" * 255,
        "reply_to": "amq.nobody",
        "expiration": "86400000",
        "message_id": "m\0",
        "timestamp": 2**33,
        "type": "t",
        "user_id": "guest",
        "app_id": "a",
        "cluster_id": "c",
    },
    {
        "delivery_mode": 2,
        "application_headers": {
            "nested": {"of": {"tables": [1, [2.5, None, {"x-delivery-count": 3}], Decimal("-1.25"), True]}},
            "when": datetime(2038, 1, 20, tzinfo=UTC),
            "wide": 2**62,
            "narrow": -1,
            "void": None,
            "": "no name",
        },
    },
]
BODIES = [b"", b"1", b"\xce" * 1000, b"long" * 75_000]


def content(node: Node, source: Queue, count: int) -> list[bytes]:
    """Read messages as the broker sends them, header and body, on a socket of our own, and give them back."""
    where = urlsplit(node.amqp_url)
    connection = amqp.Connection(f"{where.hostname}:{where.port}", "guest", "guest", virtual_host=source.vhost)
    connection.connect()
    opened = connection.channel()
    raw: socket.socket = connection.transport.sock
    raw.settimeout(20)
    found = []
    name = source.name.encode()
    for _ in range(count):
        get = struct.pack(">HHHB", 60, 70, 0, len(name)) + name + b"\0"
        raw.sendall(struct.pack(">BHI", 1, opened.channel_id, len(get)) + get + b"\xce")
        message, left = b"", -1
        while left:
            kind, _, size = struct.unpack(">BHI", _exactly(raw, 7))
            payload = _exactly(raw, size + 1)[:-1]
            if kind == 1:
                assert payload[:4] == struct.pack(">HH", 60, 71), payload
                at = 4 + 9 + 1 + payload[13]
                message = payload[at : at + 1 + payload[at]]
            elif kind == 2:
                left = struct.unpack_from(">Q", payload, 4)[0]
                message += payload
            elif kind == 3:
                left -= len(payload)
                message += payload
        found.append(message)
    connection.close()
    return found


def _exactly(raw: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = raw.recv(count - len(data))
        assert more
        data += more
    return data


def nasty(node: Node, into: Queue) -> int:
    with channel(node, into.vhost) as opened:
        opened.exchange_declare("dead", "fanout")
        opened.queue_declare("dying", durable=True, auto_delete=False, arguments={"x-dead-letter-exchange": "dead"})
        opened.queue_bind(into.name, "dead")
        opened.queue_bind(into.name, "amq.topic", "#")
        for body in BODIES:
            for properties in NASTY:
                opened.basic_publish_confirm(amqp.Message(body, **properties), "amq.topic", "a routing.key")
        opened.basic_publish_confirm(amqp.Message("dead", delivery_mode=2), routing_key="dying")
        opened.basic_reject(opened.basic_get("dying").delivery_tag, requeue=False)
        count = len(BODIES) * len(NASTY) + 1
        wait_until(lambda: opened.queue_declare(into.name, passive=True).message_count == count)
    return count


def test_every_byte_of_a_message_stays(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    count = nasty(node, source)
    before = content(node, source, count)
    assert b"x-death" in before[-1]
    with mover(node, vhost) as made:
        assert made.move(source, into).moved == count
        assert made.ready(source) == (0, 0)
    assert content(node, into, count) == before


def test_what_a_quorum_queue_counts_does_not_stay(node: Node, vhost: str) -> None:
    first, second, third = queue(node, vhost, "1"), queue(node, vhost, "2", "quorum"), queue(node, vhost, "3")
    bare, kept = amqp.Message("0", delivery_mode=2), {"x": 1}
    with channel(node, vhost) as opened:
        opened.basic_publish_confirm(bare, routing_key="1")
        opened.basic_publish_confirm(amqp.Message("1", delivery_mode=2, application_headers=kept), routing_key="1")
        opened.basic_publish_confirm(amqp.Message("2", delivery_mode=2, application_headers={}), routing_key="1")
    before = content(node, first, 3)
    with mover(node, vhost) as made:
        made.move(first, second)
        for _ in range(3):
            with channel(node, vhost) as opened:
                assert [opened.basic_get("2").body for _ in range(3)] == ["0", "1", "2"]
            wait_until(lambda: made.ready(second)[0] == 3)
        with channel(node, vhost) as opened:
            assert [opened.basic_get("2").headers["x-delivery-count"] for _ in range(3)] == [3, 3, 3]
        wait_until(lambda: made.ready(second)[0] == 3)
        made.move(second, third)
    after = content(node, third, 3)
    assert after[:2] == before[:2]
    assert [message.headers for message in drained(node, third)][1] == kept


def test_thousands_keep_their_order(node: Node, vhost: str) -> None:
    first, second, third = queue(node, vhost, "1"), queue(node, vhost, "2", "quorum"), queue(node, vhost, "3")
    fill(node, first, 2000, 100)
    heard: list[int] = []
    with mover(node, vhost) as made:
        assert made.move(first, second, on_moved=heard.append).moved == 2000
        assert made.move(second, third, once=True).moved == 2000
        assert made.move(second, third).moved == 0
        wait_until(lambda: made.ready(second) == (0, 0))
    assert heard == sorted(heard)
    assert heard[-1] == 2000
    assert numbers(node, third) == list(range(2000))
    assert not leftovers(node, vhost)


@pytest.mark.parametrize("auto_delete", [False, True], ids=["consumed", "got"])
def test_one_turn_ends_though_more_keeps_coming(node: Node, vhost: str, auto_delete: bool) -> None:  # noqa: FBT001
    source, into = queue(node, vhost, "from", auto_delete=auto_delete), queue(node, vhost, "to")
    fill(node, source, 1000)
    sent = 1000
    with mover(node, vhost) as made, channel(node, vhost) as opened:

        def refill() -> None:
            nonlocal sent
            for _ in range(100):
                opened.basic_publish(amqp.Message("more", delivery_mode=2), routing_key=source.name)
            sent += 100

        refill()
        assert made.move(source, into, once=True, idle=refill).moved >= 1000
        wait_until(lambda: made.ready(source)[0] + made.ready(into)[0] == sent)


def test_an_interrupt_leaves_no_message_in_both(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    fill(node, source, 5000, 100)

    def stop(moved: int) -> None:
        if moved:
            raise KeyboardInterrupt

    with mover(node, vhost) as made:
        with pytest.raises(KeyboardInterrupt):
            made.move(source, into, on_moved=stop)
        wait_until(lambda: made.ready(source)[0] + made.ready(into)[0] == 5000)
        assert made.ready(into)[0]
    assert sorted(numbers(node, source) + numbers(node, into)) == list(range(5000))


def test_a_queue_that_ends_with_its_consumer_stays(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from", auto_delete=True), queue(node, vhost, "to")
    fill(node, source, 1000)
    with mover(node, vhost) as made:
        assert made.move(source, into).moved == 1000
        assert made.ready(source) == (0, 0)
    assert numbers(node, into) == list(range(1000))


def test_large_messages_are_few_at_a_time(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    fill(node, source, 60, 3_000_000)
    with mover(node, vhost) as made:
        held: list[int] = []

        def look() -> None:
            take, give = made._take, made._give
            assert take
            assert give
            held.append(len(give.out) + len(take._in) + sum(len(event.content) for event in take.inbox))

        # Several looks a second would miss the peak.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mover_run, "_TELL", 0.0)
            assert made.move(source, into, idle=look).moved == 60
        assert 3_000_000 < max(held) <= mover_run.MOST_BYTES + 2 * 3_000_100
    assert numbers(node, into) == list(range(60))


def test_a_foreign_user_id_is_named_and_touches_no_other(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    user = f"other-{vhost}"
    node.http("PUT", "users", user, body={"password": "secret", "tags": ""})
    node.http("PUT", "permissions", vhost, user, body={"configure": "", "write": ".*", "read": ""})
    try:
        fill(node, source, 100)
        where = urlsplit(node.amqp_url)
        with amqp.Connection(f"{where.hostname}:{where.port}", user, "secret", virtual_host=vhost) as connection:
            alien = amqp.Message("100", delivery_mode=2, user_id=user)
            connection.channel().basic_publish_confirm(alien, routing_key="from")
        with mover(node, vhost) as made:
            with pytest.raises(Stuck, match=rf"user_id '{user}'.*406") as stuck:
                made.move(source, into)
            assert "--drop-user-id" in stuck.value.hint
            assert (stuck.value.moved, stuck.value.unsure) == (100, 0)
            assert made.ready(source)[0] == 1
            assert [head.user_id for head in made.heads(source, 5)] == [user]
        with mover(node, vhost, drop_user_id=True) as made:
            assert made.move(source, into).moved == 1
        found = drained(node, into)
        assert [int(message.body) for message in found] == list(range(101))
        assert "user_id" not in found[-1].properties
    finally:
        node.http("DELETE", "users", user)


def test_a_target_that_is_full_leaves_the_rest(node: Node, vhost: str) -> None:
    source = queue(node, vhost, "from")
    into = queue(node, vhost, "to", max_length=50, overflow="reject-publish")
    fill(node, source, 500)
    with mover(node, vhost) as made:
        with pytest.raises(Stuck, match="to refuses messages") as stuck:
            made.move(source, into)
        assert stuck.value.unsure == 0
        assert made.ready(source) == (500 - stuck.value.moved, 0)
    assert not leftovers(node, vhost)
    assert sorted(numbers(node, into) + numbers(node, source)) == list(range(500))


def test_a_target_that_is_deleted_meanwhile_costs_nothing_that_is_left(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    fill(node, source, 20_000)
    gone: list[int] = []

    def delete(moved: int) -> None:
        if not gone:
            gone.append(moved)
            node.http("DELETE", "queues", vhost, "to")

    with mover(node, vhost) as made:
        with pytest.raises(Stuck, match=r"to is not reached: .*(312 NO_ROUTE|404 NOT_FOUND)") as stuck:
            made.move(source, into, on_moved=delete)
        wait_until(lambda: made.ready(source) == (20_000 - stuck.value.moved, 0))
        assert not leftovers(node, vhost)
        with pytest.raises(Stuck, match="404 NOT_FOUND - no queue 'to'"):
            made.move(source, into)
    assert not leftovers(node, vhost)


def test_a_source_that_is_deleted_meanwhile(node: Node, vhost: str) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    fill(node, source, 20_000)
    gone: list[int] = []

    def delete(moved: int) -> None:
        if not gone:
            gone.append(moved)
            node.http("DELETE", "queues", vhost, "from")

    with mover(node, vhost) as made:
        with pytest.raises(Stuck, match=r"deleted|404") as stuck:
            made.move(source, into, on_moved=delete)
        assert made.ready(into)[0] == stuck.value.moved
    assert numbers(node, into) == list(range(stuck.value.moved))
    assert not leftovers(node, vhost)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_line_that_is_cut_loses_nothing(node: Node, vhost: str, way: Any) -> None:
    source, into = queue(node, vhost, "from"), queue(node, vhost, "to")
    count = 600
    fill(node, source, count, 300)
    with Proxy(node.amqp_url) as line, mover(node, vhost, line.url) as made:
        made.move(source, into)
        total = line.passed[way]
        made.move(into, source)
    for _ in range(4):
        at = random.randrange(total)  # noqa: S311 - any byte will do
        with Proxy(node.amqp_url, Fault("reset", way, at)) as line, mover(node, vhost, line.url) as made:
            try:
                moved, unsure = made.move(source, into).moved, 0
            except Stuck as stuck:
                moved, unsure = stuck.moved, stuck.unsure
            except Exception as error:  # noqa: BLE001 - the login was cut
                print(error)
                moved, unsure = 0, 0
        with mover(node, vhost) as made:
            wait_until(lambda: made.ready(source)[0] + made.ready(into)[0] >= count)
            there = made.ready(into)[0]
            assert moved <= there <= moved + unsure, f"cut after byte {at}"
            made.move(source, into)
            found = numbers(node, into)
            assert set(found) == set(range(count)), f"cut after byte {at}"
            assert len(found) <= count + unsure, f"cut after byte {at}"
        with channel(node, vhost) as opened:
            opened.queue_purge("from")
        fill(node, source, count, 300)


def test_looking_keeps_order_and_kills_nothing(node: Node, vhost: str) -> None:
    for kind in ("classic", "quorum"):
        source = queue(node, vhost, kind, kind)
        fill(node, source, 5)
        with mover(node, vhost) as made:
            for _ in range(4):
                assert [head.size for head in made.heads(source, 3)] == [1, 1, 1]
                assert made.ready(source) == (5, 0)
        assert numbers(node, source) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("more", [{}, {"single_active_consumer": True}])
def test_a_look_at_many_shuffles_none(node: Node, vhost: str, more: dict[str, Any]) -> None:
    source = queue(node, vhost, "from", "quorum", **more)
    fill(node, source, 300)
    with mover(node, vhost) as made:
        for _ in range(2):
            assert len(made.heads(source, 200)) == 200
        wait_until(lambda: made.ready(source) == (300, 0))
    with closing(amqp.Connection(urlsplit(node.amqp_url).netloc, virtual_host=vhost)) as reader:
        reader.connect()
        opened, came = reader.channel(), []
        opened.basic_consume("from", no_ack=True, callback=lambda message: came.append(int(message.body)))
        while len(came) < 300:
            reader.drain_events(timeout=20)
    assert came == list(range(300))


def test_a_message_at_its_delivery_limit_survives_a_look(node: Node, vhost: str) -> None:
    source = queue(node, vhost, "from", "quorum", delivery_limit=2)
    fill(node, source, 4)
    with mover(node, vhost) as made:
        for _ in range(2):
            with channel(node, vhost) as opened:
                opened.basic_get("from")
            wait_until(lambda: made.ready(source)[0] == 4)
        heads = made.heads(source, 4, limit=2)
        assert [head.deliveries for head in heads] == [2, 0]
        wait_until(lambda: made.ready(source)[0] == 4)
        made.heads(source, 4, limit=2)
        wait_until(lambda: made.ready(source)[0] == 4)
    put_last = heads[0].put_last
    assert put_last == (node.label in {"3.10", "4.0"})
    assert numbers(node, source) == ([1, 2, 3, 0] if put_last else [0, 1, 2, 3])
    assert not leftovers(node, vhost)


def test_an_alarm_stops_it_and_costs_nothing(label: str) -> None:
    if label != "4.0":
        pytest.skip("one version suffices")
    with start(label) as sandbox:
        node = Node(label, sandbox)
        source, into = queue(node, "/", "from"), queue(node, "/", "to")
        fill(node, source, 3000, 1000)
        _watermark(node, "0.00001")
        with mover(node, "/", timeout=3.0) as made:
            with pytest.raises(Stuck, match="lets nobody publish for 3 seconds: low on memory") as stuck:
                made.move(source, into)
            assert stuck.value.moved == 0
            assert not leftovers(node, "/")
            _watermark(node, "0.6")
            wait_until(lambda: made.ready(source)[0] == 3000)
            assert made.move(source, into).moved == 3000
        assert set(numbers(node, into)) == set(range(3000))


def test_it_moves_over_tls(label: str, tmp_path: Path) -> None:
    if label != "4.3":
        pytest.skip("one version suffices")
    authority = Authority(tmp_path)
    with start(label, authority.server("127.0.0.1")) as sandbox:
        node = Node(label, sandbox)
        source, into = queue(node, "/", "from"), queue(node, "/", "to")
        fill(node, source, 300, 100_000)
        target = Target(amqp=sandbox.amqp_tls_url, tls=Tls(ca_file=str(authority.ca_file)))
        with closing(Mover(target, "/")) as made:
            assert made.move(source, into).moved == 300
        assert numbers(node, into) == list(range(300))


def _watermark(node: Node, fraction: str) -> None:
    host, ports, folder = node.sandbox._host, node.sandbox._ports, node.sandbox.folder
    assert folder is not None
    home = folder / "home"
    ctl = "/usr/lib/rabbitmq/bin/rabbitmqctl"
    command = host.command(home, [ctl, "set_vm_memory_high_watermark", fraction])
    subprocess.run(command, env=host.environment(home, ports), check=True, capture_output=True)
