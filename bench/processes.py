"""Whole processes, measured from outside: wall-clock seconds, processor seconds, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAUNCHER = Path(__file__).parent / "launcher.py"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took; `inside` is what it measured itself and printed as its last line, where it does."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    inside: float | None = None


class FailedRun(Exception):
    """A run did not end with 0: its command and the end of what it said."""


def measure(
    command: Sequence[str], *, cwd: Path, environ: Mapping[str, str] | None = None, says: bool = False
) -> Measured:
    """Run a command to its end. `says` takes the number that it prints. Raises FailedRun."""
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
        seconds, cpu_seconds, peak_mb = map(float, result.read_text(encoding="utf-8").split())
    inside = float(text.splitlines()[-1]) if says else None
    return Measured(seconds, cpu_seconds, peak_mb, inside)
