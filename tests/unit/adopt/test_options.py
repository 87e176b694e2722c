from pathlib import Path
from typing import Any

import pytest

from rabbit_topo import load
from rabbit_topo.adopt.options import binding_entries, exchange_options, policy_options, queue_options
from rabbit_topo.adopt.refusals import refusal
from rabbit_topo.adopt.types import File
from rabbit_topo.arguments.tables import MAX_INTEGER, POLICY_KEYS, TEN_YEARS_MS
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue
from rabbit_topo.write.yaml_text import dump

TYPES: dict[str, str | None] = {"t": "topic", "f": "fanout", "h": "headers", "w": "x-consistent-hash"}


def queue(kind: str | None, arguments: dict[str, Any], **flags: bool) -> dict[str, Any]:
    return queue_options(Queue("/", "q", kind, arguments=Arguments(arguments), **flags))


def bound(source: str, key: str, arguments: dict[str, Any] | None = None) -> Binding:
    return Binding("/", source, "queue", "q", key, Arguments(arguments or {}))


def test_an_exchange_says_what_is_not_usual() -> None:
    arguments = Arguments({"alternate-exchange": "y", "x-b": 1, "x-a": 2})
    odd = Exchange("/", "x", "topic", durable=False, auto_delete=True, internal=True, arguments=arguments)

    assert exchange_options(Exchange("/", "x", "topic")) == {"type": "topic"}
    assert list(exchange_options(odd).items()) == [
        ("type", "topic"),
        ("durable", False),
        ("auto_delete", True),
        ("internal", True),
        ("alternate_exchange", "y"),
        ("arguments", {"x-a": 2, "x-b": 1}),
    ]


def test_a_queue_says_it_with_friendly_keys_and_units() -> None:
    arguments = {
        "x-dead-letter-routing-key": "k",
        "x-dead-letter-exchange": "",
        "x-max-length-bytes": 1_048_576,
        "x-message-ttl": 3_600_000,
    }

    assert list(queue("classic", arguments, durable=False, auto_delete=True).items()) == [
        ("type", "classic"),
        ("durable", False),
        ("auto_delete", True),
        ("message_ttl", "1h"),
        ("max_length_bytes", "1MiB"),
        ("dead_letter", {"exchange": "", "routing_key": "k"}),
    ]
    assert queue(None, {}) == {}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("classic", {"x-message-ttl": "1h"}),
        ("classic", {"x-max-length": 1.0}),
        ("quorum", {"x-delivery-limit": -2}),
        ("quorum", {"x-initial-cluster-size": 3}),
        ("stream", {"x-quorum-initial-group-size": 3}),
        ("classic", {"x-mine": {"a": [1]}}),
    ],
)
def test_what_no_friendly_key_can_say_stays_raw(kind: str, arguments: dict[str, Any]) -> None:
    assert queue(kind, arguments) == {"type": kind, "arguments": arguments}


def test_the_size_of_a_group_depends_on_the_type() -> None:
    assert queue("stream", {"x-initial-cluster-size": 3})["initial_group_size"] == 3
    assert queue("quorum", {"x-quorum-initial-group-size": 3})["initial_group_size"] == 3


def test_a_policy_keeps_the_keys_of_rabbitmq_where_there_is_no_other() -> None:
    definition = {"ha-mode": "all", "alternate-exchange": "x", "message-ttl": 60_000, "expires": 0}
    policy = Policy("/", "p", "^a", "queues", 2, Arguments(definition))

    assert policy_options(policy) == {
        "pattern": "^a",
        "apply_to": "queues",
        "priority": 2,
        "definition": {"message_ttl": "1m", "alternate_exchange": "x", "expires": 0, "ha-mode": "all"},
    }
    assert policy_options(Policy("/", "p", "^a", definition=Arguments({"alternate-exchange": 1}))) == {
        "pattern": "^a",
        "definition": {"alternate-exchange": 1},
    }


@pytest.mark.parametrize("value", [1, TEN_YEARS_MS + 1, 2**53, 2**62, MAX_INTEGER - 1, MAX_INTEGER])
def test_whatever_a_policy_says_reads_back(value: int, tmp_path: Path) -> None:
    keys = [key for key, check in POLICY_KEYS.items() if not check(value)]
    policy = Policy("/", "p", "^a", definition=Arguments({**dict.fromkeys(keys, value), "overflow": "reject-publish"}))

    assert {"expires", "message-ttl", "max-length-bytes"} <= {*keys}
    assert refusal(policy) == ""
    document = {"version": 1, "policies": {"p": policy_options(policy)}}
    file = tmp_path / "p.yaml"
    file.write_text(dump(File("p.yaml", (document,)), "s.json"), encoding="utf-8")
    assert load(file).resources[policy.key] == policy


def test_routing_keys_of_one_exchange_are_gathered() -> None:
    entries = binding_entries([bound("t", "b"), bound("t", "a"), bound("t", "c", {"n": 1}), bound("f", "")], TYPES)

    assert entries == [
        {"exchange": "f"},
        {"exchange": "t", "routing_key": "c", "arguments": {"n": 1}},
        {"exchange": "t", "routing_keys": ["a", "b"]},
    ]


@pytest.mark.parametrize(
    ("binding", "entry"),
    [
        (bound("t", ""), {"exchange": "t", "routing_key": ""}),
        (bound("w", "3"), {"exchange": "w", "routing_key": "3"}),
        (bound("unknown", ""), {"exchange": "unknown"}),
        (bound("f", "", {"x-match": "all"}), {"exchange": "f", "arguments": {"x-match": "all"}}),
        (bound("h", "", {"x-match": "any", "n": 1}), {"exchange": "h", "match": "any", "headers": {"n": 1}}),
        (bound("h", "k", {"x-match": "all"}), {"exchange": "h", "routing_key": "k", "match": "all"}),
        (bound("h", "", {"x-match": 1, "n": 1}), {"exchange": "h", "headers": {"n": 1}, "arguments": {"x-match": 1}}),
    ],
)
def test_a_binding_says_what_its_exchange_asks_for(binding: Binding, entry: dict[str, Any]) -> None:
    assert binding_entries([binding], TYPES) == [entry]
