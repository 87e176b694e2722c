"""The commands that a newcomer types first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci/run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_can_be_run_and_parses(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["/bin/bash", "-n", script], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [(), ("--file",)], ids=["broker", "file"])
def test_the_demo_shows_drift_and_the_way_back(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([ROOT / "scripts/demo", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    finding = done.stdout.partition("6. Check finds it")[2].partition("7. The way back")[0]
    assert "mcard --[mcard.mint]--> queue mcard.mint" in finding
    assert "queue shop.orders.test" in finding
    assert "exit 3, as it should" in finding
    assert done.stdout.rstrip().endswith("rabbit-topo --help knows the rest.")
