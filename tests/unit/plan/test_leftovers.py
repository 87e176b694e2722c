"""What an earlier run left, where no scenario can write it down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rabbit_topo.diff import Create, Replace, Unfinished
from rabbit_topo.model import (
    MARK,
    Arguments,
    Binding,
    Exchange,
    Facts,
    Kind,
    Mark,
    Note,
    Observed,
    Policy,
    Queue,
    Resource,
    Topology,
    Vhost,
)
from rabbit_topo.plan import Consent, Failed, Plan, Recreate, Report, make_plan
from rabbit_topo.plan.journal import journal, read_journal

QUEUE = Queue("/", "q", "classic", arguments=Arguments({"x-max-length": 5}))
EXCHANGE = Exchange("/", "x", "topic", internal=True, arguments=Arguments({"alternate-exchange": "y"}))
BINDING = Binding("/", "x", "queue", "q", "a", Arguments({"n": 1}))
ALLOWED = Consent(allow=frozenset({"replace"}))


def _mark(queue: Queue) -> Mark:
    mark = Mark.read(queue.arguments)
    assert mark is not None
    return mark


@pytest.mark.parametrize("after", [QUEUE, EXCHANGE])
def test_a_journal_brings_back_what_was_written(after: Queue | Exchange) -> None:
    restore = (Exchange("/", "y", "fanout", auto_delete=True), BINDING)
    assert read_journal(_mark(journal(after, restore)), "/") == (after, restore)


@pytest.mark.parametrize("spoiled", ["after", "restore"])
def test_a_journal_that_tells_something_else_is_none(spoiled: str) -> None:
    mark = _mark(journal(EXCHANGE, [BINDING]))
    [binding] = mark.more["restore"]
    queue = _mark(journal(QUEUE, [])).more["after"]
    more = {**mark.more, **({"after": binding} if spoiled == "after" else {"restore": [queue]})}
    assert read_journal(replace(mark, more=more), "/") is None


def test_a_mark_of_another_format_is_none() -> None:
    assert (
        Mark.read(Arguments({MARK: Mark("migrate", Kind.QUEUE, "q").text.replace('"format": 1', '"format": 2')}))
        is None
    )


def _plan(*changes: Create | Replace | Unfinished, there: Resource = QUEUE, lists: bool = True) -> Plan:
    observed = Observed(Topology({there.key: there}), Facts("here", "4.3.6", vhosts=frozenset({"/"}), lists=lists))
    return make_plan(changes, observed, Topology(), ALLOWED)


def test_what_is_in_a_blocked_vhost_is_not_finished() -> None:
    marked = journal(QUEUE, [])
    vhost = Create(Vhost("/"), Note())
    plan = _plan(vhost, Unfinished(marked, _mark(marked), None, QUEUE, Note()), lists=False)
    assert [row.reason for row in plan.blocked][1:] == ["vhost / is blocked"]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (Exchange("/", "amq.topic", "topic"), "RabbitMQ does not let anybody delete its own exchanges"),
        (Policy("/", "p", "x"), "it would have to be deleted and declared again"),
    ],
)
def test_what_nobody_can_replace(before: Exchange | Policy, says: str) -> None:
    plan = _plan(Replace(before, before, (), Note()), there=before)
    assert [row.reason for row in plan.blocked] == [says]


def test_what_an_apply_left_unfinished_was_written() -> None:
    marked = journal(QUEUE, [])
    failed = Failed(Recreate(QUEUE, QUEUE, (), Replace(QUEUE, QUEUE, (), Note())), "the connection was lost")
    left = Unfinished(marked, _mark(marked), None, QUEUE, Note())
    assert Report(_plan(), (failed,), (left,)).exit_code == 6
    assert Report(_plan(), (failed,), (failed.operation.cause,)).exit_code == 1
