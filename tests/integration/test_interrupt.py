"""A signal in the middle of an apply: what is told as done is there, and what is told as not attempted is not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers import Node

QUEUES = 3000
PATIENCE = 60.0


def _queues(node: Node, vhost: str) -> set[str]:
    return {item["name"] for item in node.http("GET", "queues", vhost, query="disable_stats=true&columns=name")}


@pytest.mark.parametrize("road", ["http", "both", "alone"])
def test_an_interrupt_is_told_truly(node: Node, vhost: str, road: str, tmp_path: Path) -> None:
    lines = [f"  shop.q{n:04}: {{type: classic, direct: true}}" for n in range(QUEUES)]
    (tmp_path / "shop.yaml").write_text("\n".join(["version: 1", "queues:", *lines, ""]))
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
