"""A TCP line between a client and a broker that breaks where a test wants it to.

    with Proxy(node.amqp_url) as line: ...             # `line.url` leads to the broker, `line.passed` counts bytes
    with Proxy(url, Fault("reset", "down", 812)) as line: ...

A fault strikes when so many bytes have passed in that direction, counted over all connections; later ones work, unless
it is to strike again after as many bytes more, or leaves nobody there.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

How: TypeAlias = Literal["reset", "close", "stall"]
Way: TypeAlias = Literal["up", "down"]

_CHUNK = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a connection after byte `at`, counted from 0, on the way `up` to the broker or `down` from it.

    `reset` and `close` end it on both sides, `stall` lets nothing through any more and keeps it open. It strikes so
    many `times`; `gone` refuses every connection after it.
    """

    how: How
    way: Way
    at: int
    times: int = 1
    gone: bool = False


class Proxy:
    """A listener on loopback that passes everything on to the host and port of `url`."""

    def __init__(self, url: str, fault: Fault | None = None) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.fault = fault
        self.strikes = 0
        self.passed: dict[Way, int] = {"up": 0, "down": 0}
        self._counted_from = 0
        self.connections = 0
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._pairs: dict[socket.socket, tuple[socket.socket, Way]] = {}
        self._stalled: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.send(b"x")
        self._thread.join()
        self._selector.close()
        for each in (*self._pairs, *self._stalled, self._listener, self._wake, self._woken):
            each.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                    self._pass_on(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self.connections += 1
        try:
            if self.fault and self.fault.gone and self.strikes:
                raise ConnectionRefusedError
            server = socket.create_connection(self._server)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            client.close()
            return
        ends: tuple[tuple[socket.socket, socket.socket, Way], ...] = (
            (client, server, "up"),
            (server, client, "down"),
        )
        for source, sink, way in ends:
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[source] = sink, way
            self._selector.register(source, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        sink, way = self._pairs[source]
        try:
            data = source.recv(_CHUNK)
            if not data:
                self._end(source, "close")
                return
            fault = self.fault
            left = self._counted_from + fault.at - self.passed[way] if fault else 0
            if fault and self.strikes < fault.times and fault.way == way and len(data) > left:
                self.strikes += 1
                self.passed[way] += left
                self._counted_from = self.passed[way]
                sink.sendall(data[:left])
                self._end(source, fault.how)
            else:
                self.passed[way] += len(data)
                self.watch(source if way == "up" else sink, way, data)
                sink.sendall(data)
        except OSError:
            self._end(source, "reset")

    def watch(self, client: socket.socket, way: Way, data: bytes) -> None:
        """Look at what is about to be passed on; for those who inherit."""

    def _end(self, source: socket.socket, how: How) -> None:
        if source not in self._pairs:
            return
        sink, _ = self._pairs[source]
        for each in (source, sink):
            del self._pairs[each]
            self._selector.unregister(each)
            if how == "stall":
                self._stalled.append(each)
                continue
            if how == "reset":
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            each.close()
