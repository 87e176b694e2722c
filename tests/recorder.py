"""An AMQP line that notes when something was written over it, and when the broker had answered all of it.

with Recorder(node.amqp_url) as line: ...      # then `line.span` is the first write and the last answer
"""

from __future__ import annotations

from collections import defaultdict
from struct import unpack_from
from time import monotonic
from typing import TYPE_CHECKING

from tests.proxy import Proxy

if TYPE_CHECKING:
    import socket

    from tests.proxy import Way

_HEADER = 8  # bytes: the protocol header, and a frame around its payload
_EXCHANGE, _QUEUE = 40, 50
LOCK = b"rabbit-topo.lock"


class Recorder(Proxy):
    """A proxy that reads along: methods of the classes exchange and queue, apart from those about the lock."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.writes: list[float] = []  # when each was about to be passed on to the broker
        self.answers: list[float] = []
        self.tries = 0  # at the lock
        self._read: defaultdict[tuple[socket.socket, Way], bytearray] = defaultdict(bytearray)
        self._locking: set[int] = set()  # channels whose next answer is about the lock

    @property
    def span(self) -> tuple[float, float]:
        """When the first write went to the broker, and when its last answer was here: times of `time.monotonic`."""
        return self.writes[0], self.answers[-1]

    def watch(self, client: socket.socket, way: Way, data: bytes) -> None:
        received = self._read[client, way]
        received += data
        while len(received) >= _HEADER:
            if received.startswith(b"AMQP"):
                del received[:_HEADER]
                continue
            kind, channel, size = unpack_from(">BHI", received)
            if len(received) < size + _HEADER:
                return
            if kind == 1:
                self._note(way, channel, bytes(received[7 : 7 + size]))
            del received[: size + _HEADER]

    def _note(self, way: Way, channel: int, method: bytes) -> None:
        (number,) = unpack_from(">H", method)
        if number not in {_EXCHANGE, _QUEUE}:
            return
        if way == "up" and LOCK in method:
            self.tries += 1
            self._locking.add(channel)
        elif way == "up":
            self._locking.discard(channel)
            self.writes.append(monotonic())
        elif channel in self._locking:
            self._locking.discard(channel)
        else:
            self.answers.append(monotonic())
