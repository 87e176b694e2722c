"""Everything but the broker, in one process: python -m bench.scale YAML DEFINITIONS.

It prints one JSON object: processor seconds by step, and the peak memory. `none` is a broker where nothing differs,
read from a definitions file; `all` an empty one, where everything is to be created.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.nodes import VHOST
from rabbit_topo import connect, diff, load, make_plan
from rabbit_topo.plan.impact import impact
from rabbit_topo.report.text import check_lines, plan_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 100
MEMORY = "peak MB"


def main(yaml: Path, document: Path) -> dict[str, float]:
    """Take every step once."""
    gc.disable()  # as the command does
    took: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        took[name] = time.process_time() - began

    with step("load"):
        declared = load(yaml, vhost=VHOST)
    with step("observe a file"):
        there = connect(str(document)).observe(declared)
    with step("diff, none"):
        none = diff(there, declared)
    with step("plan, none"):
        plan = make_plan(none, there, declared)
    with step("render, none"):
        len([str(line) for line in check_lines(plan, (str(yaml),), _WIDTH)])
    empty = document.with_name("empty.json")
    empty.write_text(json.dumps({"vhosts": [{"name": VHOST}]}), encoding="utf-8")
    nothing = connect(str(empty)).observe(declared)
    with step("diff, all"):
        everything = diff(nothing, declared)
    with step("plan, all"):
        plan = make_plan(everything, nothing, declared)
    with step("render, all"):
        len([str(line) for line in plan_lines(plan, (str(yaml),), _WIDTH, impact(plan))])
    if none or len(everything) != len(declared.resources) - 1:
        raise AssertionError(f"{len(none)} and {len(everything)} changes")
    return {**took, MEMORY: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
