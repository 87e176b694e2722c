"""The example on each broker; then twenty drifts made by hand, each found and named, and no foreign object is."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.brokers import Node

ROOT = Path(__file__).parents[2]

TOPOLOGY = """\
version: 1
owns: ["shop\\\\..*"]
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted}
  shop.unrouted: {type: fanout}
  shop.docs: {type: headers}
  shop.inner: {type: fanout, internal: true, bindings: [{exchange: shop.orders, routing_key: "#"}]}
  amq.topic: {external: true, type: topic}
queues:
  shop.created:
    type: classic
    max_length: 6
    bindings:
      - {exchange: shop.orders, routing_key: order.created}
      - {exchange: shop.docs, match: all, headers: {format: pdf, pages: 3}}
  shop.all: {type: quorum, delivery_limit: 5, bindings: [{exchange: shop.inner}]}
policies:
  shop-limits: {pattern: "^shop\\\\.", apply_to: queues, priority: 5, definition: {max_length: 1000}}
"""


@dataclass
class Broker:
    """A vhost behind the tool's back."""

    node: Node
    vhost: str

    def __call__(self, method: str, *path: str, **body: Any) -> Any:
        kind, *rest = path
        return self.node.http(method, kind, self.vhost, *rest, body=body if method in ("PUT", "POST") else None)

    def exchange(self, name: str, **properties: Any) -> None:
        """Delete an exchange and declare it otherwise; its bindings are lost."""
        self("DELETE", "exchanges", name)
        self("PUT", "exchanges", name, **{"durable": True, "auto_delete": False, "internal": False, **properties})

    def queue(self, name: str, **properties: Any) -> None:
        """Delete a queue and declare it otherwise; its bindings are lost."""
        self("DELETE", "queues", name)
        self("PUT", "queues", name, **{"durable": True, "auto_delete": False, "arguments": {}, **properties})

    def bind(self, source: str, queue: str, key: str, **arguments: Any) -> None:
        self("POST", "bindings", "e", source, "q", queue, routing_key=key, arguments=arguments)

    def unbind(self, source: str, queue: str, key: str) -> None:
        for found in self("GET", "bindings", "e", source, "q", queue):
            if found["routing_key"] == key:
                self("DELETE", "bindings", "e", source, "q", queue, found["properties_key"])


def _other_header(broker: Broker, pages: object) -> None:
    broker.unbind("shop.docs", "shop.created", "")
    broker.bind("shop.docs", "shop.created", "", **{"x-match": "all", "format": "pdf", "pages": pages})


def _other_key(broker: Broker) -> None:
    broker.unbind("shop.orders", "shop.created", "order.created")
    broker.bind("shop.orders", "shop.created", "order.made")


