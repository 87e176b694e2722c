"""Ctrl-C, SIGTERM and SIGHUP: the first one ends the work in an orderly way, the second one at once."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Seconds in which a second signal is the first one again: a terminal and a wrapper may both pass one on.
SAME = 0.1
AT_ONCE = b"\nrabbit-topo: stopped at once; what was not told may be done or not: run it again\n"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends the work in the same orderly way as Ctrl-C, with an exit code of its own."""

    exit_code = 128 + signal.SIGTERM


class HungUp(Terminated):
    """SIGHUP: the terminal was closed, or the connection to it is gone."""

    exit_code = 129


class _Signals:
    """What came so far."""

    def __init__(self) -> None:
        self.code = 0  # of the first one
        self.at = 0.0
        self.telling = False
        self.terminals = [stream for stream in (1, 2) if os.isatty(stream)]

    def take(self, number: int, _frame: FrameType | None) -> None:
        if number == _SIGHUP:
            self._leave_terminals()
        if not self.code:
            self.code, self.at = 128 + number, monotonic()
            if not self.telling:
                raise _RAISED.get(number, KeyboardInterrupt)
        elif monotonic() - self.at > SAME:
            try:
                os.write(2, AT_ONCE)
            finally:
                os._exit(self.code)

    def _leave_terminals(self) -> None:
        """Write nowhere what a terminal that is gone would refuse, or the work would stop at a line of progress."""
        for stream in self.terminals:
            if not os.isatty(stream):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


_now = _Signals()
_SIGHUP: Final[int | None] = getattr(signal, "SIGHUP", None)  # Windows has none
_RAISED: Final[dict[int | None, type[KeyboardInterrupt]]] = {signal.SIGTERM: Terminated, _SIGHUP: HungUp}


@contextmanager
def orderly() -> Iterator[None]:
    """Raise the first signal as `KeyboardInterrupt`, `Terminated` or `HungUp`; a second one ends the process.

    The exit code is the first one's. Where SIGINT is ignored, as for what a shell runs in the background, it stays so,
    and so does SIGHUP, as under nohup.
    """
    global _now  # noqa: PLW0603 - signal handlers are the process's, too
    _now = _Signals()
    numbers = [signal.SIGINT, signal.SIGTERM, *([] if _SIGHUP is None else [_SIGHUP])]
    found = {number: signal.getsignal(number) for number in numbers}
    before = {
        number: handler
        for number, handler in found.items()
        if number == signal.SIGTERM or handler is not signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, _now.take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def only_tell() -> None:
    """Take no first signal any more: the work is over, and what was done must be told, and told once."""
    _now.telling = True
