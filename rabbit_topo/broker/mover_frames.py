"""One line to the broker with one channel on it, that carries messages: read and written without waiting.

What comes is told as events: a method's number, its arguments, and the message that came with it, as the frames in
which it came. Such frames can be sent on as they are, as every line here talks on the same channel.
"""

from __future__ import annotations

import ssl
from collections import deque
from contextlib import suppress
from select import select
from struct import Struct
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from amqp import spec

from rabbit_topo.broker.amqp_answers import Closed, reason
from rabbit_topo.broker.amqp_link import GOODBYE, read_server
from rabbit_topo.broker.amqp_login import goodbye, words
from rabbit_topo.broker.amqp_wire import BEAT, END, FRAME, HEARTBEAT, METHOD, NO_AMQP, OVERHEAD, TICK
from rabbit_topo.broker.mover_events import CHANNEL_CLOSE, CONNECTION_CLOSE, Event, LineLost, code

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from rabbit_topo.broker.amqp_talk import Method

CHANNEL: Final = 1
HEADER_KIND: Final = 2
_BODY_KIND: Final = 3
_CHUNK: Final = 262_144  # bytes read at once
_NUMBER = Struct(">I")
_U64 = Struct(">Q")
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
BRINGS_A_MESSAGE: Final = frozenset(map(code, (spec.Basic.Deliver, spec.Basic.GetOk, spec.Basic.Return)))
_ENDS: Final = frozenset({CONNECTION_CLOSE, code(spec.Connection.CloseOk)})
_BLOCKED, _UNBLOCKED = code(spec.Connection.Blocked), code(spec.Connection.Unblocked)
_NOTHING: Final = bytearray()


