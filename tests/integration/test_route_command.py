"""`rabbit-topo route --from` a live broker, and what a plan says of routing, beside what messages then really do."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from amqp import Message
from kombu.connection import Connection

from rabbit_topo.cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.brokers import Node

TOPOLOGY = """\
version: 1
owns: ["shop\\\\..*"]
exchanges:
  shop.orders: {{type: topic}}
  shop.spare: {{type: fanout}}
queues:
  shop.{queue}: {{type: classic, bindings: [{{exchange: shop.orders, routing_key: "order.*"}}]}}
  shop.rest: {{type: classic, bindings: [{{exchange: shop.spare}}]}}
policies:
  shop.ae: {{pattern: ^shop.orders$, apply_to: exchanges, definition: {{alternate-exchange: shop.spare}}}}
publishers:
  paid: {{exchange: shop.orders, routing_key: order.paid}}
"""
MESSAGES = ("order.paid", "order", "theirs.1", "order.paid.late")


class Shop:
    """A vhost that the command line has filled, and a connection of somebody else with a queue of its own."""

    def __init__(self, node: Node, vhost: str, channel: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.vhost, self.channel, self._capsys = node, vhost, channel, capsys
        self.login = ("--broker", node.broker_url, "--username", "guest", "--vhost", vhost)

    def cli(self, *words: str, code: int = 0) -> str:
        found = run(words)
        captured = self._capsys.readouterr()
        assert found == code, captured.out + captured.err
        return captured.out

    def truth(self, key: str, queues: list[str]) -> list[str]:
        """Publish for real, and see which queues have got it."""
        body = f"{key} {time.monotonic_ns()}"
        self.channel.basic_publish(Message(body), "shop.orders", key)
        return sorted(queue for queue in queues if self._got(queue, body))

    def _got(self, queue: str, body: str) -> bool:
        message = self.channel.basic_get(queue, no_ack=True)
        assert message is None or message.body == body
        return message is not None


@contextmanager
def _connected(node: Node, vhost: str) -> Iterator[Any]:
    make: Any = Connection
    options = {"confirm_publish": True}  # a publish returns when the broker has it in every queue
    with make(node.amqp_url, virtual_host=vhost, transport="pyamqp", transport_options=options) as connection:
        yield connection.channel()


@pytest.fixture
def shop(node: Node, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Shop]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("guest")
    (tmp_path / "before.yaml").write_text(TOPOLOGY.format(queue="old"))
    (tmp_path / "after.yaml").write_text(TOPOLOGY.format(queue="new"))
    for name in ("BROKER", "AMQP", "CONFIG", "ENV"):
        monkeypatch.delenv(f"RABBIT_TOPO_{name}", raising=False)
    with _connected(node, vhost) as channel:
        here = Shop(node, vhost, channel, capsys)
        here.cli("apply", "--yes", "-q", "before.yaml", *here.login, "--password-file", "password")
        channel.queue_declare("theirs", exclusive=True)
        channel.queue_bind("theirs", "shop.orders", "theirs.#")
        yield here


def test_a_live_broker_routes_as_it_is_said_to(shop: Shop) -> None:
    url = shop.node.broker_url
    sources = ((url, "--username", "guest"), ("broker", *shop.login[:4]))
    queues = ["shop.old", "shop.rest", "theirs"]
    for key in MESSAGES:
        truth = shop.truth(key, queues)
        assert len(truth) == 1, "each message is for one queue"
        for given, *login in sources:
            ask = ("route", "shop.orders", key, "--from", given, *login, "--password-file", "password")
            document = json.loads(shop.cli(*ask, "--vhost", shop.vhost, "--format", "json"))
            assert document["queues"] == truth
            assert document["version"] == shop.node.version
            shop.cli(*ask, "--vhost", shop.vhost, "--expect", ",".join(truth), "-q")


def test_messages_go_where_the_plan_says(shop: Shop) -> None:
    words = ("--prune", "--max-delete", "100", "after.yaml", *shop.login, "--password-file", "password")
    document = json.loads(shop.cli("plan", *words, "--format", "json"))
    found = {
        shift["message"]["routing_key"]: (shift["before"]["queues"], shift["after"]["queues"])
        for shift in document["routing"]["shifts"]
    }
    assert found["order.paid"] == (["shop.old"], ["shop.new"])
    assert "theirs.1" not in found
    before = {key: shop.truth(key, ["shop.old", "shop.rest", "theirs"]) for key in found}
    assert before == {key: queues for key, (queues, _) in found.items()}
    shop.cli("apply", "--yes", "-q", *words)
    after = {key: shop.truth(key, ["shop.new", "shop.rest", "theirs"]) for key in found}
    assert after == {key: queues for key, (_, queues) in found.items()}


def test_the_policy_that_goes_takes_the_alternate_exchange_along(shop: Shop, tmp_path: Path) -> None:
    text = TOPOLOGY.format(queue="old")
    start, end = text.index("policies:"), text.index("publishers:")
    (tmp_path / "after.yaml").write_text(text[:start] + text[end:])
    words = ("--prune", "after.yaml", *shop.login, "--password-file", "password")
    assert "shop.orders [any other key]  - shop.rest  no queue left" in shop.cli("plan", *words)
    shop.cli("apply", "--yes", "-q", *words)
    assert shop.truth("order", ["shop.old", "shop.rest", "theirs"]) == []
