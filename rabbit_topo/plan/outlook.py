"""The topology that a plan leads to, and what of it changes, taken from its operations alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rabbit_topo.model import Binding, Exchange, Queue, Topology
from rabbit_topo.plan.operations import Declare, Migrate, Recreate, Remove

if TYPE_CHECKING:
    from rabbit_topo.model import Key, Resource
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.types import Plan

_Resources: TypeAlias = "dict[Key, Resource]"


class Outlook(NamedTuple):
    """What will be there when a plan is carried out, and the keys of what is then another thing, or gone, or new."""

    topology: Topology
    changed: frozenset[Key]


def outlook(plan: Plan) -> Outlook:
    """Carry out a plan on the topology that was observed. What is blocked or left alone stays as it is.

    What goes with a deleted object goes here too: its bindings, and an auto-delete exchange with its last binding.
    """
    there = plan.there.resources
    resources = dict(there)
    touched: set[Key] = set()
    removed: list[Resource] = []
    for operation in plan.operations:
        if isinstance(operation, Migrate):
            resources.pop(operation.holding.key, None)
        if isinstance(operation, Remove):
            touched.add(operation.key)
            if resources.pop(operation.key, None):
                removed.append(operation.resource)
        for resource in _made(operation):
            touched.add(resource.key)
            resources[resource.key] = resource
    if removed:
        touched |= _take_along(resources, removed, plan)
    changed = frozenset(key for key in touched if there.get(key) != resources.get(key))
    return Outlook(Topology(resources), changed)


def _made(operation: Operation) -> tuple[Resource, ...]:
    """Return what an operation makes exist as it is."""
    match operation:
        case Declare():
            return (operation.resource,)
        case Recreate():
            return (operation.after, *operation.restore)
        case Migrate():
            return (operation.after,)
        case Remove():
            return ()


def _take_along(resources: _Resources, removed: list[Resource], plan: Plan) -> set[Key]:
    """Remove what vanishes with what was removed."""
    whole = Topology(resources)
    left = Counter(binding.source_key for binding in plan.facts.hidden_bindings)
    left.update(one.source_key for one in resources.values() if isinstance(one, Binding))
    gone: set[Key] = set()
    while removed:
        match removed.pop():
            case Binding() as binding:
                source = resources.get(binding.source_key)
                if isinstance(source, Exchange) and source.auto_delete and not left[source.key]:
                    del resources[source.key]
                    gone.add(source.key)
                    removed.append(source)
            case Exchange() | Queue() as end:
                for binding in (*whole.bindings_from(end.key), *whole.bindings_into(end.key)):
                    if resources.pop(binding.key, None):
                        left[binding.source_key] -= 1
                        gone.add(binding.key)
                        removed.append(binding)
            case _:
                pass
    return gone
