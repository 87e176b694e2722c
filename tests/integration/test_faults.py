"""A broker that goes away, refuses, or is the wrong one: nothing is lost, and what happened is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from rabbit_topo import apply, connect, diff, load, make_plan
from rabbit_topo.model import Queue
from tests.faults import ROADS, Line, Road, draw, state, topology, untrue
from tests.integration.test_drift import ROOT, command

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Topology
    from rabbit_topo.plan import Outcome, Plan
    from tests.brokers import Node

MANY = 40
PATIENCE = 60.0  # seconds
SEEDS = int(os.environ.get("RABBIT_TOPO_FAULTS", "12"))


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for a broker that is not coming back."""
    monkeypatch.setattr("rabbit_topo.broker.amqp.RECONNECT", 0.5)


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.usefixtures("impatience")
def test_a_line_that_breaks(node: Node, vhost: str, seed: int, road: Road, tmp_path: Path) -> None:
    """What is told is true wherever the line breaks, and another run does the rest.

    `RABBIT_TOPO_FAULTS=200 pytest tests/integration/test_faults.py -k line_that_breaks` is the long run.
    """
    for name in () if road == "amqp" else ("shop.old1", "shop.old2"):
        node.http("PUT", "queues", vhost, name, body={"durable": True})
    http, amqp = draw(seed, road)
    declared = topology(tmp_path, vhost, road, refused=seed % 3 == 0)
    before = state(node, declared)
    deadline = time.monotonic() + 10
    while road != "amqp" and not all(Queue(vhost, name).key in before for name in ("shop.old1", "shop.old2")):
        assert time.monotonic() < deadline, before  # a list may lag behind the PUT
        before = state(node, declared)
    line = Line(node, road, http, amqp)
    stalls = "stall" in {fault.how for fault in (http, amqp) if fault}
    code, report = line.apply(declared, timeout=1.0 if stalls else 10.0)
    after = state(node, declared)
    assert code in {0, 1, 6}
    if report is None:
        assert code == 1
    else:
        assert untrue(report, before, after) == []
        as_planned = report.remaining is not None and not report.surprises
        assert (code == 0) == (len(report.done) == len(report.outcomes) and as_planned)
    if code == 1:
        assert after == before
    assert Line(node, road).apply(topology(tmp_path, vhost, road), timeout=10.0)[0] == 0
    assert command("check", str(tmp_path / "shop.yaml"), "--broker", node.broker_url)[0] == 0


def _many(folder: Path, vhost: str = "/", count: int = MANY) -> Topology:
    queues = "\n".join(
        f"  shop.q{n}: {{type: classic, bindings: [{{exchange: shop.x, routing_key: k{n}}}]}}" for n in range(count)
    )
    file = folder / "shop.yaml"
    file.write_text(f'version: 1\nvhost: "{vhost}"\nexchanges: {{shop.x: {{type: topic}}}}\nqueues:\n{queues}\n')
    return load(file)


def _plan(broker: Broker, declared: Topology) -> Plan:
    observed = broker.observe(declared)
    return make_plan(diff(observed, declared), observed, declared)


def test_a_broker_that_goes_away_in_the_middle_of_an_apply(own_node: Node, tmp_path: Path) -> None:
    """Killed, it stays away until the end; stopped, it is back before the next outcome is looked at."""
    roads: tuple[Road, ...] = ("http", "both")
    with ThreadPoolExecutor(len(roads)) as pool:
        for comes_back in (False, True):

            def go_away(*, comes_back: bool = comes_back) -> None:
                if comes_back:
                    own_node.sandbox.stop_node()
                    own_node.sandbox.start_node()
                else:
                    own_node.sandbox.kill()

            runs = [_Interrupted(own_node, road, tmp_path / f"{road}-{comes_back}") for road in roads]
            list(pool.map(_Interrupted.run, runs, [Barrier(len(runs), go_away, PATIENCE)] * len(runs)))
            if not comes_back:
                own_node.sandbox.start_node()
            for run in runs:
                run.whole(comes_back=comes_back)


