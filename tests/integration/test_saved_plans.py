"""A stale saved plan never writes: every kind of change in between, on every broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.brokers import Node

SHOP = """\
version: 1
vhost: {vhost}
owns: ["shop\\\\..*"]
exchanges:
  shop.x: {{type: topic}}
queues:
  shop.kept: {{type: classic, bindings: [{{exchange: shop.x, routing_key: a}}]}}
"""
NEW = "  shop.new: {type: quorum, bindings: [{exchange: shop.x, routing_key: a}]}\n"
_QUEUE = {"durable": True, "auto_delete": False, "arguments": {}}
_POLICY = {"pattern": "^theirs", "definition": {"max-length": 5}, "apply-to": "queues", "priority": 0}


class Shop:
    """A vhost with a saved plan: one queue is to be made, one is to be deleted."""

    def __init__(self, node: Node, vhost: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.vhost, self._capsys = node, vhost, capsys
        self.file, self.plan = folder / "shop.yaml", folder / "plan.json"
        self.file.write_text(SHOP.format(vhost=vhost))
        self.queue("theirs")
        self.ran("apply", "--yes", str(self.file))
        self.queue("shop.stray")
        self.file.write_text(SHOP.format(vhost=vhost) + NEW)
        self.ran("plan", "--prune", "--out", str(self.plan), str(self.file))

    def call(self, *words: str) -> tuple[int, str]:
        login = ("--broker", self.node.broker_url.replace("//", "//guest:guest@"), "--amqp", self.node.amqp_url)
        code = run([*words, *login])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def ran(self, *words: str) -> str:
        code, told = self.call(*words)
        assert code == 0, told
        return told

    def http(self, method: str, kind: str, *path: str, **body: Any) -> Any:
        return self.node.http(method, kind, self.vhost, *path, body=body or None)

    def queue(self, name: str, **arguments: Any) -> None:
        self.http("PUT", "queues", name, **{**_QUEUE, "arguments": arguments})

    def publish(self, queue: str) -> None:
        message = {"properties": {}, "routing_key": queue, "payload": "x", "payload_encoding": "string"}
        assert self.node.http("POST", "exchanges", self.vhost, "amq.default", "publish", body=message)["routed"]

    def bind(self, method: str) -> None:
        path = ("e", "shop.x", "q", "theirs") if method == "POST" else ("e", "shop.x", "q", "theirs", "by.hand")
        self.node.http(
            method, "bindings", self.vhost, *path, body={"routing_key": "by.hand"} if method == "POST" else None
        )

    def again(self, name: str, **arguments: Any) -> None:
        self.http("DELETE", "queues", name)
        self.queue(name, **arguments)

    def refused(self) -> str:
        """Apply what was saved, which must change nothing at all."""
        before = self.http("GET", "definitions")
        code, told = self.call("apply", "--yes", "--plan", str(self.plan))
        assert code == 5, told
        assert "nothing was changed" in told
        assert self.http("GET", "definitions") == before
        return told


_Change = tuple["Callable[[Shop], object]", "Callable[[Shop], object]", str]
CHANGES: dict[str, _Change] = {
    "a binding added": (
        lambda shop: shop.bind("POST"),
        lambda shop: shop.bind("DELETE"),
        "+ binding shop.x --[by.hand]--> queue theirs in vhost {vhost}: was not there",
    ),
    "an argument changed": (
        lambda shop: shop.again("theirs", **{"x-max-length": 5}),
        lambda shop: shop.again("theirs"),
        "~ queue theirs in vhost {vhost}: changed",
    ),
    "an object deleted": (
        lambda shop: shop.http("DELETE", "queues", "shop.stray"),
        lambda shop: shop.queue("shop.stray"),
        "no longer planned: remove queue shop.stray",
    ),
    "a policy added": (
        lambda shop: shop.http("PUT", "policies", "p", **_POLICY),
        lambda shop: shop.http("DELETE", "policies", "p"),
        "+ policy p in vhost {vhost}: was not there",
    ),
    "an operator policy added": (
        lambda shop: shop.http("PUT", "operator-policies", "p", **_POLICY),
        lambda shop: shop.http("DELETE", "operator-policies", "p"),
        "~ operator policies changed",
    ),
    "the work done by somebody else": (
        lambda shop: shop.queue("shop.new", **{"x-queue-type": "quorum"}),
        lambda shop: shop.http("DELETE", "queues", "shop.new"),
        "no longer planned: declare queue shop.new",
    ),
    "a message in what is to be deleted": (
        lambda shop: shop.publish("shop.stray"),
        lambda shop: shop.again("shop.stray"),
        "now blocked: queue shop.stray: holds 1 message",
    ),
    "a file changed": (
        lambda shop: shop.file.write_text(shop.file.read_text().replace("type: quorum", "type: classic")),
        lambda shop: shop.file.write_text(
            shop.file.read_text().replace("shop.new: {type: classic", "shop.new: {type: quorum")
        ),
        "now planned: declare queue shop.new",
    ),
}


def test_a_stale_plan_never_writes(node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(node, vhost, tmp_path, capsys)
    assert "guest:guest" not in shop.plan.read_text()
    for kind, (change, undo, says) in CHANGES.items():
        change(shop)
        told = shop.refused()
        assert says.format(vhost=vhost) in told, f"{kind}: {told}"
        undo(shop)
    # What queues hold is no part of the plan, as long as the same is done.
    shop.publish("shop.kept")
    shop.publish("theirs")
    assert "Applied: 3 done" in shop.ran("apply", "--yes", "--plan", str(shop.plan))
    shop.ran("check", str(shop.file))
    assert {queue["name"] for queue in shop.http("GET", "definitions")["queues"]} == {"shop.kept", "shop.new", "theirs"}
    assert "no longer planned: declare queue shop.new" in shop.refused()


def test_another_cluster_is_refused(node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(node, vhost, tmp_path, capsys)
    name = node.http("GET", "cluster-name")["name"]
    try:
        node.http("PUT", "cluster-name", body={"name": "rabbit@elsewhere"})
        told = shop.refused()
    finally:
        node.http("PUT", "cluster-name", body={"name": name})
    assert "this is another target than the plan was made for" in told
    assert f'made for  RabbitMQ, cluster "{name}"' in told
    assert 'this is   RabbitMQ, cluster "rabbit@elsewhere"' in told
