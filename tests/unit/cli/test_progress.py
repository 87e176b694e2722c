"""The line of progress: it moves where somebody watches, ends at the whole, and is nowhere else."""

from __future__ import annotations

import io
import re
import sys
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.cli import run
from rabbit_topo.cli.options import Common
from rabbit_topo.cli.output import Progress

if TYPE_CHECKING:
    from pathlib import Path

START = "\r\x1b[2K"
REFRESHES_A_SECOND = 10


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Return what the one line has been, one time after the other."""
        return self.getvalue().split(START)[1:]


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr; no fixture, as pytest puts its own there after them."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", "xterm")
    return found


def common(*, quiet: bool = False) -> Common:
    return Common((), None, "/", (), quiet=quiet, verbose=False, color="auto")


def counts(lines: list[str]) -> list[int]:
    return [int(found[1].replace(",", "")) for line in lines if (found := re.search(r"\]  ([\d,]+)/20,000", line))]


def test_a_bar_moves_some_times_a_second_and_ends_at_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    began = monotonic()
    step = Progress(common()).counter(20_000)
    for _ in range(20_000):
        step()
    most = (monotonic() - began) * REFRESHES_A_SECOND + 2
    shown = counts(terminal.lines())
    assert shown == sorted(set(shown))
    assert shown[0] == 1
    assert shown[-1] == 20_000
    assert len(shown) == len(terminal.lines()) <= most
    assert terminal.lines()[-1].startswith(f"[{'#' * 24}]  20,000/20,000")
    assert "left" not in terminal.lines()[-1]


def test_a_step_after_a_pause_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    clock = [100.0]
    monkeypatch.setattr("rabbit_topo.cli.output.monotonic", lambda: clock[0])
    step = Progress(common()).counter(20_000)
    for later in (0.0, 0.05, 0.04, 0.02, 0.3):
        clock[0] += later
        step()
    assert counts(terminal.lines()) == [1, 4, 5]
    assert terminal.lines()[-1].endswith("12/s  1,640 s left")


@pytest.mark.parametrize("how", ["quiet", "dumb", "no terminal"])
def test_nobody_watches(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    if how == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    if how == "no terminal":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    progress = Progress(common(quiet=how == "quiet"))
    progress.say("reading ...")
    progress.counter(1)()
    progress.clear()
    assert not terminal.getvalue()


def test_an_apply_counts_its_operations_and_leaves_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = watched(monkeypatch)
    (tmp_path / "broker.json").write_text("{}")
    (tmp_path / "shop.yaml").write_text(
        "version: 1\nqueues: {a: {direct: true}, b: {direct: true}, c: {direct: true}}\n"
    )
    assert run(["apply", str(tmp_path / "shop.yaml"), "--broker", str(tmp_path / "broker.json"), "--yes"]) == 0
    bars = [line for line in terminal.lines() if line.startswith("[")]
    assert bars[-1].startswith(f"[{'#' * 24}]  4/4")  # with the vhost
    assert terminal.getvalue().endswith(START)


def test_a_long_line_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    monkeypatch.setenv("COLUMNS", "20")
    Progress(common()).say("waiting for the lock of a vhost")
    assert terminal.lines() == ["waiting for the loc"]