class _Interrupted:
    """One apply in a vhost of its own, whose broker goes away when half of the queues are there."""

    def __init__(self, node: Node, road: Road, folder: Path) -> None:
        folder.mkdir()
        node.http("PUT", "vhosts", folder.name, body={})
        self.node = node
        self.urls = (node.broker_url, node.amqp_url if road == "both" else None)
        self.declared = _many(folder, folder.name)
        self.before = state(node, self.declared)
        self.seen: list[Outcome] = []

    def run(self, middle: Barrier) -> None:
        def look(outcome: Outcome) -> None:
            self.seen.append(outcome)
            if len(self.seen) == MANY // 2:
                middle.wait()

        url, amqp = self.urls
        with closing(connect(url, amqp=amqp, timeout=5.0)) as broker:
            self.report = apply(_plan(broker, self.declared), broker, on_outcome=look)

    def whole(self, *, comes_back: bool) -> None:
        """See that what was told is true, and that another run does the rest."""
        report = self.report
        assert len(self.seen) == len(report.outcomes) == 2 * MANY + 1
        if comes_back:
            assert untrue(report, self.before, state(self.node, self.declared)) == []
            assert report.exit_code in {0, 6}
            assert (report.exit_code == 0) == (len(report.done) == len(report.outcomes))
        else:
            assert report.exit_code == 6
            assert MANY // 2 <= len(report.done) < 2 * MANY
            assert report.not_attempted
            assert report.remaining is None
        url, amqp = self.urls
        with closing(connect(url, amqp=amqp)) as again:
            second = apply(_plan(again, self.declared), again)
        assert (second.exit_code, second.remaining) == (0, ())


@pytest.mark.parametrize("road", ["http", "both"])
def test_a_refused_object_is_named_and_the_rest_goes_on(node: Node, vhost: str, road: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "version: 1\nexchanges:\n  shop.odd: {type: x-no-such-type}\n  shop.x: {type: fanout}\n"
        "queues:\n  shop.q: {type: classic, bindings: [{exchange: shop.x}, {exchange: shop.odd}]}\n"
    )
    words = [str(file), "--vhost", vhost, "--broker", node.broker_url]
    words += ["--amqp", node.amqp_url] if road == "both" else []
    code, out = command("apply", "--yes", "--format", "json", *words)
    assert code == 6, out
    report = json.loads(out)
    told = {(o["resource"].get("name") or o["resource"]["source"], o["outcome"]) for o in report["outcomes"]}
    assert told == {
        ("shop.odd", "failed"),
        ("shop.odd", "not_attempted"),
        ("shop.x", "done"),
        ("shop.q", "done"),
    }
    reason = next(o["reason"] for o in report["outcomes"] if o["outcome"] == "failed")
    assert "x-no-such-type" in reason or "exchange type" in reason
    code, out = command("apply", "--yes", *words)
    assert code == 1, out
    assert "shop.odd" in out


