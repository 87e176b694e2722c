"""Taking messages out of a queue: by a consumer, or one by one where a consumer that leaves would delete the queue."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import TYPE_CHECKING, Final, Protocol

from amqp import spec

from rabbit_topo.broker.amqp_answers import declared
from rabbit_topo.broker.amqp_methods import look_for
from rabbit_topo.broker.mover_events import code, short_string

if TYPE_CHECKING:
    from rabbit_topo.broker.mover_events import Event
    from rabbit_topo.broker.mover_frames import Line
    from rabbit_topo.model import Queue

DELIVER: Final = code(spec.Basic.Deliver)
GET_OK: Final = code(spec.Basic.GetOk)
_GET_EMPTY: Final = code(spec.Basic.GetEmpty)
_DECLARE_OK: Final = code(spec.Queue.DeclareOk)
_CONSUME_OK: Final = code(spec.Basic.ConsumeOk)
_CANCEL_OK: Final = code(spec.Basic.CancelOk)
TAG: Final = "rabbit-topo."  # what consumers' tags begin with
_FIRST_PREFETCH: Final = 16  # messages, until their size is known
_GETS: Final = 256  # basic.get under way at once


class Source(Protocol):
    """How messages are taken from a queue. `synced` is how many acknowledgements have arrived for sure."""

    synced: int

    @property
    def done(self) -> bool:
        """Say whether no more will come, and nothing is left to be answered."""

    def begin(self) -> None:
        """Ask for the first ones."""

    def hear(self, event: Event) -> None:
        """Take an answer that is not a consumer's delivery."""

    def taken(self, size: int, acknowledged: int) -> None:
        """Note that a message of `size` bytes was taken."""

    def look(self, acknowledged: int) -> None:
        """Ask how many messages are left, unless that is done already."""


class _Looking:
    """Asks how many messages are ready; the answer comes after all acknowledgements that were sent before."""

    def __init__(self, line: Line, queue: Queue, window: int, most_bytes: int, *, once: bool) -> None:
        self.synced = 0
        self._done = False
        self._line, self._queue, self._window, self._most_bytes, self._once = line, queue, window, most_bytes, once
        self._asked: int | None = None
        self._count = self._size = 0

    @property
    def done(self) -> bool:
        """Say whether no more will come, and nothing is left to be answered."""
        return self._done and self._asked is None

    def look(self, acknowledged: int) -> None:
        """Ask how many messages are left, unless that is done already."""
        if self._asked is None:
            self._asked = acknowledged
            method = look_for(self._queue)
            self._line.put(method.number, method.payload)

    def _left(self, event: Event) -> int:
        """Read queue.declare-ok: how many messages are ready."""
        self.synced, self._asked = self._asked or 0, None
        return declared(event.payload)[1]

    def _fitting(self, most: int) -> int:
        """Say how many messages of this size fit into the bytes that may be under way."""
        return max(1, min(most, self._most_bytes * self._count // max(1, self._size)))


class Consumer(_Looking):
    """A consumer, with as many messages under way as fit into `most_bytes`, at most `window`.

    It begins with few, and is cancelled and begun again where the size of the messages asks for another number; never
    before its consume-ok, as a channel of 3.10 crashes over that.
    """

    def __init__(self, line: Line, queue: Queue, window: int, most_bytes: int, *, once: bool) -> None:
        super().__init__(line, queue, window, most_bytes, once=once)
        self._prefetch = min(_FIRST_PREFETCH, window)
        self._until_look = -1
        self._runs = self._ending = self._unwanted = False
        self._tag = b""

    def begin(self) -> None:
        """Ask for the first ones."""
        self.look(0)
        self._consume()

    def hear(self, event: Event) -> None:
        """Take an answer."""
        if event.number == _DECLARE_OK:
            left = self._left(event)
            if self._until_look < 0 or not self._once:
                self._until_look = max(1, left)
            if left <= 0:
                self._end()
        elif event.number == _CONSUME_OK:
            self._runs = True
        elif event.number == _CANCEL_OK and self._ending:
            self._done = True
        elif event.number == _CANCEL_OK:
            self._consume()
        self._cancel_if_unwanted()

    def taken(self, size: int, acknowledged: int) -> None:
        """Note that a message was taken."""
        self._count += 1
        self._size += size
        self._until_look -= 1
        if self._until_look == 0 and not self._ending:
            if self._once:
                self._end()
            else:
                self.look(acknowledged)
        if self._count >= min(self._prefetch, _FIRST_PREFETCH):
            wanted = self._fitting(self._window)
            if not self._prefetch < 2 * wanted < 4 * self._prefetch:
                self._prefetch = wanted
                self._unwanted = True
                self._cancel_if_unwanted()
            self._count = self._size = 0

    def _end(self) -> None:
        self._ending = self._unwanted = True
        self._cancel_if_unwanted()

    def _consume(self) -> None:
        self._runs, self._unwanted = False, self._ending
        self._line.consumers += 1  # a quorum queue of 3.10 fails where a tag comes again
        self._tag = short_string(f"{TAG}{self._line.consumers}")
        self._line.put(spec.Basic.Qos, pack(">IHB", 0, self._prefetch, 0))
        self._line.put(
            spec.Basic.Consume, pack(">H", 0) + short_string(self._queue.name) + self._tag + b"\0" + b"\0" * 4
        )

    def _cancel_if_unwanted(self) -> None:
        if self._unwanted and self._runs:
            self._runs = self._unwanted = False
            self._line.put(spec.Basic.Cancel, self._tag + b"\0")


class Getter(_Looking):
    """Many basic.get under way at once; there is never a consumer."""

    def __init__(self, line: Line, queue: Queue, window: int, most_bytes: int, *, once: bool) -> None:
        super().__init__(line, queue, window, most_bytes, once=once)
        self._get = pack(">H", 0) + short_string(queue.name) + b"\0"
        self._under_way = 0
        self._there = 0  # messages that none of them will take
        self._seen = False  # how many there are

    def begin(self) -> None:
        """Ask for the first ones."""
        self.look(0)

    def hear(self, event: Event) -> None:
        """Take an answer."""
        if event.number == _DECLARE_OK:
            left = self._left(event)
            if not self._seen or not self._once:
                self._there = left - self._under_way
            self._seen = True
        elif event.number == GET_OK:
            self._under_way -= 1
            [ready] = unpack_from(">I", event.payload, len(event.payload) - 4)
            if not self._once:
                self._there = int(ready) - self._under_way
        elif event.number == _GET_EMPTY:
            self._under_way -= 1
            self._there = 0
        else:
            return
        self._more()

    def taken(self, size: int, acknowledged: int) -> None:  # noqa: ARG002 - a consumer looks again then
        """Note that a message was taken."""
        self._count += 1
        self._size += size

    def _more(self) -> None:
        at_once = self._fitting(min(_GETS, self._window)) if self._count else 1
        for _ in range(min(self._there, at_once - self._under_way)):
            self._line.put(spec.Basic.Get, self._get)
            self._under_way += 1
            self._there -= 1
        self._done = not self._under_way and self._there <= 0
