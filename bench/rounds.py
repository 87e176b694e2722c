"""Contenders taking turns on one broker."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench import contenders, topologies
from bench.nodes import VHOST
from bench.processes import FailedRun, Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.contenders import Contender
    from bench.nodes import Bench

MANY = 10_000  # objects: whoever is slow runs once from there on


@dataclass(slots=True)
class Rounds:
    """The runs on one broker; `only` are parts of the names of those to measure, none for all.

    Whoever fails is told of in `failures` and left out from then on. After `deadline`, an instant of `time.monotonic`,
    nobody runs a second time. `keep` is called after each run.
    """

    bench: Bench
    folder: Path
    rascal: Path | None
    only: list[str]
    deadline: float
    keep: Callable[[], None]
    runs: defaultdict[str, dict[int, list[Measured]]] = field(default_factory=lambda: defaultdict(dict))
    failures: dict[tuple[str, int], str] = field(default_factory=dict)

    def warm_up(self) -> None:
        """Let the node see everything once: its first import takes twice as long as its second."""
        _, document = topologies.write(self.folder, 310, VHOST)
        for _ in range(2):
            self._fill(document)

    def measure(self, size: int, repeat: int) -> None:
        """Measure everybody `repeat` times with a topology of `size` objects."""
        yaml, document = topologies.write(self.folder, size, VHOST)
        for _ in range(repeat):
            for contender in contenders.writers(self.bench, yaml, document, self.rascal):
                self._take(contender, size, fills=True)
        self._fill(document)
        for _ in range(repeat):
            for contender in contenders.checkers(self.bench, yaml):
                self._take(contender, size, fills=False)
        self.bench.empty()

    def _fill(self, document: Path) -> None:
        self.bench.empty()
        measure(contenders.importer(self.bench, document).command, cwd=contenders.ROOT)

    def _take(self, contender: Contender, size: int, *, fills: bool) -> None:
        name = contender.name
        if (name, size) in self.failures or not wanted(self.only, name):
            return
        if size in self.runs.get(name, {}) and (time.monotonic() > self.deadline or (contender.slow and size >= MANY)):
            return
        about = f"RabbitMQ {self.bench.node.version}  {size:>7,} objects  {name:<32}"
        tell(about)
        rested = self.bench.empty() if fills else self.bench.wait_until_quiet()
        try:
            run = measure(contender.command, cwd=contender.cwd, environ=contender.environ, tells=contender.tells)
        except FailedRun as failure:
            self.failures[name, size] = str(failure)
            tell("")
        else:
            tell("")
            if fills and not self.bench.holds(size):
                self.failures[name, size] = f"{name} left something out of {size:,} objects"
            else:
                self.runs[name].setdefault(size, []).append(replace(run, rested=rested))
                busy = "" if rested else "  the node was still busy before it"
                print(f"{about} {run.seconds:8.2f} s{busy}", file=sys.stderr)
                self.keep()


def wanted(only: list[str], name: str) -> bool:
    """Say whether a contender is asked for."""
    return not only or any(text.lower() in name.lower() for text in only)


def tell(text: str) -> None:
    """Replace the line of progress, where somebody watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()
