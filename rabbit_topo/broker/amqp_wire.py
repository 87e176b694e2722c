"""Frames of AMQP 0-9-1 on an open connection: written in batches, read as they come, heartbeats in between."""

from __future__ import annotations

from contextlib import suppress
from select import select
from socket import SHUT_RDWR
from struct import Struct
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import socket

Number: TypeAlias = tuple[int, int]
Frame: TypeAlias = tuple[int, Number, bytes]  # channel, method, arguments

METHOD, CONTENT, HEARTBEAT = 1, frozenset({2, 3}), 8
END = 0xCE
OVERHEAD = 8  # bytes of a frame around its payload
CHUNK = 65_536  # bytes
TICK = 1.0  # seconds between two looks at the heartbeat

FRAME = Struct(">BHI")  # kind, channel, size
BEAT = FRAME.pack(HEARTBEAT, 0, 0) + bytes([END])
NO_AMQP = "what it sent is no AMQP"

_METHOD = Struct(">BHIHH")
_NUMBER = Struct(">HH")


class Wire:
    """What goes over the socket of py-amqp's `connection`, which has logged in and is not used by anybody else.

    One thread talks; another may call `beat`, and nothing else.

    Every failure of the line is an OSError that says what happened: cut, silent for longer than `timeout` seconds, or
    not AMQP.
    """

    def __init__(self, connection: Any, timeout: float) -> None:
        self._socket: socket.socket = connection.transport.sock
        self._timeout = timeout
        self._frame_max: int = connection.frame_max
        self._heartbeat: float = connection.heartbeat or 0
        self._socket.settimeout(min(TICK, timeout, self._heartbeat / 2 or TICK))
        self._in = bytearray()
        self._out = bytearray()
        self._sent = self._heard = monotonic()
        self._in_use = Lock()  # whoever has it has the socket

    @property
    def idle(self) -> float:
        """How many seconds ago the peer last said anything."""
        return monotonic() - self._heard

    def put(self, channel: int, number: Number, payload: bytes) -> None:
        """Add a method to the next batch."""
        self._out += _METHOD.pack(METHOD, channel, 4 + len(payload), *number)
        self._out += payload
        self._out.append(END)

    def flush(self) -> None:
        """Send the batch."""
        with self._in_use:
            self._flush()

    def _flush(self) -> None:
        if self._out:
            out, self._out = memoryview(self._out), bytearray()
            since = monotonic()
            while out:
                try:
                    out = out[self._socket.send(out) :]
                    self._sent = since = monotonic()
                except TimeoutError:
                    if monotonic() - since > self._timeout:
                        raise OSError(f"nothing was taken for {self._timeout:g} seconds") from None

    def read(self, patience: float | None = None) -> list[Frame]:
        """Wait for methods, at least one, `patience` seconds where it is given."""
        patience = self._timeout if patience is None else patience
        since = monotonic()
        with self._in_use:
            while True:
                frames = self._receive()
                if frames:
                    return frames
                self._beat()
                if monotonic() - since > patience:
                    raise OSError(f"no answer for {patience:g} seconds")

    def glance(self) -> list[Frame]:
        """Read what has come meanwhile, without waiting."""
        with self._in_use:
            return self._split() or (self._receive() if select([self._socket], [], [], 0)[0] else [])

    def beat(self) -> None:
        """Show a sign of life if one is due, and take in the peer's, unless the thread that talks is at it.

        What fails, that thread will notice.
        """
        if self._heartbeat and self._in_use.acquire(blocking=False):
            try:
                if select([self._socket], [], [], 0)[0] and (data := self._socket.recv(CHUNK)):
                    self._heard = monotonic()
                    self._in += data
                if monotonic() - self._sent >= self._heartbeat / 2:
                    self._sent = monotonic()
                    self._socket.sendall(BEAT)
            except (OSError, ValueError):  # a closed socket is no number for select
                with suppress(OSError):
                    self._socket.shutdown(SHUT_RDWR)  # half a frame may be out
            finally:
                self._in_use.release()

    def _receive(self) -> list[Frame]:
        if frames := self._split():
            return frames
        try:
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            return []
        if not data:
            raise OSError("the connection was closed without a word")
        self._heard = monotonic()
        self._in += data
        return self._split()

    def _split(self) -> list[Frame]:
        """Take the whole frames out of what was received."""
        received, at, frames = self._in, 0, []
        while len(received) - at >= OVERHEAD:
            kind, channel, size = FRAME.unpack_from(received, at)
            if kind in CONTENT:
                raise OSError("it sent a message, and nobody asked for one")
            if kind not in {METHOD, HEARTBEAT} or size + OVERHEAD > self._frame_max or (kind == METHOD and size < 4):  # noqa: PLR2004 - a method's number
                raise OSError(f"{NO_AMQP}: {bytes(received[at : at + OVERHEAD])!r}")
            end = at + OVERHEAD - 1 + size
            if end >= len(received):
                break
            if received[end] != END:
                raise OSError(f"{NO_AMQP}: a frame ends with {received[end]:#04x}")
            if kind == METHOD:
                frames.append((channel, _NUMBER.unpack_from(received, at + 7), bytes(received[at + 11 : end])))
            at = end + 1
        del received[:at]
        return frames

    def _beat(self) -> None:
        now = monotonic()
        if not self._heartbeat:
            return
        if now - self._heard > 2 * self._heartbeat:
            raise OSError(f"no sign of life for {2 * self._heartbeat:g} seconds")
        if now - self._sent >= self._heartbeat / 2:
            self._out += BEAT
            self._flush()
