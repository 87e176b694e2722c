"""The real command line in a process that ends itself with SIGKILL: `python -m tests.killer WHEN apply --yes ...`.

WHEN is `never`, `after:SECONDS`, counted from when messages begin to move, or `at:POINT`, as in `at:behind declare
holding`, or `at:while moving from queue#2` for the second time. A point is before and behind each thing that the tool
does to the broker, and, while messages move, each time that it tells how far it is. They go to stderr as they are
passed; the queue that is migrated is called queue there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.both import Both
from rabbit_topo.broker.mover import Mover
from rabbit_topo.broker.recreate_roads import ByAmqp
from rabbit_topo.cli import run
from rabbit_topo.model import Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.plan.operations import Operation, Outcome, Recreate


def die() -> None:
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


class Points:
    """Tells of each point, and ends the process at the one that was asked for."""

    def __init__(self, when: str) -> None:
        kind, _, value = when.partition(":")
        self.end, _, count = value.partition("#") if kind == "at" else ("", "", "")
        self.left = int(count or 1)
        self.seconds = float(value) if kind == "after" else None

    def __call__(self, point: str) -> None:
        print(f"point: {point}", file=sys.stderr, flush=True)
        self.left -= point == self.end
        if not self.left:
            die()

    def begin(self) -> None:
        """Let the time run, once."""
        if self.seconds is not None:
            threading.Timer(self.seconds, die).start()
            self.seconds = None


def _named(operation: Operation) -> str:
    what = operation.resource
    told = f"binding of {_what(what.destination)}" if isinstance(what, Binding) else _what(getattr(what, "name", ""))
    return f"{type(operation).__name__.lower()} {told}"


def _what(name: str) -> str:
    """Call a queue by what it is for."""
    if not name.startswith("rabbit-topo."):
        return "queue"
    purpose = name.split(".")[1]
    return "holding" if purpose == "migrate" else purpose


def hook(points: Points) -> None:
    """Put points around what the tool does to the broker."""
    execute, move, swap = Both.execute, Mover.move, ByAmqp.replace

    @wraps(execute)
    def executing(self: Both, wave: Sequence[Operation]) -> Iterator[Outcome]:
        names = sorted({_named(operation) for operation in wave})
        for name in names:
            points(f"before {name}")
        outcomes = list(execute(self, wave))
        for name in names:
            points(f"behind {name}")
        return iter(outcomes)

    @wraps(move)
    def moving(self: Mover, source: Any, into: Any, **more: Any) -> Any:
        points.begin()
        points(f"before moving from {_what(source.name)}")
        tell = more.pop("on_moved", None)

        def told(number: int) -> None:
            points(f"while moving from {_what(source.name)}")
            if tell:
                tell(number)

        did = move(self, source, into, on_moved=told, **more)
        points(f"behind moving from {_what(source.name)}")
        return did

    @wraps(swap)
    def swapping(self: ByAmqp, operation: Recreate) -> Any:
        points("before the swap")
        attempt = swap(self, operation)
        points("behind the swap")
        return attempt

    Both.execute = executing  # type: ignore[method-assign]
    Mover.move = moving  # type: ignore[method-assign]
    ByAmqp.replace = swapping  # type: ignore[method-assign]


def main() -> int:
    hook(Points(sys.argv[1]))
    return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
