"""Who is said to hold a lock, and the sign of life that another thread gives."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.amqp_wire import Wire
from rabbit_topo.broker.lock_holder import Holder, still_held
from rabbit_topo.model import MARK, Kind, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

BEAT = b"\x08\0\0\0\0\0\0\xce"
MORE = {"user": "deploy", "host": "ci-7", "process": 4711, "since": "2026-03-02T10:15:04Z"}
OURS = {"arguments": {MARK: Mark("lock", Kind.VHOST, "shop", MORE).text}, "state": "running", "node": "rabbit@one"}


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (OURS, "held by user 'deploy' on host 'ci-7' (process 4711) since 2026-03-02T10:15:04Z after 5 seconds"),
        (
            {"arguments": {MARK: Mark("lock", Kind.VHOST, "shop", {**MORE, "user": ""}).text}},
            "held by the user of a client certificate on host 'ci-7'",
        ),
        ({**OURS, "state": "down"}, "since 2026-03-02T10:15:04Z, whose node 'rabbit@one' is down after"),
        ({"arguments": [], "owner_pid_details": []}, "held by another connection, which is no apply of rabbit-topo"),
        ({"owner_pid_details": {"name": "a -> b"}}, "held by connection 'a -> b', which is no apply of rabbit-topo"),
        (
            {"arguments": {MARK: Mark("migrate", Kind.QUEUE, "q").text}},
            "held by another connection, which is no apply of rabbit-topo",
        ),
    ],
)
def test_the_holder_is_named(item: dict[str, object], says: str) -> None:
    assert says in still_held("shop", Holder.read(item), 5.0, "4.3.6").message


@pytest.mark.parametrize(("version", "kept"), [("3.10.8", False), ("4.0.5", True), ("4.3.6", True), ("", False)])
def test_a_dead_node_is_thought_of_where_it_keeps_the_lock(version: str, kept: object) -> None:
    assert ("forget_cluster_node" in still_held("shop", None, 0.0, version).hint) == kept


@contextmanager
def wire(heartbeat: float) -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5.0)
    with ours, theirs:
        yield (
            Wire(SimpleNamespace(transport=SimpleNamespace(sock=ours), frame_max=4096, heartbeat=heartbeat), 5.0),
            theirs,
        )


def test_a_beat_is_given_when_one_is_due() -> None:
    with wire(1e-9) as (line, peer):
        line.beat()
        assert peer.recv(100) == BEAT
    with wire(1000) as (line, peer):
        line.beat()
        line.put(0, (10, 51), b"")
        line.flush()
        assert peer.recv(100)[:1] != BEAT[:1]
    with wire(0) as (line, peer):
        line.beat()
        line.put(0, (10, 51), b"")
        line.flush()
        assert peer.recv(100)[:1] != BEAT[:1]


def test_nobody_beats_into_a_read() -> None:
    """The thread that reads has the socket, and beats itself; the other one does not wait for it."""
    with wire(1000) as (line, peer):
        reader = threading.Thread(target=line.read)
        reader.start()
        while not line._in_use.locked():
            pass
        line.beat()
        peer.sendall(b"\x01\0\0\0\0\0\x04\0\x0a\0\x33\xce")
        reader.join(5.0)
        assert not reader.is_alive()


def test_what_comes_between_is_kept_for_whoever_reads() -> None:
    closing = b"\x01\0\0\0\0\0\x04\0\x0a\0\x32\xce"
    for look in (Wire.glance, Wire.read):
        with wire(1000) as (line, peer):
            peer.sendall(BEAT + closing + closing[:5])
            line.beat()
            assert look(line) == [(0, (10, 50), b"")]
            peer.sendall(closing[5:])
            assert line.read() == [(0, (10, 50), b"")]
    with wire(1000) as (line, peer):
        peer.close()
        line.beat()
        with pytest.raises(OSError, match="closed without a word"):
            line.glance()


def test_a_beat_that_fails_ends_the_line() -> None:
    with wire(1e-9) as (line, peer):
        peer.close()
        line.beat()
        line.beat()
        with pytest.raises(OSError, match=r"closed|broken|reset|shut"):
            line.read()
