"""What RabbitMQ cannot change in place: whether it may be replaced, what comes back, and what that costs meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import Replace, Unfinished
from rabbit_topo.model import Binding, Exchange, Queue, holds_null
from rabbit_topo.plan import hazards
from rabbit_topo.plan.journal import read_journal
from rabbit_topo.plan.migration import Why, against_holding, holding_queue, refusals_of
from rabbit_topo.plan.operations import Migrate, Recreate

if TYPE_CHECKING:
    from rabbit_topo.model import Counts, Key, Note
    from rabbit_topo.plan.journal import Restored
    from rabbit_topo.plan.state import State
    from rabbit_topo.plan.types import Consent

_WITH_HTTP: Final = "give the management URL too (--broker): AMQP does not show the bindings that must come back"
_NO_SIGHT: Final = "AMQP does not show its bindings, nor all of its messages"
_GAP: Final = "between delete and declare publishers to it get 404; from then to the last bind its messages go nowhere"
_ALLOW: Final = "--allow replace does that, and brings all bindings back"
_QUEUE_GAP: Final = "from delete to the last bind, messages for it are lost; --migrate leaves no such gap"
_DIRECT_GAP: Final = "allowed: what is sent to it through the default exchange between delete and declare is lost"


@dataclass(slots=True)
class Replacements:
    """Decide about each replacement of a plan. `why` is what stands against those that may not be."""

    state: State
    consent: Consent
    details: dict[Key, tuple[str, ...]] = field(default_factory=dict)

    def of(self, change: Replace | Unfinished) -> Recreate | Migrate | Why:
        """Return what is to be done, else a reason and a remedy."""
        if isinstance(change, Unfinished):
            return self._finish(change)
        before, after = change.before, change.after
        if change.note.protect:
            return f"{_shield(change.note)}, and it would have to be deleted and declared again", _by_hand(
                before, shielded=True
            )
        if isinstance(before, Queue) and isinstance(after, Queue):
            after = replace(after, type=after.type or before.type)
            if self.consent.migrate and self.state.observed.facts.road != "file":
                return self._migrate(before, after, change)
        elif not (isinstance(before, Exchange) and isinstance(after, Exchange)):
            return "it would have to be deleted and declared again", _by_hand(before)
        self._describe(change, before)
        if not self.state.observed.facts.lists:
            return "it would have to be deleted and declared again", _WITH_HTTP
        if "replace" not in self.consent.allow and not (self.consent.migrate and isinstance(before, Queue)):
            return "it would have to be deleted and declared again", self._way_out(before)
        return self._against(before, after) or self._recreate(before, after, change)

    def _finish(self, change: Unfinished) -> Recreate | Migrate | Why:
        target = change.target
        if change.mark.purpose == "replace":
            told = read_journal(change.mark, change.marked.vhost)
            if told is None:
                return (
                    f"an earlier replacement of {target.kind} {target.name} was stopped, and left no readable journal",
                    (f"look at the bindings of {target.name}, then delete queue {change.marked.name} by hand"),
                )
            after, restore = told
            self.details[change.key] = (f"an earlier replacement was stopped: {_coming_back(restore)}",)
            return Recreate(None, after, restore, change, resumed=True)
        counts = self.state.observed.facts.counts.get(change.key)
        self.details[change.key] = (f"an earlier migration was stopped: {change.marked.name} {_waiting(counts)}",)
        if not isinstance(change.after, Queue):
            return f"queue {target.name} is neither declared nor there any more", (
                f"declare it again; what is to become of the messages in {change.marked.name} is not known"
            )
        if not self.consent.migrate:
            return "a migration is unfinished", "--migrate finishes it; nothing is lost meanwhile"
        before = change.before if isinstance(change.before, Queue) else None
        kind = change.after.type or (before.type if before else None)
        after = replace(change.after, type=kind)
        same = before is not None and not change.fields
        if before is not None and not same and change.note.protect:
            return f"{_shield(change.note)}, and it would have to be deleted and declared again", (
                f"take protect away until it is over, or change the file back to undo it; {change.marked.name} keeps"
                " what was moved"
            )
        before = after if same else before
        why = refusals_of(before, after, self.state, self.consent, change.marked)
        return why or Migrate(before, after, change.marked, change, self._fed(after), resumed=True)

    def _migrate(self, before: Queue, after: Queue, change: Replace) -> Migrate | Why:
        touching = len(self.state.touching(change.key))
        counts = self.state.observed.facts.counts.get(change.key)
        held = f"holds {hazards.holding(counts)}" if counts else hazards.holding(counts)
        seen = f"{held}; {hazards.counted(touching, 'binding')}"
        self.details[change.key] = (seen if self.state.observed.facts.lists else _NO_SIGHT,)
        operator = self.state.observed.facts.operator_policies
        holding = holding_queue(before, self.state.policies, operator, self.state.observed.facts.version)
        why = refusals_of(before, after, self.state, self.consent) or against_holding(holding, self.state)
        if why:
            return why
        self.details[change.key] += (f"it keeps its messages: meanwhile they lie in {holding.name}",)
        return Migrate(before, after, holding, change, self._fed(after))

    def _fed(self, after: Queue) -> str:
        return _DIRECT_GAP if hazards.fed_directly(after.key, self.state) else ""

    def _describe(self, change: Replace, before: Exchange | Queue) -> None:
        if not self.state.observed.facts.lists:
            self.details[change.key] = (_NO_SIGHT if isinstance(before, Queue) else "AMQP does not show its bindings",)
            return
        counts = self.state.observed.facts.counts.get(change.key)
        held = ""
        if isinstance(before, Queue):
            held = f"{'holds ' if counts else ''}{hazards.holding(counts)}; "
        vanished, bindings = self._taken_along(before.key)
        found = [f"{held}{_coming_back((*vanished, *bindings))}"]
        users = [f"{key.kind} {key.name}" for key in self.state.users(before.key) if key != before.key]
        if users:
            role = "dead-letter" if isinstance(before, Queue) else "dead-letter or alternate"
            found.append(
                f"named as {role} {'target' if isinstance(before, Queue) else 'exchange'} by {', '.join(users)}"
            )
        self.details[change.key] = tuple(found)

    def _way_out(self, before: Exchange | Queue) -> str:
        if isinstance(before, Exchange):
            return f"{_ALLOW}; or change the file back"
        counts = self.state.observed.facts.counts.get(before.key)
        if before.type == "stream":
            return _by_hand(before)
        if counts and counts.idle:
            return "--allow replace does that while it is idle, --migrate without a gap; or change the file back"
        return "--migrate does that and keeps its messages; or change the file back"

    def _against(self, before: Exchange | Queue, after: Exchange | Queue) -> Why | None:
        if isinstance(before, Queue):
            why = hazards.against_queue_removal(before, self.state)
            counts = self.state.observed.facts.counts.get(before.key)
            if why and counts and not counts.idle and before.type != "stream":
                return why[0], f"--migrate keeps its messages; or {why[1]}"
            if why:
                return why
        if before.name.startswith("amq."):
            return "RabbitMQ does not let anybody delete its own exchanges", "choose another name"
        known = self.state.observed.facts.exchange_types
        if isinstance(after, Exchange) and known and after.type not in known:
            return f"this broker has no exchange type {after.type}", "enable its plugin, or choose another type"
        vanished, bindings = self._taken_along(before.key)
        kept = [one.name for one in vanished if self.state.declared.note(one.key).protect]
        if kept:
            return f"exchange {hazards.listed(kept)} would vanish with it for a moment, and is protected", (
                "see that another binding leaves it, or take the protection away"
            )
        exclusive = self.state.observed.facts.exclusive
        private = sorted({it.destination for it in bindings if it.destination_key in exclusive})
        if private:
            return f"bound to the exclusive queue {hazards.listed(private)}, which only its own connection can bind", (
                "see that this connection ends first, then run again"
            )
        if not self.state.observed.facts.writes_null and any(holds_null(dict(it.arguments)) for it in bindings):
            return "HTTP cannot write a null in a binding's arguments", "give the AMQP URL too (--amqp)"
        return None

    def _recreate(self, before: Exchange | Queue, after: Exchange | Queue, change: Replace) -> Recreate:
        vanished, bindings = self._taken_along(before.key)
        hazard = _QUEUE_GAP if isinstance(before, Queue) else _GAP
        return Recreate(before, after, (*vanished, *bindings), change, hazard)

    def _taken_along(self, key: Key) -> tuple[list[Exchange], list[Binding]]:
        """Return the auto-delete exchanges that vanish with an object, and every binding that goes, sorted."""
        going: dict[Key, Binding] = {}
        vanished: dict[Key, Exchange] = {}
        pending = self.state.touching(key)
        while pending:
            binding = pending.pop()
            if binding.key in going:
                continue
            going[binding.key] = binding
            source = self.state.get(binding.source_key)
            if not isinstance(source, Exchange) or not source.auto_delete or source.key in (*vanished, key):
                continue
            if self.state.leaving.get(source.key, {}).keys() <= going.keys():
                vanished[source.key] = source
                pending += self.state.arriving.get(source.key, {}).values()
        return [vanished[name] for name in sorted(vanished)], [going[name] for name in sorted(going)]


def _shield(note: Note) -> str:
    whose = note.protected_by
    return f"protected in the inventory of project {whose}" if whose else "protect: true"


def _coming_back(restore: tuple[Restored, ...]) -> str:
    bindings = sum(isinstance(one, Binding) for one in restore)
    exchanges = len(restore) - bindings
    more = f", and {hazards.counted(exchanges, 'auto-delete exchange')}" if exchanges else ""
    return f"{hazards.counted(bindings, 'binding')} to bring back{more}"


def _waiting(counts: Counts | None) -> str:
    return f"holds {hazards.holding(counts)}" if counts else "is there, and could not be counted"


def _by_hand(before: object, *, shielded: bool = False) -> str:
    first = "take protect away first; " if shielded else ""
    if isinstance(before, Queue) and before.type == "stream":
        return f"{first}declare a new one under another name, and delete this one by hand when nobody reads it"
    if shielded:
        way = "--migrate replaces it and keeps its messages" if isinstance(before, Queue) else _ALLOW
        return f"{first}then {way}; or change the file back"
    return "delete it by hand in a quiet moment, then apply; or change the file back"
