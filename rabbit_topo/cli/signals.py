"""Ctrl-C and SIGTERM: the first one ends the work in an orderly way, the second one at once."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Seconds in which a second signal is the first one again: a terminal and a wrapper may both pass one on.
SAME = 0.1
AT_ONCE = b"\nrabbit-topo: stopped at once; what was not told may be done or not: run it again\n"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends the work in the same orderly way as Ctrl-C, with an exit code of its own."""

    exit_code = 128 + signal.SIGTERM


class _Signals:
    """What came so far."""

    def __init__(self) -> None:
        self.code = 0  # of the first one
        self.at = 0.0
        self.telling = False

    def take(self, number: int, _frame: FrameType | None) -> None:
        if not self.code:
            self.code, self.at = 128 + number, monotonic()
            if not self.telling:
                raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        elif monotonic() - self.at > SAME:
            try:
                os.write(2, AT_ONCE)
            finally:
                os._exit(self.code)


_now = _Signals()


@contextmanager
def orderly() -> Iterator[None]:
    """Raise the first signal as `KeyboardInterrupt` or `Terminated`; with the second the process exits at once.

    The exit code is the first one's. Where SIGINT is ignored, as for what a shell runs in the background, it stays so.
    """
    global _now  # noqa: PLW0603 - signal handlers are the process's, too
    _now = _Signals()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is signal.SIG_IGN:
        del before[signal.SIGINT]
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
