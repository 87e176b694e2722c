"""Measure rabbit-topo beside others, on throwaway brokers, as whole processes; print medians and ratios.

Each run starts on an empty vhost of a node of its own that is quiet, and contenders take turns. Needs a RabbitMQ (and
what scripts/brokers makes, for more versions), and node with npm for rascal. A machine that does nothing else gives
figures worth keeping.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import contenders, startup, topologies
from bench.nodes import VHOST, available
from bench.results import Results
from bench.rounds import Rounds, tell, wanted
from tests.brokers import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (310, 3_100, 31_000)
REPEAT = (3, 3, 2)
MINUTES = 25.0
SCALE = (310, 3_100, 31_000, 310_000)
DOCS = contenders.ROOT / "docs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the flags ask for; answer 1 where a contender failed."""
    asked = _flags(arguments)
    failures: list[str] = []
    if asked.read:
        found = _read(asked.read)
    else:
        found = Results(note=asked.note)
        try:
            _measure(asked, found, failures)
        except KeyboardInterrupt:
            failures.append("interrupted; this is what was measured until then")
            asked.docs = asked.startup = False
    print(found.text())
    if asked.startup:
        print("\nStart-up\n")
        startup.main(15)
    if asked.output:
        _keep(found, asked.output)
        print(f"\nwritten: {asked.output}")
    if asked.docs:
        found.write_docs(DOCS)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return int(bool(failures))


def _read(file: Path) -> Results:
    """Read what `--output` wrote; end with a message where it is something else."""
    try:
        return Results.read(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"bench/run: {file} holds no results of this benchmark: {error}")


def _measure(asked: argparse.Namespace, found: Results, failures: list[str]) -> None:
    labels = asked.versions
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rabbit-topo-bench-") as temporary:
        folder = Path(temporary)
        installs = bool(labels) and wanted(asked.only, contenders.RASCAL)
        rascal = contenders.install_rascal(folder) if installs else None
        found.clients.update(contenders.versions(rascal))
        for turn, label in enumerate(labels, start=1):
            deadline = began + asked.budget * 60 * turn / len(labels)
            keep = partial(_keep, found, asked.output)
            rounds = Rounds(label, found.versions, folder, rascal, asked.only, deadline, keep)
            found.versions[label], found.brokers[label] = label, rounds.runs
            for number, size in enumerate(asked.sizes):
                rounds.measure(size, asked.repeat[min(number, len(asked.repeat) - 1)])
            failures += [f"RabbitMQ {found.versions[label]}: {failure}" for failure in rounds.failures.values()]
        found.scale.update({size: _without_broker(size, folder) for size in asked.scale})


def _keep(found: Results, output: Path | None) -> None:
    """Write what there is so far: a run that is interrupted leaves that."""
    if output is None:
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.part")
    part.write_text(json.dumps(found.document(), indent=1) + "\n", encoding="utf-8")
    part.replace(output)


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench/run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=_numbers, default=SIZES, metavar="N,N", help="objects on a broker  %(default)s")
    scale_help = "objects without a broker; 0 for none  %(default)s"
    parser.add_argument("--scale", type=_numbers, default=SCALE, metavar="N,N", help=scale_help)
    versions_help = f"of {', '.join(LABELS)}; an empty string for none  [the oldest and the newest here]"
    parser.add_argument("--versions", type=_labels, metavar="V,V", help=versions_help)
    repeat_help = "runs at each size; the last holds for the rest, and slow ones run once at 31000  %(default)s"
    parser.add_argument("--repeat", type=_counts, default=REPEAT, metavar="N,N", help=repeat_help)
    budget_help = "nobody runs twice on a broker whose share of this is spent  [%(default)g]"
    parser.add_argument("--budget", type=float, default=MINUTES, metavar="MINUTES", help=budget_help)
    only_help = "measure contenders whose names contain this; may be repeated"
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help=only_help)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write each run there, as JSON")
    note_help = "what else is to be known of this run, for the page"
    parser.add_argument("--note", default="", metavar="TEXT", help=note_help)
    read_help = "measure nothing, show what --output wrote"
    parser.add_argument("--read", type=Path, metavar="FILE", help=read_help)
    parser.add_argument("--docs", action="store_true", help="put tables and plots into docs/performance.md")
    parser.add_argument("--startup", action="store_true", help="measure how long the command takes to start, too")
    parser.add_argument("--quick", action="store_true", help="a smoke run: 310 objects, once, on the first broker")
    asked = parser.parse_args(arguments)
    if asked.versions is None:
        here = available()
        asked.versions = here[:1] + here[1:][-1:]
    if asked.quick:
        asked.sizes, asked.scale, asked.repeat, asked.versions = (310,), (310, 3_100), (1,), asked.versions[:1]
    return asked


def _numbers(text: str) -> tuple[int, ...]:
    found = tuple(int(number.replace("_", "")) for number in text.split(",") if number)
    if any(number % topologies.PER_EXCHANGE for number in found):
        raise argparse.ArgumentTypeError(f"sizes are multiples of {topologies.PER_EXCHANGE}: 310, 3100, 31000")
    return tuple(number for number in found if number)


def _counts(text: str) -> tuple[int, ...]:
    found = tuple(int(number) for number in text.split(","))
    if min(found) < 1:
        raise argparse.ArgumentTypeError("everybody runs once at least")
    return found


def _labels(text: str) -> list[str]:
    found = [label for label in text.split(",") if label]
    if unknown := set(found) - set(LABELS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose of {', '.join(LABELS)}")
    return found


def _without_broker(size: int, folder: Path) -> dict[str, float]:
    tell(f"without a broker  {size:,} objects")
    yaml, document = topologies.write(folder, size, VHOST)
    command = [sys.executable, "-m", "bench.scale", str(yaml), str(document)]
    answer = subprocess.run(command, cwd=contenders.ROOT, capture_output=True, check=True)
    tell("")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
