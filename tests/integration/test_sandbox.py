"""The throwaway node: it answers, stays on loopback, survives faults, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.sandbox import Sandbox, run
from rabbit_topo.errors import BrokerError, UsageError
from tests.brokers import Node, start, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RUN = "import sys; from rabbit_topo.broker.sandbox import run; sys.exit(run(sys.argv[1:]))"
_WATCHED = """
import os, time
parent = os.getppid()
print(os.environ['RABBIT_TOPO_AMQP'], flush=True)
while os.getppid() == parent:
    time.sleep(0.05)
"""


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that waits for its parent's word, a zombie, has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening(pids: tuple[int, ...]) -> set[str]:
    """The addresses, as /proc/net spells them, on which these processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed: it listens no more
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_a_node_is_of_the_wanted_version_and_has_management(node: Node) -> None:
    assert node.version.startswith(node.label) or node.label == "4.3"
    assert node.http("GET", "overview")["rabbitmq_version"] == node.version
    assert "x-consistent-hash" in {kind["name"] for kind in node.http("GET", "overview")["exchange_types"]}


def test_a_vhost_is_fresh_and_usable(node: Node, vhost: str) -> None:
    node.http("PUT", "queues", vhost, "q", body={"durable": True})
    assert [queue["name"] for queue in node.http("GET", "queues", vhost)] == ["q"]


def test_every_port_is_on_loopback_and_the_user_is_not_root(node: Node) -> None:
    addresses = listening(node.sandbox.pids)
    assert "0100007F" in addresses
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}
    assert 0 not in {owner(pid) for pid in node.sandbox.pids}


def test_what_is_durable_survives_a_stop_and_a_kill(own_node: Node) -> None:
    own_node.http("PUT", "queues", "/", "kept", body={"durable": True})
    for end in (own_node.sandbox.stop_node, own_node.sandbox.kill):
        end()
        assert not is_open(port_of(own_node.amqp_url))
        own_node.sandbox.start_node()
        assert [queue["name"] for queue in own_node.http("GET", "queues", "/")] == ["kept"]


def test_nothing_is_left_at_the_end(label: str) -> None:
    if reason := why_not(label):
        pytest.fail(reason)
    with start(label) as sandbox:
        pids, folder = sandbox.pids, sandbox.folder
        ports = [port_of(sandbox.amqp_url), port_of(sandbox.broker_url)]
        assert folder is not None
        assert folder.is_dir()
        assert len(pids) == 2
    assert not folder.exists()
    assert all(is_gone(pid) for pid in pids)
    assert not any(is_open(port) for port in ports)
    sandbox.close()


def test_an_error_inside_removes_everything_too() -> None:
    def fail() -> None:
        with Sandbox() as sandbox:
            folders.append(sandbox.folder)
            raise ZeroDivisionError

    folders: list[Path | None] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert [folder and folder.exists() for folder in folders] == [False]


def test_a_node_that_dies_while_it_starts_is_an_error_with_its_log() -> None:
    sandbox = Sandbox(plugins=["no] such plugin"])
    with pytest.raises(BrokerError) as caught, sandbox:
        pass
    assert "ended with code" in caught.value.message
    assert "enabled_plugins" in caught.value.hint
    assert sandbox.folder is None


def test_a_node_that_does_not_answer_in_time_is_an_error() -> None:
    with pytest.raises(BrokerError, match="gave no answer"), Sandbox(timeout=0.2):
        pass


def test_a_root_without_a_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=str(tmp_path)):
        Sandbox(tmp_path).__enter__()


def test_run_hands_over_both_urls_and_the_exit_code() -> None:
    code = (
        "import os, sys; b, a = os.environ['RABBIT_TOPO_BROKER'], os.environ['RABBIT_TOPO_AMQP'];"
        "sys.exit(7 if b.startswith('http://127.0.0.1:') and a.startswith('amqp://127.0.0.1:') else 1)"
    )
    assert run([sys.executable, "-c", code]) == 7


def test_run_says_which_signal_ended_the_command() -> None:
    assert run(["sh", "-c", "kill -TERM $$"]) == 128 + signal.SIGTERM


def test_run_refuses_a_command_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no-such-command"):
        run(["no-such-command"])


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A temporary folder that the node's user may enter, as pytest's own is not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_ends_everything(number: signal.Signals, code: int, reachable: Path) -> None:
    """SIGKILL too: then it is the guard that cleans up."""
    command = [sys.executable, "-c", _RUN, sys.executable, "-c", _WATCHED]
    environment = {**os.environ, "TMPDIR": str(reachable)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = port_of(process.stdout.readline().strip())
        assert is_open(port)
        assert list(reachable.iterdir())
        process.send_signal(number)
        assert process.wait(30) == code
        until(lambda: not is_open(port) and not list(reachable.iterdir()))


def test_without_a_command_it_stays_up_until_a_signal_comes(reachable: Path) -> None:
    command = [sys.executable, "-m", "rabbit_topo", "sandbox"]
    environment = {**os.environ, "TMPDIR": str(reachable)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("RABBIT_TOPO_BROKER=http://127.0.0.1:")
        amqp = process.stdout.readline()
        assert amqp.startswith("RABBIT_TOPO_AMQP=amqp://127.0.0.1:")
        assert is_open(port_of(amqp))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not is_open(port_of(amqp))
    assert not list(reachable.iterdir())


def test_a_signal_during_the_start_leaves_nothing(reachable: Path) -> None:
    command = [sys.executable, "-c", _RUN, "true"]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(reachable)}) as process:
        until(lambda: bool(list(reachable.glob("*/node.pid"))))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert not list(reachable.iterdir())
