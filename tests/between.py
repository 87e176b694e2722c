"""A line to a broker on which a test does something in the middle of what a client says.

    with Between(node.amqp_url, QUEUE_DELETE, b"\x04work", do) as line: ...

`do` is called once, when a method's frame that holds these bytes was passed on, and before anything behind it is.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

QUEUE_DELETE: Final = bytes([0, 50, 0, 40])
QUEUE_BIND: Final = bytes([0, 50, 0, 20])
_HEADER: Final = 7  # bytes of a frame before its method


class Between:
    """Passes every byte between a port of its own and the one of `url`; `did` says whether its moment came."""

    def __init__(self, url: str, method: bytes, holding: bytes, do: Callable[[], object]) -> None:
        self._to = ("127.0.0.1", urlsplit(url).port or 0)
        self._method, self._holding, self._do = method, holding, do
        self.did = False
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"amqp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._serve)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in (self._listener, *self._ends):
            end.close()

    def _start(self, what: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=what, args=given)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                broker = socket.create_connection(self._to)
                self._ends += [client, broker]
                self._start(self._pass, client, broker, True)  # noqa: FBT003
                self._start(self._pass, broker, client, False)  # noqa: FBT003

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while data := source.recv(65536):
                end = self._end_of_frame(data) if up and not self.did else 0
                sink.sendall(data[:end])
                if end:
                    self.did = True
                    self._do()
                sink.sendall(data[end:])
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _end_of_frame(self, data: bytes) -> int:
        """Find where the awaited frame ends; 0 where it is not there."""
        at = data.find(self._method)
        while at >= 0:
            size = int.from_bytes(data[max(0, at - 4) : at], "big")
            if at >= _HEADER and self._holding in data[at : at + size]:
                return at + size + 1
            at = data.find(self._method, at + 1)
        return 0
