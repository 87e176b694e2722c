"""A signal in the middle of an apply: what is told as done is there, and what is told as not attempted is not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.model import LOCK_NAME
from tests.integration.test_drift import command
from tests.proxy import Fault, Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers import Node

QUEUES = 3000
FEW = 600
PATIENCE = 60.0


def _queues(node: Node, vhost: str) -> set[str]:
    found = node.http("GET", "queues", vhost, query="disable_stats=true&columns=name")
    return {item["name"] for item in found} - {LOCK_NAME}


def _topology(folder: Path, queues: int) -> None:
    lines = [f"  shop.q{n:04}: {{type: classic, direct: true}}" for n in range(queues)]
    (folder / "shop.yaml").write_text("\n".join(["version: 1", "queues:", *lines, ""]))


@pytest.mark.parametrize("road", ["http", "both", "alone"])
def test_an_interrupt_is_told_truly(node: Node, vhost: str, road: str, tmp_path: Path) -> None:
    _topology(tmp_path, QUEUES)
    urls = {"http": ["--broker", node.broker_url], "alone": ["--amqp", node.amqp_url]}
    urls["both"] = urls["http"] + urls["alone"]
    words = ["apply", "--yes", "--quiet", "--vhost", vhost, "--format", "json=report.json", "shop.yaml", *urls[road]]
    process = subprocess.Popen([sys.executable, "-m", "rabbit_topo", *words], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _queues(node, vhost):
            assert process.poll() is None, "it ended before it could be interrupted"
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a shell runs in the background
        assert process.wait(PATIENCE) == 143
    finally:
        process.kill()
        process.wait()
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    told = {kind: set[str]() for kind in ("done", "failed", "not_attempted", "unknown")}
    for outcome in report["outcomes"]:
        told[outcome["outcome"]].add(outcome["resource"]["name"])
    there = _queues(node, vhost)
    assert told["done"] <= there
    assert not told["not_attempted"] & there
    assert there <= told["done"] | told["unknown"]
    assert sum(map(len, told.values())) == QUEUES
    assert (report["interrupted"], report["summary"]["unknown"]) == (True, len(told["unknown"]))


@pytest.mark.parametrize(("road", "first", "code"), [("http", signal.SIGTERM, 143), ("both", signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(  # noqa: PLR0917 - fixtures
    node: Node, vhost: str, road: str, first: signal.Signals, code: int, tmp_path: Path
) -> None:
    """While the last answers are awaited, over a line where none comes; the next run does the rest."""
    _topology(tmp_path, FEW)
    words = [sys.executable, "-m", "rabbit_topo", "apply", "--yes", "--quiet", "--vhost", vhost, "shop.yaml"]
    words += ["--format", "json=report.json", "--timeout", "600", "--channels", "1"]
    target = ["--broker", node.broker_url, *(["--amqp", node.amqp_url] if road == "both" else [])]
    with Proxy(node.amqp_url if road == "both" else node.broker_url) as line:
        lines = ["--broker", node.broker_url, "--amqp", line.url] if road == "both" else ["--broker", line.url]
        process = subprocess.Popen([*words, *lines], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _queues(node, vhost):
                assert process.poll() is None, "it ended before it could be interrupted"
                assert time.monotonic() < deadline
            line.fault = Fault("stall", "down", line.passed["down"], times=1_000)
            while not line.strikes:
                assert time.monotonic() < deadline
            process.send_signal(first)
            while process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert time.monotonic() < deadline
                time.sleep(0.02)
            _, told = process.communicate()
        finally:
            process.kill()
            process.wait()
    assert process.returncode == code
    assert "stopped at once" in told
    assert "Traceback" not in told
    assert not (tmp_path / "report.json").exists()
    file = str(tmp_path / "shop.yaml")
    assert command("apply", "--yes", "--vhost", vhost, file, *target)[0] == 0
    assert command("check", "--vhost", vhost, file, "--broker", node.broker_url)[0] == 0
