"""What was measured: medians, the ratios that are promised, tables in Markdown, plots, and one JSON document."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import contenders as who
from bench.plot import plot
from bench.scale import MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.processes import Measured

Runs = dict[str, dict[int, "list[Measured]"]]  # by contender and size
PROMISES = (
    (who.APPLY, who.IMPORT, {3_100: 0.8, 31_000: 0.7}),
    (who.WRITE, who.IMPORT, {3_100: 0.55, 31_000: 0.55}),
    (who.APPLY, who.RASCAL, {3_100: 1.0}),
    (who.CHECK, who.BARE, {31_000: 2.0}),
)
CHECK_MB = 400.0
_MARK = "<!-- measured: {} -->"


def seconds(runs: Runs) -> dict[str, dict[int, float]]:
    """Return the median of each contender and size: what it says of itself, else wall-clock seconds."""
    return {name: {size: _median(found) for size, found in by_size.items()} for name, by_size in runs.items()}


def _median(found: Sequence[Measured]) -> float:
    return median(run.seconds if run.inside is None else run.inside for run in found)


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
            peak = median(run.peak_mb for run in runs[name][size])
            cells += [f"{taken:.2f} s", of_import, f"{peak:.0f}"]
        yield f"| {name} | " + " | ".join(cells) + " |"


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


def document(brokers: Mapping[str, Runs], versions: Mapping[str, str], scale: Mapping[int, Any]) -> dict[str, Any]:
    """Collect everything that was measured, run by run."""
    return {
        "machine": machine(),
        "brokers": {
            label: {
                "version": versions[label],
                "runs": {
                    name: {
                        str(size): [
                            {
                                "seconds": round(run.seconds if run.inside is None else run.inside, 4),
                                "cpu_seconds": round(run.cpu_seconds, 3),
                                "peak_mb": round(run.peak_mb, 1),
                            }
                            for run in found
                        ]
                        for size, found in by_size.items()
                    }
                    for name, by_size in runs.items()
                },
            }
            for label, runs in brokers.items()
        },
        "without_a_broker": {str(size): took for size, took in scale.items()},
    }


def write_docs(
    docs: Path, brokers: Mapping[str, Runs], versions: Mapping[str, str], scale: Mapping[int, Mapping[str, float]]
) -> None:
    """Put tables between the marks of docs/performance.md, and plots beside it."""
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    told = machine()
    size = f"{told['processors']} processors ({told['model']}), {told['memory_gib']:g} GiB, Python {told['python']}"
    text = _between(text, "machine", [f"{told['system']}, {size}; client and broker share it."])
    for label, runs in brokers.items():
        text = _between(text, label, [*broker_lines(runs), "", *promise_lines(runs)])
        lines = {name: sorted(by_size.items()) for name, by_size in seconds(runs).items()}
        svg = plot(f"RabbitMQ {versions[label]}: seconds against size", "s", lines)
        (docs / f"performance-{label}.svg").write_text(svg, encoding="utf-8")
    if scale:
        text = _between(text, "scale", list(scale_lines(scale)))
        steps = [step for step in next(iter(scale.values())) if step != MEMORY]
        lines = {step: [(size, scale[size][step]) for size in sorted(scale)] for step in steps}
        svg = plot("Without a broker: processor seconds against size", "s", lines)
        (docs / "performance-scale.svg").write_text(svg, encoding="utf-8")
    page.write_text(text, encoding="utf-8")


def _between(text: str, name: str, lines: Sequence[str]) -> str:
    """Replace what stands between two marks of this name; without them nothing is replaced."""
    mark = _MARK.format(name)
    before, found, rest = text.partition(mark)
    _, closing, after = rest.partition(mark)
    if not found or not closing:
        return text
    return "\n".join([before + mark, "", *lines, "", mark + after])
