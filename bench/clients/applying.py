"""The command itself, in one process: python applying.py OPTIONS-OF-APPLY...

It prints, as one line of JSON, the seconds of each phase of this very run: `files`, with the imports of the command,
`read` the broker, `plan`, `write`, and the `second look`.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

gc.disable()  # as the command does
BEGAN = time.perf_counter()

from rabbit_topo.broker import connect as roads  # noqa: E402
from rabbit_topo.cli import run  # noqa: E402

looks: list[tuple[float, float]] = []
writes: list[tuple[float, float]] = []
open_broker = roads.connect_target


def watched(*arguments: Any) -> Any:
    """Open the broker, and note when it is read and when it is written."""
    broker: Any = open_broker(*arguments)
    observe, execute = broker.observe, broker.execute

    def noted_observe(*declared: Any) -> Any:
        began = time.perf_counter()
        found = observe(*declared)
        looks.append((began, time.perf_counter()))
        return found

    def noted_execute(wave: Any) -> Iterator[Any]:
        began = time.perf_counter()
        yield from execute(wave)
        writes.append((began, time.perf_counter()))

    broker.observe, broker.execute = noted_observe, noted_execute
    return broker


roads.connect_target = watched  # type: ignore[assignment]  # only how it is called matters
if code := run(["apply", *sys.argv[1:]]):
    sys.exit(code)
took = {
    "files": looks[0][0] - BEGAN,
    "read": looks[0][1] - looks[0][0],
    "plan": writes[0][0] - looks[0][1],
    "write": writes[-1][1] - writes[0][0],
    "second look": looks[-1][1] - writes[-1][1],
}
print(json.dumps({phase: round(seconds, 4) for phase, seconds in took.items()}))
