"""How long import, export, diff and fmt take: 1,000 exchanges, 10,000 queues and 20,000 bindings, whole processes.

    python bench/importing.py [OBJECTS] [VERSION]

Without a VERSION (3.10, 4.0 or 4.3) nothing is imported from a broker. The promise is 15 s for an import of 31,000
objects, from either; it ends with 1 where that is broken.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import topologies
from bench.processes import measure
from tests.brokers import LABELS, start

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[1]
TOOL: Final = (sys.executable, "-m", "rabbit_topo")
OBJECTS: Final = 31_000
PROMISED_S: Final = 15.0
TIMES: Final = 3


def take(name: str, folder: Path, *command: Path | str) -> float:
    """Run a command some times, each in a folder of its own; print and return the median of its seconds."""
    runs = []
    for number in range(TIMES):
        here = folder / f"{name.replace(' ', '-')}-{number}"
        here.mkdir()
        runs.append(measure([*TOOL, *map(str, command)], cwd=here, environ={"PYTHONPATH": str(ROOT)}))
    seconds = median(run.seconds for run in runs)
    print(f"{name:28} {seconds:6.2f} s  {max(run.peak_mb for run in runs):4.0f} MB", flush=True)
    return seconds


def main(words: Sequence[str]) -> int:
    """Print a table; answer 1 where the promise is broken."""
    objects = next((int(word) for word in words if word.isdecimal()), OBJECTS)
    imports = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, document = topologies.write(folder, objects, "/")
        imports.append(take("import a definitions file", folder, "import", document, "-q"))
        project = folder / "import-a-definitions-file-0" / "topology"
        lines = sum(file.read_bytes().count(b"\n") for file in project.glob("*.yaml"))
        print(f"{'':28} {lines:,} lines in {len(list(project.glob('*.yaml')))} files")
        take("export it again", folder, "export", project, "-o", "definitions.json", "-q")
        take("diff of files and file", folder, "diff", document, project, "-q")
        for label in (word for word in words if word in LABELS):
            with start(label) as sandbox:
                urls = ("--broker", sandbox.broker_url, "--amqp", sandbox.amqp_url)
                measure([*TOOL, "apply", "--yes", "-q", str(project), *urls], cwd=ROOT)
                imports.append(take(f"import from {sandbox.version}", folder, "import", sandbox.broker_url, "-q"))
        take("fmt --check of the files", folder, "fmt", "--check", "-q", project)
    return int(objects <= OBJECTS and max(imports) > PROMISED_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
