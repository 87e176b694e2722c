"""The law that every target obeys, given a way to make it hold a topology and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.apply import apply
from rabbit_topo.arguments import compared_arguments
from rabbit_topo.diff import Create, Replace, Unseen, diff
from rabbit_topo.errors import Refusal
from rabbit_topo.model import Queue
from rabbit_topo.plan import Consent, Plan, Report, make_plan
from rabbit_topo.plan.outlook import outlook
from rabbit_topo.plan.result import signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.broker import Broker
    from rabbit_topo.diff import Change
    from rabbit_topo.model import Key, Observed, Resource, Topology


def planned(broker: Broker, declared: Topology, *, prune: bool) -> tuple[Observed, Plan]:
    """Observe, diff and plan."""
    observed = broker.observe(declared)
    return observed, make_plan(diff(observed, declared), observed, declared, Consent(prune=prune, max_delete=100))


def fill(broker: Broker, wanted: Topology) -> None:
    """Make an empty vhost hold a topology, and see that nothing is refused on the way."""
    _, plan = planned(broker, wanted, prune=False)
    assert not plan.blocked
    report = apply(plan, broker)
    _nothing_refused(report)
    assert report.exit_code == 0, report


def _nothing_refused(report: Report) -> None:
    refused = [(o.operation, o.reason) for o in report.failed] + [(o.operation, o.reason) for o in report.not_attempted]
    assert not refused, refused


def holds(broker: Broker, declared: Topology) -> bool:
    """Assert the law for what the broker holds now; say whether the plan was free of blocked rows."""
    before, plan = planned(broker, declared, prune=True)
    blocked = bool(plan.blocked)
    if blocked:
        with pytest.raises(Refusal):
            apply(plan, broker)
        assert broker.observe(declared).topology.resources == before.topology.resources
    report = apply(plan, broker, partial=blocked)
    _nothing_refused(report)
    assert not report.surprises, report.surprises
    assert report.remaining is not None
    assert sorted(map(repr, map(signature, report.remaining))) == sorted(map(repr, map(signature, plan.remainder)))
    after, second = planned(broker, declared, prune=True)
    assert _routing(outlook(plan).topology) == _routing(after.topology)
    if blocked:
        assert report.exit_code == (6 if report.done else 5)
    else:
        assert report.exit_code == 0
        assert second.empty, list(second.operations)
        assert not second.remainder
        foreign = {key: value for key, value in before.topology.resources.items() if _foreign(key.name, declared, key)}
        assert {key: after.topology.resources.get(key) for key in foreign} == foreign
    return not blocked


def _routing(topology: Topology) -> dict[Key, Resource | None]:
    """Return what decides where messages go: of queues, that they are there."""
    return {key: None if isinstance(one, Queue) else one for key, one in topology.resources.items()}


def holds_alone(alone: Broker, whole: Broker, declared: Topology) -> bool:
    """Assert what holds over AMQP alone, where `whole` sees everything; say whether nothing was blocked.

    Nothing that was there is changed or gone, nothing but what is declared is new, and what both roads can see differs
    alike. What was not blocked is there afterwards, bindings included.
    """
    before = whole.observe(declared)
    _, plan = planned(alone, declared, prune=False)
    assert whole.observe(declared).topology.resources == before.topology.resources
    assert _visible(diff(alone.observe(declared), declared)) == _visible(diff(before, declared))
    report = apply(plan, alone, partial=True)
    _nothing_refused(report)
    assert not report.surprises, report.surprises
    after = whole.observe(declared).topology.resources
    assert before.topology.resources.items() <= after.items()
    sent = {operation.key for operation in plan.operations}
    assert sent <= after.keys()
    assert after.keys() - before.topology.resources.keys() <= sent
    _, second = planned(alone, declared, prune=False)
    assert all(isinstance(operation.cause, Unseen) for operation in second.operations)
    return not plan.blocked


def _visible(changes: Sequence[Change]) -> set[tuple[object, ...]]:
    """Keep of the changes what AMQP shows too: missing objects, and the properties that the broker compares."""
    found: set[tuple[object, ...]] = set()
    for change in changes:
        if change.key.kind not in ("exchange", "queue"):
            continue
        match change:
            case Create():
                found.add((change.key,))
            case Replace(before=Queue() as before):
                known = {f"arguments.{name}" for name in compared_arguments(before.type or "classic", "3.10")}
                found |= {(change.key, repr(f)) for f in change.fields if "." not in f.path or f.path in known}
            case Replace():
                known = {"arguments.alternate-exchange"}
                found |= {(change.key, repr(f)) for f in change.fields if "." not in f.path or f.path in known}
            case _:
                pass
    return found


def _foreign(name: str, declared: Topology, key: object) -> bool:
    kind = getattr(key, "kind", "")
    return kind in ("exchange", "queue") and name.startswith("other.") and key not in declared.resources
