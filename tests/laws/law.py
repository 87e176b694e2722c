"""The law that every target obeys, given a way to make it hold a topology and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.apply import apply
from rabbit_topo.diff import diff
from rabbit_topo.errors import Refusal
from rabbit_topo.plan import Plan, Report, make_plan
from rabbit_topo.plan.result import signature

if TYPE_CHECKING:
    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Observed, Topology


def planned(broker: Broker, declared: Topology, *, prune: bool) -> tuple[Observed, Plan]:
    """Observe, diff and plan."""
    observed = broker.observe(declared)
    return observed, make_plan(diff(observed, declared), observed, declared, prune=prune)


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
    if blocked:
        assert report.exit_code == (6 if report.done else 5)
    else:
        assert report.exit_code == 0
        assert second.empty, list(second.operations)
        assert not second.remainder
        foreign = {key: value for key, value in before.topology.resources.items() if _foreign(key.name, declared, key)}
        assert {key: after.topology.resources.get(key) for key in foreign} == foreign
    return not blocked


def _foreign(name: str, declared: Topology, key: object) -> bool:
    kind = getattr(key, "kind", "")
    return kind in ("exchange", "queue") and name.startswith("other.") and key not in declared.resources
