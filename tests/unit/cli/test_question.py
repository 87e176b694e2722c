"""What is asked before something destructive, on a terminal and without one."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.cli.question import name_of
from rabbit_topo.model import Facts, Topology
from rabbit_topo.plan import Consent, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SHOP = 'version: 1\nowns: ["shop\\\\..*"]\nqueues: {shop.kept: {type: classic, direct: true}}\n'
STRAY = {"name": "shop.stray", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
CONFIG = "environments:\n  production: {broker: broker.json}\n"
SECONDS = 60.0


_started: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(SHOP)
    Path("broker.json").write_text(json.dumps({"queues": [STRAY]}))
    yield
    while _started:
        process = _started.pop()
        process.kill()
        process.wait()


def _apply(*words: str, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rabbit_topo", "apply", "shop.yaml", *words]
    _started.append(subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, **more))
    return _started[-1]


class Terminal:
    """A command on a terminal of its own, as somebody sits before it."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.command = _apply(*words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> None:
        while text not in self.shown:
            assert self._more(), self.shown

    def until_it_waits(self) -> None:
        """Return once the process sleeps: a signal that comes just before it reads is heard with the next key only."""
        deadline = time.monotonic() + SECONDS
        while Path(f"/proc/{self.command.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < deadline

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        while self._more():
            pass
        code = self.command.wait(SECONDS)
        os.close(self._ours)
        return code

    def _more(self) -> bool:
        readable, _, _ = select.select([self._ours], [], [], SECONDS)
        assert readable, f"nothing more came: {self.shown}"
        try:
            came = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += came.decode().replace("\r\n", "\n")
        return bool(came)


def _is_there() -> bool:
    return "shop.stray" in Path("broker.json").read_text()


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ("production\n", 0, "Applied: 2 done"),
        (" production \n", 0, "Applied: 2 done"),
        ("y\n", 5, "that was not production; nothing was changed"),
        ("Production\n", 5, "that was not production"),
        ("\n", 5, "that was not production"),
        ("\x04", 5, "that was not production"),
    ],
)
def test_something_destructive_asks_for_the_environments_name(answer: str, code: int, says: str) -> None:
    Path("rabbit-topo.yaml").write_text(CONFIG)
    terminal = Terminal("--prune")
    terminal.until("Type production to go on: ")
    assert "1 of 2 operations to broker.json is destructive." in terminal.shown
    assert "- queue shop.stray" in terminal.shown
    terminal.type(answer)
    assert (terminal.ended(), _is_there()) == (code, code != 0), terminal.shown
    assert says in terminal.shown


def test_without_an_environment_the_file_is_named() -> None:
    terminal = Terminal("--prune", "--broker", "broker.json")
    terminal.until("Type broker.json to go on: ")
    terminal.type("broker.json\n")
    assert (terminal.ended(), _is_there()) == (0, False), terminal.shown


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("\n", 5), ("production\n", 5)])
def test_something_harmless_asks_for_a_yes(answer: str, code: int) -> None:
    terminal = Terminal("--broker", "broker.json")
    terminal.until("Send 1 operation to broker.json? [y/N] ")
    terminal.type(answer)
    assert (terminal.ended(), _is_there()) == (code, True), terminal.shown
    assert ("shop.kept" in Path("broker.json").read_text()) == (code == 0)


def test_an_interrupt_at_the_question_changes_nothing() -> None:
    terminal = Terminal("--prune", "--broker", "broker.json")
    terminal.until("to go on: ")
    terminal.until_it_waits()
    terminal.command.send_signal(signal.SIGINT)
    assert (terminal.ended(), _is_there()) == (130, True), terminal.shown
    assert "nothing was changed" in terminal.shown


@pytest.fixture
def silent() -> Iterator[int]:
    """A standard input that never says anything and never ends."""
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


def test_without_a_terminal_nobody_is_waited_for(silent: int) -> None:
    command = _apply("--prune", "--broker", "broker.json", stdin=silent, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = command.communicate(timeout=SECONDS)
    assert (command.returncode, _is_there()) == (5, True), err
    assert b"--yes applies without asking" in err


def _plan(**facts: Any) -> Plan:
    return Plan((), (), (), {}, 0, "f", Consent(), Topology(), Facts(**{"version": "4.3.6", **facts}))


def test_what_must_be_typed() -> None:
    assert name_of(_plan(target="http://broker:15672", cluster_name="rabbit@shop"), "production") == "production"
    assert name_of(_plan(target="http://broker:15672", cluster_name="rabbit@shop"), None) == "rabbit@shop"
    assert name_of(_plan(target="http://broker:15672"), None) == "broker"
    assert name_of(_plan(target="some/where/definitions.json"), None) == "definitions.json"


def test_more_than_the_share_is_refused_with_yes_and_partial_too() -> None:
    queues = [{**STRAY, "name": f"shop.{number}"} for number in range(10)]
    Path("broker.json").write_text(json.dumps({"queues": queues}))
    before = Path("broker.json").read_text()
    for more in ([], ["--partial"], ["--max-delete", "99"]):
        command = _apply(
            "--prune", "--yes", "--broker", "broker.json", *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = command.communicate(timeout=SECONDS)
        assert (command.returncode, Path("broker.json").read_text()) == (5, before), err
        assert b"TOO MUCH" in out
        assert b"delete or replace 10 of the 10 objects that are ours" in err
    command = _apply("--prune", "--yes", "--max-delete", "100", "--broker", "broker.json", stdout=subprocess.PIPE)
    command.communicate(timeout=SECONDS)
    assert command.returncode == 0