DRIFTS: dict[str, tuple[Callable[[Broker], None], str, str, str]] = {
    # name: what is done, then what the report must hold: change, name, property
    "a missing exchange": (lambda b: b("DELETE", "exchanges", "shop.unrouted"), "create", "shop.unrouted", ""),
    "a missing queue": (lambda b: b("DELETE", "queues", "shop.all"), "create", "shop.all", ""),
    "a missing binding": (
        lambda b: b.unbind("shop.orders", "shop.created", "order.created"),
        "create",
        "shop.orders",
        "",
    ),
    "a missing policy": (lambda b: b("DELETE", "policies", "shop-limits"), "create", "shop-limits", ""),
    "another exchange type": (lambda b: b.exchange("shop.unrouted", type="direct"), "replace", "shop.unrouted", "type"),
    "another queue type": (
        lambda b: b.queue("shop.all", arguments={"x-queue-type": "classic"}),
        "replace",
        "shop.all",
        "type",
    ),
    "a transient exchange": (
        lambda b: b.exchange("shop.unrouted", type="fanout", durable=False),
        "replace",
        "shop.unrouted",
        "durable",
    ),
    "an auto-delete exchange": (
        lambda b: b.exchange("shop.unrouted", type="fanout", auto_delete=True),
        "replace",
        "shop.unrouted",
        "auto_delete",
    ),
    "an auto-delete queue": (
        lambda b: b.queue("shop.created", auto_delete=True, arguments={"x-max-length": 6}),
        "replace",
        "shop.created",
        "auto_delete",
    ),
    "a transient queue": (
        lambda b: b.queue("shop.created", durable=False, arguments={"x-max-length": 6}),
        "replace",
        "shop.created",
        "durable",
    ),
    "another internal flag": (
        lambda b: b.exchange("shop.inner", type="fanout"),
        "replace",
        "shop.inner",
        "internal",
    ),
    "another argument's value": (
        lambda b: b.queue("shop.created", arguments={"x-max-length": 5}),
        "replace",
        "shop.created",
        "arguments.x-max-length",
    ),
    "an argument too many": (
        lambda b: b.queue("shop.created", arguments={"x-max-length": 6, "x-unknown": "y"}),
        "replace",
        "shop.created",
        "arguments.x-unknown",
    ),
    "no alternate exchange": (
        lambda b: b.exchange("shop.orders", type="topic"),
        "replace",
        "shop.orders",
        "arguments.alternate-exchange",
    ),
    "another routing key": (
        _other_key,
        "create",
        "shop.orders",
        "near",
    ),
    "another header value": (lambda b: _other_header(b, 4), "create", "shop.docs", "near"),
    "another header value's class": (lambda b: _other_header(b, "3"), "create", "shop.docs", "near"),
    "a stale binding": (lambda b: b.bind("amq.topic", "shop.created", "x"), "delete", "amq.topic", "stale"),
    "an owned stray queue": (lambda b: b("PUT", "queues", "shop.stray", durable=True), "delete", "shop.stray", "stray"),
    "a changed policy": (
        lambda b: b("PUT", "policies", "shop-limits", pattern="^shop\\.", priority=5, **_policy(999)),
        "update",
        "shop-limits",
        "definition.max-length",
    ),
    "a foreign policy that displaces ours": (
        lambda b: b("PUT", "policies", "foreign", pattern="created", priority=9, **_policy(3)),
        "displaced",
        "shop.created",
        "policy",
    ),
}


def _policy(length: int) -> dict[str, Any]:
    return {"apply-to": "queues", "definition": {"max-length": length}}


def command(*words: str) -> tuple[int, str]:
    """Run the command line in this process; stdout and its exit code."""
    out = io.StringIO()
    with redirect_stdout(out):
        code = run(words)
    return code, out.getvalue()


@pytest.fixture(params=["http", "both"])
def target(request: pytest.FixtureRequest, node: Node) -> list[str]:
    return ["--broker", node.broker_url] + (["--amqp", node.amqp_url] if request.param == "both" else [])


@pytest.fixture
def applied(node: Node, vhost: str, tmp_path: Path) -> tuple[Broker, list[str]]:
    file = tmp_path / "shop.yaml"
    file.write_text(TOPOLOGY)
    words = [str(file), "--vhost", vhost, "--broker", node.broker_url]
    broker = Broker(node, vhost)
    broker("PUT", "queues", "foreign.queue", durable=True)
    broker("PUT", "exchanges", "foreign.exchange", type="fanout")
    broker.bind("foreign.exchange", "foreign.queue", "k", n=1)
    code, out = command("apply", "--yes", *words, "--amqp", node.amqp_url)
    assert code == 0, out
    return broker, words


