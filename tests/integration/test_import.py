"""The round trip as a law: a broker, or its definitions file, becomes YAML, and the YAML the same broker again.

`RABBIT_TOPO_WORLDS=200 pytest tests/integration/test_import.py` is the long run.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.arguments import parse_age
from rabbit_topo.broker.connect import connect
from rabbit_topo.cli import run
from tests.integration.test_laws import empty
from tests.laws import law
from tests.odd_worlds import odd_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Topology
    from tests.brokers import Node

WORLDS = int(os.environ.get("RABBIT_TOPO_WORLDS", "6"))  # of each law and version
FIELDS = {
    "exchanges": ("name", "type", "durable", "auto_delete", "internal", "arguments"),
    "queues": ("name", "durable", "auto_delete", "arguments"),
    "bindings": ("source", "destination_type", "destination", "routing_key", "arguments"),
    "policies": ("name", "pattern", "apply-to", "priority", "definition"),
}


@pytest.fixture
def broker(node: Node) -> Iterator[Broker]:
    opened = connect(node.broker_url, amqp=node.amqp_url)
    yield opened
    opened.close()


def drawn(seed: int, vhost: str, node: Node | None = None, *, nulls: bool = False) -> Topology:
    """Draw a world; for an export of this node, one that such a file can tell."""
    internal = node is None or node.label != "4.3"  # its exports do not say which exchanges are internal
    return odd_world(Random(seed), vhost, nulls=nulls, internal=internal)  # noqa: S311 - not for secrets


def state(node: Node, vhost: str) -> dict[str, list[str]]:
    """Read a vhost as the broker shows it; two spellings of an age are one."""
    found: dict[str, list[str]] = {}
    for kind, fields in FIELDS.items():
        rows = []
        for item in node.http("GET", kind, vhost):
            row = {field: item[field] for field in fields}
            if age := (row.get("arguments") or {}).get("x-max-age"):
                row["arguments"]["x-max-age"] = parse_age(age)
            rows.append(json.dumps(row, sort_keys=True))
        found[kind] = sorted(rows)
    return found


def tool(*arguments: str | Path) -> int:
    return run([str(one) for one in arguments])


def files(project: Path) -> dict[str, bytes]:
    folder = project / "topology"
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*.yaml"))}


def test_a_broker_becomes_files_whose_plan_is_empty(node: Node, vhost: str, broker: Broker, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(WORLDS):
        empty(node, vhost)
        law.fill(broker, drawn(seed, vhost, nulls=True))
        before = state(node, vhost)
        project = tmp_path / str(seed)
        login = ("--broker", node.broker_url, "--amqp", node.amqp_url)

        assert tool("import", node.broker_url, "--vhost", vhost, "-o", project, "-q") == 0
        here = ("--config", project / "rabbit-topo.yaml", *login)
        assert tool("plan", *here, "--prune", "--fail-on-changes", "-q") == 0
        assert tool("check", *here, "-q") == 0

        empty(node, vhost)
        assert tool("apply", *here, "--yes", "-q") == 0
        assert state(node, vhost) == before
        seen += Counter({kind: len(rows) for kind, rows in before.items()})
    assert min(seen.values()) > 0, seen


def test_a_definitions_file_becomes_the_same_node_and_the_same_bytes(
    node: Node, vhost: str, broker: Broker, tmp_path: Path
) -> None:
    for seed in range(WORLDS):
        empty(node, vhost)
        law.fill(broker, drawn(seed, vhost, node))
        before = state(node, vhost)
        exported = tmp_path / f"{seed}.json"
        exported.write_text(json.dumps(node.http("GET", "definitions", vhost)), encoding="utf-8")
        first, second = tmp_path / f"{seed}", tmp_path / f"{seed}-again"
        again, third = tmp_path / f"{seed}-again.json", tmp_path / f"{seed}-third.json"

        assert tool("import", exported, "-o", first, "-q") == 0
        assert tool("export", first / "topology", "-o", again, "-q") == 0
        assert tool("import", again, "-o", second, "-q") == 0
        if node.label != "4.3":  # what its exports may leave out makes `owns:` narrower, once
            assert files(first) == files(second)
        assert tool("export", second / "topology", "-o", third, "-q") == 0
        assert third.read_bytes() == again.read_bytes()

        empty(node, vhost)
        here = ("--vhost", vhost, "--broker", node.broker_url, "--amqp", node.amqp_url, "--yes", "-q")
        assert tool("apply", first / "topology", *here) == 0
        assert state(node, vhost) == before


def test_internal_exchanges_outlive_an_import_of_an_export_that_leaves_them_out(
    node: Node, vhost: str, tmp_path: Path
) -> None:
    """RabbitMQ 4.3.6 exports the bindings of internal exchanges, and not the exchanges."""
    for name, type_, internal in (("in", "topic", False), ("inner", "topic", True), ("lone", "fanout", True)):
        more = {"arguments": {"alternate-exchange": "s.dead"}} if name == "inner" else {}
        node.http("PUT", "exchanges", vhost, f"s.{name}", body={"type": type_, "internal": internal, **more})
    node.http("PUT", "exchanges", vhost, "s.dead", body={"type": "fanout"})
    node.http("PUT", "queues", vhost, "s.deadq", body={"durable": True})
    for path, key in (
        (("e", "s.in", "e", "s.inner"), "#"),
        (("e", "s.inner", "q", "s.deadq"), "x"),
        (("e", "s.dead", "q", "s.deadq"), ""),
    ):
        node.http("POST", "bindings", vhost, *path, body={"routing_key": key})
    before = state(node, vhost)
    document = node.http("GET", "definitions", vhost)
    document["exchanges"] = [
        {key: value for key, value in one.items() if key != "internal"}
        for one in document["exchanges"]
        if not one.get("internal")
    ]
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps(document), encoding="utf-8")

    assert tool("import", exported, "--vhost", vhost, "-o", tmp_path / "new", "-q") == 0
    login = ("--broker", node.broker_url, "--amqp", node.amqp_url)
    assert tool("apply", tmp_path / "new/topology", *login, "--prune", "--max-delete", "100", "--yes", "-q") == 0
    assert state(node, vhost) == before


def test_a_whole_cluster_becomes_an_empty_node_of_its_version(
    node: Node, own_node: Node, vhost: str, broker: Broker, tmp_path: Path
) -> None:
    law.fill(broker, drawn(2026, vhost, node))
    exported = tmp_path / "definitions.json"
    exported.write_text(json.dumps(node.http("GET", "definitions")), encoding="utf-8")

    assert tool("import", exported, "--vhost", vhost, "--vhost", "/", "-o", tmp_path, "-q") == 0
    login = ("--broker", own_node.broker_url, "--amqp", own_node.amqp_url)
    assert tool("apply", tmp_path / "topology", *login, "--yes", "-q") == 0

    assert state(own_node, vhost) == state(node, vhost)
