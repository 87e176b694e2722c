"""A topology as custom resources of the messaging topology operator."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.export import Cluster, NotCarried, custom_resources
from rabbit_topo.export.metadata_names import is_subdomain, metadata_name
from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Policy, Queue, Topology, Vhost
from rabbit_topo.write.manifests import manifests
from tests.laws.strategies import topologies, values
from tests.odd_worlds import odd_world
from tests.unit.export.resource_definitions import KINDS, schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHOP = Exchange("/", "shop", "topic")
MAIL = Queue("/", "mail", "quorum", arguments=Arguments({"x-delivery-limit": 5}))
VALIDATORS = {kind: jsonschema.Draft202012Validator(schema(kind)) for kind in KINDS}


def fits(documents: tuple[dict[str, Any], ...]) -> None:
    """Hold resources against what the operator says of them, and read their YAML back."""
    for document in documents:
        VALIDATORS[document["kind"]].validate(document)
    named = Counter((document["kind"], document["metadata"]["name"]) for document in documents)
    assert all(count == 1 for count in named.values()), named.most_common(1)
    assert list(yaml.safe_load_all(manifests(documents))) == list(documents)


def test_each_kind_is_spelled_as_the_operator_wants_it(topology_of: Callable[..., Topology]) -> None:
    crm = Vhost("crm")
    feed = Exchange("crm", "feed", "x-random", durable=False, auto_delete=True, arguments=Arguments({"a": 0.5}))
    any_queue = Queue("crm", "any", durable=False, auto_delete=True)
    keyed = Binding("crm", "feed", "queue", "any", "1", Arguments({"x": [{"deep": True}]}))
    limits = Policy("/", "limits", "^shop", "quorum_queues", -3, Arguments({"max-length": 10}))
    made = custom_resources(
        topology_of(Vhost("/"), crm, SHOP, MAIL, feed, any_queue, keyed, limits), Cluster("hare", "burrow")
    )
    assert not made.left_out
    fits(made.documents)
    cluster = {"rabbitmqClusterReference": {"name": "hare", "namespace": "burrow"}}
    assert [(document["kind"], document["metadata"]["name"], document["spec"]) for document in made.documents] == [
        (
            "Exchange",
            "shop",
            {"name": "shop", "vhost": "/", "type": "topic", "durable": True, "autoDelete": False} | cluster,
        ),
        (
            "Queue",
            "mail",
            {
                "name": "mail",
                "vhost": "/",
                "type": "quorum",
                "durable": True,
                "autoDelete": False,
                "arguments": {"x-delivery-limit": 5},
            }
            | cluster,
        ),
        (
            "Policy",
            "limits",
            {
                "name": "limits",
                "vhost": "/",
                "pattern": "^shop",
                "applyTo": "quorum_queues",
                "priority": -3,
                "definition": {"max-length": 10},
            }
            | cluster,
        ),
        ("Vhost", "crm", {"name": "crm"} | cluster),
        (
            "Exchange",
            "crm--feed",
            {
                "name": "feed",
                "vhost": "crm",
                "type": "x-random",
                "durable": False,
                "autoDelete": True,
                "arguments": {"a": 0.5},
            }
            | cluster,
        ),
        ("Queue", "crm--any", {"name": "any", "vhost": "crm", "durable": False, "autoDelete": True} | cluster),
        (
            "Binding",
            metadata_name(keyed.key),
            {
                "vhost": "crm",
                "source": "feed",
                "destination": "any",
                "destinationType": "queue",
                "routingKey": "1",
                "arguments": {"x": [{"deep": True}]},
            }
            | cluster,
        ),
    ]


def test_one_vhost_alone(topology_of: Callable[..., Topology]) -> None:
    topology = topology_of(Vhost("/"), Vhost("crm"), SHOP, MAIL, Queue("crm", "mail", "classic"))
    assert [one["metadata"]["name"] for one in custom_resources(topology, Cluster(), "crm").documents] == [
        "crm",
        "crm--mail",
    ]
    (shop, _mail) = custom_resources(topology, Cluster(), "/").documents
    assert shop["spec"]["rabbitmqClusterReference"] == {"name": "rabbitmq"}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (Exchange("/", "inner", "topic", internal=True), "the operator knows no internal exchanges"),
        (Policy("/", "half", "", "all", 0.5), "whole numbers only as the priority"),
        (Policy("/", "odd", "", "shovels"), "no policies for shovels"),
        (Policy("/", "odd", "", "all", 0, Arguments({"max-length": 2**60})), f"another number than {2**60}"),
        (Exchange("/", "odd", "x", arguments=Arguments({"a": [{"b": [True, "x", 2.0]}]})), "another number than 2.0"),
        (Queue("/", "odd", None, arguments=Arguments({"a": -(2**53) - 1})), f"another number than {-(2**53) - 1}"),
        (Binding("/", "shop", "queue", "mail", "", Arguments({"a": None})), "a null in its arguments"),
        (Binding("/", "shop", "queue", "other"), 'it leads to the queue "other", which is not in it'),
    ],
    ids=lambda value: value if isinstance(value, str) else value.key.kind,
)
def test_what_the_operator_cannot_say_is_named(
    topology_of: Callable[..., Topology], resource: Exchange | Queue | Binding | Policy, reason: str
) -> None:
    kept = custom_resources(topology_of(SHOP, MAIL), Cluster()).documents
    made = custom_resources(topology_of(SHOP, MAIL, resource), Cluster())
    (found,) = made.left_out
    assert found.resource == resource
    assert reason in found.reason
    assert made.documents == kept


def test_numbers_that_a_double_holds_are_kept(topology_of: Callable[..., Topology]) -> None:
    numbers = Arguments({"a": [2**53, -(2**53), 0, 0.1, 1e-7, 2.5e300 / 3e300, True]})
    made = custom_resources(topology_of(Queue("/", "q", "classic", arguments=numbers)), Cluster())
    assert not made.left_out
    fits(made.documents)


def test_bindings_of_an_internal_exchange_go_with_it(topology_of: Callable[..., Topology]) -> None:
    inner = Exchange("/", "inner", "fanout", internal=True)
    bindings = Binding("/", "inner", "queue", "mail"), Binding("/", "shop", "exchange", "inner", "#")
    made = custom_resources(topology_of(SHOP, MAIL, inner, *bindings), Cluster())
    assert made.left_out == (
        NotCarried(inner, "the operator knows no internal exchanges"),
        NotCarried(bindings[0], 'it leads from the exchange "inner", which is not in it'),
        NotCarried(bindings[1], 'it leads to the exchange "inner", which is not in it'),
    )


def test_the_example_fits() -> None:
    made = custom_resources(load("topology"), Cluster())
    assert not made.left_out
    fits(made.documents)


@given(topologies("crm"))
def test_what_is_made_fits(topology: Topology) -> None:
    fits(custom_resources(topology, Cluster()).documents)


@pytest.mark.parametrize("seed", range(8))
def test_odd_names_fit_and_are_unique(seed: int) -> None:
    worlds = [odd_world(Random(f"{seed} {vhost}"), vhost) for vhost in ("/", "Ärger & Söhne", "a--b")]  # noqa: S311
    topology = Topology({key: one for world in worlds for key, one in world.resources.items()})
    fits(custom_resources(topology, Cluster()).documents)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubernetes_reads_what_was_written(tmp_path: Path) -> None:
    worlds = [odd_world(Random(f"{seed}"), f"v{seed}") for seed in range(20)]  # noqa: S311
    topology = Topology({key: one for world in worlds for key, one in world.resources.items()})
    documents = custom_resources(topology, Cluster()).documents
    file = tmp_path / "resources.yaml"
    file.write_text(manifests(documents), encoding="utf-8")
    words = ("kubectl", "label", "--local", "--overwrite", "--filename", str(file), "a=b", "--output", "json")
    told = subprocess.run(words, check=True, capture_output=True, encoding="utf-8", timeout=60).stdout
    read = json.loads("[" + re.sub(r"^}\n\{", "},\n{", told, flags=re.MULTILINE) + "]")
    assert len(read) == len(documents) > 100
    for one, document in zip(read, documents, strict=True):
        assert one["metadata"].pop("labels") == {"a": "b"}
        assert json.dumps(one, sort_keys=True) == json.dumps(document, sort_keys=True)


def queue(vhost: str, name: str) -> Key:
    return Key(vhost, Kind.QUEUE, name)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (queue("/", "shop.orders"), r"shop\.orders"),
        (queue("crm", "shop.orders"), r"crm--shop\.orders"),
        (queue("/", "Shop Orders"), r"shop-orders-\w{10}"),
        (queue("/", "crm--shop.orders"), r"crm-shop\.orders-\w{10}"),
        (queue("/", "mail-0123456789"), r"mail-0123456789-\w{10}"),
        (queue("/", "..käse.-x-."), r"kase\.x-\w{10}"),
        (queue("/", "漢"), r"queue-\w{10}"),
        (queue("漢", "mail"), r"mail-\w{10}"),
        (queue("/", "a" * 254), r"a{242}-\w{10}"),
        (queue("/", "a" * 241 + ".b" * 7), r"a{241}-\w{10}"),
        (Key("crm", Kind.VHOST, "crm"), "crm"),
        (Key("/", Kind.BINDING, "shop", "queue", "mail", "#", "{}"), r"shop-to-mail-\w{10}"),
        (Key("C R", Kind.BINDING, "shop", "queue", "mail", "#", "{}"), r"c-r--shop-to-mail-\w{10}"),
    ],
)
def test_a_name_is_as_near_as_kubernetes_allows(key: Key, name: str) -> None:
    assert re.fullmatch(name, metadata_name(key))
    assert is_subdomain(metadata_name(key))


@given(
    st.lists(st.tuples(*[st.text(st.sampled_from("ab-./A_é0"), max_size=6)] * 2), min_size=2, max_size=20, unique=True)
)
def test_no_two_objects_share_a_name(pairs: list[tuple[str, str]]) -> None:
    names = [metadata_name(queue(vhost or "/", name)) for vhost, name in dict.fromkeys((v or "/", n) for v, n in pairs)]
    assert len(set(names)) == len(names)
    assert all(map(is_subdomain, names))


@given(st.dictionaries(st.text(max_size=20), values | st.text(), max_size=5))
def test_the_text_reads_back(document: dict[str, Any]) -> None:
    documents: list[dict[str, Any]] = [{"spec": document}, {"a": 1, "spec": [document]}]
    assert repr(list(yaml.safe_load_all(manifests(documents)))) == repr(documents)


def test_what_yaml_would_take_for_something_else_is_quoted() -> None:
    odd = {
        "on": "1.10",
        "a": "0x1F",
        "b": "12:30",
        "c": "~",
        "d": "a: b",
        "e": "a\nb",
        "f": "",
        "g": "2024-01-01",
    }
    text = manifests([{"spec": {"arguments": odd, "list": [["x", {}], [], {"n": [1]}, "- y"]}}])
    assert text == (
        "spec:\n"
        "  arguments:\n"
        '    "on": "1.10"\n'
        '    a: "0x1F"\n'
        '    b: "12:30"\n'
        '    c: "~"\n'
        '    d: "a: b"\n'
        '    e: "a\\nb"\n'
        '    f: ""\n'
        '    g: "2024-01-01"\n'
        "  list:\n"
        "    - - x\n"
        "      - {}\n"
        "    - []\n"
        '    - "n":\n'
        "        - 1\n"
        '    - "- y"\n'
    )