def test_the_example_applies_and_stays(node: Node, target: list[str], tmp_path: Path) -> None:
    node.http("DELETE", "vhosts", "/")
    node.http("PUT", "vhosts", "/", body={})
    node.http("PUT", "permissions", "/", "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    words = [str(ROOT / "topology"), *target]
    report = tmp_path / "apply.json"
    code, out = command("apply", "--yes", "--format", f"json={report}", *words)
    assert code == 0, out
    assert json.loads(report.read_text())["remaining"] == []
    assert command("plan", "--fail-on-changes", *words)[0] == 0
    assert command("check", *words)[0] == 0
    other = ["--broker", node.broker_url] + ([] if "--amqp" in target else ["--amqp", node.amqp_url])
    code, out = command("apply", "--yes", str(ROOT / "topology"), *other)
    assert (code, "Nothing to do" in out) == (0, True), out


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drift_is_found_and_named(applied: tuple[Broker, list[str]], drift: str) -> None:
    broker, words = applied
    assert command("check", *words)[0] == 0
    make, change, name, what = DRIFTS[drift]
    make(broker)
    code, out = command("check", "--format", "json", *words)
    assert code == 3, out
    found = json.loads(out)
    assert "foreign.queue" not in out
    assert "foreign.exchange" not in out
    rows = [row for row in found["changes"] if row["change"] == change and _name(row["resource"]) == name]
    assert rows, found["changes"]
    named = {field["path"] for row in rows for field in row["fields"]}
    named |= {"near" for row in rows if row.get("near")} | {row.get("because", "") for row in rows}
    assert not what or what in named, rows
    code, out = command("check", *words)
    assert code == 3
    assert name in out
    assert what in ("", "near", "stale", "stray") or f"{what}: " in out, out


# What the broker compares when something is declared again, or what a passive declare misses.
MISSING = {"a missing exchange", "a missing queue"}
COMPARED = MISSING | {
    "another exchange type",
    "another queue type",
    "a transient exchange",
    "an auto-delete exchange",
    "an auto-delete queue",
    "a transient queue",
    "another internal flag",
    "another argument's value",
    "no alternate exchange",
}


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("via", ["passive", "active"])
def test_a_drift_over_amqp_alone(applied: tuple[Broker, list[str]], drift: str, via: str) -> None:
    broker, words = applied
    alone = [*words[:3], "--amqp", broker.node.amqp_url, "--via", via]
    make, change, name, what = DRIFTS[drift]
    make(broker)
    code, out = command("check", "--format", "json", *alone)
    found = json.loads(out)
    assert (found["road"], found["not_verified"]["complete"]) == (via, False)
    assert "foreign.queue" not in out
    visible = drift in (COMPARED if via == "active" else MISSING)
    assert code == (3 if visible else 0), out
    if visible:
        [row] = [row for row in found["changes"] if (row["change"], row["resource"].get("name")) == (change, name)]
        assert what in {"", *(field["path"] for field in row["fields"])}
    else:
        assert found["changes"] == []
        assert command("check", "--strict", *alone)[0] == 3
    kinds = {item["resource"]["kind"] for item in found["not_verified"]["objects"]}
    assert {"binding", "policy"} <= kinds


def test_apply_over_amqp_alone(node: Node, vhost: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TOPOLOGY.split("policies:", maxsplit=1)[0])
    words = [str(file), "--vhost", vhost]
    alone = [*words, "--amqp", node.amqp_url]
    code, out = command("apply", "--yes", *alone)
    assert (code, "Looked again: what AMQP shows is as declared" in out) == (0, True), out
    assert command("check", *words, "--broker", node.broker_url)[0] == 0
    code, out = command("plan", "--fail-on-changes", *alone)
    assert (code, "HAZARD   an integer argument" in out) == (0, True), out
    assert command("apply", "--yes", *alone)[0] == 0
    assert command("check", *words, "--broker", node.broker_url)[0] == 0
    assert command("apply", "--yes", "--prune", *alone)[0] == 2


def test_a_policy_is_blocked_over_amqp_alone(node: Node, vhost: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TOPOLOGY)
    alone = [str(file), "--vhost", vhost, "--amqp", node.amqp_url]
    assert command("apply", "--yes", *alone)[0] == 5
    assert [item["name"] for item in node.http("GET", "queues", vhost)] == []
    assert command("apply", "--yes", "--partial", *alone)[0] == 6
    assert len(node.http("GET", "queues", vhost)) == 2


def _name(resource: dict[str, Any]) -> str:
    return str(resource.get("name") or resource["source"])


def test_foreign_objects_are_no_drift(applied: tuple[Broker, list[str]]) -> None:
    broker, words = applied
    broker("PUT", "queues", "other.queue", durable=True)
    broker("PUT", "policies", "other", pattern="^foreign", priority=9, **_policy(3))
    code, out = command("check", *words)
    assert code == 0, out
