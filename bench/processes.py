"""Whole processes, measured from outside: wall-clock seconds, processor seconds, peak memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(environ or {})}, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    if process.returncode:
        raise FailedRun(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    inside = float(text.splitlines()[-1]) if says else None
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, inside)
