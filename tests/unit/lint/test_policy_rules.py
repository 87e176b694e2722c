"""Policies against each other, and against what they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import policy_rules
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Exchange, Note, Policy, Queue, Topology
from rabbit_topo.routing import Router
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.lint.types import Hit
    from rabbit_topo.model import Resource


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(policy_rules.RULES, tmp_path)


def _queue(name: str = "q", kind: str | None = "quorum", vhost: str = "/", **arguments: Any) -> Queue:
    given = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return Queue(vhost, name, kind, arguments=Arguments(given))


def _policy(name: str, priority: float = 0, pattern: str = "^q", apply_to: str = "all", **keys: Any) -> Policy:
    definition = {key.replace("_", "-"): value for key, value in (keys or {"max_length": 5}).items()}
    return Policy("/", name, pattern, apply_to, priority, Arguments(definition))


def _named(hits: list[Hit]) -> list[str]:
    return [hit.key.name for hit in hits]


def test_a_tie_is_told_once_with_how_much_it_is_about(find: Finder) -> None:
    queues = [_queue(f"q{number}") for number in range(1200)]
    hits = find.observed("RT501", *queues, _policy("a"), _policy("b", max_length=6))
    expected = (
        'the policy "a" and the policy "b" have the same priority, 0, and both reach the queue "q0" and 1,199 more: '
        "which of them takes effect is not defined"
    )
    assert [hit.message for hit in hits] == [expected]


@pytest.mark.parametrize(
    ("policies", "tied"),
    [
        ([_policy("a"), _policy("b")], []),
        ([_policy("a"), _policy("b", 1, max_length=6)], []),
        ([_policy("a"), _policy("b", max_length=6), _policy("c", 1)], []),
        ([_policy("a"), _policy("b", max_length=6, pattern="^x")], []),
        ([_policy("a"), _policy("b", max_length=5.0)], ["b"]),
        ([_policy("a", 1.5), _policy("b", 1.5, max_length=6), _policy("c")], ["b"]),
        ([_policy("a"), _policy("b", max_length=6), _policy("c", max_length=7)], ["c"]),
    ],
)
def test_ties(find: Finder, policies: list[Policy], tied: list[str]) -> None:
    assert _named(find.observed("RT501", _queue(), *policies)) == tied


def test_policies_of_two_vhosts_do_not_tie(find: Finder) -> None:
    other = Policy("b", "p", "^q", definition=Arguments({"max-length": 6}))
    assert find.observed("RT501", _queue(), _queue(vhost="b"), _policy("a"), other) == []


def test_ties_on_what_is_somebody_elses_count(find: Finder) -> None:
    resources: list[Resource] = [_queue(), _policy("a"), _policy("b", max_length=6)]
    topology = Topology({one.key: one for one in resources}, {resources[0].key: Note(external=True)})
    assert _named(find.topology("RT501", topology)) == ["b"]


@pytest.mark.parametrize(
    ("policies", "shadowed"),
    [
        ([_policy("a"), _policy("b", 1)], ["a"]),
        ([_policy("a", pattern=""), _policy("b", 1)], []),
        ([_policy("a", pattern="^none"), _policy("b", 1)], []),
        ([_policy("a"), _policy("b", max_length=6)], []),
        ([_policy("a"), _policy("b")], ["b"]),
        ([_policy("a"), _policy("b", 1, apply_to="exchanges")], []),
        ([_policy("a"), _policy("b", 1, max_length=5, max_age="7D")], []),
    ],
)
def test_shadows(find: Finder, policies: list[Policy], shadowed: list[str]) -> None:
    hits = find.observed("RT502", _queue(), _queue("x"), Exchange("/", "e", "direct"), *policies)
    assert _named(hits) == shadowed


def test_why_a_policy_takes_no_effect_is_told(find: Finder) -> None:
    (hit,) = find.observed("RT502", _queue(), _policy("a"), _policy("b", 1))
    assert "has the higher priority" in hit.message
    (hit,) = find.observed("RT502", _queue(), _policy("a"), _policy("b"))
    assert "says the same, with the same priority" in hit.message


def test_a_policy_of_queues_that_only_the_broker_knows_is_not_shadowed() -> None:
    resources = (_queue(), _policy("a", pattern="q"), _policy("b", 1))
    topology = Topology({one.key: one for one in resources})
    check = next(rule.check for rule in policy_rules.RULES if rule.code == "RT502")
    assert [hit.key.name for hit in check(Index(topology, Context()))] == ["a"]
    router = Router(topology, hidden=[_queue("reply.q", "classic")])
    assert list(check(Index(topology, Context(), router))) == []


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (_policy("p"), False),
        (_policy("p", pattern="^x"), True),
        (_policy("p", apply_to="exchanges"), True),
        (_policy("p", pattern="(?R)"), False),
        (_policy("p", max_age="7D"), True),
    ],
)
def test_what_reaches_nothing(find: Finder, policy: Policy, *, told: bool) -> None:
    assert bool(find.observed("RT503", _queue(), policy)) == told


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (_policy("p", delivery_limit=5), 'passes the queue "q.classic" over, whole: a classic queue has no'),
        (_policy("p", max_length=5), 'passes the queue "q.stream" over, whole: a stream has no `max-length`'),
        (_policy("p", max_length=5, apply_to="quorum_queues"), ""),
        (_policy("p", max_length=5, pattern="^q.quorum"), ""),
        (_policy("p", max_length_bytes=5), ""),
        (_policy("p", max_length=5, apply_to="exchanges"), "`max-length` of the policy"),
        (_policy("p", alternate_exchange="a", apply_to="exchanges"), ""),
        (_policy("p", federation_upstream="a", apply_to="exchanges"), ""),
        (_policy("p", alternate_exchange="a", max_length_bytes=5, apply_to="queues"), "`alternate-exchange` of"),
        (_policy("p", alternate_exchange="a", max_length_bytes=5), ""),
    ],
)
def test_keys_that_a_type_does_not_have(find: Finder, policy: Policy, said: str) -> None:
    queues = [_queue(f"q.{kind}", kind) for kind in ("classic", "quorum", "stream")]
    elsewhere = _queue("q.stream", "stream", "b")
    messages = [hit.message for hit in find.observed("RT504", *queues, elsewhere, _queue("q.none", None), policy)]
    assert bool(messages) == bool(said)
    assert not messages or said in messages[0]


@pytest.mark.parametrize(
    ("queue", "keys", "dead"),
    [
        (_queue(max_length=3), {"max_length": 5}, True),
        (_queue(max_length=5), {"max_length": 5}, False),
        (_queue(max_length=7), {"max_length": 5}, False),
        (_queue(dead_letter_exchange="a"), {"dead_letter_exchange": "b"}, True),
        (_queue(overflow="drop-head"), {"overflow": "reject-publish"}, False),
        (_queue(kind="classic", overflow="drop-head"), {"overflow": "reject-publish"}, True),
        (_queue(kind="stream", max_age="1D"), {"max_age": "7D"}, False),
        (_queue(), {"max_length": 5}, False),
        (_queue(max_length=3), {"max_length": 5, "message_ttl": 5}, True),
        (_queue(), {"alternate_exchange": "a"}, False),
    ],
)
def test_what_an_argument_says_otherwise(find: Finder, queue: Queue, keys: dict[str, Any], *, dead: bool) -> None:
    hits = find.observed("RT505", queue, _policy("p", **keys))
    assert [hit.message.split("`")[1] for hit in hits] == ([next(iter(keys)).replace("_", "-")] if dead else [])


def test_a_value_that_counts_for_one_queue_is_no_dead_text(find: Finder) -> None:
    assert find.observed("RT505", _queue(max_length=3), _queue("q2"), _policy("p")) == []


def test_an_alternate_exchange_that_an_argument_names(find: Finder) -> None:
    exchange = Exchange("/", "q.x", "fanout", arguments=Arguments({"alternate-exchange": "a"}))
    hits = find.observed("RT505", exchange, _queue(), _policy("p", alternate_exchange="b"))
    assert [hit.message for hit in hits] == [
        '`alternate-exchange` of the policy "p" is dead text: the exchange "q.x" says otherwise by an argument'
    ]


@pytest.mark.parametrize(
    ("pattern", "priority", "said"),
    [
        (".*", 0, "reaches every name"),
        ("", 0, "reaches every name"),
        ("^", 5, "reaches every name"),
        (".*", -1, "is looked for anywhere"),
        ("^.*", -1, ""),
        ("^shop\\.", 0, ""),
        ("(?i)^shop", 0, ""),
        ("(?:^shop|^bills)", 0, ""),
        ("shop", 0, "is looked for anywhere"),
        ("(?R)", 0, "is looked for anywhere"),
    ],
)
def test_patterns_that_are_too_wide(find: Finder, pattern: str, priority: int, said: str) -> None:
    messages = [hit.message for hit in find.observed("RT506", _policy("p", priority, pattern))]
    assert len(messages) == bool(said)
    assert all(said in message for message in messages)
