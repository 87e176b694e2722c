"""Comparisons that no scenario of a plan shows."""

from __future__ import annotations

from typing import Any

from rabbit_topo.diff import ABSENT, Displaced, Field, Replace, Update, diff
from rabbit_topo.model import Arguments, Exchange, Facts, Note, Observed, Policy, Queue, Scope, Topology


def _topology(*resources: Queue | Exchange | Policy, **more: Any) -> Topology:
    return Topology({resource.key: resource for resource in resources}, **more)


def _seen(*resources: Queue | Exchange | Policy, **facts: Any) -> Observed:
    return Observed(_topology(*resources), Facts("here", "4.3", vhosts=frozenset({"/"}), **facts))


def _policy(name: str, priority: int = 0, **definition: Any) -> Policy:
    return Policy(
        "/", name, "orders", "all", priority, Arguments({k.replace("_", "-"): v for k, v in definition.items()})
    )


def test_each_property_is_named() -> None:
    before = Queue(
        "/", "q", "classic", durable=False, auto_delete=True, arguments=Arguments({"x-max-length": 5, "a": 1})
    )
    after = Queue("/", "q", "quorum", arguments=Arguments({"x-max-length": 6, "b": True}))
    [change] = diff(_seen(before), _topology(after))
    assert isinstance(change, Replace)
    assert change.fields == (
        Field("type", "classic", "quorum"),
        Field("durable", observed=False, declared=True),
        Field("auto_delete", observed=True, declared=False),
        Field("arguments.a", 1, ABSENT),
        Field("arguments.b", ABSENT, declared=True),
        Field("arguments.x-max-length", 5, 6),
    )


def test_classes_of_values_differ() -> None:
    one, other = (Queue("/", "q", "classic", arguments=Arguments({"x-own": value})) for value in (1, True))
    [change] = diff(_seen(one), _topology(other))
    assert isinstance(change, Replace)
    assert [field.path for field in change.fields] == ["arguments.x-own"]


def test_two_spellings_of_an_age_are_one() -> None:
    days, seconds = (Queue("/", "q", "stream", arguments=Arguments({"x-max-age": age})) for age in ("7D", "604800s"))
    assert diff(_seen(days), _topology(seconds)) == ()


def test_a_policy_can_be_updated() -> None:
    [change] = diff(_seen(_policy("p", 1, max_length=5)), _topology(_policy("p", 2, max_length=5)))
    assert isinstance(change, Update)
    assert change.fields == (Field("priority", 1, 2),)


def test_external_objects_differ_only_in_what_is_stated() -> None:
    mention = Exchange("/", "x", None)
    declared = _topology(mention, notes={mention.key: Note(external=True, stated=frozenset({"durable"}))})
    assert diff(_seen(Exchange("/", "x", "topic", internal=True)), declared) == ()
    [change] = diff(_seen(Exchange("/", "x", "topic", durable=False)), declared)
    assert isinstance(change, Replace)
    assert [field.path for field in change.fields] == ["durable"]


def test_a_foreign_policy_of_the_same_priority_displaces_too() -> None:
    queue = Queue("/", "orders")
    ours, theirs = _policy("p", 3, max_length=5), _policy("theirs", 3, max_length=1)
    declared = _topology(queue, Queue("/", "elsewhere"), ours, Exchange("/", "orders.x", "topic"))
    changes = diff(_seen(theirs, ours, Queue("/", "orders", "classic")), declared)
    displaced = [change for change in changes if isinstance(change, Displaced)]
    assert {change.key.name for change in displaced} == {"orders", "orders.x"}
    assert {change.theirs for change in displaced} == {theirs}


def test_a_weaker_one_and_one_that_does_not_fit_do_not() -> None:
    declared = _topology(Queue("/", "orders"), _policy("p", 3, max_length=5))
    weaker, unfit = _policy("weaker", 2, max_length=1), _policy("unfit", 9, ha_mode="all")
    seen = _seen(weaker, unfit, _policy("p", 3, max_length=5), default_queue_types={"/": "quorum"})
    assert not [change for change in diff(seen, declared) if isinstance(change, Displaced)]
    classic = _seen(weaker, unfit, _policy("p", 3, max_length=5))
    assert [change for change in diff(classic, declared) if isinstance(change, Displaced)]


def test_the_servers_own_objects_are_never_strays() -> None:
    declared = Topology(scope=Scope({"/": (".*",)}, {"/": ("tmp.*",)}))
    seen = _seen(Exchange("/", "amq.topic", "topic"), Queue("/", "tmp.1", "classic"), Queue("/", "ours", "classic"))
    assert [change.key.name for change in diff(seen, declared)] == ["ours"]


def test_a_line_feed_hides_nothing() -> None:
    declared = Topology(scope=Scope({"/": ("shop.*",)}))
    policy = Policy("/", "shop\nqueue fine", "x", definition=Arguments({"max-length": 1}))
    assert [change.key.name for change in diff(_seen(policy), declared)] == ["shop\nqueue fine"]


def test_a_new_vhost_brings_the_servers_exchanges() -> None:
    mention = Exchange("new", "amq.topic", "topic")
    declared = _topology(mention, notes={mention.key: Note(external=True, stated=frozenset({"type"}))})
    assert diff(_seen(), declared) == ()
    wrong = Exchange("new", "amq.topic", "fanout")
    declared = _topology(wrong, notes={wrong.key: Note(external=True, stated=frozenset({"type"}))})
    assert len(diff(_seen(), declared)) == 1
