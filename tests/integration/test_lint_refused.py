"""The rules against real brokers: what they say is refused is refused by these versions, and taken by the others."""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import amqp
import pytest

from rabbit_topo.arguments import QUEUE_ARGUMENTS, QUEUE_TYPES, refused_pattern
from rabbit_topo.arguments.tables import MIRRORING_KEYS, NOT_IN_POLICIES, POLICY_KEYS
from rabbit_topo.errors import InputError
from rabbit_topo.lint import policy_rules, refused, semantics, versions
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context
from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Topology
from tests.brokers import Node, start, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.lint.types import Hit
    from rabbit_topo.model import Resource

RULES = {r.code: r for r in (*refused.RULES, *semantics.RULES, *policy_rules.RULES, *versions.RULES)}
REFUSING = ("RT101", "RT102", "RT103", "RT104", "RT105", "RT106", "RT107", "RT110", "RT601", "RT602", "RT604")
EVERY = ("3.10", "4.0", "4.3")
V = "v"  # stands for the test's vhost
SOURCES: tuple[Resource, ...] = (
    *(Exchange(V, kind, kind) for kind in ("topic", "headers", "direct", "x-consistent-hash")),
    Queue(V, "classic", "classic"),
    Queue(V, "quorum", "quorum"),
)
LOCAL = Exchange(V, "local", "x-local-random")
# Wrong ones and right ones, for arguments and for keys of policies.
VALUES: list[Any] = [-1, 0, 1, 16, 256, 1.5, 3_000_000_001, "", "7d", "7D", "hello", True, None, []]
WORDS = ["drop-head", "reject-publish", "at-least-once", "balanced", "min-masters", "lazy", "all"]
PATTERNS = [
    *(
        "a(",
        "a)",
        "[a",
        "*a",
        "a**",
        "a+*",
        "a?*",
        "a|*",
        "(+)",
        "(?:*)",
        "^*",
        "a{2,1}",
        "\\",
        "[]",
        "(?#a",
        "{2}",
        "+",
    ),
    *(
        "a++",
        "a*+",
        "(?R)",
        "(?<n>a)",
        "\\Qa{2,1}\\E",
        "[a{2,1}]",
        "x{2}{3}",
        "(*UTF8)a",
        "(*FOO)",
        "(?>a)",
        "\\h",
        "[:",
    ),
    *("^a", "a|b", "", "\\z", "[]a]", "(?=a)*", "(?i)a", "[[:alpha:]]", "(a)(?1)", "x{,3}", "a" * 1024, "a" * 1025),
]


class Row(NamedTuple):
    """One instance of a rule: what is declared last, on which versions it is refused, and what it stands on."""

    code: str
    resource: Resource
    refused: tuple[str, ...] = EVERY
    beside: tuple[Resource, ...] = SOURCES


def _queue(kind: str | None = "quorum", *, durable: bool = True, auto_delete: bool = False, **given: Any) -> Queue:
    arguments = {f"x-{key.replace('_', '-')}": value for key, value in given.items()}
    return Queue(V, "it", kind, durable, auto_delete, Arguments(arguments))


def _policy(pattern: str = "^it$", apply_to: str = "queues", **definition: Any) -> Policy:
    return Policy(
        V, "it", pattern, apply_to, definition=Arguments({k.replace("_", "-"): v for k, v in definition.items()})
    )


def _bound(source: str, key: str = "", destination: str = "classic", **arguments: Any) -> Binding:
    return Binding(
        V, source, "queue", destination, key, Arguments({k.replace("_", "-"): v for k, v in arguments.items()})
    )


