"""Contenders taking turns, each on a broker of its own."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench import contenders, topologies
from bench.nodes import VHOST, running
from bench.processes import FailedRun, Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.contenders import Contender
    from bench.nodes import Bench

MANY = 10_000  # objects: whoever is slow runs once from there on
WARM_UP = 310  # objects


@dataclass(slots=True)
class Rounds:
    """The runs on brokers of one label; `only` are parts of the names of those to measure, none for all.

    Whoever writes is given a node that has just started, and has filled two small vhosts for the same contender.
    Nothing is deleted. `versions` is told the version behind the label.

    Whoever fails is told of in `failures` and left out from then on. After `deadline`, an instant of `time.monotonic`,
    nobody runs a second time. `keep` is called after each run.
    """

    label: str
    versions: dict[str, str]
    folder: Path
    rascal: Path | None
    only: list[str]
    deadline: float
    keep: Callable[[], None]
    runs: defaultdict[str, dict[int, list[Measured]]] = field(default_factory=lambda: defaultdict(dict))
    failures: dict[tuple[str, int], str] = field(default_factory=dict)

    def measure(self, size: int, repeat: int) -> None:
        """Measure everybody `repeat` times with a topology of `size` objects."""
        yaml, document = files = topologies.write(self.folder, size, VHOST)
        for _ in range(repeat):
            for name in contenders.WRITERS:
                if self._has_turn(name, size):
                    with running(self.label, self.folder / "spent") as bench:
                        self._warm_up(bench, name)
                        bench.make_vhost()
                        self._take(bench, self._writer(bench, name, files), size, fills=True)
        if not any(wanted(self.only, name) for name in contenders.CHECKERS):
            return
        with running(self.label, self.folder / "spent") as bench:
            bench.make_vhost()
            _run(contenders.importer(bench, document))
            for _ in range(repeat):
                for contender in contenders.checkers(bench, yaml):
                    if self._has_turn(contender.name, size):
                        self._take(bench, contender, size, fills=False)

    def _writer(self, bench: Bench, name: str, files: tuple[Path, Path], vhost: str = VHOST) -> Contender:
        found = contenders.writers(bench, *files, self.rascal, vhost)
        return {contender.name: contender for contender in found}[name]

    def _warm_up(self, bench: Bench, name: str) -> None:
        """Let the node see twice what is measured: the first time it takes twice as long."""
        for turn in ("first", "second"):
            vhost = f"{VHOST}-{turn}"
            bench.make_vhost(vhost)
            folder = self.folder / vhost
            folder.mkdir(exist_ok=True)
            _run(self._writer(bench, name, topologies.write(folder, WARM_UP, vhost), vhost))

    def _has_turn(self, name: str, size: int) -> bool:
        if (name, size) in self.failures or not wanted(self.only, name):
            return False
        if name == contenders.RASCAL and not self.rascal:
            return False
        if size not in self.runs.get(name, {}):
            return True
        return time.monotonic() <= self.deadline and not (name in contenders.SLOW and size >= MANY)

    def _take(self, bench: Bench, contender: Contender, size: int, *, fills: bool) -> None:
        name, version = contender.name, bench.node.version
        self.versions[self.label] = version
        about = f"RabbitMQ {version}  {size:>7,} objects  {name:<32}"
        tell(about)
        rested = bench.wait_until_quiet()
        try:
            run = _run(contender)
        except FailedRun as failure:
            self.failures[name, size] = str(failure)
            tell("")
        else:
            tell("")
            if fills and not bench.holds(size):
                self.failures[name, size] = f"{name} left something out of {size:,} objects"
            else:
                self.runs[name].setdefault(size, []).append(replace(run, rested=rested))
                busy = "" if rested else "  the node was still busy before it"
                print(f"{about} {run.seconds:8.2f} s{busy}", file=sys.stderr)
                self.keep()


def _run(contender: Contender) -> Measured:
    return measure(contender.command, cwd=contender.cwd, environ=contender.environ, tells=contender.tells)


def wanted(only: list[str], name: str) -> bool:
    """Say whether a contender is asked for."""
    return not only or any(text.lower() in name.lower() for text in only)


def tell(text: str) -> None:
    """Replace the line of progress, where somebody watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()
