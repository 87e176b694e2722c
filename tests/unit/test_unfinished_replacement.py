"""What a plan reckons with where an earlier run left a journal."""

from __future__ import annotations

from rabbit_topo import diff, make_plan
from rabbit_topo.model import Binding, Exchange, Facts, Observed, Queue, Topology
from rabbit_topo.plan import Recreate
from rabbit_topo.plan.journal import journal


def test_an_exchange_that_vanished_comes_back_with_its_bindings_and_only_they_are_told() -> None:
    after, queue = Exchange("/", "x", "fanout"), Queue("/", "q", "classic")
    auto = Exchange("/", "auto", "fanout", auto_delete=True)
    restore = (auto, Binding("/", "auto", "exchange", "x", ""), Binding("/", "x", "queue", "q", ""))
    left = journal(after, restore)
    there = Topology(resources={one.key: one for one in (left, queue)})
    observed = Observed(there, Facts("here", "4.3", vhosts=frozenset({"/"})))
    declared = Topology(resources={one.key: one for one in (after, queue)})
    plan = make_plan(diff(observed, declared), observed, declared)
    [[operation]] = plan.waves
    assert isinstance(operation, Recreate)
    assert (operation.resumed, operation.restore, plan.blocked) == (True, restore, ())
    assert [row.change.key for row in plan.left_alone] == [restore[1].key, restore[2].key]
    assert {change.key for change in plan.remainder} == {restore[1].key, restore[2].key}
