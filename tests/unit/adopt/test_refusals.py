from __future__ import annotations

import math
from typing import Any

import pytest

from rabbit_topo.adopt.refusals import binding_refusal, refusal
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue

LIMIT = {"max-length": 1}


def exchange(name: str = "x", kind: str | None = "topic", **arguments: Any) -> Exchange:
    return Exchange(
        "/", name, kind, arguments=Arguments({key.replace("_", "-"): one for key, one in arguments.items()})
    )


def queue(name: str = "q", kind: str = "classic", arguments: dict[str, Any] | None = None, **flags: bool) -> Queue:
    return Queue("/", name, kind, arguments=Arguments(arguments), **flags)


def policy(
    name: str = "p",
    pattern: str = "^x",
    apply_to: str = "all",
    priority: float = 0,
    definition: dict[str, Any] | None = None,
) -> Policy:
    return Policy("/", name, pattern, apply_to, priority, Arguments(LIMIT if definition is None else definition))


@pytest.mark.parametrize(
    "resource",
    [
        exchange(alternate_exchange="other"),
        exchange(x_custom={"a": [1, None, "b", 0.5, True]}),
        queue("a\tb\x00\x85\u2028\ufeff 注文"),
        queue("é" * 127),
        queue(arguments={"x-max-length": 5, "x-custom": "undefined"}),
        queue(durable=False, auto_delete=True),
        policy(name="a\nb" * 200, priority=0.5),
        policy(definition={"ha-mode": "all", "expires": 1, "federation-upstream-set": "all"}),
        policy(apply_to="streams", pattern=" "),
    ],
)
def test_what_a_file_can_say_is_not_refused(resource: Exchange | Queue | Policy) -> None:
    assert not refusal(resource)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (exchange(""), "its name is empty"),
        (queue("a\nb"), "its name holds a line break, which the server takes out"),
        (queue("a\rb"), "its name holds a line break, which the server takes out"),
        (queue("é" * 128), "its name cannot be sent: it has 256 bytes, and AMQP carries at most 255"),
        (queue("\ud800"), "its name cannot be sent: it is not valid UTF-8"),
        (exchange(kind=""), "without a type"),
        (exchange(kind=None), "without a type"),
        (exchange(kind="\ud800"), "without a type"),
        (exchange(alternate_exchange=1), "alternate-exchange must be the name of an exchange"),
        (exchange(alternate_exchange=None), "alternate-exchange must be the name of an exchange"),
        (exchange(x_custom=None), "the null of the argument x-custom cannot be written down"),
        (exchange(x_custom=2**63), "a number does not fit AMQP: 9223372036854775808"),
        (exchange(x_custom=["\ud800"]), "a text is not valid UTF-8"),
        (queue(kind="rabbit_mqtt_qos0_queue"), "no file declares queues of the type rabbit_mqtt_qos0_queue"),
        (queue(kind="quorum", auto_delete=True), "auto_delete: a quorum queue cannot be deleted automatically"),
        (queue(arguments={"x-max-age": "7D"}), "x-max-age: a classic queue does not take it; streams do"),
        (queue(arguments={"": 1}), "the name of an argument must have 1 to 255 bytes of UTF-8"),
        (queue(arguments={"a": {"k" * 256: 1}}), "the name of an argument must have 1 to 255 bytes of UTF-8"),
        (policy(name=""), "the name is empty"),
        (policy(name="\ud800"), "the name is not valid UTF-8"),
        (policy(pattern=""), ""),
        (policy(pattern="\ud800"), "the pattern is not valid UTF-8"),
        (policy(pattern="("), "the pattern is no regular expression: missing ), unterminated subpattern at position 0"),
        (
            policy(apply_to="none"),
            "apply-to must be one of all, exchanges, queues, classic_queues, quorum_queues, streams",
        ),
        (policy(priority=2**63), "the priority does not fit AMQP: 9223372036854775808"),
        (policy(definition={}), "the definition is empty"),
        (policy(definition={"max-length": -1}), "max-length must be a whole number of at least 0"),
        (policy(definition={"max_length": 1}), "a policy cannot set max_length"),
        (policy(definition={"queue-type": "quorum"}), "a policy cannot set queue-type"),
        (policy(definition={"x": 2**63}), "a number does not fit AMQP: 9223372036854775808"),
        (policy(definition={"": 1}), "the name of an argument must have 1 to 255 bytes of UTF-8"),
    ],
)
def test_what_no_file_can_say_is_refused_with_the_reason(resource: Exchange | Queue | Policy, reason: str) -> None:
    assert refusal(resource) == reason


def test_an_infinite_priority_is_refused() -> None:
    assert refusal(policy(priority=math.inf)) == "the priority does not fit AMQP: inf"


@pytest.mark.parametrize(
    ("kind", "routing_key", "arguments", "reason"),
    [
        ("topic", "a\nb", {"x-match": "some", "h": None}, ""),
        ("headers", "", {}, ""),
        ("headers", "", {"x-match": "any", "a": {"b": None}}, ""),
        ("x-consistent-hash", "10", {}, ""),
        ("topic", "k" * 256, {}, "the routing key cannot be sent: it has 256 bytes, and AMQP carries at most 255"),
        ("topic", "\ud800", {}, "the routing key cannot be sent: it is not valid UTF-8"),
        ("x-consistent-hash", "", {}, "the routing key on an x-consistent-hash exchange is a weight, at least 1"),
        ("fanout", "", {"a": {"b": 2**64}}, "a number does not fit AMQP: 18446744073709551616"),
        ("fanout", "", {"a": ["undefined"]}, 'the text "undefined" among the arguments may be a null'),
        ("headers", "", {"x-match": "some"}, "x-match must be one of all, any, all-with-x, any-with-x"),
        ("headers", "", {"x-match": ["any"]}, "x-match must be one of all, any, all-with-x, any-with-x"),
    ],
)
def test_a_binding_is_refused_as_the_exchange_wants_it(
    kind: str, routing_key: str, arguments: dict[str, Any], reason: str
) -> None:
    binding = Binding("/", "x", "queue", "q", routing_key, Arguments(arguments))

    assert binding_refusal(binding, kind) == reason
