"""How much of what is ours a plan would take away: more than a share of it is more likely a mistake than a wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Binding, Kind
from rabbit_topo.plan.operations import Declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.model import Resource
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.state import State

_FEW: Final = 10  # objects of which any share is too small a number to mean anything


def excess(operations: Sequence[Operation], state: State, allowed: int) -> str:
    """Say by how much a plan would delete or replace more than `allowed` percent of what is ours; empty if it does not.

    Exchanges, queues, bindings and policies count alike. Below ten objects nothing is too much.
    """
    going = {operation.key for operation in operations if not isinstance(operation, Declare)}
    if not going:
        return ""
    ours = sum(_is_ours(resource, state) for resource in state.observed.topology.resources.values())
    if ours < _FEW or len(going) * 100 <= ours * allowed:
        return ""
    return f"would delete or replace {len(going):,} of the {ours:,} objects that are ours, more than {allowed} %"


def _is_ours(resource: Resource, state: State) -> bool:
    if isinstance(resource, Binding):
        return resource.key in state.declared.resources or state.ours(resource.destination_key)
    return resource.key.kind is not Kind.VHOST and state.ours(resource.key)
