"""Messages that no count shows, queues that are not listed, lines that break at the wrong moment: nothing is lost."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import amqp
import pytest

from rabbit_topo import Consent, apply, connect, diff, load, make_plan
from tests.integration.test_drift import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rabbit_topo.plan import Outcome
    from tests.brokers import Node


@contextmanager
def channel(node: Node, vhost: str) -> Iterator[Any]:
    where = urlsplit(node.amqp_url)
    connection = amqp.Connection(f"{where.hostname}:{where.port}", "guest", "guest", virtual_host=vhost)
    connection.connect()
    try:
        yield connection.channel()
    finally:
        connection.close()


def publish(open_channel: Any, queue: str, count: int = 3) -> None:
    for number in range(count):
        open_channel.basic_publish_confirm(amqp.Message(str(number), delivery_mode=2), routing_key=queue)


def _words(node: Node, vhost: str, tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "shop.yaml"
    file.write_text(f"version: 1\n{text}\n")
    return [str(file), "--vhost", vhost, "--broker", node.broker_url, "--amqp", node.amqp_url]


def _messages(node: Node, vhost: str, queue: str) -> int:
    with channel(node, vhost) as open_channel:
        return int(open_channel.queue_declare(queue, passive=True).message_count)


def test_an_unacknowledged_message_keeps_its_queue(node: Node, vhost: str, tmp_path: Path) -> None:
    words = _words(node, vhost, tmp_path, 'owns: ["stray.*"]')
    with channel(node, vhost) as holder:
        for queue_type in ("classic", "quorum"):
            name = f"stray.{queue_type}"
            holder.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": queue_type})
            publish(holder, name, 1)
            assert holder.basic_get(name) is not None
        code, out = command("apply", "--yes", "--prune", *words)
        assert code in (5, 6), out
    assert {queue["name"] for queue in node.http("GET", "queues", vhost)} == {"stray.classic", "stray.quorum"}


def test_messages_on_their_way_to_a_dead_letter_exchange_keep_their_queue(
    node: Node, vhost: str, tmp_path: Path
) -> None:
    words = _words(node, vhost, tmp_path, 'owns: ["stray.*"]')
    with channel(node, vhost) as open_channel:
        open_channel.exchange_declare("nowhere", "fanout", durable=True, auto_delete=False)
        options = {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "nowhere",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        open_channel.queue_declare("stray.q", durable=True, auto_delete=False, arguments=options)
        publish(open_channel, "stray.q")
        for _ in range(3):
            open_channel.basic_reject(open_channel.basic_get("stray.q").delivery_tag, requeue=False)
    code, out = command("apply", "--yes", "--prune", *words)
    assert (code, "at-least-once" in out) == (5, True), out
    assert [queue["name"] for queue in node.http("GET", "queues", vhost)] == ["stray.q"]


def test_a_stream_is_never_deleted(node: Node, vhost: str, tmp_path: Path) -> None:
    words = _words(node, vhost, tmp_path, 'owns: ["stray.*"]')
    node.http("PUT", "queues", vhost, "stray.s", body={"durable": True, "arguments": {"x-queue-type": "stream"}})
    code, out = command("apply", "--yes", "--prune", *words)
    assert (code, "stream" in out) == (5, True), out
    assert [queue["name"] for queue in node.http("GET", "queues", vhost)] == ["stray.s"]


def test_a_policy_does_not_reach_queues_of_connections(node: Node, vhost: str, tmp_path: Path) -> None:
    policy = "{pattern: '.*', apply_to: queues, definition: {max_length: 1}}"
    words = _words(
        node, vhost, tmp_path, f"queues: {{ours: {{type: classic, direct: true}}}}\npolicies: {{p: {policy}}}"
    )
    with channel(node, vhost) as owner:
        owner.queue_declare("theirs", exclusive=True)
        named = owner.queue_declare("", durable=True, exclusive=False, auto_delete=False).queue
        publish(owner, "theirs", 5)
        publish(owner, named, 5)
        code, out = command("apply", "--yes", *words)
        assert (code, "not ours" in out, "theirs" in out) == (5, True, True), out
        assert _messages(node, vhost, named) == 5
        assert node.http("GET", "policies", vhost) == []


class Cutter:
    """A line to a broker that breaks when it sees a queue deleted, and puts a message into that queue first."""

    DELETE = bytes([0, 50, 0, 40])  # class queue, method delete
    SCHEME = "amqp"

    def __init__(self, node: Node, vhost: str, queue: str) -> None:
        self.node, self.vhost, self.queue = node, vhost, queue
        self.cut = 0
        where = urlsplit(node.amqp_url if self.SCHEME == "amqp" else node.broker_url)
        self.to = (where.hostname or "", where.port or 0)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"{self.SCHEME}://guest:guest@127.0.0.1:{self.server.getsockname()[1]}"
        self.ends: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self._start(self._serve)

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for end in (self.server, *self.ends):
            end.close()

    def _start(self, what: Callable[..., None], *with_: object) -> None:
        thread = threading.Thread(target=what, args=with_)
        self.threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self.server.accept()
                outside = socket.create_connection(self.to)
                self.ends += [inside, outside]
                dead = threading.Event()
                self._start(self._pump, inside, outside, self.DELETE, dead)
                self._start(self._pump, outside, inside, None, dead)

    def meanwhile(self, _broker: socket.socket, _data: bytes) -> None:
        """Do what others do before the line breaks."""
        with channel(self.node, self.vhost) as late:
            publish(late, self.queue, 1)

    def _pump(self, one: socket.socket, other: socket.socket, watched: bytes | None, dead: threading.Event) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if dead.is_set():
                    continue  # nobody hears it
                if watched and watched in data and not self.cut:
                    self.cut += 1
                    dead.set()
                    self.meanwhile(other, data)
                    break
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_deletion_that_was_lost_is_not_repeated(node: Node, vhost: str, tmp_path: Path, queue_type: str) -> None:
    body = {"durable": True, "arguments": {"x-queue-type": queue_type}}
    node.http("PUT", "queues", vhost, "stray.q", body=body)
    cutter = Cutter(node, vhost, "stray.q")
    words = _words(node, vhost, tmp_path, 'owns: ["stray.*"]')
    words[-1] = cutter.url
    try:
        code, out = command("apply", "--yes", "--prune", *words)
    finally:
        cutter.close()
    assert cutter.cut == 1, out
    assert (code, "NOT ATTEMPTED" in out) == (1, True), out  # a second look shows that nothing was done
    assert _messages(node, vhost, "stray.q") == 1


class Swallower(Cutter):
    """A line to the management plugin that breaks behind a DELETE, when somebody has made the queue again."""

    DELETE = b"DELETE /api/queues"
    SCHEME = "http"

    def meanwhile(self, broker: socket.socket, data: bytes) -> None:
        broker.sendall(data)
        while self.node.http("GET", "queues", self.vhost, query="disable_stats=true&columns=name"):
            pass
        self.node.http("PUT", "queues", self.vhost, self.queue, body={"durable": True})


def test_a_deletion_is_not_repeated_by_http(node: Node, vhost: str, tmp_path: Path) -> None:
    node.http("PUT", "queues", vhost, "stray.q", body={"durable": True})
    cutter = Swallower(node, vhost, "stray.q")
    words = _words(node, vhost, tmp_path, 'owns: ["stray.*"]')[:3]
    try:
        code, out = command("apply", "--yes", "--prune", *words, "--broker", cutter.url)
    finally:
        cutter.close()
    assert cutter.cut == 1, out
    assert (code, "NOT ATTEMPTED" in out) == (1, True), out
    assert _messages(node, vhost, "stray.q") == 0  # it is there, and somebody else's


@pytest.mark.parametrize("road", ["http", "both"])
def test_a_message_that_is_taken_during_the_work_keeps_its_queue(
    node: Node, vhost: str, tmp_path: Path, road: str
) -> None:
    names = [f"stray.q{number:02}" for number in range(40)]
    (tmp_path / "shop.yaml").write_text('version: 1\nowns: ["stray.*"]\n')
    declared = load(tmp_path / "shop.yaml", vhost=vhost)
    broker = connect(node.broker_url, amqp=node.amqp_url if road == "both" else None)
    with channel(node, vhost) as holder:
        for name in names:
            holder.queue_declare(name, durable=True, auto_delete=False)
        observed = broker.observe(declared)
        plan = make_plan(diff(observed, declared), observed, declared, Consent(prune=True, max_delete=100))

        def hold(outcome: Outcome) -> None:
            if outcome.operation.key.name == names[0]:
                publish(holder, names[-1], 1)
                assert holder.basic_get(names[-1]) is not None

        report = apply(plan, broker, on_outcome=hold)
        assert [item["name"] for item in node.http("GET", "queues", vhost)] == names[-1:]
    broker.close()
    assert [(one.operation.key.name, "1 unacknowledged" in one.reason) for one in report.failed] == [(names[-1], True)]
    assert (len(report.done), report.exit_code) == (39, 6)
