"""What was measured: medians, the ratios that are promised, tables in Markdown, plots, and one JSON document."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from bench import contenders as who
from bench.plot import plot
from bench.processes import Measured
from bench.scale import MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Runs = dict[str, dict[int, list[Measured]]]  # by contender and size
PROMISES = (
    (who.APPLY, who.IMPORT, {3_100: 0.8, 31_000: 0.7}),
    (who.WRITE, who.IMPORT, {3_100: 0.55, 31_000: 0.55}),
    (who.APPLY, who.RASCAL, {3_100: 1.0}),
    (who.CHECK, who.BARE, {31_000: 2.0}),
)
CHECK_MB = 400.0
_MARK = "<!-- measured: {} -->"


def seconds(runs: Runs) -> dict[str, dict[int, float]]:
    """Return the median of each contender and size, in wall-clock seconds; and of the writing within an apply."""
    found: dict[str, dict[int, float]] = {}
    for name, by_size in runs.items():
        found[name] = {size: median(run.seconds for run in some) for size, some in by_size.items()}
        told = {size: phases(some)["write"] for size, some in by_size.items() if some[0].phases}
        if name in who.PHASES and told:
            found[who.PHASES[name]] = told
    return found


def phases(found: Sequence[Measured]) -> dict[str, float]:
    """Return the median of each phase that the runs told of, in seconds."""
    return {phase: median(run.phases[phase] for run in found) for phase in found[0].phases}


def broker_lines(runs: Runs) -> Iterator[str]:
    """Lay out the medians of one broker, what each is as a multiple of the server's own import, and peak memory."""
    medians = seconds(runs)
    sizes = sorted({size for by_size in medians.values() for size in by_size})
    yield "| | " + " | ".join(f"{size:,} objects | of import | peak MB" for size in sizes) + " |"
    yield "|---|" + "---:|---:|---:|" * len(sizes)
    for name, by_size in medians.items():
        cells = []
        for size in sizes:
            base = medians.get(who.IMPORT, {}).get(size)
            taken = by_size.get(size)
            if taken is None:
                cells += ["", "", ""]
                continue
            of_import = (
                "" if base is None or name in {who.CHECK, who.CHECK_ACTIVE, who.BARE} else f"{taken / base:.2f} x"
            )
            peak = f"{median(run.peak_mb for run in runs[name][size]):.0f}" if name in runs else ""
            cells += [f"{taken:.2f} s", of_import, peak]
        yield f"| {name} | " + " | ".join(cells) + " |"


def notes(runs: Runs) -> Iterator[str]:
    """Say what became of each promise, where an apply spends its time, and which runs began on a busy node."""
    yield from promise_lines(runs)
    for size, found in runs.get(who.APPLY, {}).items():
        if told := ", ".join(f"{phase} {taken:.2f} s" for phase, taken in phases(found).items()):
            yield f"- {who.APPLY}, {size:,} objects: {told}"
    for name, by_size in runs.items():
        for size, found in by_size.items():
            if busy := sum(not run.rested for run in found):
                yield f"- {name}, {size:,} objects: the node was still busy before {busy} of {len(found)} runs"


def promise_lines(runs: Runs) -> Iterator[str]:
    """Say of each promise, where both sides were measured, what it is and what came out."""
    medians = seconds(runs)
    for name, other, limits in PROMISES:
        for size, limit in limits.items():
            ours, theirs = medians.get(name, {}).get(size), medians.get(other, {}).get(size)
            if ours is not None and theirs is not None:
                ratio = ours / theirs
                kept = "kept" if ratio <= limit else "NOT KEPT"
                yield f"- {name}, {size:,} objects: {ratio:.2f} x {other}; promised {limit:g} x: {kept}"
    for size, found in runs.get(who.CHECK, {}).items():
        peak = max(run.peak_mb for run in found)
        if size == max(runs[who.CHECK]):
            yield f"- {who.CHECK}, {size:,} objects: {peak:.0f} MB; promised {CHECK_MB:g} MB: " + (
                "kept" if peak < CHECK_MB else "NOT KEPT"
            )


