"""What an object's arguments, policy and operator policy come to."""

from __future__ import annotations

from typing import Any

import pytest

from rabbit_topo.model import Arguments, Exchange, Policy, Queue
from rabbit_topo.policies import Option, effective_options, merged_definition, options


def _policy(name: str, definition: dict[str, Any] | None) -> Policy:
    return Policy("/", name, "q", definition=Arguments(definition))


def _queue(queue_type: str | None = "classic", **arguments: Any) -> Queue:
    return Queue(
        "/", "q", queue_type, arguments=Arguments({f"x-{k.replace('_', '-')}": v for k, v in arguments.items()})
    )


def _of(target: Queue | Exchange, policy: dict[str, Any], operator: dict[str, Any], version: str) -> dict[str, str]:
    merged = effective_options(target, [_policy("ours", policy)], [_policy("theirs", operator)], version)
    return {key: f"{option.value} {option}" for key, option in merged.items()}


@pytest.mark.parametrize(
    ("queue", "policy", "operator", "merged"),
    [
        (_queue(max_length=4), {"max-length": 9}, None, {"max-length": 4}),
        (_queue(max_length=9), {"max-length": 4}, {"max-length": 2}, {"max-length": 2}),
        (_queue(), {"overflow": "drop-head"}, None, {"overflow": "drop-head"}),
        (_queue(overflow="reject-publish"), {"overflow": "drop-head"}, None, {"overflow": "reject-publish"}),
        (_queue("quorum", overflow="reject-publish"), {"overflow": "drop-head"}, None, {"overflow": "drop-head"}),
        (_queue(overflow="drop-head"), None, {"overflow": "reject-publish"}, {"overflow": "drop-head"}),
        (_queue(dead_letter_exchange="a"), {"dead-letter-exchange": "b"}, None, {"dead-letter-exchange": "a"}),
        (_queue("stream", max_age="7D"), {"max-age": "1D"}, None, {"max-age": "1D"}),
        (_queue("stream", max_age="7D"), {}, None, {"max-age": "7D"}),
        (_queue("quorum", delivery_limit=-1), {"delivery-limit": 5}, None, {"delivery-limit": 5}),
        (_queue("quorum", delivery_limit=-1), {"delivery-limit": 5}, {"delivery-limit": -1}, {"delivery-limit": 5}),
        (_queue("stream", max_length_bytes=5), {"max-length-bytes": 9}, None, {"max-length-bytes": 9}),
        (
            _queue("stream", max_length_bytes=5),
            {"max-length-bytes": 9},
            {"max-length-bytes": 8},
            {"max-length-bytes": 8},
        ),
        (_queue(None, overflow="reject-publish"), {"overflow": "drop-head"}, None, {"overflow": "reject-publish"}),
        (_queue(max_length="no number"), {"max-length": 9}, None, {"max-length": "no number"}),
        (_queue(x_unknown=1), {"queue-mode": "lazy"}, None, {}),
    ],
)
def test_options_are_merged_as_the_queue_type_does(
    queue: Queue, policy: dict[str, Any] | None, operator: dict[str, Any] | None, merged: dict[str, Any]
) -> None:
    ours = _policy("ours", policy) if policy else None
    assert options(queue, ours, _policy("theirs", operator) if operator else None) == merged


def test_every_option_names_its_source() -> None:
    queue = _queue(max_length=5, message_ttl=9, expires=7, dead_letter_exchange="mine", custom=1)
    policy = {"max-length": 9, "message-ttl": 4, "dead-letter-exchange": "yours", "expires": 7, "queue-mode": "lazy"}
    assert _of(queue, policy, {"message-ttl": 3, "max-length-bytes": 8, "expires": 9}, "4.3") == {
        "custom": "1 argument",
        "dead-letter-exchange": "mine argument",
        "expires": "7 argument",
        "max-length": "5 argument",
        "max-length-bytes": "8 operator policy theirs",
        "message-ttl": "3 operator policy theirs",
        "queue-mode": "lazy policy ours",
    }


def test_an_exchange_lets_its_argument_win() -> None:
    exchange = Exchange("/", "q", "topic", arguments=Arguments({"alternate-exchange": "mine"}))
    assert _of(exchange, {"alternate-exchange": "yours"}, {"max-length": 5}, "4.3") == {
        "alternate-exchange": "mine argument",
        "max-length": "5 operator policy theirs",
    }


@pytest.mark.parametrize(("version", "expires"), [("3.10.8", 9), ("3.13.7", 5), ("4.3.6", 5)])
def test_when_a_quorum_queue_expires_was_once_its_policys_alone(version: str, expires: int) -> None:
    queue = _queue("quorum", expires=5)
    assert options(queue, _policy("ours", {"expires": 9}), None, version) == {"expires": expires}


@pytest.mark.parametrize(
    ("key", "policy", "operator", "merged"),
    [
        ("max-length", 5, 4, 4),
        ("max-length", 5, 5, 5),
        ("delivery-limit", 5, 4, 4),
        ("delivery-limit", 5, -1, 5),
        ("delivery-limit", -1, 7, 7),
        ("overflow", "drop-head", "reject-publish", "reject-publish"),
        ("queue-version", 1, 2, 2),
        ("target-group-size", 3, 5, 5),
        ("delayed-retry-min", 3, 5, 5),
        ("delayed-retry-max", 3, 5, 3),
    ],
)
def test_an_operator_policy_is_merged_by_key(key: str, policy: Any, operator: Any, merged: Any) -> None:
    assert merged_definition(_policy("ours", {key: policy}), _policy("theirs", {key: operator})) == {key: merged}


def test_either_policy_may_be_missing() -> None:
    assert merged_definition(None, None) == {}
    assert merged_definition(_policy("ours", {"max-length": 5}), None) == {"max-length": 5}
    assert merged_definition(None, _policy("theirs", {"expires": 5})) == {"expires": 5}
    assert effective_options(_queue(max_length=5), [], [], "4.3") == {"max-length": Option(5, "argument")}