ROWS = [
    Row("RT101", _bound("nowhere", "k")),
    Row("RT101", _bound("direct", "k", "nowhere")),
    Row("RT101", Binding(V, "direct", "exchange", "nowhere", "k")),
    Row("RT102", Queue(V, "amq.it", "classic")),
    Row("RT102", Exchange(V, "amq.it", "direct")),
    Row("RT102", Exchange(V, "amq.topic", "direct")),
    Row("RT102", Exchange(V, "amq.topic", "topic", durable=False)),
    Row("RT102", _bound("", "k")),
    Row("RT102", Binding(V, "direct", "exchange", "", "k")),
    Row("RT103", _queue(max_priority=5)),
    Row("RT103", _queue("stream", message_ttl=5)),
    Row("RT103", _queue("classic", max_age="7D")),
    Row("RT103", _queue("classic", queue_leader_locator="balanced"), ("3.10",)),
    Row("RT103", _queue("classic", delayed_retry_min=5), ("4.3",)),
    Row("RT103", _queue("stream", consumer_timeout=5), ("4.3",)),
    Row("RT103", _queue(stream_filter_size_bytes=16), ("4.3",)),
    Row("RT104", _queue(durable=False)),
    Row("RT104", _queue("stream", durable=False)),
    Row("RT104", _queue(auto_delete=True)),
    Row("RT104", _queue("stream", auto_delete=True)),
    Row("RT105", _queue(message_ttl="60000")),
    Row("RT105", _queue("classic", expires=0)),
    Row("RT105", _queue("classic", overflow="drop-tail")),
    Row("RT105", _queue(dead_letter_strategy="sometimes")),
    Row("RT105", _queue("stream", max_age="7d")),
    Row("RT105", _queue("classic", queue_version=1), ("4.3",)),
    Row("RT105", _queue("classic", queue_mode="busy"), ("3.10", "4.0")),
    Row("RT105", _queue(queue_leader_locator="min-masters"), ("3.10",)),
    Row("RT105", _queue("stream", stream_filter_size_bytes=15), ("4.0", "4.3")),
    Row("RT105", _queue(consumer_timeout="5"), ("4.3",)),
    Row("RT105", Exchange(V, "it", "direct", arguments=Arguments({"alternate-exchange": 5}))),
    Row("RT105", Exchange(V, "it", "x-consistent-hash", arguments=Arguments({"hash-property": "size"}))),
    Row("RT105", Exchange(V, "it", "x-recent-history", arguments=Arguments({"x-recent-history-length": 0}))),
    Row(
        "RT105",
        Exchange(
            V, "it", "x-consistent-hash", arguments=Arguments({"hash-header": "h", "hash-property": "message_id"})
        ),
    ),
    *(Row("RT106", _bound("headers", x_match=value, a=1)) for value in ("both", "ALL", "", 5, True)),
    *(Row("RT106", _bound("x-consistent-hash", weight)) for weight in ("", "0", "-1", "a", "1.5", " 1")),
    Row("RT106", _bound("x-consistent-hash", "10001"), ("4.3",)),
    Row("RT106", _bound("x-consistent-hash", "+10000"), ()),
    Row("RT106", _bound("topic", "#.a.#.b.#"), ("4.3",)),
    Row("RT106", _bound("topic", "#.a#.#b.#"), ()),
    Row("RT106", _bound("local", "k"), ("4.0", "4.3"), (*SOURCES, LOCAL)),
    Row("RT106", _bound("local", "", "quorum"), ("4.0", "4.3"), (*SOURCES, LOCAL)),
    Row("RT106", Binding(V, "local", "exchange", "direct"), ("4.0", "4.3"), (*SOURCES, LOCAL)),
    *(Row("RT107", Exchange(V, "it", kind)) for kind in ("topik", "x-jms-topic", "x-none")),
    *(Row("RT107", Exchange(V, "it", kind), ()) for kind in ("x-random", "x-modulus-hash", "x-consistent-hash")),
    Row("RT107", LOCAL, ("3.10",)),
    Row("RT109", _queue(mesage_ttl=5), ()),
    Row("RT109", Exchange(V, "it", "direct", arguments=Arguments({"alternate_exchange": "direct"})), ()),
    Row("RT110", _policy()),
    Row("RT110", _policy(max_lenght=5)),
    Row("RT110", _policy(max_length=-5)),
    Row("RT110", _policy(max_priority=5)),
    Row("RT110", _policy("*.it", max_length=5)),
    Row("RT110", _policy("a" * 1025, max_length=5), ("4.3",)),
    Row("RT110", _policy(apply_to="everything", max_length=5)),
    *(Row("RT110", _policy(apply_to=to, max_length_bytes=5), ()) for to in ("all", "queues", "exchanges")),
    *(
        Row("RT110", _policy(apply_to=to, max_length_bytes=5), ("3.10",))
        for to in ("classic_queues", "quorum_queues", "streams")
    ),
    Row("RT110", _policy(consumer_timeout=5), ("3.10",)),
    Row("RT110", _policy(target_group_size=1), ("3.10",)),
    Row("RT110", _policy(stream_filter_size_bytes=16), ("3.10",)),
    Row("RT110", _policy(delayed_retry_min=5), ("3.10", "4.0")),
    Row("RT110", _policy(delayed_retry_type="all")),
    Row("RT110", _policy(delayed_retry_type="all", delayed_retry_min=5), ("3.10", "4.0")),
    Row("RT110", _policy(delayed_retry_min=5, delayed_retry_max=1)),
    Row("RT110", _policy(delivery_limit=-1), ("3.10",)),
    Row("RT110", _policy(queue_leader_locator="min-masters")),
    Row("RT401", _queue(max_length=5, overflow="reject-publish-dlx"), ()),
    Row("RT601", _queue("classic", durable=False), ()),
    Row("RT602", _policy(ha_mode="all"), ("4.0", "4.3")),
    Row("RT602", _policy(ha_mode="exactly", ha_params=1, ha_sync_mode="automatic"), ("4.0", "4.3")),
    Row("RT603", _queue("classic", queue_mode="lazy"), ()),
    Row("RT604", _queue("classic", queue_master_locator="min-masters"), ("4.3",)),
    Row("RT604", _policy(queue_master_locator="min-masters"), ("4.3",)),
    Row("RT606", _queue(max_in_memory_length=5), ()),
    Row("RT608", _queue(delayed_retry_type="all", delayed_retry_min=5), ()),
]