class Line:
    """A channel on py-amqp's `connection`, which has logged in and is not used by anybody else.

    `inbox` holds what came and was not looked at yet. Raises OSError when the line fails; a close by the broker is an
    event. `timeout` is how many seconds `call` waits.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        self.server = read_server(connection)
        self.inbox: deque[Event] = deque()
        self.out = bytearray()
        self.blocked = ""  # the broker's reason
        self.blocked_since = 0.0
        self.heard = self._sent = monotonic()
        self.published = 0  # on this channel, in confirm mode
        self.confirms = False
        self.closed = False  # by the broker: the channel or the connection
        self.consumers = 0  # that this channel ever had
        self._connection = connection
        self._timeout = timeout
        self._socket: socket.socket = connection.transport.sock
        self._socket.settimeout(0)
        self._in = bytearray()
        self._open: tuple[int, bytearray, bytearray, int] | None = None  # a message of which not all has come
        self.put(spec.Channel.Open, b"\0")

    def put(self, number: tuple[int, int], payload: bytes, channel: int = CHANNEL) -> None:
        """Add a method to what is sent next."""
        self.out += FRAME.pack(METHOD, channel, 4 + len(payload)) + _NUMBER.pack(code(number)) + payload
        self.out.append(END)

    def call(self, method: Method, answer: tuple[int, int]) -> bytearray:
        """Send a method and return the arguments of its answer. Raises OSError, and `Closed` where it is refused.

        What comes before it stays in the inbox.
        """
        self.put(method.number, method.payload)
        wanted, seen = code(answer), len(self.inbox)
        until = monotonic() + self._timeout
        while True:
            while seen < len(self.inbox):
                event = self.inbox[seen]
                if event.number == wanted:
                    del self.inbox[seen]
                    return event.payload
                if event.number in {CHANNEL_CLOSE, CONNECTION_CLOSE}:
                    raise Closed(*reason(event.payload))
                seen += 1
            if self.closed:
                raise OSError("the broker has closed the channel")
            if monotonic() > until:
                raise OSError(f"no answer for {self._timeout:g} seconds")
            exchange([self], [self])

    def send(self) -> None:
        """Send as much as the line takes now."""
        view = memoryview(self.out)
        gone = 0
        try:
            while gone < len(view):
                gone += self._socket.send(view[gone : gone + _CHUNK])
        except _LATER:
            pass
        finally:
            view.release()
            if gone:
                self._sent = monotonic()
                del self.out[:gone]

    def receive(self) -> None:
        """Read what has come, without waiting."""
        try:
            data = self._socket.recv(_CHUNK)
        except _LATER:
            return
        if not data:
            raise OSError("the connection was closed without a word")
        self.heard = monotonic()
        self._in += data
        self._split()

    def has_more(self) -> bool:
        """Say whether TLS holds bytes that the socket does not show."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def fileno(self) -> int:
        """Return the socket's number, for `select`."""
        return self._socket.fileno()

    def beat(self) -> None:
        """Show a sign of life if one is due, and look for theirs."""
        heartbeat, now = self.server.heartbeat, monotonic()
        if heartbeat and now - self._sent >= heartbeat / 2 and not self.out:
            self.out += BEAT
            self._sent = now

    def is_silent(self) -> bool:
        """Say whether the broker gave no sign of life for twice the heartbeat."""
        return bool(self.server.heartbeat) and monotonic() - self.heard > 2 * self.server.heartbeat

    def is_usable(self) -> bool:
        """Say whether a line that was left alone for a while still stands."""
        try:
            self.receive()
        except OSError:
            return False
        stale = self.server.heartbeat and monotonic() - self.heard > self.server.heartbeat
        return not (stale or self.closed)

    def drop(self) -> None:
        """End it without a word, and without sending what was to be sent next."""
        goodbye(self._connection)

    def close(self) -> None:
        """Say goodbye, and wait a little for the answer: what was not acknowledged is back in its queue then."""
        with suppress(OSError):
            self.inbox.clear()
            self.put(spec.Connection.Close, b"\0\0\0\0\0\0\0", 0)
            until = monotonic() + GOODBYE
            while monotonic() < until and not any(event.number in _ENDS for event in self.inbox):
                self.inbox.clear()
                exchange([self], [self])
        self.drop()

    def _split(self) -> None:
        """Take the whole frames out of what was received."""
        data, at, end = self._in, 0, len(self._in)
        largest = self.server.frame_max or 1 << 32
        while end - at >= OVERHEAD:
            kind, channel, size = FRAME.unpack_from(data, at)
            stop = at + OVERHEAD + size
            if stop > end:
                if size + OVERHEAD > largest or kind not in {METHOD, HEADER_KIND, _BODY_KIND, HEARTBEAT}:
                    raise OSError(f"{NO_AMQP}: {bytes(data[at : at + OVERHEAD])!r}")
                break
            if data[stop - 1] != END:
                raise OSError(f"{NO_AMQP}: a frame ends with {data[stop - 1]:#04x}")
            if kind == METHOD:
                number = _NUMBER.unpack_from(data, at + 7)[0]
                if number in BRINGS_A_MESSAGE:
                    self._open = number, data[at + 11 : stop - 1], bytearray(), -1
                elif channel == 0:
                    self._hear(number, data[at + 11 : stop - 1])
                else:
                    self.closed = self.closed or number == CHANNEL_CLOSE
                    self.inbox.append(Event(number, data[at + 11 : stop - 1], _NOTHING))
            elif kind != HEARTBEAT:
                self._add(kind, data, at, stop)
            at = stop
        del data[:at]

    def _add(self, kind: int, data: bytearray, at: int, stop: int) -> None:
        """Add a frame to the message that is under way."""
        if self._open is None or (kind == HEADER_KIND) != (self._open[3] < 0):
            raise OSError(f"{NO_AMQP}: a part of a message that was not begun")
        number, payload, content, left = self._open
        content += data[at:stop]
        left = _U64.unpack_from(data, at + 11)[0] if kind == HEADER_KIND else left - (stop - at - OVERHEAD)
        if left:
            self._open = number, payload, content, left
        else:
            self._open = None
            self.inbox.append(Event(number, payload, content))

    def _hear(self, number: int, payload: bytearray) -> None:
        """Take a method of the connection."""
        if number == _BLOCKED:
            self.blocked = payload[1:].decode(errors="replace") or "no reason given"
            self.blocked_since = monotonic()
        elif number == _UNBLOCKED:
            self.blocked = ""
        else:
            if number == CONNECTION_CLOSE:
                self.closed = True
                self.put(spec.Connection.CloseOk, b"", 0)
            self.inbox.append(Event(number, payload, _NOTHING))


def exchange(lines: Sequence[Line], listening: Sequence[Line]) -> None:
    """Send on `lines` and read on `listening` what can be, after waiting a little for it.

    Raises OSError, `error.line` is the line that failed.
    """
    for line in lines:
        line.beat()
    ready = [line for line in listening if line.has_more()]
    writing = [line for line in lines if line.out]
    readable, writable, _ = select(listening, writing, [], 0 if ready else TICK / 4)
    at_work = [(line, line.receive) for line in {*ready, *readable}] + [(line, line.send) for line in writable]
    for line, work in at_work:
        try:
            work()
        except OSError as error:
            raise LineLost(line, words(error)) from error
    for line in listening:
        if line.is_silent():
            raise LineLost(line, f"no sign of life for {2 * line.server.heartbeat:g} seconds")
