"""Real publishers and consumers of numbered messages, and a tally of what became of each.

    topology.lay(...)                                  # exchanges of every type, and a queue bound to all of them
    with Publisher(node, vhost, topology.routes) as busy: ...   # a thread; `busy.confirmed` is what must arrive
    tally = drain(node, vhost, "work")                 # reads the queue out, and compares message by message

A message is a function of its number: its routing key, headers, properties and body can be told from its `message_id`,
so that whoever reads it knows what it was. All of it is bounded in messages and seconds, and stops by itself.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import amqp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from tests.brokers import Node

BODY: Final = 1024
WINDOW: Final = 200  # messages sent and not yet confirmed
# What the tool itself, and the broker, may add to headers: counters, never copied
COUNTERS: Final = frozenset({"x-delivery-count", "x-acquired-count"})
PROPERTIES: Final = (
    *("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration"),
    *("message_id", "timestamp", "type", "user_id", "app_id"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """An exchange, the routing keys that lead from there to the queue, and the headers that are needed beside."""

    exchange: str
    keys: tuple[str, ...]
    headers: Mapping[str, Any] = field(default_factory=dict)


def message(number: int, routes: Sequence[Route]) -> tuple[Route, str, amqp.Message]:
    """Make the message of this number: where it is sent, under which routing key, and what."""
    route = routes[number % len(routes)]
    key = route.keys[number // len(routes) % len(route.keys)]
    headers: dict[str, Any] = {
        **route.headers,
        "number": number,
        "big": 2**40 + number,
        "ratio": number / 8,
        "exact": Decimal(number) / 100,
        "on": number % 2 == 0,
        "nothing": None,
        "when": datetime.fromtimestamp(1_700_000_000 + number, UTC).replace(tzinfo=None),
        "text": f"Grüße {number}",
        "nested": {"list": [number, "two", {"three": [3, None, True]}], "empty": {}, "none": []},
    }
    properties: dict[str, Any] = {"message_id": str(number), "delivery_mode": 2, "application_headers": headers}
    if number % 2:
        properties |= {"content_type": "application/json", "content_encoding": "utf-8", "priority": number % 10}
    if number % 3:
        properties |= {"correlation_id": f"c-{number}", "reply_to": f"answers.{number % 7}", "type": "order"}
    if number % 5:
        properties |= {"app_id": "shop", "timestamp": 1_600_000_000 + number}
    if number % 7 == 0:
        properties |= {"expiration": "86400000"}
    if number % 11 == 0:
        properties |= {"user_id": "guest"}
    body = (f"{number:012}-".encode() * (BODY // 13 + 1))[:BODY]
    return route, key, amqp.Message(body, **properties)


def _seen(one: amqp.Message) -> dict[str, Any]:
    """What a message carries, in a form that shows classes: True is not 1."""
    headers = {name: value for name, value in (one.headers or {}).items() if name not in COUNTERS}
    named = {name: _plain(one.properties[name]) for name in PROPERTIES if name in one.properties}
    body = one.body.encode() if isinstance(one.body, str) else bytes(one.body)
    return named | {"headers": _plain(headers), "body": body}


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(item) for name, item in sorted(value.items())}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return "datetime", value.replace(tzinfo=None)
        case Decimal():
            return "Decimal", value.normalize()
        case _:
            return type(value).__name__, value


@contextmanager
def connected(node: Node, vhost: str, user: str = "guest") -> Iterator[Any]:
    """A connection whose reads and writes end: a broker that blocks publishers hangs nobody."""
    where = urlsplit(node.amqp_url)
    connection = amqp.Connection(
        f"{where.hostname}:{where.port}",
        user,
        user,
        virtual_host=vhost,
        connect_timeout=10,
        read_timeout=20,
        write_timeout=20,
    )
    connection.connect()
    try:
        yield connection
    finally:
        with suppress(amqp.AMQPError, OSError):
            connection.close()


class Publisher:
    """A thread that sends numbered messages with `mandatory` and waits for confirms, and connects again where it must.

    It ends after `count` messages, after `seconds`, or when told to. `confirmed` holds the numbers that the broker took
    over, `returned` those it found no queue for, `unknown` those that it refused or never answered.
    """

    def __init__(
        self,
        node: Node,
        vhost: str,
        routes: Sequence[Route],
        *,
        count: int = 1_000_000,
        first: int = 0,
        seconds: float = 120.0,
        rate: float = 0.0,
    ) -> None:
        self._node, self._vhost, self._routes = node, vhost, tuple(routes)
        self._numbers = iter(range(first, first + count))
        self._deadline = time.monotonic() + seconds
        self._pause = 1 / rate if rate else 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher")
        self._waiting: dict[int, int] = {}
        self.confirmed: set[int] = set()
        self.returned: set[int] = set()
        self.unknown: set[int] = set()
        self.connections = 0
        self._well = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, wait for the last confirms."""
        self._ended.set()
        self.wait()

    def wait(self) -> None:
        """Wait until all is sent and answered."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()) + 60)
        assert not self._thread.is_alive(), "the publisher hangs"
        assert self._well, "the publisher broke: its traceback is above"

    def _over(self) -> bool:
        return self._ended.is_set() or time.monotonic() > self._deadline

    def _run(self) -> None:
        while True:
            try:
                with connected(self._node, self._vhost) as connection:
                    self.connections += 1
                    self._send(connection)
                    break
            except (amqp.AMQPError, OSError):
                self.unknown |= set(self._waiting.values())
                self._waiting.clear()
                if self._over():
                    break
                time.sleep(0.05)
        self._well = True

    def _send(self, connection: Any) -> None:
        channel = connection.channel()
        channel.confirm_select()
        tags = iter(range(1, 10**9))
        gone: set[int] = set()
        channel.events["basic_return"].add(lambda _e, _x, _k, back: gone.add(int(back.properties["message_id"])))
        channel.events["basic_ack"].add(partial(self._answered, gone))
        channel.events["basic_nack"].add(self._refused)
        while not self._over() and (number := next(self._numbers, None)) is not None:
            route, key, one = message(number, self._routes)
            self._waiting[next(tags)] = number
            channel.basic_publish(one, route.exchange, key, mandatory=True)
            if self._pause:
                time.sleep(self._pause)
            while len(self._waiting) >= WINDOW:
                connection.drain_events(timeout=20)
            if number % 50 == 0 or self._pause:
                with suppress(TimeoutError, BlockingIOError):
                    connection.drain_events(timeout=0)
        while self._waiting:
            connection.drain_events(timeout=20)

    def _answered(self, gone: set[int], tag: int, multiple: bool) -> None:  # noqa: FBT001
        for each in self._up_to(tag, multiple):
            number = self._waiting.pop(each)
            (self.returned if number in gone else self.confirmed).add(number)

    def _refused(self, tag: int, multiple: bool) -> None:  # noqa: FBT001
        for each in self._up_to(tag, multiple):
            self.unknown.add(self._waiting.pop(each))

    def _up_to(self, tag: int, multiple: bool) -> list[int]:  # noqa: FBT001
        return [each for each in self._waiting if each <= tag] if multiple else [tag]


@dataclass
class Tally:
    """How often each number came, and what differed from what was sent."""

    routes: Sequence[Route]
    came: Counter[int] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    redelivered: int = 0

    def take(self, one: amqp.Message) -> None:
        """Count a message, and compare it with what was sent under its number."""
        number = int(one.properties["message_id"])
        self.came[number] += 1
        self.order.append(number)
        self.redelivered += bool(one.delivery_info["redelivered"])
        _, key, sent = message(number, self.routes)
        was, now = _seen(sent), _seen(one)
        if one.delivery_info["routing_key"] != key:
            self.changed.append(f"{number}: routing key {key!r} became {one.delivery_info['routing_key']!r}")
        if was != now:
            names = [name for name in was.keys() | now.keys() if was.get(name) != now.get(name)]
            self.changed += [f"{number}: {name} {was.get(name)!r} became {now.get(name)!r}" for name in sorted(names)]

    def lost(self, sent: Iterable[int]) -> list[int]:
        """Which of these never came."""
        return sorted(set(sent) - self.came.keys())

    @property
    def twice(self) -> int:
        """How many messages came that had come before."""
        return sum(self.came.values()) - len(self.came)


def drain(node: Node, vhost: str, queue: str, routes: Sequence[Route], seconds: float = 120.0) -> Tally:
    """Take every message out of a queue, and compare each with what was sent. An auto-delete queue is gone then."""
    tally, deadline = Tally(routes), time.monotonic() + seconds
    with connected(node, vhost) as connection:
        channel = connection.channel()
        while time.monotonic() < deadline:
            try:
                ready = channel.queue_declare(queue, passive=True).message_count
            except amqp.NotFound:
                assert tally.came
                return tally
            if not ready and (one := channel.basic_get(queue, no_ack=True)) is None:
                return tally
            if not ready:
                tally.take(one)
                continue
            wanted = sum(tally.came.values()) + ready
            channel.basic_qos(0, 1000, a_global=False)
            tag = channel.basic_consume(queue, callback=partial(_acknowledge, tally, channel))
            while sum(tally.came.values()) < wanted and time.monotonic() < deadline:
                with suppress(TimeoutError):
                    connection.drain_events(timeout=2)
            channel.basic_cancel(tag)
            channel.close()
            channel = connection.channel()
    raise AssertionError(f"{queue} was not empty after {seconds:g} s; {sum(tally.came.values())} came")


def _acknowledge(tally: Tally, channel: Any, one: amqp.Message) -> None:
    tally.take(one)
    channel.basic_ack(one.delivery_tag)


class Consumer:
    """A thread that consumes and acknowledges, until it is told to leave or `seconds` are over."""

    def __init__(
        self, node: Node, vhost: str, queue: str, routes: Sequence[Route], *, seconds: float = 60.0, prefetch: int = 10
    ) -> None:
        self._node, self._vhost, self._queue = node, vhost, queue
        self._deadline = time.monotonic() + seconds
        self._prefetch = prefetch
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consumer")
        self.tally = Tally(routes)
        self.there = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.there.wait(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Consume no more; what was not acknowledged goes back."""
        self._told.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the consumer hangs"

    def _run(self) -> None:
        with suppress(amqp.AMQPError, OSError), connected(self._node, self._vhost) as connection:
            channel = connection.channel()
            channel.basic_qos(0, self._prefetch, a_global=False)
            channel.basic_consume(self._queue, callback=partial(_acknowledge, self.tally, channel))
            self.there.set()
            while not self._told.is_set() and time.monotonic() < self._deadline:
                with suppress(TimeoutError):
                    connection.drain_events(timeout=0.1)
