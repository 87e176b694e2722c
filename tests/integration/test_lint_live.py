"""Lint on live brokers: what is there is found, and a broker is believed about itself."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.surroundings import surroundings
from rabbit_topo.broker.target import Target
from rabbit_topo.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.brokers import Node

    Lint = Callable[..., list[dict[str, Any]]]

FILES = """\
version: 1
vhost: {vhost}
exchanges:
  shop.hashed: {{type: x-nobody-has-it}}
  shop.mirror: {{type: fanout, alternate_exchange: shop.hashed}}
queues:
  shop.mail: {{type: classic, durable: false, bindings: [{{exchange: shop.mirror}}]}}
policies:
  shop.ha: {{pattern: ^shop, apply_to: queues, definition: {{ha-mode: all}}}}
"""


@pytest.fixture
def lint(node: Node, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Lint with a broker; return the findings."""

    def call(*words: str, code: int = 4) -> list[dict[str, Any]]:
        found = run(["lint", *words, "--username", "guest", "--format", "json"])
        captured = capsys.readouterr()
        assert found == code, captured.out + captured.err
        document = json.loads(captured.out)
        assert document["version"] == node.version
        result: list[dict[str, Any]] = document["findings"]
        return result

    return call


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBIT_TOPO_PASSWORD", "guest")


def spelled(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["code"], one["object"]["name"]) for one in found}


def test_what_is_on_the_broker_is_looked_at(node: Node, vhost: str, lint: Lint) -> None:
    url = ("--from", node.broker_url, "--vhost", vhost)
    assert lint(*url, code=0) == []
    node.http("PUT", "exchanges", vhost, "lost", body={"type": "fanout", "arguments": {"alternate-exchange": "gone"}})
    node.http("PUT", "queues", vhost, "unread", body={"durable": True, "arguments": {"x-max-lenght": 5}})
    found = lint(*url)
    assert spelled(found) == {("RT208", "lost"), ("RT109", "unread"), ("RT201", "unread")}
    assert {one["line"] for one in found} == {None}
    for name, length in (("one", 5), ("two", 6)):
        policy = {"pattern": "^unread$", "apply-to": "queues", "definition": {"max-length": length}, "priority": 1}
        node.http("PUT", "policies", vhost, name, body=policy)
    assert spelled(lint(*url)) == spelled(found) | {("RT501", "two")}


def test_files_are_judged_for_the_broker_that_is_named(node: Node, vhost: str, tmp_path: Path, lint: Lint) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(FILES.format(vhost="/"), encoding="utf-8")
    found = lint(str(file), "--broker", node.broker_url)
    codes = {one["code"]: one for one in found}
    assert codes["RT107"]["object"]["name"] == "shop.hashed"
    assert codes["RT107"]["line"] == 4
    assert ("RT602" in codes) == (node.label != "3.10")  # mirroring: gone since 4.0
    assert ("RT601" in codes) == (node.label != "3.10")  # deprecated since 3.13
    if "RT601" in codes:
        denied = _takes_no_transient_queue(node, vhost)
        assert codes["RT601"]["severity"] == ("error" if denied else "warning")


def test_a_broker_tells_its_types_its_size_and_what_it_denies(node: Node) -> None:
    told = surroundings(Target(broker=node.broker_url, username="guest", password="guest"))
    assert told.version == node.version
    assert told.nodes == 1
    types = {one["name"] for one in node.http("GET", "overview")["exchange_types"]}
    assert told.exchange_types is not None
    assert told.exchange_types | {"direct", "topic", "fanout", "headers"} == types
    denied = {"3.10": None, "4.0": "classic_queue_mirroring", "4.3": "classic_queue_mirroring"}[node.label]
    assert denied in (told.denied or {None})


def test_plan_and_lint_judge_by_the_same(
    node: Node, vhost: str, tmp_path: Path, lint: Lint, capsys: pytest.CaptureFixture[str]
) -> None:
    file, config = tmp_path / "shop.yaml", tmp_path / "rabbit-topo.yaml"
    file.write_text(FILES.format(vhost=vhost), encoding="utf-8")
    config.write_text("lint: {extend_select: [RT4]}\n", encoding="utf-8")
    words = (str(file), "--broker", node.broker_url, "--config", str(config))

    def planned() -> list[dict[str, Any]]:
        assert run(["plan", *words, "--username", "guest", "--format", "json"]) == 0
        result: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
        return result

    found = lint(*words)
    assert ("RT405", "shop.mail") in spelled(found)
    assert planned() == found
    limit = {"pattern": "^shop", "apply-to": "queues", "definition": {"max-length": 5}, "priority": 0}
    node.http("PUT", "operator-policies", vhost, "limit", body=limit)
    found = lint(*words)
    assert ("RT405", "shop.mail") not in spelled(found)
    assert planned() == found


def _takes_no_transient_queue(node: Node, vhost: str) -> bool:
    """Try it."""
    body = {"durable": False, "arguments": {"x-queue-type": "classic"}}
    with suppress(AssertionError):
        node.http("PUT", "queues", vhost, "transient", body=body)
    return all(queue["name"] != "transient" for queue in node.http("GET", "queues", vhost))
