"""An index over what was observed, and over what would become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rabbit_topo.model import Binding, Exchange, Key, Kind, Policy, Queue, mark_of, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Observed, Resource, Topology


@dataclass(slots=True)
class State:
    """Bindings by their ends, policies by vhost, and who is declared: built once for a plan."""

    observed: Observed
    declared: Topology
    leaving: dict[Key, dict[Key, Binding]] = field(default_factory=dict)
    arriving: dict[Key, dict[Key, Binding]] = field(default_factory=dict)
    namers: dict[Key, set[Key]] = field(default_factory=dict)
    policies: list[Policy] = field(default_factory=list)
    hidden: frozenset[Key] = frozenset()

    @classmethod
    def of(cls, observed: Observed, declared: Topology) -> State:
        """Index an observation."""
        state = cls(observed, declared, hidden=frozenset(queue.key for queue in observed.facts.hidden))
        for resource in observed.topology.resources.values():
            if isinstance(resource, Binding):
                state.bind(resource)
            elif isinstance(resource, Policy):
                state.policies.append(resource)
        for binding in observed.facts.hidden_bindings:
            state.bind(binding)
        everything = (*observed.topology.resources.values(), *observed.facts.hidden, *declared.resources.values())
        for resource in everything:
            for kind, name in _named(resource):
                state.namers.setdefault(Key(resource.key.vhost, kind, name), set()).add(resource.key)
        return state

    def bind(self, binding: Binding) -> None:
        """Note a binding, an observed one or one that will be."""
        self.leaving.setdefault(binding.source_key, {})[binding.key] = binding
        self.arriving.setdefault(binding.destination_key, {})[binding.key] = binding

    def unbind(self, binding: Binding) -> None:
        """Forget a binding."""
        self.leaving.get(binding.source_key, {}).pop(binding.key, None)
        self.arriving.get(binding.destination_key, {}).pop(binding.key, None)

    def touching(self, key: Key) -> list[Binding]:
        """Return the bindings that would go with this object."""
        found = {**self.leaving.get(key, {}), **self.arriving.get(key, {})}
        return [found[name] for name in sorted(found)]

    def get(self, key: Key) -> Resource | None:
        """Return what was observed under this key."""
        return self.observed.topology.resources.get(key)

    def exists(self, key: Key) -> bool:
        """Say whether an object is on the broker, one that is nobody's to manage included."""
        return key in self.observed.topology.resources or key in self.hidden

    def ours(self, key: Key) -> bool:
        """Say whether an object is declared as ours, covered by `owns:` or the inventory, or named by `absent:`.

        What the tool itself left there for a while is whose the object is that it serves.
        """
        if key in self.hidden:
            return False
        there = self.get(key)
        if isinstance(there, Queue | Exchange) and (mark := mark_of(there)):
            return self.ours(target_of(key.vhost, mark))
        if key in self.declared.resources:
            return not self.declared.note(key).external
        return key in self.declared.absent or self.declared.scope.covers(key)

    def users(self, key: Key) -> list[Key]:
        """Return the objects and policies that send dead letters or unroutable messages to an exchange or a queue."""
        return sorted(self.namers.get(key, ()))


def _named(resource: Resource) -> Iterator[tuple[Kind, str]]:
    """Return what a resource names as the target of its dead letters, or as its alternate exchange.

    Dead letters to the default exchange go to the queue that their routing key names.
    """
    match resource:
        case Queue():
            arguments, prefix = resource.arguments, "x-"
        case Exchange():
            arguments, prefix = resource.arguments, ""
        case Policy():
            arguments, prefix = resource.definition, ""
        case _:
            return
    alternate = arguments.get("alternate-exchange") if not isinstance(resource, Queue) else None
    exchange, key = (arguments.get(f"{prefix}dead-letter-{part}") for part in ("exchange", "routing-key"))
    # A queue may say the exchange and a policy the key: a key of a policy alone counts as one to the default exchange.
    if isinstance(key, str) and (exchange == "" or (exchange is None and isinstance(resource, Policy))):
        yield Kind.QUEUE, key
    for name in (alternate, exchange):
        if isinstance(name, str) and name:
            yield Kind.EXCHANGE, name