_PERMITTED = {"permitted", "permitted_by_default"}


def _state(feature: dict[str, str]) -> str:
    """Return what a broker says of a deprecated feature; 4.0 tells no more than what holds unless configured."""
    return feature.get("state") or feature["deprecation_phase"]


class Asked:
    """A broker that is asked whether it takes an object: by AMQP, a policy by HTTP."""

    def __init__(self, node: Node, vhost: str) -> None:
        self.node = node
        self._vhost = vhost
        self._connection: Any = None
        self._channel: Any = None
        denied = frozenset[str]()
        if node.label != "3.10":
            features = node.http("GET", "deprecated-features")
            denied = frozenset(one["name"] for one in features if _state(one) not in _PERMITTED)
        types = frozenset(one["name"] for one in node.http("GET", "overview")["exchange_types"])
        self.context = Context(node.version, types, denied)

    def refusal(self, resource: Resource) -> str:
        """Declare it, and return the broker's words where it does not take it."""
        try:
            if isinstance(resource, Policy):
                self._policy(resource)
            else:
                _declare(self._open(), resource)
        except (amqp.AMQPError, AssertionError) as error:
            return str(error)
        return ""

    def _open(self) -> Any:
        """Return a channel; some refusals close the connection that it is of."""
        if self._connection is None or not self._connection.connected:
            self._connection = amqp.Connection(
                urlsplit(self.node.amqp_url).netloc, "guest", "guest", virtual_host=self._vhost, read_timeout=15
            )
            self._connection.connect()
            self._channel = self._connection.channel()
        return self._channel

    def forget(self, resources: list[Resource]) -> None:
        """Delete what was declared, so that the next may have its names."""
        for one in resources:
            if isinstance(one, Queue):
                self._open().queue_delete(one.name)
            elif isinstance(one, Exchange):
                self._open().exchange_delete(one.name)

    def close(self) -> None:
        if self._connection is not None and self._connection.connected:
            self._connection.close()

    def _policy(self, policy: Policy) -> None:
        body = {
            "pattern": policy.pattern,
            "apply-to": policy.apply_to,
            "priority": policy.priority,
            "definition": dict(policy.definition),
        }
        self.node.http("PUT", "policies", self._vhost, policy.name, body=body)

    def said(self, resource: Resource, *beside: Resource, codes: tuple[str, ...] = REFUSING) -> list[str]:
        """Return the codes of the rules that call it an error."""
        index = Index(Topology({one.key: one for one in (*beside, resource)}), self.context)
        return [code for code in codes if any(_is_error(code, hit, resource) for hit in RULES[code].check(index))]


