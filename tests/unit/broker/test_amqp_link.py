"""The channels of a connection whose other end says what no RabbitMQ would, or seldom."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from struct import pack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from amqp import spec

from rabbit_topo.broker.amqp_answers import Closed
from rabbit_topo.broker.amqp_link import Link
from rabbit_topo.broker.amqp_talk import Job, Method, Ok, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.amqp_talk import Talk


def frame(channel: int, number: tuple[int, int], payload: bytes = b"") -> bytes:
    return pack(">BHIHH", 1, channel, 4 + len(payload), *number) + payload + b"\xce"


def closing(number: tuple[int, int], code: int, text: bytes, channel: int = 1) -> bytes:
    return frame(channel, number, pack(">HB", code, len(text)) + text + pack(">HH", 50, 10))


OPENED = frame(1, spec.Channel.OpenOk, bytes(4))
DONE = frame(1, spec.Exchange.DeclareOk)


@contextmanager
def link(channels: int = 2, channel_max: int = 8) -> Iterator[tuple[Link, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5.0)
    with ours, theirs:
        connection = SimpleNamespace(
            transport=SimpleNamespace(sock=ours),
            server_properties={"product": "RabbitMQ"},
            mechanisms=[b"PLAIN"],
            channel_max=channel_max,
            frame_max=4096,
            heartbeat=0,
            collect=ours.close,
        )
        yield Link(connection, 5.0, channels), theirs


def job(number: tuple[int, int] = spec.Exchange.Declare) -> Job[Any]:
    def talk() -> Talk[None]:
        yield Method(number, b"")

    one = Job("it", talk())
    one.method = next(one.talk)
    return one


def test_a_channel_is_opened_with_the_batch_that_uses_it() -> None:
    with link() as (line, peer):
        one = job()
        line.put(one)
        line.flush()
        assert peer.recv(4096) == frame(1, spec.Channel.Open, b"\0") + frame(1, spec.Exchange.Declare)
        peer.sendall(OPENED + DONE)
        line.read()
        assert line.heard == [(one, Ok())]
        line.put(job())
        line.flush()
        assert peer.recv(4096) == frame(1, spec.Exchange.Declare)


def test_a_closed_channel_is_opened_again_with_the_next_batch() -> None:
    with link(channels=1) as (line, peer):
        one = job()
        line.put(one)
        line.flush()
        peer.recv(4096)
        peer.sendall(OPENED + closing(spec.Channel.Close, 404, "NOT_FOUND - ü".encode()))
        line.read()
        assert line.heard == [(one, Refused(404, "NOT_FOUND - ü"))]
        assert line.has_room
        line.put(job())
        line.flush()
        again = frame(1, spec.Channel.CloseOk) + frame(1, spec.Channel.Open, b"\0") + frame(1, spec.Exchange.Declare)
        assert peer.recv(4096) == again


def test_the_broker_says_how_many_channels_there_may_be() -> None:
    with link(channels=16, channel_max=2) as (line, _):
        room = []
        for _ in range(2):
            room.append(line.has_room)
            line.put(job())
        assert (*room, line.has_room, line.in_flight) == (True, True, False, 2)


def test_what_changes_nothing() -> None:
    with link() as (line, peer):
        one = job(spec.Queue.Declare)
        line.put(one)
        peer.sendall(frame(0, spec.Connection.Blocked, b"\x03low") + frame(0, spec.Connection.Unblocked))
        peer.sendall(frame(1, spec.Queue.DeclareOk, b"\1q" + pack(">II", 0, 0)))  # of before the channel was opened
        line.read()
        assert line.heard == []
        peer.sendall(OPENED + frame(1, spec.Queue.DeclareOk, b"\1q" + pack(">II", 7, 2)))
        line.read()
        assert line.heard == [(one, Ok(("q", 7, 2)))]
        assert not line.trouble
        assert line.server.product == "RabbitMQ"


@pytest.mark.parametrize(
    "told",
    [
        OPENED + frame(1, spec.Queue.DeclareOk, b"\1q" + bytes(8)),
        OPENED + DONE + DONE,
        frame(2, spec.Exchange.DeclareOk),
        frame(2, spec.Channel.Close, bytes(7)),
        frame(0, spec.Connection.Start),
    ],
)
def test_an_answer_that_nobody_asked_for(told: bytes) -> None:
    with link() as (line, peer):
        line.put(job())
        peer.sendall(told)
        with pytest.raises(OSError, match="nobody asked for"):
            line.read()


@pytest.mark.parametrize("payload", [b"", b"\7q", b"\2\xff\xff" + bytes(8)])
def test_an_answer_that_cannot_be_read(payload: bytes) -> None:
    with link() as (line, peer):
        line.put(job(spec.Queue.Declare))
        peer.sendall(OPENED + frame(1, spec.Queue.DeclareOk, payload))
        with pytest.raises(OSError, match="no AMQP"):
            line.read()


def test_what_was_answered_before_the_end_is_heard() -> None:
    with link() as (line, peer):
        one, other = job(), job()
        line.put(one)
        line.put(other)
        peer.sendall(OPENED + DONE + closing(spec.Connection.Close, 541, b"INTERNAL_ERROR", channel=0))
        with pytest.raises(Closed, match="INTERNAL_ERROR") as caught:
            line.read()
        assert caught.value.code == 541
        assert line.heard == [(one, Ok())]
        assert line.drop() == [other]


def test_a_connection_that_ended_while_nobody_used_it() -> None:
    with link() as (line, peer):
        peer.sendall(closing(spec.Connection.Close, 320, b"CONNECTION_FORCED", channel=0))
        assert line.trouble
    with link() as (line, peer):
        assert not line.trouble
        peer.close()
        assert line.trouble
