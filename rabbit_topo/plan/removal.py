"""Removals under guard, and what else they would take along.

An auto-delete exchange vanishes with the last binding that leaves it, and its own incoming bindings with it,
which may make the next one vanish. That is worked out before anything is sent: what is declared is declared
again, and a removal that would take along something else is blocked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import Create
from rabbit_topo.model import Binding, Exchange, Kind, Policy, Queue
from rabbit_topo.plan import hazards
from rabbit_topo.plan.operations import Declare, Remove
from rabbit_topo.plan.types import Blocked
from rabbit_topo.policies import reaches

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rabbit_topo.diff import Delete
    from rabbit_topo.model import Key, Resource
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.state import State

_VANISHES: Final = "auto-delete: it vanishes with its last binding and is declared again; until then publishers get 404"


@dataclass(slots=True)
class Removals:
    """Removals let through so far; `state` and `blocked` are the planner's and are kept up to date.

    `going` are the keys of what is deleted in the same plan; it starts with the policies. `replaced` are those of what
    is by then as declared.
    """

    state: State
    blocked: dict[Key, Blocked]
    going: set[Key]
    replaced: Collection[Key] = ()
    unbinds: list[Remove] = field(default_factory=list)
    queues: list[list[Remove]] = field(default_factory=list)
    between: list[Remove] = field(default_factory=list)
    exchanges: list[Remove] = field(default_factory=list)
    vanished: dict[Key, Declare] = field(default_factory=dict)
    lost: dict[Key, tuple[Binding, Delete]] = field(default_factory=dict)

    def take(self, changes: Sequence[Delete]) -> None:
        """Let each deletion of a binding, queue or exchange through, or block it."""
        shut = {row.change.key.vhost for row in self.blocked.values() if _is_new_binding(row)}
        changes = [change for change in changes if change.key.kind is not Kind.POLICY]
        for change in changes:
            if change.key.vhost in shut:
                reason = "a new binding is blocked, and messages may need the old way until it is there"
                self._block(change, reason, "settle that first")
        changes = [change for change in changes if change.key.vhost not in shut]
        expendable = {c.key for c in changes if isinstance(c.resource, Exchange) and not self.state.users(c.key)}
        for change in changes:
            match change.resource:
                case Binding() as binding:
                    if self._carry([change], [binding], expendable):
                        self.unbinds.append(self._unbind(change, binding))
                case _:
                    pass
        self._delete_queues({c.key: c for c in changes if isinstance(c.resource, Queue)}, expendable)
        self._delete_exchanges({change.key: change for change in changes if isinstance(change.resource, Exchange)})

    def waves(self) -> list[list[Operation]]:
        """Unbind, delete queues, delete exchanges, then bring back what vanished on the way."""
        gone = {remove.key for wave in (self.unbinds, *self.queues, self.exchanges) for remove in wave}
        bindings: list[Operation] = [
            Declare(binding, cause, _VANISHES)
            for key, (binding, cause) in sorted(self.lost.items())
            if gone.isdisjoint((key, binding.source_key, binding.destination_key))
        ]
        again: list[Operation] = [declare for _, declare in sorted(self.vanished.items())]
        waves: list[Sequence[Operation]] = [self.unbinds, *self.queues, self.between, self.exchanges, again, bindings]
        return [list(wave) for wave in waves]

    def _block(self, change: Delete, reason: str, remedy: str) -> None:
        self.blocked.setdefault(change.key, Blocked(change, reason, remedy))

    def _unbind(self, change: Delete, binding: Binding) -> Remove:
        return Remove(binding, change, binding_ids=self.state.observed.facts.binding_ids.get(binding.key, ()))

    def _delete_queues(self, accepted: dict[Key, Delete], expendable: Collection[Key]) -> None:
        """Let queues go wave by wave, so that what sends dead letters is gone before what they are sent to."""
        for key, change in list(accepted.items()):
            if isinstance(change.resource, Queue) and (
                why := hazards.against_queue_removal(change.resource, self.state)
            ):
                self._block(accepted.pop(key), *why)
        feeds = self._feeds(accepted)
        while accepted:
            going = self.going | accepted.keys()
            held = {
                key: why for key in accepted if (why := hazards.against_losing_dead_letters(key, self.state, going))
            }
            for key, why in held.items():
                self._block(accepted.pop(key), *why)
            if held:
                continue
            fed = {target for key in accepted for target in feeds.get(key, ())}
            # Where they feed each other in a ring, one goes at a time.
            ready = [key for key in accepted if key not in fed] or [next(iter(accepted))]
            wave = [change for change in map(accepted.pop, ready) if self._goes(change, expendable)]
            self.queues.append([Remove(change.resource, change) for change in wave])
            self.going |= {change.key for change in wave}

    def _goes(self, change: Delete, expendable: Collection[Key]) -> bool:
        return self._carry([change], self.state.touching(change.key), expendable)

    def _feeds(self, queues: Collection[Key]) -> dict[Key, set[Key]]:
        """Say which of these queues get dead letters of which others, directly or over one exchange."""
        found: dict[Key, set[Key]] = {}
        version = self.state.observed.facts.version
        for target in queues:
            named = [target, *(binding.source_key for binding in self.state.arriving.get(target, {}).values())]
            for user in {user for key in named for user in self.state.users(key)}:
                policy = self.state.get(user)
                governed = (
                    [key for key in queues if _may_reach(policy, self.state.get(key), version)]
                    if isinstance(policy, Policy)
                    else [user]
                )
                for source in governed:
                    if source != target:
                        found.setdefault(source, set()).add(target)
        return found

    def _delete_exchanges(self, accepted: dict[Key, Delete]) -> None:
        """Drop from `accepted` whatever must stay, until nothing that goes is held by something that stays."""
        while accepted:
            going = self.going | accepted.keys()
            held = {
                key: reason for key in accepted if (reason := hazards.against_exchange_removal(key, self.state, going))
            }
            for key, reason in held.items():
                self._block(accepted.pop(key), *reason)
            if held:
                continue
            touching = [binding for key in accepted for binding in self.state.touching(key)]
            if self._carry(list(accepted.values()), touching, going):
                break
            accepted.clear()
        for binding in self._between(accepted):
            self.between.append(self._unbind(accepted[binding.source_key], binding))
        self.exchanges += [Remove(change.resource, change) for change in accepted.values()]
        self.going |= accepted.keys()

    def _between(self, accepted: dict[Key, Delete]) -> list[Binding]:
        """Return the bindings among exchanges that go together: unbound first, so that each is unused by then."""
        unbound = {remove.key for remove in self.unbinds}
        return [
            binding
            for _, binding in sorted(self.state.observed.topology.resources.items())
            if isinstance(binding, Binding)
            and binding.source_key in accepted
            and binding.destination_key in accepted
            and binding.key not in unbound
        ]

    def _carry(self, changes: Sequence[Delete], bindings: Sequence[Binding], going: Collection[Key]) -> bool:
        """Take bindings out of the state with all that vanishes after them; if others would suffer, block instead."""
        own = {change.key for change in changes}
        removed: dict[Key, Binding] = {}
        vanished: dict[Key, Exchange] = {}
        pending = list(bindings)
        while pending:
            binding = pending.pop()
            if binding.key in removed:
                continue
            removed[binding.key] = binding
            self.state.unbind(binding)
            source = self._auto_deleting(binding.source_key)
            if source and source.key not in own and not self.state.leaving.get(source.key):
                vanished[source.key] = source
                pending += self.state.arriving.get(source.key, {}).values()
        strangers = [key for key in vanished if self._must_stay(key) and key not in going]
        if strangers:
            for binding in removed.values():
                self.state.bind(binding)
            names = hazards.listed(sorted(f"exchange {key.name}" for key in strangers))
            reason = f"with its last binding {names} would vanish: auto-delete, and protected or not to be deleted"
            for change in changes:
                self._block(change, reason, "see that another binding leaves it, or remove both by hand")
            return False
        asked = {binding.key for binding in bindings}
        cause = changes[0]
        self.vanished |= {key: Declare(item, cause, _VANISHES) for key, item in vanished.items() if self._declared(key)}
        self.lost |= {key: (item, cause) for key, item in removed.items() if key not in asked}
        return True

    def _auto_deleting(self, key: Key) -> Exchange | None:
        there, declared = self.state.get(key), self.state.declared.resources.get(key)
        exchange = declared if key in self.replaced else there or declared
        return exchange if isinstance(exchange, Exchange) and exchange.auto_delete else None

    def _must_stay(self, key: Key) -> bool:
        return not self._declared(key) or self.state.declared.note(key).protect

    def _declared(self, key: Key) -> bool:
        return key in self.state.declared.resources and not self.state.declared.note(key).external


def _is_new_binding(row: Blocked) -> bool:
    return isinstance(row.change, Create) and isinstance(row.change.resource, Binding)


def _may_reach(policy: Policy, queue: Resource | None, version: str) -> bool:
    return isinstance(queue, Queue) and reaches(policy, queue, version) is not False
