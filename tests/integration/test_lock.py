"""One apply at a time: who holds the lock, who waits, what is left when it is lost, and that nothing interleaves."""

from __future__ import annotations

import os
import pty
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo import apply, connect, diff, load, make_plan
from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.lock import Wait
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.model import LOCK_NAME, Policy, Queue
from tests.faults import state, untrue
from tests.integration.test_drift import ROOT, command
from tests.operations import declare, run
from tests.proxy import Fault, Proxy
from tests.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Topology
    from rabbit_topo.plan import Outcome, Plan
    from tests.brokers import Node

ROUNDS = int(os.environ.get("RABBIT_TOPO_LOCK_ROUNDS", "3"))  # 100 is the long run
QUEUES = 30
MANY = 500
EARLY = 100  # outcomes
HEAD_START = 0.15  # seconds
PATIENCE = 60.0
AT_ONCE = Wait(0.0)
PATIENTLY = Wait(PATIENCE)


def _file(folder: Path, vhost: str, key: str, queues: int = QUEUES) -> Path:
    file = folder / f"{key}.yaml"
    lines = [
        f"  shop.q{n}: {{type: classic, bindings: [{{exchange: shop.x, routing_keys: [{key}.{n}, {key}.more]}}]}}"
        for n in range(queues)
    ]
    head = ["version: 1", f'vhost: "{vhost}"', "exchanges: {shop.x: {type: topic}}", "queues:"]
    file.write_text("\n".join([*head, *lines, ""]))
    return file


def _start(*words: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "rabbit_topo", *words], env=environment, text=True, **options)


