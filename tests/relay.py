"""A line to a broker that a test may cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType


class Relay:
    """Passes every byte between its own port and the one of `url`, until it is cut.

    With `cut_behind` it cuts itself as soon as a client has said these bytes, and they were passed on; no answer
    comes back. `said` is what
    clients said so far.
    """

    def __init__(self, url: str, cut_behind: bytes | None = None) -> None:
        self._to = ("127.0.0.1", urlsplit(url).port or 0)
        self._cut_behind = cut_behind
        self.said = b""
        self._over = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{urlsplit(url).scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """Close every line, and listen no more."""
        for line in (self._listener, *self._open):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                broker = socket.create_connection(self._to)
                self._open += [client, broker]
                threading.Thread(target=self._pass, args=(client, broker, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(broker, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while data := source.recv(65536):
                last = up and bool(self._cut_behind) and (self._cut_behind or b"") in data
                self._over |= last
                if not up and self._over:
                    continue  # the answer is on its way already, and is not to arrive
                sink.sendall(data)
                if up:
                    self.said += data
                if last:
                    self.cut()
            sink.shutdown(socket.SHUT_WR)
