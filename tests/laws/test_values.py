"""Laws of the pure middle, on values alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.diff import diff
from rabbit_topo.model import Arguments, Facts, Observed, Topology
from rabbit_topo.plan import Consent, make_plan
from tests.laws.strategies import pairs, topologies, values


def _seen(topology: Topology) -> Observed:
    return Observed(topology, Facts("here", "4.3", vhosts=frozenset({"/"})))


@given(topologies())
def test_a_topology_does_not_differ_from_itself(topology: Topology) -> None:
    assert diff(_seen(topology), topology) == ()


@given(pairs())
def test_a_diff_is_sorted_and_the_same_each_time(pair: tuple[Topology, Topology]) -> None:
    observed, declared = _seen(pair[0]), pair[1]
    changes = diff(observed, declared)
    orders = [change.key.order for change in changes]
    assert orders == sorted(orders)
    shuffled = Topology(dict(reversed(list(declared.resources.items()))), declared.notes, declared.scope)
    assert diff(observed, shuffled) == changes


@given(pairs(), st.booleans())
def test_every_change_is_done_blocked_or_left_alone(pair: tuple[Topology, Topology], prune: bool) -> None:  # noqa: FBT001
    observed, declared = _seen(pair[0]), pair[1]
    changes = diff(observed, declared)
    plan = make_plan(changes, observed, declared, Consent(prune=prune))
    standing = [op.cause for op in plan.operations] + list(plan.remainder)
    assert {repr(change) for change in changes} == {repr(change) for change in standing}
    assert not {repr(op.cause) for op in plan.operations} & {repr(change) for change in plan.remainder}


@given(pairs())
def test_without_consent_nothing_is_removed(pair: tuple[Topology, Topology]) -> None:
    observed, declared = _seen(pair[0]), pair[1]
    plan = make_plan(diff(observed, declared), observed, declared)
    assert all(type(operation).__name__ == "Declare" for operation in plan.operations)


@given(st.dictionaries(st.text(max_size=3), values, max_size=3))
def test_arguments_are_equal_by_name_class_and_value(items: dict[str, object]) -> None:
    assert Arguments(items) == Arguments(dict(reversed(list(items.items()))))
    assert Arguments(items).without(*items) == Arguments()
    assert Arguments({"k": 1}) != Arguments({"k": True}) != Arguments({"k": 1.0})
