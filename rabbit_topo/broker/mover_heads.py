"""Looking at the first messages of a queue, and giving them back."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack, unpack_from
from time import monotonic
from typing import TYPE_CHECKING, Final

from amqp import spec

from rabbit_topo.arguments.versions import OLDEST, read_release
from rabbit_topo.broker.amqp_answers import Closed, declared, reason
from rabbit_topo.broker.amqp_methods import look_for
from rabbit_topo.broker.amqp_talk import Method
from rabbit_topo.broker.mover_events import CHANNEL_CLOSE, CONNECTION_CLOSE, Event, code, short_string
from rabbit_topo.broker.mover_frames import exchange
from rabbit_topo.broker.mover_header import DELIVERIES, USER_ID, body_size, integer, short
from rabbit_topo.broker.mover_source import DELIVER, GET_OK, TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.broker.mover_frames import Line
    from rabbit_topo.broker.mover_publish import Publisher
    from rabbit_topo.model import Queue

_NACK_KEEPS_PLACE: Final = (4, 0)  # since this version
_NACK_IS_FREE: Final = (4, 3)  # since this version it counts as no delivery
_ALL_BACK: Final = pack(">QB", 0, 0b11)  # every tag, multiple and requeue
_EMPTY: Final = code(spec.Basic.GetEmpty)
_ANSWERS: Final = frozenset({GET_OK, _EMPTY})
_DELIVERIES: Final = frozenset({DELIVER})
_FEW: Final = 10  # messages, where a look may count
_SECONDS: Final = 2.0  # that a message may take which is ready


@dataclass(frozen=True, slots=True)
class Head:
    """A message that was looked at.

    `deliveries` is how often it was given back before, as far as its queue counts; `size` is its body's, in bytes.
    `put_last` says that it was put at the end of the queue, as the
    queue would have dropped it otherwise.
    """

    user_id: str | None
    deliveries: int
    size: int
    put_last: bool = False


def look_at(
    take: Line, publisher: Callable[[], Publisher], queue: Queue, *, most: int, limit: int | None, patience: float
) -> list[Head]:
    """Take so many messages and tell of them; see `Mover.heads`. Raises OSError and `Closed`."""
    found: list[Head] = []
    back: Publisher | None = None
    free = _release(take) >= _NACK_IS_FREE
    for event in _taken(take, queue, most, limit, patience):
        header = event.content[7 : 7 + int.from_bytes(event.content[3:7], "big")]
        deliveries = integer(header, DELIVERIES)
        last = limit is not None and deliveries >= limit and not free
        if last:
            back = back or publisher()
            _put_last(take, back, event, patience)
        found.append(Head(short(header, USER_ID), deliveries, body_size(header), last))
        if limit is not None and not deliveries:
            break
    return found


def give_back(take: Line) -> None:
    """Give everything back that was taken and not acknowledged, in its order; come back when it is there."""
    if _release(take) >= _NACK_KEEPS_PLACE:
        if take.consumers:
            # the last one, if any; nobody minds if it has left
            take.put(spec.Basic.Cancel, short_string(f"{TAG}{take.consumers}") + b"\0")
        take.put(spec.Basic.Nack, _ALL_BACK)
        take.call(Method(spec.Basic.Qos, pack(">IHB", 0, 0, 0)), spec.Basic.QosOk)
    else:
        take.call(Method(spec.Channel.Close, pack(">HBHH", 200, 0, 0, 0)), spec.Channel.CloseOk)
        take.call(Method(spec.Channel.Open, b"\0"), spec.Channel.OpenOk)
    take.inbox.clear()


def _taken(take: Line, queue: Queue, most: int, limit: int | None, patience: float) -> Iterator[Event]:
    """Take messages one by one, or where the queue wants it, by one consumer.

    To a quorum queue each basic.get is a consumer of its own, and 3.10 gives back the messages of many consumers in
    no order. With a delivery limit few are taken, as each look may count. A single active consumer forbids basic.get.
    """
    single = queue.arguments.get("x-single-active-consumer") is True
    if queue.type == "quorum" and (limit is None or single):
        yield from _consumed(take, queue, most if limit is None else min(most, _FEW), patience)
        return
    get = Method(spec.Basic.Get, b"\0\0" + short_string(queue.name) + b"\0")
    for _ in range(most):
        take.put(get.number, get.payload)
        event = _await(take, _ANSWERS, patience)
        if event.number != GET_OK:
            return
        yield event


def _consumed(take: Line, queue: Queue, most: int, patience: float) -> Iterator[Event]:
    """Take as many messages as are ready by a consumer; `give_back` ends it. Answers look as those of basic.get."""
    _, ready, _ = declared(take.call(look_for(queue), spec.Queue.DeclareOk))
    wanted = min(most, ready)
    if not wanted:
        return
    take.consumers += 1
    take.call(Method(spec.Basic.Qos, pack(">IHB", 0, wanted, 0)), spec.Basic.QosOk)
    consumer = b"\0\0" + short_string(queue.name) + short_string(f"{TAG}{take.consumers}") + b"\0" + b"\0" * 4
    take.call(Method(spec.Basic.Consume, consumer), spec.Basic.ConsumeOk)
    for _ in range(wanted):
        try:
            event = _await(take, _DELIVERIES, min(patience, _SECONDS))
        except TimeoutError:
            return  # somebody else was faster
        yield Event(event.number, event.payload[1 + event.payload[0] :], event.content)


def _await(line: Line, numbers: frozenset[int], patience: float) -> Event:
    """Wait for one of these methods. Raises OSError, and `Closed` where the broker closes instead."""
    until = monotonic() + patience
    while monotonic() < until:
        while line.inbox:
            event = line.inbox.popleft()
            if event.number in numbers:
                return event
            if event.number in {CHANNEL_CLOSE, CONNECTION_CLOSE}:
                raise Closed(*reason(event.payload))
        exchange([line], [line])
    raise TimeoutError(f"no answer for {patience:g} seconds")


_CONFIRMS: Final = frozenset(map(code, (spec.Basic.Ack, spec.Basic.Nack, spec.Basic.Return)))


def _put_last(take: Line, publisher: Publisher, event: Event, patience: float) -> None:
    """Publish a message that was taken to the end of its queue, and acknowledge it once that is confirmed."""
    [tag] = unpack_from(">Q", event.payload)
    at = 9 + 1 + event.payload[9]
    publisher.send(event.payload[at : at + 1 + event.payload[at]], event.content, counters=True)
    answer = _await(publisher.line, _CONFIRMS, patience)
    if answer.number != code(spec.Basic.Ack):
        raise OSError(f"{publisher.name} does not take back a message that it would drop")
    take.put(spec.Basic.Ack, pack(">Q?", tag, 0))


def _release(line: Line) -> tuple[int, int]:
    return read_release(line.server.version) or OLDEST