def _is_error(code: str, hit: Hit, resource: Resource) -> bool:
    return hit.key == resource.key and (hit.severity or RULES[code].severity) == "error"


def _declare(open_channel: Any, resource: Resource) -> None:
    match resource:
        case Queue():
            arguments = dict(resource.arguments) | ({"x-queue-type": resource.type} if resource.type else {})
            flags = {"durable": resource.durable, "auto_delete": resource.auto_delete}
            open_channel.queue_declare(resource.name, arguments=arguments, **flags)
            open_channel.queue_delete(resource.name) if resource.name == "it" else None
        case Exchange():
            flags = {"durable": resource.durable, "auto_delete": resource.auto_delete}
            open_channel.exchange_declare(resource.name, resource.type, arguments=dict(resource.arguments), **flags)
            open_channel.exchange_delete(resource.name) if resource.name == "it" else None
        case _:
            assert isinstance(resource, Binding)
            bind = open_channel.queue_bind if resource.destination_kind == "queue" else open_channel.exchange_bind
            bind(resource.destination, resource.source, resource.routing_key, arguments=dict(resource.arguments))


@pytest.fixture
def asked(node: Node, vhost: str) -> Iterator[Asked]:
    asked = Asked(node, vhost)
    yield asked
    asked.close()


def test_every_row_is_refused_by_the_versions_that_it_names_and_taken_by_the_others(asked: Asked) -> None:
    wrong = []
    label = asked.node.label
    for one in SOURCES:
        assert not asked.refusal(one)
    has_local = not asked.refusal(LOCAL)
    for row in ROWS:
        if LOCAL in row.beside and not has_local:
            continue
        expected = label in row.refused
        answer = asked.refusal(row.resource)
        said = asked.said(row.resource, *row.beside)
        if bool(answer) != expected or said != ([row.code] if expected else []):
            wrong.append((row.code, row.resource, said, answer))
    assert wrong == []


def _readable(examples: list[str], folder: Path) -> list[list[Resource]]:
    """Return what examples declare; those that the loader itself refuses are left out."""
    found = []
    for number, text in enumerate(examples):
        file = folder / f"{number}.yaml"
        file.write_text(text, encoding="utf-8")
        with contextlib.suppress(InputError):
            topology = load(file)
            ours = [one for key, one in topology.resources.items() if not topology.note(key).external]
            found.append(
                [one for one in ours if getattr(one, "source", "") != "billing.events" and one.key.kind != "vhost"]
            )
    return found


def test_the_examples_in_the_manual_are_taken_unless_a_rule_calls_them_refused(asked: Asked, tmp_path: Path) -> None:
    wrong, refused_ones = [], 0
    examples = _readable([text for rule in RULES.values() for text in (rule.good, rule.bad)], tmp_path)
    for resources in examples:
        said = {code for one in resources for code in asked.said(one, *resources)}
        answers = [answer for one in sorted(resources, key=lambda one: one.key.order) if (answer := asked.refusal(one))]
        if bool(answers) != bool(said):
            wrong.append((resources, said, answers))
        refused_ones += bool(said)
        asked.forget(resources)
    assert wrong == []
    assert 3 <= refused_ones < 10 < len(examples)


