"""What a definitions file holds beside its topology, by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.beyond import beyond
from rabbit_topo.broker.definitions import Definitions
from rabbit_topo.model import Topology

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = {"max-connections": 5}


def _parameter(component: str, name: str, **more: Any) -> dict[str, Any]:
    return {"component": component, "name": name, "value": {"uri": "amqp://u:s3cr3t@x"}, **more}


def _beyond(document: dict[str, Any], tmp_path: Path, *vhosts: str) -> dict[str, tuple[str, ...]]:
    (tmp_path / "d.json").write_text(json.dumps(document))
    file = Definitions(str(tmp_path / "d.json"))
    observed = file.observe(Topology.naming(*vhosts))
    found = beyond(file, observed.facts, vhosts)
    assert "s3cr3t" not in repr(found)
    assert not any(one.unseen for one in found)
    return {one.kind: one.names for one in found}


WHOLE = {
    "users": [
        {"name": "b", "password_hash": "s3cr3t", "limits": LIMITS},
        {"name": "a", "password_hash": "s3cr3t", "limits": {}},
    ],
    "vhosts": [{"name": "/", "limits": []}, {"name": "eu", "metadata": {"default_queue_type": "quorum"}}],
    "permissions": [{"user": "a", "vhost": "/"}, {"user": "b", "vhost": "eu"}],
    "topic_permissions": [{"user": "a", "vhost": "/", "exchange": "amq.topic"}],
    "parameters": [
        _parameter("shovel", "s", vhost="/"),
        _parameter("federation-upstream", "up", vhost="eu"),
        _parameter("mine", "m", vhost="/"),
        _parameter("vhost-limits", "limits", vhost="/"),
        {"component": "operator_policy", "name": "cap", "vhost": "/", "value": {"pattern": ".*", "definition": {}}},
    ],
    "global_parameters": [
        {"name": "cluster_name", "value": "x"},
        {"name": "rabbit-topo.shop./", "value": {}},
        {"name": "mqtt_port_to_vhost_mapping", "value": {"s3cr3t": 1}},
    ],
}


def test_everything_is_told_by_kind_and_name(tmp_path: Path) -> None:
    assert _beyond(WHOLE, tmp_path, "/", "eu") == {
        "operator policies": ("cap in /",),
        "default queue types": ("eu",),
        "vhost limits": ("/",),
        "users": ("a", "b"),
        "user limits": ("b",),
        "permissions": ("a in /", "b in eu"),
        "topic permissions": ("a on amq.topic in /",),
        "federation upstreams": ("up in eu",),
        "global parameters": ("mqtt_port_to_vhost_mapping",),
        "parameters of mine": ("m in /",),
        "shovels": ("s in /",),
    }


def test_what_belongs_to_other_vhosts_is_not_told(tmp_path: Path) -> None:
    found = _beyond(WHOLE, tmp_path, "eu")
    assert found["permissions"] == ("b",)
    assert found.keys() == {
        *("default queue types", "users", "user limits", "permissions", "federation upstreams", "global parameters")
    }


def test_the_export_of_one_vhost_names_it_once(tmp_path: Path) -> None:
    single = {"original_vhost_name": "eu", "parameters": [_parameter("shovel", "s")], "queues": []}
    assert _beyond(single, tmp_path, "eu") == {"shovels": ("s",)}


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert _beyond({}, tmp_path) == {}
