"""Laws of the inventory: it never claims what is not ours, and gives up a protection only where somebody said so."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.diff import Delete, diff
from rabbit_topo.model import Facts, Inventory, Key, Kind, Note, Observed, Scope, Topology, heed, parameter_name
from rabbit_topo.plan import Consent, Declare, make_plan
from rabbit_topo.plan.inventory import next_inventory
from tests.laws.strategies import pairs, topologies

NOTES = (Note(), Note(protect=True), Note(unprotect=True), Note(external=True), Note(external=True, unprotect=True))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Observed, Topology]:
    """A broker with an inventory, and files that protect, lift, mention and ignore at random."""
    there, files = draw(pairs())
    notes = {key: draw(st.sampled_from(NOTES)) if key.kind is not Kind.VHOST else Note() for key in files.resources}
    ignore = draw(st.sampled_from([(), ("shop\\.q",), (".*",)]))
    declared = Topology(files.resources, notes, Scope({}, {"/": ignore} if ignore else {}))
    keys = st.sets(st.sampled_from(sorted({*there.resources, *draw(topologies()).resources, *files.resources})))
    named = [frozenset(key for key in draw(keys) if key.kind is not Kind.VHOST) for _ in range(4)]
    inventory = Inventory(
        "shop", named[0], named[1], dict.fromkeys(named[2], "other"), dict.fromkeys(named[3], "other")
    )
    return Observed(there, Facts("here", "4.3", vhosts=frozenset({"/"}), inventory=inventory)), declared


def after(observed: Observed, declared: Topology) -> Inventory:
    found = next_inventory(heed(declared, observed.facts.inventory), observed)
    assert found is not None
    return found


def before(observed: Observed) -> Inventory:
    assert observed.facts.inventory is not None
    return observed.facts.inventory


@given(situations())
def test_owned_is_there_and_neither_external_nor_foreign(situation: tuple[Observed, Topology]) -> None:
    observed, declared = situation
    for key in after(observed, declared).owned:
        note = declared.note(key)
        assert key in observed.topology.resources
        assert not note.external
        if key not in declared.resources:
            assert key in before(observed).owned
            assert key not in before(observed).owned_by
            assert not declared.scope.ignores(key.vhost, key.destination or key.name)


@given(situations())
def test_protected_shrinks_only_where_it_is_lifted_or_gone(situation: tuple[Observed, Topology]) -> None:
    observed, declared = situation
    for key in before(observed).protected - after(observed, declared).protected:
        note = declared.note(key)
        lifted = key in declared.resources and note.unprotect and not note.external
        assert lifted or key not in observed.topology.resources


@given(situations())
def test_no_flag_deletes_or_replaces_what_is_protected(situation: tuple[Observed, Topology]) -> None:
    observed, declared = situation
    kept = before(observed)
    everything = Consent(prune=True, allow=frozenset({"replace", "policy-limits", "policy-foreign"}), max_delete=100)
    plan = make_plan(diff(observed, declared), observed, declared, everything)
    for operation in plan.operations:
        key = operation.key
        if isinstance(operation, Declare):
            continue
        note = declared.note(key)
        lifted = key in declared.resources and note.unprotect and key not in kept.protected_by
        # A policy is changed in place, and a binding is no object that anybody protects.
        if key.kind in (Kind.EXCHANGE, Kind.QUEUE):
            assert lifted or key not in {*kept.protected, *kept.protected_by}


@given(situations())
def test_a_second_inventory_is_the_same(situation: tuple[Observed, Topology]) -> None:
    observed, declared = situation
    first = after(observed, declared)
    again = replace(observed, facts=replace(observed.facts, inventory=first))
    assert after(again, declared) == first
    value = {parameter_name("shop", "/"): first.value("/")}
    read = Inventory.read("shop", ["/"], value)
    assert (read.owned, read.protected) == (first.owned, first.protected)


@given(situations())
def test_what_is_owned_and_undeclared_is_a_stray_unless_ignored(situation: tuple[Observed, Topology]) -> None:
    observed, declared = situation
    strays = {change.key for change in diff(observed, declared) if isinstance(change, Delete)}
    kept = before(observed)
    for key in kept.owned - declared.resources.keys():
        if key not in observed.topology.resources or (key.name.startswith("amq.") and key.kind is not Kind.BINDING):
            continue
        taken = key in kept.owned_by or declared.scope.ignores(key.vhost, key.destination or key.name)
        assert (key in strays) == (not taken or _follows(key, declared))


def _follows(key: Key, declared: Topology) -> bool:
    """Say whether a binding is stale because it leads to what is declared as ours."""
    if key.kind is not Kind.BINDING:
        return False
    end = Key(key.vhost, Kind(key.destination_kind), key.destination)
    return end in declared.resources and not declared.note(end).external
