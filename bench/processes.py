"""Whole processes, measured from outside: wall-clock seconds and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAUNCHER = Path(__file__).parent / "launcher.py"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took, of it by phase where the process tells, and whether the node was at rest when it began."""

    seconds: float
    peak_mb: float
    phases: Mapping[str, float] = field(default_factory=dict)
    rested: bool = True


class FailedRun(Exception):
    """A run did not end with 0: its command and the end of what it said."""


def measure(
    command: Sequence[str], *, cwd: Path, environ: Mapping[str, str] | None = None, tells: bool = False
) -> Measured:
    """Run a command to its end. `tells`: its last line is JSON, its seconds by phase. Raises FailedRun."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        process = subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(result), *command],
            cwd=cwd,
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = process.stdout.decode(errors="replace").strip()
        if process.returncode:
            raise FailedRun(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
        seconds, peak_mb = map(float, result.read_text(encoding="utf-8").split())
    return Measured(seconds, peak_mb, json.loads(text.splitlines()[-1]) if tells else {})
