"""From changes to a plan: what is blocked, and in which order the rest is safe.

Things are added before anything is removed, so that a binding that moves never opens a gap. The exception is a
consistent-hash exchange, which takes one binding a destination: there the old weight goes first, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from rabbit_topo.diff import Create, Delete, Displaced, Replace, Unfinished, Unseen, Update, undeclared
from rabbit_topo.model import Binding, Exchange, Kind, Policy, Queue, Vhost, heed, holds_integer, holds_null
from rabbit_topo.plan import hazards
from rabbit_topo.plan.digests import fingerprint
from rabbit_topo.plan.governance import Governance
from rabbit_topo.plan.operations import Declare, Migrate, Recreate, Remove
from rabbit_topo.plan.removal import Removals
from rabbit_topo.plan.replacement import Replacements
from rabbit_topo.plan.share import excess
from rabbit_topo.plan.state import State
from rabbit_topo.plan.types import Blocked, Consent, LeftAlone, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Key, Observed, Resource, Topology
    from rabbit_topo.plan.operations import Operation

_HASH = "x-consistent-hash"
_SEE_ABOVE = "settle that first"
_WITH_HTTP = "give the management URL too (--broker)"


_NO_CONSENT = Consent()


def make_plan(
    changes: Sequence[Change], observed: Observed, declared: Topology, consent: Consent = _NO_CONSENT
) -> Plan:
    """Put changes into a safe order, and block what could lose messages or touch what is not ours.

    `consent` is what was agreed to beyond that; to deleting what `absent:` names, the files consent.

    >>> from rabbit_topo.diff import diff
    >>> from rabbit_topo.model import Facts, Observed, Queue, Topology
    >>> nothing = Observed(Topology(), Facts("here", "4.3", vhosts=frozenset({"/"})))
    >>> orders = Queue("/", "orders")
    >>> declared = Topology(resources={orders.key: orders})
    >>> [operation.resource.name for operation in make_plan(diff(nothing, declared), nothing, declared).operations]
    ['orders']
    """
    return _Planner(State.of(observed, heed(declared, observed.facts.inventory)), consent).plan(changes)


@dataclass(slots=True)
class _Planner:
    """The rows of a plan in the making."""

    state: State
    consent: Consent
    blocked: dict[Key, Blocked] = field(default_factory=dict)
    left_alone: list[LeftAlone] = field(default_factory=list)
    details: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    unsettled: dict[Key, Key] = field(default_factory=dict)  # what is being replaced -> its row

    def plan(self, changes: Sequence[Change]) -> Plan:
        for change in changes:
            if isinstance(change, Delete) and (told := hazards.told_of(change.resource, self.state)):
                self.details[change.key] = told
            self._block_on_sight(change)
            if not self.state.observed.facts.lists:
                self._block_without_http(change)
        recreates, migrates = self._replacements(changes)
        displaced = [change for change in changes if isinstance(change, Displaced)]
        for change in changes:
            self._block_beside(change)
        wanted = [change for change in changes if self._wanted(change)]
        policies, uncovered = self._policies(wanted)
        adds = [self._declare(change) for change in wanted if isinstance(change, Create | Unseen)]
        bindings = [add for add in adds if isinstance(add.resource, Binding)]
        swaps = self._swaps(bindings, wanted)
        swapped = {remove.key for remove, _ in swaps}
        for add in bindings:
            self.state.bind(add.resource)  # type: ignore[arg-type]
        replaced = {one.key for one in recreates} | {one.key for one in migrates}
        removals = Removals(self.state, self.blocked, {remove.key for remove in uncovered}, replaced)
        removals.take([c for c in wanted if isinstance(c, Delete) and c.key not in swapped])
        late = {declare.key for _, declare in swaps}
        after = [add for add in bindings if not replaced.isdisjoint(_ends(add))]
        waves: list[list[Operation]] = [
            [add for add in adds if isinstance(add.resource, Vhost)],
            list(policies),
            [add for add in adds if isinstance(add.resource, Exchange)],
            [add for add in adds if isinstance(add.resource, Queue)],
            [add for add in bindings if add.key not in late and replaced.isdisjoint(_ends(add))],
            [one for one in recreates if one.resumed],
            [one for one in recreates if not one.resumed],
            list(migrates),
            [add for add in after if add.key not in late],
            [remove for remove, _ in swaps],
            [declare for _, declare in swaps],
            list(uncovered),
            *removals.waves(),
        ]
        observed, declared = self.state.observed, self.state.declared
        touched = {change.key for change in changes if not isinstance(change, Delete)}
        touched |= {change.target for change in changes if isinstance(change, Unfinished)}
        rows = [self.blocked[key] for key in sorted(self.blocked)]
        rows += [Blocked(change, *_displacement(change)) for change in displaced]
        planned = tuple(tuple(wave) for wave in waves if wave)
        return Plan(
            waves=planned,
            blocked=tuple(sorted(rows, key=lambda row: row.change.key.order)),
            left_alone=tuple(self.left_alone),
            unseen=tuple(change for change in changes if isinstance(change, Unseen)),
            details=self.details,
            unchanged=sum(key not in touched for key in declared.resources if key.kind is not Kind.VHOST),
            fingerprint=fingerprint(observed.topology, observed.facts, declared),
            consent=self.consent,
            declared=declared,
            facts=observed.facts,
            there=observed.topology,
            excess=excess([operation for wave in planned for operation in wave], self.state, self.consent.max_delete),
        )

    def _wanted(self, change: Change) -> bool:
        if change.key in self.blocked or isinstance(change, Displaced | Replace | Unfinished):
            return False
        return not (isinstance(change, Unseen) and change.note.external) and self._consented(change)

    def _declare(self, change: Create | Unseen) -> Declare:
        """Declare what is missing, and again what is unseen: that changes nothing where it is there already."""
        resource = change.resource
        hazard = ""
        if isinstance(change, Unseen) and isinstance(resource, Binding):
            if self._hashed(resource):
                hazard = "an older weight of this destination cannot be seen, and stays in effect if there is one"
            elif holds_integer(dict(resource.arguments)):
                hazard = "an integer argument: if a client bound it with another integer width, the broker keeps both"
        return Declare(resource, change, hazard)

    def _consented(self, change: Change) -> bool:
        if not isinstance(change, Delete):
            return True
        if self._agreed(change):
            return True
        self.left_alone.append(LeftAlone(change, self._prune_hint(change)))
        return False

    def _agreed(self, change: Delete) -> bool:
        """Say whether somebody wants it deleted: the files, or --prune."""
        return change.reason == "absent" or self.consent.prune

    def _prune_hint(self, change: Delete) -> str:
        """Say what --prune would do with it now."""
        if hazards.against_protected(change.key, self.state):
            return "not even with --prune: protected"
        match change.resource:
            case Binding():
                return "--prune unbinds it"
            case Queue() as queue if hazards.against_queue_removal(queue, self.state):
                counts = self.state.observed.facts.counts.get(queue.key)
                return "not even with --prune" if counts and counts.idle else "--prune, once it is idle"
            case _:
                return "--prune deletes it"

    def _block(self, change: Change, reason: str, remedy: str) -> None:
        self.blocked.setdefault(change.key, Blocked(change, reason, remedy))

    def _block_on_sight(self, change: Change) -> None:
        """Block what needs nothing but the change itself to be seen as impossible."""
        note = change.note
        match change:
            case Create() if note.external:
                self._block(change, "external, and not there", "ask its owner to declare it")
            case Update() | Replace() if note.external:
                self._block(change, "external, and not as the files say", "ask its owner, or correct the files")
            case Create(resource=Queue()) if change.key in self.state.observed.facts.exclusive:
                reason = "a connection holds an exclusive queue of this name"
                self._block(change, reason, "end that connection, or choose another name")
            case Create(resource=Exchange(type=str() as kind)) if self._is_unknown(kind):
                self.details[change.key] = (f"this broker has no exchange type {kind}: is its plugin enabled?",)
            case Create(resource=Binding() as binding):
                if not self.state.observed.facts.writes_null and holds_null(dict(binding.arguments)):
                    reason = "HTTP cannot write a null in a binding's arguments"
                    self._block(change, reason, "give the AMQP URL too (--amqp)")
            case Delete() if (why := hazards.against_protected(change.key, self.state)) and self._agreed(change):
                self._block(change, *why)
            case Update() | Displaced() | Delete() | Create() | Unseen() | Replace() | Unfinished():
                pass
            case _:
                assert_never(change)

    def _block_without_http(self, change: Change) -> None:
        """Block what AMQP alone cannot do, or not safely."""
        match change:
            case Create(resource=Vhost()):
                self._block(change, "AMQP cannot create a vhost", f"create it by hand, or {_WITH_HTTP}")
            case Unseen(resource=Policy()) | Create(resource=Policy()):
                self._block(change, "AMQP neither shows nor writes policies", _WITH_HTTP)
            case Delete():
                self._block(change, "AMQP alone deletes nothing: who uses it cannot be seen", _WITH_HTTP)
            case _:
                pass

    def _is_unknown(self, exchange_type: str) -> bool:
        known = self.state.observed.facts.exchange_types
        return bool(known) and exchange_type not in known

    def _replacements(self, changes: Sequence[Change]) -> tuple[list[Recreate], list[Migrate]]:
        """Decide what is replaced, and how."""
        recreates: list[Recreate] = []
        migrates: list[Migrate] = []
        replacements = Replacements(self.state, self.consent, self.details)
        unfinished = {change.target: change for change in changes if isinstance(change, Unfinished)}
        for change in sorted(changes, key=lambda change: not isinstance(change, Unfinished)):
            if not isinstance(change, Replace | Unfinished) or change.key in self.blocked:
                continue
            if isinstance(change, Unfinished) and self._blocked_vhost(change):
                continue
            if change.key in unfinished and unfinished[change.key].key in self.blocked:
                self._block(change, "an earlier replacement of it is unfinished", _SEE_ABOVE)
                continue
            match replacements.of(change):
                case Recreate() as operation:
                    recreates.append(operation)
                    if operation.resumed:
                        self._expect(operation)
                case Migrate() as operation:
                    migrates.append(operation)
                case (reason, remedy):
                    self._block(change, reason, remedy)
        self.unsettled = {key: change.key for key, change in unfinished.items()}
        return recreates, migrates

    def _expect(self, operation: Recreate) -> None:
        """Reckon with what comes back before anything else is replaced, with what is stale or stray in it, too."""
        declared = self.state.declared
        for one in operation.restore:
            if self.state.get(one.key) is None and one.key not in declared.resources:
                known = undeclared(one, declared, declared.scope)
                self.left_alone += [LeftAlone(change, "it comes back first; then plan again") for change in known]
            if isinstance(one, Binding):
                self.state.bind(one)

    def _blocked_vhost(self, change: Change) -> bool:
        """Block what is in a blocked vhost."""
        vhost = Vhost(change.key.vhost).key
        if change.key == vhost or vhost not in self.blocked:
            return False
        self._block(change, f"vhost {vhost.name} is blocked", _SEE_ABOVE)
        return True

    def _block_beside(self, change: Change) -> None:
        """Block what is in a blocked vhost, a binding whose end is blocked, and a removal whose replacement is."""
        if not isinstance(change, Create | Delete | Unseen):
            return
        self._blocked_vhost(change)
        if change.key in self.unsettled:
            self._block(change, "a replacement of it is unfinished", "let apply finish that; then plan again")
        if not isinstance(change.resource, Binding):
            return
        binding = change.resource
        for end in (binding.source_key, binding.destination_key):
            row = self.blocked.get(end) or self.blocked.get(self.unsettled.get(end, end))
            if row and (isinstance(row.change, Create | Unfinished) or _type_differs(row.change)):
                self._block(change, f"{end.kind} {end.name} is blocked", _SEE_ABOVE)
                return

    def _policies(self, wanted: Sequence[Change]) -> tuple[list[Declare], list[Remove]]:
        """Take policy changes one after the other, each on top of those that are let through."""
        declares: list[Declare] = []
        removes: list[Remove] = []
        governance = Governance.of(self.state)
        for change in sorted(wanted, key=lambda change: isinstance(change, Delete)):
            policy = change.after if isinstance(change, Update) else _resource(change)
            if not isinstance(policy, Policy):
                continue
            after = None if isinstance(change, Delete) else policy
            if after is not None:
                self.details[policy.key] = (governance.governed(after),)
            dangers = governance.dangers(policy.key, after)
            barred = [danger for danger in dangers if danger.allowance not in self.consent.allow]
            if barred:
                self._block(change, barred[0].reason, barred[0].remedy)
                continue
            governance.let_through(governance.current.get(policy.key), after)
            hazard = "; ".join(f"allowed: {danger.reason}" for danger in dangers)
            if after is None:
                removes.append(Remove(policy, change, hazard))
            else:
                declares.append(Declare(after, change, hazard, allowed=bool(dangers)))
        return declares, removes

    def _swaps(self, bindings: list[Declare], wanted: Sequence[Change]) -> list[tuple[Remove, Declare]]:
        """Pair the new weights of consistent-hash bindings with the old ones, which must go first."""
        swaps: list[tuple[Remove, Declare]] = []
        stale = {c.resource.key: c for c in wanted if isinstance(c, Delete) and isinstance(c.resource, Binding)}
        for add in list(bindings):
            change = add.cause
            if not isinstance(change, Create) or change.near is None or not self._hashed(change.near):
                continue
            if self._only_one(change.near):
                reason = "its exchange is auto-delete and would vanish while its only binding is exchanged"
                self._block(change, reason, "bind another queue first, or make the change by hand")
                bindings.remove(add)
            elif change.near.key in stale:
                hazard = f"between unbind and bind, {change.near.destination} gets none of the messages"
                ids = self.state.observed.facts.binding_ids.get(change.near.key, ())
                swaps.append(
                    (
                        Remove(change.near, stale.pop(change.near.key), hazard, ids),
                        Declare(add.resource, change, hazard),
                    )
                )
            else:
                reason = "a consistent-hash exchange takes one binding a destination, and there is another"
                self._block(change, reason, "declare one, and --prune removes the old one first")
                bindings.remove(add)
        return swaps

    def _only_one(self, binding: Binding) -> bool:
        source = self.state.get(binding.source_key)
        leaving = self.state.leaving[binding.source_key]
        return isinstance(source, Exchange) and source.auto_delete and len(leaving) == 1

    def _hashed(self, binding: Binding) -> bool:
        source = self.state.get(binding.source_key)
        return isinstance(source, Exchange) and source.type == _HASH


def _resource(change: Change) -> Resource | None:
    return change.resource if isinstance(change, Create | Delete) else None


def _type_differs(change: Change) -> bool:
    return isinstance(change, Replace) and any(item.path == "type" for item in change.fields)


def _ends(add: Declare) -> tuple[Key, ...]:
    binding = add.resource
    return (binding.source_key, binding.destination_key) if isinstance(binding, Binding) else ()


def _displacement(change: Displaced) -> tuple[str, str]:
    tie = "has the same priority as" if change.theirs.priority == change.ours.priority else "takes precedence over"
    return (
        f"policy {change.theirs.name}, not ours, {tie} {change.ours.name}",
        f"raise the priority of {change.ours.name} above {change.theirs.priority}, or ask its owner",
    )
