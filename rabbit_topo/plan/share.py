"""How much of what is ours a plan would take away: more than a share of it is more likely a mistake than a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Binding, Kind
from rabbit_topo.plan.operations import Migrate, Recreate, Remove

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.model import Resource
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.state import State

REMEDY: Final = "delete less at once; or raise the share: --max-delete PERCENT"
_FEW: Final = 10  # objects of which any share is too small a number to mean anything


def excess(operations: Sequence[Operation], state: State, allowed: int) -> str:
    """Say by how much a plan would delete or replace more than `allowed` percent of what is ours; empty if it does not.

    Exchanges, queues, bindings and policies count alike, bindings that go with a queue or an exchange too. What a
    replacement brings back does not go. Below ten objects nothing is too much.
    """
    going = {operation.key for operation in operations if _takes_away(operation)}
    if not going:
        return ""
    gone = {operation.key for operation in operations if isinstance(operation, Remove)}
    ours = {key for key, resource in state.observed.topology.resources.items() if _is_ours(resource, state)}
    for resource in state.observed.topology.resources.values():
        if isinstance(resource, Binding) and not gone.isdisjoint((resource.source_key, resource.destination_key)):
            going.add(resource.key)
    going &= ours
    if len(ours) < _FEW or len(going) * 100 <= len(ours) * allowed:
        return ""
    share = f"{len(going):,} of the {len(ours):,} objects that are ours (bindings that go along count)"
    return f"would delete or replace {share}, more than {allowed} %"


def _takes_away(operation: Operation) -> bool:
    """Say whether something that is there goes: what an earlier run left is only finished."""
    return isinstance(operation, Remove) or (isinstance(operation, Recreate | Migrate) and not operation.resumed)


def _is_ours(resource: Resource, state: State) -> bool:
    if resource.key in state.declared.absent:
        return True
    if isinstance(resource, Binding):
        return resource.key in state.declared.resources or state.ours(resource.destination_key)
    return resource.key.kind is not Kind.VHOST and state.ours(resource.key)
