"""How long the command takes to start, as a multiple of a bare Python: medians of interleaved runs.

    python bench/startup.py [RUNS]

The promise is 6 times for `--version` and 20 times for `validate topology/`; it ends with 1 where that is broken.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "python -c pass": (["-c", "pass"], 1.0),
    "rabbit-topo --version": (["-m", "rabbit_topo", "--version"], 6.0),
    "rabbit-topo validate topology/": (["-m", "rabbit_topo", "validate", "topology/"], 20.0),
}


def seconds(arguments: list[str]) -> float:
    """Wall-clock seconds of one run of this Python."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main(runs: int) -> int:
    """Print a table; answer 1 where a promise is broken."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):  # the first one warms the caches
        for name, (arguments, _limit) in COMMANDS.items():
            times[name].append(seconds(arguments))
    bare = median(times["python -c pass"][1:])
    broken = False
    for name, (_arguments, limit) in COMMANDS.items():
        middle = median(times[name][1:])
        ratio = middle / bare
        broken = broken or ratio > limit
        print(f"{name:32} {middle * 1000:7.1f} ms  {ratio:5.1f} x  (promised: {limit:g} x)")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
