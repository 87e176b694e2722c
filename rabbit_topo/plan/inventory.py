"""What the inventory on the broker is to hold after an apply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.errors import Refusal
from rabbit_topo.model import Kind

if TYPE_CHECKING:
    from rabbit_topo.model import Facts, Inventory, Key, Observed, Topology


def next_inventory(declared: Topology, observed: Observed) -> Inventory | None:
    """Return the inventory that should stand on the broker, as it was just observed; None where none is kept or seen.

    Owned is what is declared as ours and there, and what was owned before as long as it is there, and neither external,
    nor ignored, nor another project's by now. Of bindings only those are noted that are not ours by where they lead.
    Protected is what the files protect, and what was protected before as long as it is there and no declaration says
    `protect: false`.

    >>> from rabbit_topo.model import Facts, Inventory, Observed, Queue, Topology
    >>> orders = Queue("/", "orders")
    >>> there = Observed(Topology({orders.key: orders}), Facts("here", "4.3", inventory=Inventory("shop")))
    >>> [key.name for key in next_inventory(Topology({orders.key: orders}), there).owned]
    ['orders']
    """
    before = observed.facts.inventory
    if before is None or before.gap or not observed.facts.lists:
        return None
    there = observed.topology.resources
    ours = {key for key in declared.resources if key in there and _is_ours(key, declared)}
    kept = {key for key in before.owned if key in there and _is_still_ours(key, declared, before)}
    shielded = {key for key in ours if declared.note(key).protect and not declared.note(key).protected_by}
    still = {key for key in before.protected if key in there and not _is_lifted(key, declared)}
    return replace(before, owned=frozenset(ours | kept), protected=frozenset(shielded | still))


def inventory_refusal(facts: Facts) -> Refusal | None:
    """Return what an apply ends in before its first write where a protection may be kept that cannot be seen.

    AMQP alone shows no inventory either, but deletes and replaces nothing.
    """
    inventory = facts.inventory
    if inventory is None or not inventory.gap or not facts.lists:
        return None
    return Refusal(
        f"the inventory of project {inventory.project} cannot be seen: {inventory.gap}; nothing was changed",
        "what is protected there must not be overlooked: settle that first; doctor tells what a user lacks",
    )


def _is_ours(key: Key, declared: Topology) -> bool:
    if key.kind is Kind.VHOST or declared.note(key).external:
        return False
    return key.kind is not Kind.BINDING or not _follows(key, declared)


def _is_still_ours(key: Key, declared: Topology, before: Inventory) -> bool:
    if key in before.owned_by or declared.note(key).external:
        return False
    if key.kind is Kind.BINDING:
        return not _follows(key, declared) and not declared.scope.ignores(key.vhost, key.destination)
    return not declared.scope.ignores(key.vhost, key.name)


def _follows(binding: Key, declared: Topology) -> bool:
    """Say whether a binding is ours because it leads to what we declare."""
    end = binding._replace(
        kind=Kind(binding.destination_kind),
        name=binding.destination,
        destination_kind="",
        destination="",
        routing_key="",
        arguments="",
    )
    note = declared.note(end)
    return end in declared.resources and not note.external and not note.open_bindings


def _is_lifted(key: Key, declared: Topology) -> bool:
    note = declared.note(key)
    return key in declared.resources and note.unprotect and not note.external