def scale_lines(scale: Mapping[int, Mapping[str, float]]) -> Iterator[str]:
    """Lay out processor seconds by step and size, and microseconds an object at the largest two."""
    sizes = sorted(scale)
    yield "| | " + " | ".join(f"{size:,} objects" for size in sizes) + " | µs an object |"
    yield "|---|" + "---:|" * (len(sizes) + 1)
    for step in scale[sizes[0]]:
        if step == MEMORY:
            yield f"| {step} | " + " | ".join(f"{scale[size][step]:.0f}" for size in sizes) + " | |"
            continue
        each = ", ".join(f"{scale[size][step] / size * 1e6:.1f}" for size in sizes[-2:])
        yield f"| {step} | " + " | ".join(f"{scale[size][step]:.3f} s" for size in sizes) + f" | {each} |"


def machine() -> dict[str, Any]:
    """Describe the machine by its size, not by its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": len(os.sched_getaffinity(0)),
        "model": _model(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


@dataclass(frozen=True, slots=True)
class Results:
    """All runs by broker, the versions of brokers and clients, and the costs without a broker by size."""

    brokers: dict[str, Runs] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    scale: dict[int, dict[str, float]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)
    note: str = ""
    clients: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Spell everything as one JSON document."""
        return {
            "machine": self.machine,
            "note": self.note,
            "versions": self.versions,
            "clients": self.clients,
            "brokers": {
                label: {
                    name: {size: list(map(asdict, found)) for size, found in by_size.items()}
                    for name, by_size in runs.items()
                }
                for label, runs in self.brokers.items()
            },
            "without_a_broker": self.scale,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` spelled."""
        return cls(
            {
                label: {
                    name: {int(size): [Measured(**run) for run in found] for size, found in by_size.items()}
                    for name, by_size in runs.items()
                }
                for label, runs in document["brokers"].items()
            },
            document["versions"],
            {int(size): took for size, took in document["without_a_broker"].items()},
            document["machine"],
            document["note"],
            document["clients"],
        )

    def text(self) -> str:
        """Lay everything out for people."""
        lines: list[str] = []
        for label, runs in self.brokers.items():
            lines += [
                "",
                f"RabbitMQ {self.versions[label]}, medians",
                "",
                *broker_lines(runs),
                "",
                *notes(runs),
            ]
        if self.scale:
            lines += ["", "Without a broker, processor seconds", "", *scale_lines(self.scale)]
        return "\n".join(lines)

    def write_docs(self, docs: Path) -> None:
        """Put tables between the marks of docs/performance.md, and plots beside it."""
        page = docs / "performance.md"
        text = page.read_text(encoding="utf-8")
        told = self.machine
        size = f"{told['processors']} processors ({told['model']}), {told['memory_gib']:g} GiB, Python {told['python']}"
        clients = (
            f" {', '.join(f'{name} {version}' for name, version in self.clients.items())}." if self.clients else ""
        )
        about = f"{told['system']}, {size}; client and broker share it.{clients} {self.note}".strip()
        text = _between(text, "machine", [about])
        for label, runs in self.brokers.items():
            version = self.versions[label]
            number = max(len(found) for by_size in runs.values() for found in by_size.values())
            lines = {name: sorted(by_size.items()) for name, by_size in seconds(runs).items()}
            svg = plot(f"RabbitMQ {version}: seconds against size", "s", lines)
            (docs / f"performance-{label}.svg").write_text(svg, encoding="utf-8")
            picture = f"![Seconds against objects on RabbitMQ {version}](performance-{label}.svg)"
            told_runs = f"RabbitMQ {version}; medians of up to {number} runs."
            text = _between(text, label, [told_runs, "", *broker_lines(runs), "", *notes(runs), "", picture])
        if self.scale:
            steps = [step for step in next(iter(self.scale.values())) if step != MEMORY]
            lines = {step: [(size, self.scale[size][step]) for size in sorted(self.scale)] for step in steps}
            svg = plot("Without a broker: processor seconds against size", "s", lines)
            (docs / "performance-scale.svg").write_text(svg, encoding="utf-8")
            picture = "![Processor seconds against objects, without a broker](performance-scale.svg)"
            text = _between(text, "scale", [*scale_lines(self.scale), "", picture])
        page.write_text(text, encoding="utf-8")


def _between(text: str, name: str, lines: Sequence[str]) -> str:
    """Replace what stands between two marks of this name; without them nothing is replaced."""
    mark = _MARK.format(name)
    before, found, rest = text.partition(mark)
    _, closing, after = rest.partition(mark)
    if not found or not closing:
        return text
    return "\n".join([before + mark, "", *lines, "", mark + after])
