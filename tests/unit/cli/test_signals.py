"""The first signal, the second one, and those that come when all is done: in a process of their own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os, signal, sys, time
from rabbit_topo.cli.signals import SAME, orderly, only_tell

first, second = (signal.Signals[name] for name in sys.argv[2:4])
try:
    with orderly():
        if sys.argv[1] == "telling":
            only_tell()
        try:
            os.kill(os.getpid(), first)
        except KeyboardInterrupt as stop:
            print("stopped", getattr(stop, "exit_code", 130), flush=True)
        os.kill(os.getpid(), second)
        print("the same", flush=True)
        time.sleep(2 * SAME)
        if sys.argv[1] != "once":
            os.kill(os.getpid(), second)
        print("told", flush=True)
finally:
    print("left", flush=True)
"""


@pytest.mark.parametrize(
    ("way", "first", "code", "says"),
    [
        ("once", "SIGINT", 0, ["stopped 130", "the same", "told", "left"]),
        ("twice", "SIGINT", 130, ["stopped 130", "the same"]),
        ("twice", "SIGTERM", 143, ["stopped 143", "the same"]),
        ("telling", "SIGTERM", 143, ["the same"]),
        ("twice", "SIGHUP", 129, ["stopped 129", "the same"]),
    ],
)
def test_the_second_signal_ends_the_process(way: str, first: str, code: int, says: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way, first, "SIGTERM"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (code, says), done.stderr
    assert ("stopped at once" in done.stderr) == bool(code)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_is_ignored_stays_ignored(name: str) -> None:
    program = f"import signal; signal.signal(signal.{name}, signal.SIG_IGN)\n" + PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program, "once", name, name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (0, ["the same", "told", "left"])


def test_handlers_are_put_back() -> None:
    from rabbit_topo.cli.signals import orderly

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with orderly():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_terminal_that_is_gone_does_not_end_the_work_early(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from rabbit_topo.cli.signals import orderly
try:
    with orderly():
        try:
            print("begun", flush=True)
            signal.pause()
        finally:
            sys.stderr.write("progress")
            sys.stderr.flush()
            Path(sys.argv[1]).write_text("tidied")
except KeyboardInterrupt as stop:
    os._exit(stop.exit_code)
"""
    mark = tmp_path / "mark"
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", program, str(mark)])  # noqa: S606 - it is this interpreter
    assert os.read(terminal, 5) == b"begun"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129
    assert mark.read_text() == "tidied"
