"""What `absent:`, `owns:`, `ignore:`, `protect:`, `external:` and `open_bindings:` mean on a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.apply import apply
from rabbit_topo.broker.connect import connect
from rabbit_topo.diff import diff
from rabbit_topo.load import load
from rabbit_topo.plan import Consent, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rabbit_topo.plan import Plan, Report
    from tests.brokers import Node

ROADS = ("http", "both")
STRAYS = """
exchanges:
  shop.x: {type: topic}
queues:
  shop.old: {type: KIND, bindings: [{exchange: shop.x, routing_keys: [a, b]}]}
"""


def run(
    node: Node,
    road: str,
    file: Path,
    between: Callable[[], object] = lambda: None,
    *,
    partial: bool = False,
    **consent: Any,
) -> tuple[Plan, Report | None]:
    """Plan, let something happen, and apply; None where blocked rows forbid that."""
    declared = load(file)
    broker = connect(node.broker_url, amqp=node.amqp_url if road == "both" else None)
    try:
        observed = broker.observe(declared)
        plan = make_plan(diff(observed, declared), observed, declared, Consent(**consent))
        between()
        return plan, apply(plan, broker, partial=partial) if partial or not plan.blocked else None
    finally:
        broker.close()


def written(folder: Path, vhost: str, text: str) -> Path:
    file = folder / "shop.yaml"
    file.write_text(f"version: 1\nvhost: {vhost}\n{text}", encoding="utf-8")
    return file


def bindings(node: Node, vhost: str) -> list[tuple[str, str, str]]:
    found = node.http("GET", "bindings", vhost)
    return sorted((it["source"], it["routing_key"], it["destination"]) for it in found if it["source"])


def names(node: Node, vhost: str, kind: str) -> list[str]:
    return sorted(
        it["name"] for it in node.http("GET", kind, vhost) if it["name"] and not it["name"].startswith("amq.")
    )


@pytest.mark.parametrize(("road", "kind"), [("http", "classic"), ("both", "classic"), ("both", "quorum")])
def test_a_deletion_refused_at_the_last_moment_leaves_the_bindings(
    node: Node, vhost: str, tmp_path: Path, road: str, kind: str
) -> None:
    run(node, "both", written(tmp_path, vhost, STRAYS.replace("KIND", kind)))

    def publish() -> None:
        body = {"properties": {"delivery_mode": 2}, "routing_key": "a", "payload": "kept", "payload_encoding": "string"}
        assert node.http("POST", "exchanges", vhost, "shop.x", "publish", body=body) == {"routed": True}

    plan, report = run(node, road, written(tmp_path, vhost, 'owns: ["shop\\\\..*"]\n'), publish, prune=True)
    assert not plan.blocked
    assert report is not None
    assert [outcome.operation.key.name for outcome in report.failed] == ["shop.old"]
    assert "1 ready" in report.failed[0].reason
    # Nothing before it was taken away, and nothing after it: the exchange still feeds the queue.
    assert report.done == []
    assert report.exit_code == 1
    assert bindings(node, vhost) == [("shop.x", "a", "shop.old"), ("shop.x", "b", "shop.old")]
    assert names(node, vhost, "exchanges") == ["shop.x"]
    got = node.http(
        "POST", "queues", vhost, "shop.old", "get", body={"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}
    )
    assert [message["payload"] for message in got] == ["kept"]


@pytest.mark.parametrize("road", ROADS)
def test_prune_takes_what_is_ours_and_nothing_else(node: Node, vhost: str, tmp_path: Path, road: str) -> None:
    run(node, "both", written(tmp_path, vhost, """
exchanges:
  feed: {type: topic, open_bindings: true}
  partner: {type: fanout, bindings: [{exchange: feed, routing_key: theirs}]}
  shop.sink: {type: fanout, open_bindings: true, bindings: [{exchange: feed, routing_key: runtime}]}
  shop.gone: {type: direct}
queues:
  shop.open: {type: classic, bindings: [{exchange: feed, routing_key: runtime}]}
  shop.shut: {type: classic, bindings: [{exchange: feed, routing_key: stale}]}
  shop.tmp.1: {type: classic, bindings: [{exchange: feed, routing_key: tmp}]}
  shop.stray: {type: classic, bindings: [{exchange: feed, routing_key: stray}]}
  legacy: {type: classic, bindings: [{exchange: feed, routing_key: legacy}]}
  stranger: {type: classic, bindings: [{exchange: feed, routing_key: stranger}]}
  theirs: {type: classic, bindings: [{exchange: feed, routing_key: theirs}]}
policies:
  shop.limits: {pattern: "^nothing$", apply_to: queues, definition: {max_length: 5}}
  old: {pattern: "^nothing$", apply_to: queues, definition: {max_length: 5}}
  theirs: {pattern: "^nothing$", apply_to: queues, definition: {max_length: 5}}
"""))  # fmt: skip
    file = written(tmp_path, vhost, """
owns: ["shop\\\\..*"]
ignore: ["shop\\\\.tmp\\\\..*"]
exchanges:
  feed: {type: topic}
  partner: {external: true}
  shop.sink: {type: fanout, open_bindings: true}
queues:
  shop.open: {type: classic, open_bindings: true}
  shop.shut: {type: classic}
  theirs: {external: true}
absent:
  queues: [legacy, missing]
  exchanges: [missing]
  policies: [old, missing]
  bindings:
    - {exchange: feed, to_exchange: partner, routing_key: theirs}
    - {exchange: feed, queue: shop.open, routing_key: missing}
""")  # fmt: skip
    plan, report = run(node, road, file, prune=True, max_delete=100)
    assert report is not None
    assert (plan.blocked, report.exit_code, report.surprises) == ((), 0, ())
    assert names(node, vhost, "queues") == ["shop.open", "shop.shut", "shop.tmp.1", "stranger", "theirs"]
    assert names(node, vhost, "exchanges") == ["feed", "partner", "shop.sink"]
    assert [policy["name"] for policy in node.http("GET", "policies", vhost)] == ["theirs"]
    assert bindings(node, vhost) == [
        ("feed", "runtime", "shop.open"),
        ("feed", "runtime", "shop.sink"),
        ("feed", "stranger", "stranger"),
        ("feed", "theirs", "theirs"),
        ("feed", "tmp", "shop.tmp.1"),
    ]


@pytest.mark.parametrize("road", ROADS)
def test_no_flag_replaces_what_is_protected(node: Node, vhost: str, tmp_path: Path, road: str) -> None:
    text = "exchanges: {shop.x: {type: topic, protect: true}}\nqueues: {shop.q: {type: classic, protect: true%s}}\n"
    run(node, "both", written(tmp_path, vhost, text % ""))
    file = written(tmp_path, vhost, (text % ", max_length: 5").replace("topic", "direct"))
    plan, report = run(
        node, road, file, partial=True, prune=True, allow=frozenset({"replace"}), migrate=True, max_delete=100
    )
    assert report is not None
    assert sorted((row.change.key.name, row.reason[:13]) for row in plan.blocked) == [
        ("shop.q", "protect: true"),
        ("shop.x", "protect: true"),
    ]
    assert (report.done, report.exit_code) == ([], 5)
    assert [it["type"] for it in node.http("GET", "exchanges", vhost) if it["name"] == "shop.x"] == ["topic"]
