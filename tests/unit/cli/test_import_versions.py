"""Definitions files as the servers of several years write them: a cluster's, or a vhost's without its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo import load
from rabbit_topo.cli import run
from rabbit_topo.model import Binding, Policy, Queue

if TYPE_CHECKING:
    from pathlib import Path

EXCHANGE = {"name": "shop.x", "type": "topic", "durable": True, "auto_delete": False, "internal": False}
QUEUE = {"name": "shop.q", "durable": True, "auto_delete": False, "arguments": {"x-message-ttl": 60000}}
BINDING = {"source": "shop.x", "destination": "shop.q", "destination_type": "queue", "routing_key": "#"}
POLICY = {"name": "shop.p", "pattern": "^shop\\.", "apply-to": "queues", "priority": 1}
MIRRORED = {**POLICY, "definition": {"ha-mode": "exactly", "ha-params": 2}}
LIMITED = {**POLICY, "definition": {"max-length": 5}}


def document(vhost: str | None, empty: Any, policy: dict[str, Any], **head: Any) -> dict[str, Any]:
    home = {} if vhost is None else {"vhost": vhost}
    return {
        **head,
        "exchanges": [{**EXCHANGE, **home, "arguments": empty}],
        "queues": [{**QUEUE, **home}],
        "bindings": [{**BINDING, **home, "arguments": empty}],
        "policies": [{**policy, **home}],
    }


@pytest.mark.parametrize(
    ("written", "vhost", "definition"),
    [
        (
            document("/", [], MIRRORED, rabbit_version="3.8.9", users=[], vhosts=[{"name": "/"}], permissions=[]),
            "/",
            {"ha-mode": "exactly", "ha-params": 2},
        ),
        (document(None, {}, {**LIMITED, "vhost": "/"}, rabbit_version="3.10.8"), "/", {"max-length": 5}),
        (
            document(
                None,
                {},
                LIMITED,
                rabbitmq_version="4.0.5",
                rabbitmq_definition_format="single_virtual_host",
                original_vhost_name="shop",
            ),
            "shop",
            {"max-length": 5},
        ),
        (
            document(
                "shop",
                {},
                LIMITED,
                rabbitmq_version="4.3.6",
                rabbitmq_definition_format="cluster",
                vhosts=[{"name": "shop", "metadata": {"default_queue_type": "classic"}, "limits": []}],
                global_parameters=[{"name": "cluster_name", "value": "rabbit@shop"}],
            ),
            "shop",
            {"max-length": 5},
        ),
    ],
    ids=["3.8 cluster", "3.10 vhost", "4.0 vhost", "4.3 cluster"],
)
def test_a_file_of_each_kind_becomes_a_project(
    tmp_path: Path, written: dict[str, Any], vhost: str, definition: dict[str, Any]
) -> None:
    source = tmp_path / "definitions.json"
    source.write_text(json.dumps(written), encoding="utf-8")

    assert run(["import", str(source), "-o", str(tmp_path), "-q"]) == 0

    found = load(tmp_path / "topology").resources.values()
    assert [(one.vhost, one.name, dict(one.arguments)) for one in found if isinstance(one, Queue)] == [
        (vhost, "shop.q", {"x-message-ttl": 60000})
    ]
    assert [(one.source, one.routing_key) for one in found if isinstance(one, Binding)] == [("shop.x", "#")]
    assert [(one.vhost, dict(one.definition)) for one in found if isinstance(one, Policy)] == [(vhost, definition)]
    assert run(["check", "--config", str(tmp_path / "rabbit-topo.yaml"), "-q"]) == 0
