"""The topology that a plan leads to, and what of it changes, taken from its operations alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.model import Binding, Exchange, Key, Topology
from rabbit_topo.plan.operations import Declare, Migrate, Recreate, Remove

if TYPE_CHECKING:
    from rabbit_topo.model import Resource
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.types import Plan


class Outlook(NamedTuple):
    """What will be there when a plan is carried out, and the keys of what is then another thing, or gone, or new."""

    topology: Topology
    changed: frozenset[Key]


def outlook(plan: Plan) -> Outlook:
    """Carry out a plan on the topology that was observed. What is blocked or left alone stays as it is.

    What goes with a deleted object goes here too: its bindings, and an auto-delete exchange with its last binding.
    """
    world = _World(plan)
    for operation in plan.operations:
        if isinstance(operation, Migrate):
            world.remove(operation.holding.key)
        if isinstance(operation, Remove):
            world.remove(operation.key)
        for resource in _made(operation):
            world.add(resource)
    there = plan.there.resources
    changed = frozenset(key for key in world.touched if there.get(key) != world.resources.get(key))
    return Outlook(Topology(world.resources), changed)


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


class _World:
    """A broker's objects while a plan is carried out on them."""

    def __init__(self, plan: Plan) -> None:
        self.resources = dict(plan.there.resources)
        self.touched: set[Key] = set()
        self._left = Counter(binding.source_key for binding in plan.facts.hidden_bindings)
        self._at: dict[Key, set[Key]] = {}
        for resource in self.resources.values():
            self._note(resource)

    def _note(self, resource: Resource) -> None:
        if isinstance(resource, Binding):
            self._left[resource.source_key] += 1
            for end in (resource.source_key, resource.destination_key):
                self._at.setdefault(end, set()).add(resource.key)

    def add(self, resource: Resource) -> None:
        """Make it exist as it is."""
        if resource.key not in self.resources:
            self._note(resource)
        self.resources[resource.key] = resource
        self.touched.add(resource.key)

    def remove(self, key: Key) -> None:
        """Remove it, and what vanishes with it."""
        going = [key]
        while going:
            one = self.resources.pop(going.pop(), None)
            if one is None:
                continue
            self.touched.add(one.key)
            if isinstance(one, Binding):
                self._left[one.source_key] -= 1
                for end in (one.source_key, one.destination_key):
                    self._at[end].discard(one.key)
                source = self.resources.get(one.source_key)
                if isinstance(source, Exchange) and source.auto_delete and not self._left[source.key]:
                    going.append(source.key)
            else:
                going += self._at.get(one.key, ())