def test_the_two_roads_must_lead_to_one_cluster(
    node: Node, own_node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("version: 1\nqueues: {shop.q: {type: classic, direct: true}}\n")
    own_node.http("PUT", "cluster-name", body={"name": "another"})
    code, _ = command("apply", "--yes", str(file), "--broker", node.broker_url, "--amqp", own_node.amqp_url)
    assert code == 5
    assert "another" in capsys.readouterr().err
    assert [q["name"] for q in own_node.http("GET", "queues", "/")] == []
    assert node.http("GET", "queues", vhost) == []


def test_least_privilege(node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tag `management` and permissions on the vhost plan, apply and check everything but policies and vhosts."""
    secret = "a-secret-that-nobody-prints"
    node.http("PUT", "users", "deployer", body={"password": secret, "tags": "management"})
    node.http("PUT", "permissions", vhost, "deployer", body={"configure": ".*", "write": ".*", "read": ".*"})
    password = tmp_path / "password"
    password.write_text(secret)
    password.chmod(0o600)
    file = tmp_path / "shop.yaml"
    file.write_text(
        "version: 1\nexchanges: {shop.x: {type: topic}}\n"
        "queues: {shop.q: {type: quorum, bindings: [{exchange: shop.x, routing_key: k}]}}\n"
    )
    words = [str(file), "--broker", node.broker_url, "--amqp", node.amqp_url]
    words += ["--username", "deployer", "--password-file", str(password)]
    for step in (["plan"], ["apply", "--yes"], ["check"], ["plan", "--fail-on-changes"]):
        code, out = command(*step, *words, "--vhost", vhost)
        assert code == 0, (step, out, capsys.readouterr().err)
    with file.open("a") as more:
        more.write("policies: {limits: {pattern: '^shop', apply_to: queues, definition: {max_length: 9}}}\n")
    code, out = command("apply", "--yes", *words, "--vhost", vhost)
    assert code == 1, out
    assert "policymaker" in out
    node.http("PUT", "permissions", vhost, "deployer", body={"configure": "^$", "write": ".*", "read": ".*"})
    file.write_text("version: 1\nqueues: {shop.r: {type: classic, direct: true}}\n")
    code, out = command("apply", "--yes", "--no-lock", *words, "--vhost", vhost)
    assert code == 1, out
    assert "configure" in " ".join(out.split())
    code, out = command("apply", "--yes", *words, "--vhost", f"{vhost}-new")
    err = capsys.readouterr().err
    assert code == 1, (out, err)
    assert "administrator" in out + err or "permissions" in out + err
    assert secret not in out + err


def test_who_only_checks_needs_no_permission_on_any_object(node: Node, vhost: str, tmp_path: Path) -> None:
    node.http("PUT", "users", "reader", body={"password": "read", "tags": "management"})
    node.http("PUT", "permissions", vhost, "reader", body={"configure": "^$", "write": "^$", "read": "^$"})
    (tmp_path / "password").write_text("read")
    (tmp_path / "password").chmod(0o600)
    file = tmp_path / "shop.yaml"
    file.write_text("version: 1\nqueues: {shop.q: {type: classic, direct: true}}\n")
    target = [str(file), "--vhost", vhost, "--broker", node.broker_url]
    reader = ["--username", "reader", "--password-file", str(tmp_path / "password")]
    assert command("check", *target, *reader)[0] == 3
    assert command("apply", "--yes", *target)[0] == 0
    assert command("check", *target, *reader)[0] == 0
    assert command("plan", "--fail-on-changes", *target, *reader)[0] == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://guest:wrong@HOST", "password"),
        ("http://guest:guest@127.0.0.1:1", "refused"),
        ("http://guest:guest@no-such-host.invalid:15672", "no-such-host.invalid"),
        ("https://guest:guest@HOST", "TLS"),
    ],
)
def test_the_way_to_the_broker(
    node: Node, url: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("version: 1\n")
    host = node.broker_url.split("@")[-1].split("//")[-1]
    code, out = command("check", str(file), "--broker", url.replace("HOST", host))
    err = capsys.readouterr().err
    assert code == 1, out
    assert says in err
    assert "Traceback" not in err
    assert ":guest@" not in err
    assert "wrong@" not in err


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_definitions_file_is_a_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("version: 1\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    broker = {"pipe": str(pipe), "device": os.devnull, "folder": str(tmp_path)}[kind]
    for words in (["plan"], ["apply", "--yes"], ["check"]):
        code, out = command(*words, str(file), "--broker", broker)
        assert (code, out) == (2, "")
        assert broker in capsys.readouterr().err
    assert pipe.is_fifo()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_an_apply(
    node: Node, vhost: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    _many(tmp_path, vhost, 600)
    words = [sys.executable, "-m", "rabbit_topo", "apply", "--yes", str(tmp_path / "shop.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = tmp_path / "told"
    with (
        told.open("w") as file,
        subprocess.Popen([*words, "--broker", node.broker_url], stdout=file, stderr=file, env=environment) as process,
    ):
        while process.poll() is None and len(node.http("GET", "queues", vhost, query="disable_stats=true")) < MANY:
            pass
        process.send_signal(number)
        assert process.wait(60) == code, told.read_text()[-500:]
    out = told.read_text()
    assert "DONE" in out
    assert "NOT ATTEMPTED" in out
    assert "Traceback" not in out
    code, out = command("apply", "--yes", str(tmp_path / "shop.yaml"), "--broker", node.broker_url)
    assert code == 0, out[-300:]
    assert command("check", str(tmp_path / "shop.yaml"), "--broker", node.broker_url)[0] == 0
