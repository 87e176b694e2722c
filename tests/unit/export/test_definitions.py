"""A topology as a definitions file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from rabbit_topo.broker.connect import connect
from rabbit_topo.export import NotCarried, definitions
from rabbit_topo.export.items import definitions_item
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Topology, Vhost
from tests.laws.strategies import topologies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHOP = Exchange("/", "shop", "topic", arguments=Arguments({"alternate-exchange": "lost"}))
PRIVATE = Exchange("/", "private", "fanout", durable=False, auto_delete=True, internal=True)
MAIL = Queue("/", "mail", "quorum", arguments=Arguments({"x-delivery-limit": 5}))
ANY = Queue("/", "any", auto_delete=True)
KEYED = Binding("/", "shop", "queue", "mail", "order.#")
COPY = Binding("/", "shop", "exchange", "private", "", Arguments({"b": {"z": 1, "a": 1.0}, "a": [True]}))
LIMITS = Policy("/", "limits", "^shop", "queues", 1.5, Arguments({"max-length": 10}))


def test_a_whole_file(topology_of: Callable[..., Topology]) -> None:
    made = definitions(topology_of(Vhost("/"), Vhost("crm"), LIMITS, COPY, KEYED, ANY, MAIL, PRIVATE, SHOP))
    assert not made.left_out
    assert made.document == {
        "vhosts": [{"name": "/"}, {"name": "crm"}],
        "exchanges": [
            {
                "name": "private",
                "vhost": "/",
                "type": "fanout",
                "durable": False,
                "auto_delete": True,
                "internal": True,
                "arguments": {},
            },
            {
                "name": "shop",
                "vhost": "/",
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {"alternate-exchange": "lost"},
            },
        ],
        "queues": [
            {"name": "any", "vhost": "/", "durable": True, "auto_delete": True, "arguments": {}},
            {
                "name": "mail",
                "vhost": "/",
                "durable": True,
                "auto_delete": False,
                "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 5},
            },
        ],
        "bindings": [
            {
                "source": "shop",
                "vhost": "/",
                "destination": "private",
                "destination_type": "exchange",
                "routing_key": "",
                "arguments": {"a": [True], "b": {"a": 1.0, "z": 1}},
            },
            {
                "source": "shop",
                "vhost": "/",
                "destination": "mail",
                "destination_type": "queue",
                "routing_key": "order.#",
                "arguments": {},
            },
        ],
        "policies": [
            {
                "vhost": "/",
                "name": "limits",
                "pattern": "^shop",
                "apply-to": "queues",
                "definition": {"max-length": 10},
                "priority": 1.5,
            }
        ],
    }


def test_one_vhost_names_itself_once(topology_of: Callable[..., Topology]) -> None:
    other = Queue("crm", "other", "classic")
    made = definitions(topology_of(Vhost("/"), Vhost("crm"), SHOP, MAIL, KEYED, LIMITS, other), "crm")
    assert made.document == {
        "original_vhost_name": "crm",
        "exchanges": [],
        "queues": [
            {"name": "other", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "classic"}},
        ],
        "bindings": [],
        "policies": [],
    }


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (Binding("/", "shop", "queue", "mail", "", Arguments({"a": [None]})), "a null in its arguments"),
        (Binding("/", "shop", "queue", "mail", "a~b", Arguments({"a": 1})), "could list no binding of the vhost"),
        (Queue("/", "fleeting", "quorum", auto_delete=True), "auto_delete: a quorum queue cannot be"),
        (Exchange("/", "odd", "topic", arguments=Arguments({"a": {"b": None}})), "a null in its arguments"),
        (Policy("/", "odd", "", definition=Arguments({"a": None})), "a null in its definition"),
        (Binding("/", "nobody", "queue", "mail"), 'it leads from the exchange "nobody", which is not in it'),
        (Binding("/", "shop", "exchange", "nobody"), 'it leads to the exchange "nobody", which is not in it'),
    ],
    ids=lambda value: value if isinstance(value, str) else value.key.kind,
)
def test_what_it_cannot_carry_is_named(
    topology_of: Callable[..., Topology], resource: Exchange | Queue | Binding | Policy, reason: str
) -> None:
    kept = definitions(topology_of(Vhost("/"), SHOP, MAIL, KEYED)).document
    made = definitions(topology_of(Vhost("/"), SHOP, MAIL, KEYED, resource))
    (found,) = made.left_out
    assert found.resource == resource
    assert reason in found.reason
    assert made.document == kept


def test_what_a_broker_says_of_itself_is_told(topology_of: Callable[..., Topology]) -> None:
    topology = topology_of(Vhost("/"), Vhost("crm"))
    types = {"/": "classic", "crm": "stream", "other": "quorum"}
    made = definitions(topology, version="4.3.6", default_types=types).document
    stream = {"default_queue_type": "stream"}
    assert list(made)[:3] == ["rabbit_version", "rabbitmq_version", "vhosts"]
    assert made["rabbit_version"] == made["rabbitmq_version"] == "4.3.6"
    assert made["vhosts"] == [{"name": "/"}, {"name": "crm", **stream, "metadata": stream}]
    single = definitions(topology, "crm", version="4.3.6", default_types=types).document
    assert single["rabbitmq_version"] == "4.3.6"
    assert "stream" not in json.dumps(single)


def test_a_queue_without_a_type_may_be_given_one() -> None:
    assert definitions_item(ANY, default_type="quorum")["arguments"] == {"x-queue-type": "quorum"}
    assert definitions_item(MAIL, default_type="stream")["arguments"]["x-queue-type"] == "quorum"


def test_what_is_external_is_left_out_with_the_bindings_that_touch_it(topology_of: Callable[..., Topology]) -> None:
    partner = Exchange("/", "partner", None)
    binding = Binding("/", "partner", "queue", "mail", "#")
    made = definitions(topology_of(MAIL, binding, external=[partner]))
    assert made.left_out == (
        NotCarried(partner, "it is external: somebody else makes it"),
        NotCarried(binding, 'it leads from the exchange "partner", which is not in it'),
    )
    assert made.document["bindings"] == made.document["exchanges"] == []


def test_what_every_node_has_need_not_stand_there(topology_of: Callable[..., Topology]) -> None:
    topic, direct = Exchange("/", "amq.topic", "topic"), Exchange("/", "amq.direct", "direct")
    bindings = [Binding("/", "amq.topic", "queue", "mail", "#"), Binding("/", "amq.topic", "exchange", "amq.direct")]
    made = definitions(topology_of(MAIL, direct, *bindings, external=[topic]))
    assert not made.left_out
    assert not made.document["exchanges"]
    assert [one["destination"] for one in made.document["bindings"]] == ["amq.direct", "mail"]


@given(topologies())
def test_the_same_topology_gives_the_same_bytes(topology: Topology) -> None:
    backwards = Topology(dict(reversed([*topology.resources.items()])))
    first, second = definitions(topology), definitions(backwards)
    assert json.dumps(first.document) == json.dumps(second.document)


def test_a_definitions_file_reads_back_as_the_topology(topology_of: Callable[..., Topology], tmp_path: Path) -> None:
    topology = topology_of(
        Vhost("/"), Vhost("crm"), LIMITS, COPY, KEYED, MAIL, PRIVATE, SHOP, Exchange("crm", "x", "y")
    )
    for vhost in (None, "/", "crm"):
        file = tmp_path / "definitions.json"
        file.write_text(json.dumps(definitions(topology, vhost).document))
        wanted = (vhost,) if vhost else ("/", "crm")
        observed = connect(str(file)).observe(Topology.naming(*wanted)).topology
        ours = {key: one for key, one in observed.resources.items() if not key.name.startswith("amq.")}
        assert ours == {key: one for key, one in topology.resources.items() if key.vhost in wanted}
