"""The first signal, the second one, and those that come when all is done: in a process of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
    ],
)
def test_the_second_signal_ends_the_process(way: str, first: str, code: int, says: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way, first, "SIGTERM"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (code, says), done.stderr
    assert ("stopped at once" in done.stderr) == bool(code)
    assert "Traceback" not in done.stderr


def test_an_ignored_interrupt_stays_ignored() -> None:
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program, "once", "SIGINT", "SIGINT"],
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
