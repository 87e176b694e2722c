"""What is not needed is not imported: start-up time is counted in modules, which no busy machine can falsify."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"amqp", "jsonschema", "kombu", "requests", "rich", "urllib3", "yaml"}


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a run of the command line imported."""
    command = [sys.executable, "-X", "importtime", "-m", "rabbit_topo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_the_first_answers_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    assert "rabbit_topo" in modules
    assert not modules & HEAVY


def test_validate_imports_no_broker_client() -> None:
    assert not imported("validate", "topology/") & {"amqp", "kombu", "urllib3"}


def test_the_public_names_cost_nothing_until_they_are_used() -> None:
    code = "import sys, rabbit_topo; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & HEAVY
