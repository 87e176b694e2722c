"""Several methods in one write, and what becomes of them; a replacement in a definitions file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from amqp import spec

from rabbit_topo import apply, connect, diff, load, make_plan
from rabbit_topo.broker.amqp_answers import Closed
from rabbit_topo.broker.amqp_run import Run
from rabbit_topo.broker.amqp_talk import Burst, Job, Lost, Method, Ok, Refused
from rabbit_topo.broker.definitions import Definitions
from rabbit_topo.diff import Replace
from rabbit_topo.model import Arguments, Binding, Exchange, Note, Queue, Topology
from rabbit_topo.plan.journal import journal
from rabbit_topo.plan.operations import Failed, Recreate
from tests.replacing import REPLACE, notes
from tests.unit.broker.test_amqp_link import DONE, OPENED, closing, frame, link

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo import Report
    from rabbit_topo.broker.amqp_talk import Answer, Talk

DECLARE = Method(spec.Exchange.Declare, b"")
BIND = Method(spec.Queue.Bind, b"")
BOUND = frame(1, spec.Queue.BindOk)


def sent(*methods: Method, once: bool = False) -> tuple[Burst, Job[Answer]]:
    burst = Burst(methods)

    def talk() -> Talk[Answer]:
        return (yield burst)

    return burst, Job("it", talk(), once=once)


def test_a_burst_is_one_write_on_one_channel_and_one_answer() -> None:
    with link() as (line, peer):
        burst, job = sent(DECLARE, BIND, BIND)
        job.method = next(job.talk)
        line.put(job)
        line.flush()
        written = frame(1, spec.Channel.Open, b"\0") + frame(1, spec.Exchange.Declare) + 2 * frame(1, spec.Queue.Bind)
        assert peer.recv(4096) == written
        peer.sendall(OPENED + DONE + BOUND)
        line.read()
        assert (line.heard, len(burst.done), line.in_flight) == ([], 2, 1)
        peer.sendall(BOUND)
        line.read()
        assert (line.heard, line.in_flight) == ([(job, Ok())], 0)
        assert [burst.sent, *burst.done] == sorted([burst.sent, *burst.done])


def test_what_comes_behind_a_refusal_is_not_done() -> None:
    with link() as (line, peer):
        burst, job = sent(DECLARE, BIND, BIND)
        job.method = next(job.talk)
        line.put(job)
        line.flush()
        peer.sendall(OPENED + DONE + closing(spec.Channel.Close, 404, b"no queue"))
        line.read()
        assert line.heard == [(job, Refused(404, "no queue"))]
        assert burst.methods[len(burst.done)] is BIND


def test_answers_in_another_order_are_nobodys() -> None:
    with link() as (line, peer):
        _, job = sent(DECLARE, BIND)
        job.method = next(job.talk)
        line.put(job)
        line.flush()
        peer.sendall(OPENED + BOUND)
        with pytest.raises(OSError, match="nobody asked for"):
            line.read()


class Ending:
    """A connection that answers one method of a burst, and ends."""

    largest = 10
    has_room = True

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.flight: list[Job[Any]] = []
        self.heard: list[tuple[Job[Any], Answer]] = []
        self.answered = 0

    in_flight = property(lambda self: len(self.flight))

    def put(self, job: Job[Any]) -> None:
        assert isinstance(job.method, Burst)
        job.sent = True
        job.method.sent = 1.0
        job.method.done.clear()
        self.flight.append(job)

    def flush(self) -> None:
        pass

    def read(self) -> None:
        self.flight[0].method.done.append(2.0)  # type: ignore[union-attr]  # it is a burst
        self.answered += 1
        raise self.error

    def drop(self) -> list[Job[Any]]:
        lost, self.flight = self.flight, []
        return lost


@pytest.mark.parametrize("once", [False, True])
def test_a_burst_that_is_lost_keeps_what_was_confirmed(*, once: bool) -> None:
    burst, job = sent(DECLARE, BIND, once=once)
    lines: list[Any] = []

    def connect_() -> Any:
        lines.append(Ending(OSError("cut")))
        return lines[-1]

    [(_, result)] = Run([job], connect_, lambda _error: None).results()
    assert (result, burst.done) == (Lost("cut", sent=True), [2.0])
    assert len(lines) == (1 if once else 2)


def test_a_connection_that_is_closed_over_a_burst_tells_which_method_it_was() -> None:
    burst, job = sent(DECLARE, BIND)
    [(_, result)] = Run([job], lambda: Ending(Closed(541, "INTERNAL_ERROR")), lambda _error: None).results()  # type: ignore[arg-type,return-value]
    assert isinstance(result, Refused)
    assert (result.code, len(burst.done)) == (541, 1)


def test_a_burst_with_a_method_that_fits_into_no_frame_is_not_sent() -> None:
    burst, job = sent(DECLARE, Method(spec.Queue.Bind, bytes(11)))
    [(_, result)] = Run([job], lambda: Ending(OSError("cut")), lambda _error: None).results()  # type: ignore[arg-type,return-value]
    assert isinstance(result, Refused)
    assert (result.code, burst.sent) == (501, 0.0)


FILE: dict[str, Any] = {
    "vhosts": [{"name": "/"}],
    "queues": [
        {"name": "q", "vhost": "/", "type": "classic", "durable": True, "auto_delete": False, "arguments": {}},
        {"name": "q", "vhost": "/", "durable": False, "auto_delete": False, "arguments": {}},
    ],
    "exchanges": [{"name": "x", "vhost": "/", "type": "topic", "durable": True, "auto_delete": True, "arguments": {}}],
    "bindings": [
        {"source": "x", "vhost": "/", "destination": "q", "destination_type": "queue", "routing_key": "k"},
    ],
}


def replaced(folder: Path, text: str, document: Any = FILE) -> tuple[Report, Any]:
    (folder / "broker.json").write_text(json.dumps(document))
    (folder / "shop.yaml").write_text(f"version: 1\n{text}\n")
    declared, broker = load(folder / "shop.yaml"), connect(str(folder / "broker.json"))
    observed = broker.observe(declared)
    report = apply(make_plan(diff(observed, declared), observed, declared, REPLACE), broker)
    return report, json.loads((folder / "broker.json").read_text())


def test_in_a_file_an_object_is_replaced_in_its_place(tmp_path: Path) -> None:
    text = "exchanges: {x: {type: direct}}\nqueues: {q: {type: quorum, bindings: [{exchange: x, routing_key: k}]}}"
    report, written = replaced(tmp_path, text)
    assert (report.exit_code, notes(report)) == (0, [])
    assert written["bindings"] == FILE["bindings"]
    [queue] = written["queues"]
    assert (queue["type"], queue["arguments"]) == ("quorum", {"x-queue-type": "quorum"})
    assert [(it["type"], it["auto_delete"]) for it in written["exchanges"]] == [("direct", False)]


def test_in_a_file_what_no_broker_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text(json.dumps(FILE))
    road = Definitions(str(tmp_path / "broker.json"))
    road.observe(Topology.naming("/"))
    before, after = Queue("/", "q", "classic"), Queue("/", "q", "quorum", auto_delete=True)
    [outcome] = road.execute([Recreate(before, after, (), Replace(before, after, (), Note()))])
    assert isinstance(outcome, Failed)
    assert "auto-delete" in outcome.reason
    assert json.loads((tmp_path / "broker.json").read_text()) == FILE


def test_in_a_file_an_unfinished_one_is_finished(tmp_path: Path) -> None:
    after, binding = Exchange("/", "x", "fanout"), Binding("/", "x", "queue", "q", "k", Arguments())
    left = journal(after, [binding])
    item = {"name": left.name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": dict(left.arguments)}
    document = {**FILE, "queues": [FILE["queues"][0], item], "exchanges": [], "bindings": []}
    report, written = replaced(tmp_path, "exchanges: {x: {type: fanout, open_bindings: true}}", document)
    assert report.exit_code == 0
    assert [it["name"] for it in written["queues"]] == ["q"]
    assert [(it["source"], it["routing_key"]) for it in written["bindings"]] == [("x", "k")]
