"""Frames as they come over a real socket: in pieces, broken, late, or not at all."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from struct import pack
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.amqp_wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

BEAT = b"\x08\0\0\0\0\0\0\xce"
DECLARE_OK = (50, 11)


@contextmanager
def wire(timeout: float = 5.0, heartbeat: float = 0.0, frame_max: int = 4096) -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5.0)
    with ours, theirs:
        connection = SimpleNamespace(transport=SimpleNamespace(sock=ours), frame_max=frame_max, heartbeat=heartbeat)
        yield Wire(connection, timeout), theirs


def frame(channel: int, number: tuple[int, int], payload: bytes = b"", kind: int = 1, end: int = 0xCE) -> bytes:
    return pack(">BHIHH", kind, channel, 4 + len(payload), *number) + payload + bytes([end])


def test_a_batch_is_what_was_put() -> None:
    with wire() as (line, peer):
        line.put(1, (20, 10), b"\0")
        line.put(2, DECLARE_OK, b"abc")
        line.flush()
        line.flush()
        assert peer.recv(4096) == frame(1, (20, 10), b"\0") + frame(2, DECLARE_OK, b"abc")


@pytest.mark.parametrize("size", [1, 2, 7, 8, 11, 12, 1000])
def test_frames_that_come_in_pieces(size: int) -> None:
    told = BEAT + frame(3, DECLARE_OK, b"abc") + frame(70, (20, 11)) + BEAT + frame(3, (40, 11), b"\xce" * 9)
    heard = []
    with wire() as (line, peer):
        for at in range(0, len(told), size):
            peer.sendall(told[at : at + size])
            heard += line.glance()
    assert heard == [(3, DECLARE_OK, b"abc"), (70, (20, 11), b""), (3, (40, 11), b"\xce" * 9)]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no AMQP: b'HTTP/1.1'"),
        (b"AMQP\0\0\x09\x01", "no AMQP"),
        (b"\0" * 8, "no AMQP"),
        (frame(1, DECLARE_OK, end=0xCD), "a frame ends with 0xcd"),
        (pack(">BHIHHB", 1, 1, 4090, 50, 11, 0xCE), "no AMQP"),
        (pack(">BHIHB", 1, 1, 2, 50, 0xCE), "no AMQP"),
        (frame(1, (0, 0), kind=2), "a message"),
        (b"", "closed without a word"),
        (frame(1, DECLARE_OK)[:-1], "closed without a word"),
    ],
)
def test_what_is_no_answer(told: bytes, says: str) -> None:
    with wire() as (line, peer):
        peer.sendall(told)
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match=says):
            line.read()


def test_a_peer_that_says_nothing() -> None:
    with wire(timeout=0.05) as (line, _), pytest.raises(OSError, match=r"no answer for 0\.05 seconds"):
        line.read()


def test_heartbeats_alone_are_no_answer() -> None:
    with wire(timeout=0.05) as (line, peer):
        peer.sendall(BEAT)
        with pytest.raises(OSError, match="no answer"):
            line.read()


def test_a_peer_that_takes_nothing() -> None:
    with wire(timeout=0.05) as (line, _):
        line.put(1, DECLARE_OK, bytes(10_000_000))
        with pytest.raises(OSError, match="nothing was taken"):
            line.flush()


def test_our_heart_beats_while_we_wait() -> None:
    with wire(timeout=0.3, heartbeat=0.2) as (line, peer):
        with pytest.raises(OSError, match="no answer"):
            line.read(0.25)
        assert peer.recv(4096).startswith(BEAT)


def test_a_heart_that_stopped() -> None:
    with wire(timeout=60.0, heartbeat=0.02) as (line, _), pytest.raises(OSError, match="no sign of life"):
        line.read()
