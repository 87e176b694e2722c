"""What queues do that their files do not say, with what policies add to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import semantics
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Exchange, Note, Policy, Queue, Topology
from rabbit_topo.routing import Router
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Resource


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(semantics.RULES, tmp_path)


def _queue(kind: str | None = "quorum", *, durable: bool = True, **arguments: Any) -> Queue:
    given = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return Queue("/", "q", kind, durable, arguments=Arguments(given))


def _policy(**keys: Any) -> Policy:
    return Policy("/", "p", "^q", "queues", 0, Arguments({key.replace("_", "-"): value for key, value in keys.items()}))


@pytest.mark.parametrize(
    ("code", "resources", "said"),
    [
        ("RT401", [_queue(overflow="reject-publish-dlx")], "(argument)"),
        ("RT401", [_queue(), _policy(overflow="reject-publish-dlx")], "(policy p)"),
        ("RT401", [_queue(overflow="reject-publish-dlx"), _policy(overflow="reject-publish")], ""),
        ("RT401", [_queue("classic", overflow="reject-publish-dlx")], ""),
        ("RT401", [_queue()], ""),
        ("RT402", [Queue("/", "q", "classic", auto_delete=True)], "last consumer"),
        ("RT402", [Queue("/", "", "classic")], "named by the server"),
        ("RT402", [Exchange("/", "x", "fanout", auto_delete=True)], "last binding"),
        ("RT402", [Exchange("/", "x", "fanout"), _queue()], ""),
        ("RT404", [_queue(max_length=5)], "(argument)"),
        ("RT404", [_queue("classic"), _policy(max_length_bytes=5)], "(policy p)"),
        ("RT404", [_queue(max_length=5, overflow="drop-head")], ""),
        ("RT404", [_queue(max_length=5), _policy(dead_letter_exchange="")], ""),
        ("RT404", [_queue("stream", max_length_bytes=5)], ""),
        ("RT404", [_queue(message_ttl=5)], ""),
        ("RT405", [_queue(expires=5)], "no length, no TTL"),
        ("RT405", [_queue(None)], "no length, no TTL"),
        ("RT405", [_queue(message_ttl=5)], ""),
        ("RT405", [_queue("stream")], ""),
        ("RT405", [_queue(), _policy(max_length=5)], ""),
        ("RT406", [_queue("stream")], "for ever"),
        ("RT406", [_queue("stream"), _policy(max_age="7D")], ""),
        ("RT406", [_queue("stream", max_length_bytes=5)], ""),
        ("RT406", [_queue()], ""),
        ("RT407", [_queue(expires=5)], "(argument)"),
        ("RT407", [_queue(), _policy(expires=5)], "(policy p)"),
        ("RT407", [_queue("classic", durable=False, expires=5)], ""),
        ("RT407", [_queue()], ""),
        ("RT408", [_queue(delivery_limit=-1)], "(argument)"),
        ("RT408", [_queue(), _policy(delivery_limit=-1)], "(policy p)"),
        ("RT408", [_queue(delivery_limit=5)], ""),
        ("RT408", [_queue(delivery_limit="none")], ""),
        ("RT408", [_queue()], ""),
        ("RT409", [_queue("classic", max_length=5, message_ttl=5, max_priority=5)], "`x-max-length`, `x-message-ttl`:"),
        ("RT409", [_queue("classic", max_priority=5, single_active_consumer=True)], ""),
    ],
)
def test_one_queue(find: Finder, code: str, resources: list[Resource], said: str) -> None:
    messages = [hit.message for hit in find.observed(code, *resources)]
    assert len(messages) == bool(said)
    assert all(said in message for message in messages)


@pytest.mark.parametrize(
    ("nodes", "queue", "number"),
    [
        (3, _queue("classic"), 1),
        (1, _queue("classic"), 0),
        (0, _queue("classic"), 0),
        (3, _queue(), 0),
        (3, _queue(None), 0),
        (3, _queue("classic", durable=False), 0),
    ],
)
def test_one_copy_in_a_cluster(find: Finder, nodes: int, queue: Queue, number: int) -> None:
    assert len(find.topology("RT403", Topology({queue.key: queue}), Context(nodes=nodes))) == number


def test_a_delivery_limit_is_the_usual_one_since_4_0(find: Finder) -> None:
    queue = _queue(delivery_limit=-1)
    assert find.topology("RT408", Topology({queue.key: queue}), Context("3.13")) == []


def test_what_a_policy_can_set_depends_on_the_version(find: Finder) -> None:
    queue = _queue(consumer_timeout=5)
    topology = Topology({queue.key: queue})
    assert find.topology("RT409", topology, Context("3.10")) == []
    assert len(find.topology("RT409", topology, Context("4.3"))) == 1


def test_what_an_operator_limits_is_limited() -> None:
    queue = _queue()
    router = Router(Topology({queue.key: queue}), operator_policies=[_policy(max_length=5)])
    check = next(rule.check for rule in semantics.RULES if rule.code == "RT405")
    assert list(check(Index(router.topology, Context(), router))) == []


@pytest.mark.parametrize(
    ("code", "queue", "own", "other"),
    [
        ("RT401", _queue(), {"overflow": "reject-publish-dlx"}, {"overflow": "drop-head"}),
        ("RT404", _queue(), {"max_length": 5}, {"overflow": "reject-publish"}),
        ("RT405", _queue(), {"delivery_limit": 5}, {"message_ttl": 5}),
        ("RT406", _queue("stream"), {"initial_cluster_size": 3}, {"max_age": "7d"}),
        ("RT407", _queue(), {"expires": 5}, {"delivery_limit": 5}),
        ("RT408", _queue(), {"delivery_limit": -1}, {"delivery_limit": 5}),
    ],
)
def test_where_a_pattern_cannot_be_read_nothing_is_said_that_it_may_change(
    find: Finder, code: str, queue: Queue, own: dict[str, Any], other: dict[str, Any]
) -> None:
    seen = _policy(**own)
    unread = replace(_policy(**other), name="unread", pattern="(?R)")
    assert len(find.observed(code, queue, seen)) == 1
    assert find.observed(code, queue, seen, unread) == []
    assert len(find.observed(code, queue, seen, replace(unread, priority=-1))) == 1  # the other one wins
    assert len(find.observed(code, queue, seen, replace(unread, definition=seen.definition))) == 1  # which, is the same


@pytest.mark.parametrize("rule", semantics.RULES, ids=lambda rule: rule.code)
def test_what_is_somebody_elses_is_not_judged(find: Finder, rule: Any) -> None:
    queue = Queue("/", "q", "stream", auto_delete=True, arguments=Arguments({"x-expires": 5, "x-max-length": 5}))
    topology = Topology({queue.key: queue}, {queue.key: Note(external=True)})
    assert find.topology(rule.code, topology, Context(nodes=3)) == []