def test_a_feature_that_this_broker_denies_is_an_error() -> None:
    if reason := why_not("4.3"):
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    queue = _queue("classic", durable=False)
    with start("4.3") as sandbox:
        sandbox.stop_node()
        assert sandbox.folder
        with (sandbox.folder / "home" / "rabbitmq.conf").open("a") as config:
            config.write("\ndeprecated_features.permit.transient_nonexcl_queues = false\n")
        sandbox.start_node()
        asked = Asked(Node("4.3", sandbox), "/")
        assert "transient_nonexcl_queues" in asked.refusal(queue)
        asked.close()
        assert asked.said(queue) == ["RT601"]
        assert asked.said(_queue("classic")) == []


def test_what_a_rule_does_not_call_an_error_is_found_all_the_same(asked: Asked) -> None:
    """What the broker takes, and a rule finds fault with: on the versions that it is wrong for."""
    found = {
        row.code
        for row in ROWS
        if row.code not in REFUSING
        for _ in RULES[row.code].check(Index(Topology({row.resource.key: row.resource}), asked.context))
    }
    assert found == {
        "RT109",
        "RT401",
        "RT606",
        *({"RT608"} if asked.node.label != "4.3" else set()),
        *_MODES[asked.node.label],
    }


_MODES: dict[str, set[str]] = {"3.10": set(), "4.0": {"RT603"}, "4.3": {"RT603"}}


@pytest.mark.parametrize("kind", QUEUE_TYPES)
def test_the_rules_know_every_argument_with_every_value(asked: Asked, kind: str) -> None:
    wrong = []
    for name, known in QUEUE_ARGUMENTS.items():
        # Who takes every value is asked for a few: making a quorum queue takes its time.
        values = VALUES[:4] if not known.check([]) and kind != "classic" else [*VALUES, *WORDS]
        for value in values:
            if _is_never_answered(name, value):
                continue
            beside = {"x-dead-letter-exchange": ""} if name == "x-dead-letter-routing-key" and kind != "stream" else {}
            queue = Queue(V, "it", kind, arguments=Arguments({**beside, name: value}))
            answer, said = asked.refusal(queue), asked.said(queue)
            if bool(answer) != bool(said):
                wrong.append((name, value, said, answer))
    assert wrong == []


def _is_never_answered(name: str, value: Any) -> bool:
    """Say whether 3.10 gives no answer at all: it looks a locator up that is no text."""
    return name.endswith("queue-master-locator") and not isinstance(value, str)


def test_the_rules_know_every_key_of_a_policy_with_every_value(asked: Asked) -> None:
    wrong = []
    for key in [
        *POLICY_KEYS,
        *sorted(NOT_IN_POLICIES),
        *sorted(MIRRORING_KEYS),
        "max_length",
        "x-max-length",
        "expire",
    ]:
        for value in [*VALUES, *WORDS, 2**50, 255, 15]:
            if _is_never_answered(key, value):
                continue
            policy = Policy(V, "it", "^it$", definition=Arguments({key: value}))
            answer, said = asked.refusal(policy), asked.said(policy)
            mirrors = key in MIRRORING_KEYS and asked.node.label == "3.10"  # nobody lints the values of mirrors
            if bool(answer) != bool(said) and not (mirrors and answer):
                wrong.append((key, value, said, answer))
    assert wrong == []


def test_a_pattern_that_is_called_wrong_is_wrong(asked: Asked) -> None:
    """Not the other way round: what only PCRE knows is for the broker to judge."""
    drawn = random.Random(5)  # noqa: S311 - no secret
    patterns = [*PATTERNS, *("".join(drawn.choices("ab.*+?()[]{}|^$\\-,12:=!<>PQEdw", k=6)) for _ in range(400))]
    called = [pattern for pattern in patterns if refused_pattern(pattern)]
    right = [pattern for pattern in patterns if pattern not in called and len(pattern) <= 6 and pattern.isalnum()]
    assert len(called) > 50
    assert [one for one in called if not asked.refusal(_policy(one, max_length=5))] == []
    assert [one for one in right if asked.refusal(_policy(one, max_length=5))] == []
