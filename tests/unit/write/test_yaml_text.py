"""How plain documents are laid out as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rabbit_topo.adopt.types import File
from rabbit_topo.write.yaml_text import WIDTH, dump

SHOP: dict[str, Any] = {
    "version": 1,
    "vhost": "shop",
    "owns": ["shop\\..*"],
    "ignore": [".*\\.pidbox"],
    "defaults": {"queues": {"type": "quorum"}},
    "profiles": {"queues": {"worker": {"delivery_limit": 5, "dead_letter": {"exchange": "", "routing_key": "dead"}}}},
    "exchanges": {
        "shop.orders": {"type": "topic"},
        "shop.audit": {"type": "fanout", "bindings": [{"exchange": "shop.orders", "routing_key": "#"}]},
        "on": {"type": "topic", "durable": False, "auto_delete": True, "internal": True},
    },
    "queues": {
        "1.10": {"use": "worker", "message_ttl": "1h"},
        "shop.created": {
            "type": "classic",
            "arguments": {"x-custom": [1, 1.5, None]},
            "bindings": [{"exchange": "shop.orders", "routing_keys": ["order.created", "0x1"]}],
        },
        "shop.bare": {},
    },
    "bindings": [{"exchange": "shop.orders", "queue": "other", "routing_key": "~"}],
    "policies": {"shop-limits": {"pattern": "^(a|b)\\.", "definition": {"max_length": 5}}},
}
TEXT = r"""# yaml-language-server: $schema=../schemas/topology.schema.json
version: 1
vhost: shop
owns: ["shop\\..*"]
ignore: [".*\\.pidbox"]

defaults:
  queues: {type: quorum}

profiles:
  queues:
    worker:
      delivery_limit: 5
      dead_letter: {exchange: "", routing_key: dead}

exchanges:
  shop.orders: {type: topic}
  shop.audit:
    type: fanout
    bindings:
      - {exchange: shop.orders, routing_key: "#"}
  "on":
    type: topic
    durable: false
    auto_delete: true
    internal: true

queues:
  "1.10": {use: worker, message_ttl: 1h}
  shop.created:
    type: classic
    arguments: {x-custom: [1, 1.5, null]}
    bindings:
      - {exchange: shop.orders, routing_keys: [order.created, "0x1"]}
  shop.bare: {}

bindings:
  - {exchange: shop.orders, queue: other, routing_key: "~"}

policies:
  shop-limits:
    pattern: ^(a|b)\.
    definition: {max_length: 5}
"""


def _dump(*documents: dict[str, Any]) -> str:
    return dump(File("shop.yaml", documents), "../schemas/topology.schema.json")


def test_a_document_is_laid_out_as_a_person_would_write_it() -> None:
    assert _dump(SHOP) == TEXT


def test_several_documents_are_divided() -> None:
    text = _dump({"version": 1}, {"version": 1, "vhost": "b"}, {})
    assert text.splitlines()[1:] == ["version: 1", "---", "version: 1", "vhost: b", "---", "{}"]


def test_what_does_not_fit_a_line_stands_one_a_line() -> None:
    keys = [f"order.number-{number}" for number in range(9)]
    deep = {"exchange": "x", "routing_keys": keys, "arguments": {"all": [keys, {"k": keys}], "rest": {"a": "b" * 90}}}
    document = {"version": 1, "owns": keys, "queues": {"q": {"bindings": [deep], "definition": {"a": keys}}}}
    text = _dump(document)
    assert yaml.safe_load(text) == document
    assert [line for line in text.splitlines() if len(line) > WIDTH] == [f"            a: {'b' * 90}"]
    assert "owns:\n  - order.number-0\n" in text
    assert "      - exchange: x\n        routing_keys:\n          - order.number-0\n" in text
    assert "          all:\n            - - order.number-0\n              - order.number-1\n" in text


def test_a_long_text_is_not_folded() -> None:
    text = _dump({"version": 1, "queues": {"q": {"description": "many words " * 40 + "end"}}})
    assert any(len(line) > 400 for line in text.splitlines())


def test_comments_cannot_end_early() -> None:
    text = dump(File("a.yaml", ({"version": 1},)), "a\nversion: 2\x85b")
    assert "$schema=a\\nversion: 2\\x85b\n" in text
    assert yaml.safe_load(text) == {"version": 1}


@pytest.mark.parametrize("value", [1e16, 1e-7, 1.5e300, -0.0, 0.1, 2.0, 5e-324, -1e22])
def test_every_reader_takes_a_number_for_one(value: float) -> None:
    text = _dump({"version": 1, "queues": {"q": {"arguments": {"x": value}}}})
    [read] = yaml.safe_load_all(text)
    assert repr(read["queues"]["q"]["arguments"]["x"]) == repr(value)


@pytest.mark.parametrize("path", sorted(Path("topology").glob("*.yaml")), ids=str)
def test_the_data_of_the_example_comes_back(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert yaml.safe_load(_dump(document)) == document