def _until(true: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert process is None or process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _queues(node: Node, vhost: str) -> set[str]:
    return {item["name"] for item in node.http("GET", "queues", vhost, query="disable_stats=true&columns=name")}


def _plan(broker: Broker, declared: Topology) -> Plan:
    observed = broker.observe(declared)
    return make_plan(diff(observed, declared), observed, declared)


@pytest.fixture
def another(node: Node) -> Iterator[Callable[[], Broker]]:
    """Make brokers over both roads, and let go of all at the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(connect(node.broker_url, amqp=node.amqp_url)))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_two_applies_at_once_come_one_after_the_other(node: Node, vhost: str, seed: int, tmp_path: Path) -> None:
    """No write of one is between those of the other, both end well, and what is there is what the later one wants.

    `RABBIT_TOPO_LOCK_ROUNDS=100 pytest tests/integration/test_lock.py -k at_once` is the long run.
    """
    files = {key: _file(tmp_path, vhost, key) for key in "ab"}
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    order = dice.sample("ab", 2)
    with ExitStack() as stack:
        lines = {key: stack.enter_context(Recorder(node.amqp_url)) for key in "ab"}
        processes = []
        for key in order:
            words = ["apply", "--yes", "--prune", "--max-delete", "100", str(files[key]), "--broker", node.broker_url]
            words += ["--amqp", lines[key].url]
            processes.append(stack.enter_context(_start(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
            time.sleep(dice.choice([0.0, dice.uniform(0.0, HEAD_START)]))
        for process in processes:
            out, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, out[-2000:]
    first, later = sorted("ab", key=lambda key: lines[key].span)
    assert lines[first].span[1] < lines[later].span[0]
    bindings = {item["routing_key"] for item in node.http("GET", "bindings", vhost) if item["source"]}
    assert bindings == {f"{later}.more", *(f"{later}.{n}" for n in range(QUEUES))}
    assert command("check", str(files[later]), "--broker", node.broker_url)[0] == 0
    _until(lambda: LOCK_NAME not in _queues(node, vhost))  # the list may be a moment old


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_lets_go_of_the_lock(node: Node, vhost: str, number: signal.Signals, tmp_path: Path) -> None:
    file = _file(tmp_path, vhost, "a", MANY)
    target = ["--broker", node.broker_url, "--amqp", node.amqp_url, "--channels", "1"]
    words = ["apply", "--yes", "--quiet", str(file), *target]
    with _start(*words, stderr=subprocess.DEVNULL) as process:
        _until(lambda: len(_queues(node, vhost)) > 1, process)
        assert LOCK_NAME in _queues(node, vhost)
        process.send_signal(number)
        assert process.wait(PATIENCE) == (-number if number == signal.SIGKILL else 128 + number)
    # A process that was killed leaves it to the broker to notice.
    timeout = str(PATIENCE if number == signal.SIGKILL else 0)
    for _ in range(2):
        code, out = command("apply", "--yes", "--lock-timeout", timeout, str(file), *target)
        assert code == 0, out[-2000:]
        timeout = "0"
    _until(lambda: _queues(node, vhost) == {f"shop.q{n}" for n in range(MANY)})  # the list may be a moment old


@pytest.mark.parametrize("road", ["both", "alone"])
def test_who_holds_it_and_since_when(  # noqa: PLR0917 - fixtures
    node: Node,
    vhost: str,
    road: str,
    another: Callable[[], Broker],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    another().lock([vhost], AT_ONCE)
    words = [str(_file(tmp_path, vhost, "a")), "--amqp", node.amqp_url]
    words += ["--broker", node.broker_url] if road == "both" else []
    code, out = command("apply", "--yes", "--lock-timeout", "0.1", *words)
    told = " ".join(capsys.readouterr().err.split())
    assert (code, out) == (5, "")
    assert _queues(node, vhost) == {LOCK_NAME}
    if road == "both":
        assert f"held by user 'guest' on host {socket.gethostname()!r} (process {os.getpid()}) since 2" in told
    else:
        assert "held by another apply" in told
    assert "nothing was changed" in told
    assert "--no-lock" in told
    assert ("Khepri" in told) == (node.label != "3.10")
    assert command("apply", "--yes", "--no-lock", *words)[0] == 0


def test_vhosts_are_locked_one_by_one_and_only_those_that_exist(vhost: str, another: Callable[[], Broker]) -> None:
    one, other = another(), another()
    assert one.lock([vhost, "/", "no-such-vhost"], AT_ONCE) == ""
    with pytest.raises(Refusal, match="vhost '/'"):
        other.lock([vhost, "/"], AT_ONCE)
    one.close()
    other.lock([vhost], AT_ONCE)
    late = another()
    with pytest.raises(Refusal, match=vhost):
        late.lock(["/", vhost], AT_ONCE)
    another().lock(["/"], AT_ONCE)  # whoever does not get all of them keeps none


def test_a_road_without_a_lock_says_so(
    node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(_file(tmp_path, vhost, "a"))
    assert command("apply", "--yes", file, "--broker", node.broker_url)[0] == 0
    assert capsys.readouterr().err == ""
    assert command("apply", "--yes", "-v", file, "--broker", node.broker_url)[0] == 0
    assert "nothing keeps a second apply out" in capsys.readouterr().err


def test_who_may_not_take_it_is_told_what_is_needed(
    node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.http("PUT", "users", "narrow", body={"password": "narrow", "tags": "management"})
    node.http("PUT", "permissions", vhost, "narrow", body={"configure": "^shop", "write": ".*", "read": ".*"})
    (tmp_path / "password").write_text("narrow")
    (tmp_path / "password").chmod(0o600)
    words = [str(_file(tmp_path, vhost, "a")), "--broker", node.broker_url, "--amqp", node.amqp_url]
    words += ["--username", "narrow", "--password-file", str(tmp_path / "password")]
    assert command("apply", "--yes", *words) == (1, "")
    told = " ".join(capsys.readouterr().err.split())
    assert f"configure on queue '{LOCK_NAME}' in vhost '{vhost}'" in told
    assert "ACCESS_REFUSED" in told
    assert "set_permissions" in told
    assert "--no-lock" in told
    assert _queues(node, vhost) == set()
    assert command("apply", "--yes", "--lock-name", "shop.lock", *words)[0] == 0


def test_a_queue_in_the_way(node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node.http("PUT", "queues", vhost, LOCK_NAME, body={"durable": True})
    words = [str(_file(tmp_path, vhost, "a")), "--broker", node.broker_url, "--amqp", node.amqp_url]
    assert command("apply", "--yes", *words) == (5, "")
    assert "it is no exclusive queue" in capsys.readouterr().err
    assert command("apply", "--yes", "--lock-name", "shop.q1", *words) == (2, "")
    assert "the files declare queue 'shop.q1'" in capsys.readouterr().err
    assert command("apply", "--yes", "--lock-name", "shop.lock", *words)[0] == 0


def test_an_exclusive_queue_of_somebody_else(node: Node, vhost: str, another: Callable[[], Broker]) -> None:
    from tests.integration.test_no_loss import channel

    with channel(node, vhost) as stranger:
        stranger.queue_declare(LOCK_NAME, exclusive=True)
        with pytest.raises(Refusal, match="which is no apply of rabbit-topo"):
            another().lock([vhost], AT_ONCE)


def _close_connections(node: Node, vhost: str) -> None:
    """Close the connection of the one client in a vhost, as `rabbitmqctl close_connection` does."""
    found: list[str] = []

    def look() -> object:
        found[:] = [item["name"] for item in node.http("GET", "connections") if item.get("vhost") == vhost]
        return found

    _until(look)
    for name in found:
        node.http("DELETE", "connections", name)


@pytest.mark.parametrize(("road", "how"), [("both", "close"), ("both", "cut"), ("alone", "cut")])
def test_who_loses_the_lock_stops(  # noqa: PLR0917 - fixtures
    node: Node, vhost: str, road: str, how: str, another: Callable[[], Broker], tmp_path: Path
) -> None:
    """Nothing is written once another could take the lock; what is told is true, and the rest is not attempted."""
    declared = load(_file(tmp_path, vhost, "a", 400))
    before = state(node, declared)
    seen: list[Outcome] = []
    there: list[Any] = []
    with (
        Proxy(node.amqp_url) as line,
        closing(connect(node.broker_url if road == "both" else None, amqp=line.url, channels=8)) as broker,
    ):
        broker.lock([vhost], AT_ONCE)

        def lose(outcome: Outcome) -> None:
            seen.append(outcome)
            if len(seen) == EARLY:
                if how == "close":
                    _close_connections(node, vhost)
                else:
                    line.fault = Fault("reset", "up", line.passed["up"])  # what is sent next breaks the line
            if len(seen) >= EARLY and not there and (how == "close" or line.strikes):
                another().lock([vhost], PATIENTLY)
                there.append(state(node, declared))

        report = apply(_plan(broker, declared), broker, on_outcome=lose)
    after = state(node, declared)
    assert there
    assert after == there[0]
    assert untrue(report, before, after) == []
    assert report.exit_code == 6
    assert len(report.done) >= EARLY
    lost = [outcome for outcome in report.not_attempted if not outcome.sent]
    assert len(lost) > EARLY
    assert all(
        f"the lock of vhost '{vhost}' was lost" in outcome.reason or "needs" in outcome.reason for outcome in lost
    )


def test_a_connection_that_is_closed_over_a_write_keeps_the_lock(
    node: Node, vhost: str, another: Callable[[], Broker], tmp_path: Path
) -> None:
    """On 3.10 an exchange of an unknown type costs the connection; the next one takes the lock first."""
    file = tmp_path / "odd.yaml"
    lines = "".join(f"  shop.q{n}: {{type: classic, direct: true}}\n" for n in range(QUEUES))
    file.write_text(f'version: 1\nvhost: "{vhost}"\nexchanges: {{shop.odd: {{type: x-no-such}}}}\nqueues:\n{lines}')
    declared = load(file)
    tried: list[str] = []

    def try_it(_: Outcome) -> None:
        with pytest.raises(Refusal) as refused:
            another().lock([vhost], AT_ONCE)
        tried.append(refused.value.message)

    with Recorder(node.amqp_url) as line, closing(connect(node.broker_url, amqp=line.url, channels=4)) as broker:
        broker.lock([vhost], AT_ONCE)
        report = apply(_plan(broker, declared), broker, on_outcome=try_it)
        broker.pulse()
        assert line.connections == (2 if node.label == "3.10" else 1)
    assert len(report.done) == QUEUES
    assert [outcome.operation.key.name for outcome in report.failed] == ["shop.odd"]
    assert len(tried) == QUEUES + 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has it")
def test_the_network_may_pause_for_a_second(node: Node, vhost: str) -> None:
    """The kernel ends no line over a pause that our own time limits would bear."""
    with closing(Login(Target(amqp=node.amqp_url)).open(vhost)) as line:
        assert not line.transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


@pytest.mark.parametrize(("query", "seconds"), [("", 10), ("?heartbeat=60", 60), ("?heartbeat=5", 5)])
def test_the_lock_asks_for_heartbeats(node: Node, vhost: str, query: str, seconds: int) -> None:
    from rabbit_topo.broker.amqp import Amqp
    from rabbit_topo.broker.target import Target

    amqp = Amqp(Target(amqp=node.amqp_url + query))
    with closing(amqp):
        assert amqp.server(vhost).heartbeat == (seconds if query else 60)
        amqp.lock([vhost], AT_ONCE)
        assert amqp.server(vhost).heartbeat == seconds


def test_a_quiet_holder_keeps_it_and_a_dead_line_does_not(
    node: Node, vhost: str, another: Callable[[], Broker]
) -> None:
    with Proxy(node.amqp_url) as line, closing(connect(node.broker_url, amqp=f"{line.url}?heartbeat=1")) as holder:
        holder.lock([vhost], AT_ONCE)
        before = line.passed["up"]
        _until(lambda: line.passed["up"] >= before + 6 * 8)  # six heartbeats: longer than a silent line would last
        holder.pulse()
        with pytest.raises(Refusal):
            another().lock([vhost], AT_ONCE)
        line.fault = Fault("stall", "up", line.passed["up"])
        another().lock([vhost], PATIENTLY)  # the broker gives up a line that is silent
        with pytest.raises(BrokerError, match="was lost with its connection"):
            holder.pulse()
        told = run(holder, declare(Queue(vhost, "shop.q", "classic")), declare(Policy(vhost, "shop", "^shop")))
        assert all(one.startswith("not attempted: it was not sent: the lock of vhost") for one in told)
    assert node.http("GET", "policies", vhost) == []
    assert "shop.q" not in _queues(node, vhost)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_while_waiting(
    node: Node, vhost: str, number: signal.Signals, another: Callable[[], Broker], tmp_path: Path
) -> None:
    another().lock([vhost], AT_ONCE)
    file = str(_file(tmp_path, vhost, "a"))
    with (
        Recorder(node.amqp_url) as line,
        _start(
            "apply", "--yes", file, "--broker", node.broker_url, "--amqp", line.url, stderr=subprocess.PIPE
        ) as process,
    ):
        _until(lambda: line.tries > 2, process)
        process.send_signal(number)
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert "nothing was changed" in told
    assert "Traceback" not in told
    assert _queues(node, vhost) == {LOCK_NAME}


@pytest.mark.parametrize("meanwhile", ["nothing", "changed"])
def test_the_question_comes_before_the_lock_and_another_look_after_it(
    node: Node,
    vhost: str,
    meanwhile: str,
    another: Callable[[], Broker],
    tmp_path: Path,
) -> None:
    holder = another()
    holder.lock([vhost], AT_ONCE)
    ours, theirs = pty.openpty()
    told = bytearray()

    def says(text: bytes) -> Callable[[], bool]:
        def look() -> bool:
            told.extend(os.read(ours, 65536))
            return text in told

        return look

    words = ["apply", str(_file(tmp_path, vhost, "a")), "--broker", node.broker_url, "--amqp", node.amqp_url]
    with _start(*words, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        _until(says(b"[y/N]"), process)
        os.write(ours, b"y\n")
        _until(says(f"waiting for the lock of vhost '{vhost}', held by user 'guest'".encode()), process)
        if meanwhile == "changed":
            node.http("PUT", "queues", vhost, "shop.q1", body={"durable": True})
        holder.close()
        assert process.wait(PATIENCE) == (5 if meanwhile == "changed" else 0), told
    os.close(ours)
    assert _queues(node, vhost) == ({"shop.q1"} if meanwhile == "changed" else {f"shop.q{n}" for n in range(QUEUES)})
