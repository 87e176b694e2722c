"""Which policy governs which object, and what a change of policies would do to messages and to others.

The index is built once and kept up to date as changes are let through, so that each change costs what it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from rabbit_topo.model import PREDECLARED, Exchange, Mark, Policy, Queue
from rabbit_topo.plan.hazards import counted, listed
from rabbit_topo.policies import effective, first, fits, kind_of, options, pattern_matches, reaches, tightened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rabbit_topo.model import Key
    from rabbit_topo.plan.state import State
    from rabbit_topo.plan.types import Allowance

Governed: TypeAlias = Queue | Exchange


@dataclass(frozen=True, slots=True)
class Danger:
    """Why a policy may not be changed, what to do about it, and by which word it is allowed all the same."""

    reason: str
    remedy: str
    allowance: Allowance | None = None


@dataclass(slots=True)
class Governance:
    """Candidates by object: policies whose pattern and kind fit. `unread` are those with a pattern of unknown reach."""

    state: State
    targets: dict[str, dict[str, list[Governed]]] = field(default_factory=dict)
    reach: dict[Policy, list[Governed]] = field(default_factory=dict)
    candidates: dict[Key, dict[Key, Policy]] = field(default_factory=dict)
    unread: dict[str, list[Policy]] = field(default_factory=dict)
    current: dict[Key, Policy] = field(default_factory=dict)
    winners: dict[Key, Policy | None] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> Governance:
        """Index what is observed, and what is only declared."""
        found = cls(state)
        hidden = {queue.key: queue for queue in state.observed.facts.hidden}
        for resource in {**state.declared.resources, **state.observed.topology.resources, **hidden}.values():
            if isinstance(resource, Queue | Exchange):
                found.targets.setdefault(resource.vhost, {}).setdefault(kind_of(resource), []).append(resource)
        for policy in state.policies:
            found.let_through(None, policy)
        return found

    def reached(self, policy: Policy) -> list[Governed]:
        """Return the objects that a policy fits."""
        if policy not in self.reach:
            self.reach[policy] = [
                target
                for kind, targets in self.targets.get(policy.vhost, {}).items()
                if fits(policy, kind, self.state.observed.facts.version)
                for target in targets
                if pattern_matches(policy.pattern, target.name, self.state.observed.facts.version)
            ]
        return self.reach[policy]

    def let_through(self, before: Policy | None, after: Policy | None) -> None:
        """Change the index as the broker would change."""
        if before is not None:
            del self.current[before.key]
            for target in self.reached(before):
                winner = self._without(target, before.key)
                del self.candidates[target.key][before.key]
                self.winners[target.key] = winner
        if after is not None:
            self.current[after.key] = after
            if pattern_matches(after.pattern, "") is None:
                self.unread.setdefault(after.vhost, []).append(after)
            for target in self.reached(after):
                self.candidates.setdefault(target.key, {})[after.key] = after
                self.winners[target.key] = _better(self.winners.get(target.key), after)

    def governed(self, policy: Policy) -> str:
        """Say how many queues and exchanges a policy would take effect on, and where a tie leaves that open."""
        reached: list[Governed] = []
        tied: dict[str, list[Governed]] = {}
        for target in self.reached(policy):
            rival = self._without(target, policy.key)
            if rival is None or rival.priority < policy.priority:
                reached.append(target)
            elif rival.priority == policy.priority:
                tied.setdefault(rival.name, []).append(target)
        told = [f"tied with {name} on {_numbers(targets)}" for name, targets in sorted(tied.items())]
        return ", ".join([f"reaches {_numbers(reached)}", *told] if reached or not told else told)

    def dangers(self, key: Key, after: Policy | None) -> list[Danger]:
        """Return what speaks against a policy becoming `after` (None: being deleted).

        Arguments and operator policies are taken in, queue by queue. A change is held back when it may drop, expire
        or divert messages that are there, and when it newly reaches objects of others.
        """
        before = self.current.get(key)
        versions = [policy for policy in (before, after) if policy is not None]
        if any(pattern_matches(policy.pattern, "") is None for policy in versions):
            return [
                Danger(
                    "its pattern is more than Python's re understands, so nobody can tell here what it reaches",
                    "write it without \\Q, \\h, \\v, \\K, \\Z, {,n}, [:class:] and recursion, or change it by hand",
                )
            ]
        gained = {target.key: target for target in self.reached(after)} if after is not None else {}
        affected = gained | ({target.key: target for target in self.reached(before)} if before is not None else {})
        strangers, hurt = [], []
        for target in affected.values():
            if not self.state.exists(target.key):
                continue  # still to be created: it holds nothing, and it is ours
            old, new = self.winners.get(target.key), self._without(target, key)
            if after is not None and target.key in gained:
                new = _better(new, after)
            if old == new:
                continue
            if new is not None and new.key == key and (old is None or old.key != key) and not self._is_ours(target):
                strangers.append(f"{target.key.kind} {target.name}")
            if isinstance(target, Queue) and (said := self._hurt(target, old, new, key)):
                hurt.append(f"queue {target.name} ({said})")
        found = []
        if strangers:
            reason = f"would newly reach what is not ours: {listed(sorted(strangers))}"
            remedy = "narrow its pattern; or agree with the owners, and --allow policy-foreign"
            found.append(Danger(reason, remedy, "policy-foreign"))
        if hurt:
            reason = f"could drop, expire or divert messages of {listed(sorted(hurt))}"
            late = any(count.late for count in self.state.observed.facts.counts.values())
            fresh = "give --amqp too, which counts at once, " if late and not self.state.observed.facts.moves else ""
            remedy = f"let the queues drain first, {fresh}or --allow policy-limits"
            found.append(Danger(reason, remedy, "policy-limits"))
        return found

    def _without(self, target: Governed, key: Key) -> Policy | None:
        """Return what would govern an object without one policy."""
        winner = self.winners.get(target.key)
        if winner is None or winner.key != key:
            return winner
        return first(policy for name, policy in self.candidates[target.key].items() if name != key)

    def _hurt(self, queue: Queue, old: Policy | None, new: Policy | None, changed: Key) -> str:
        """Say which options of a queue that holds messages would change for the worse, and what it holds."""
        counts = self.state.observed.facts.counts.get(queue.key)
        if counts is not None and not counts.messages and not counts.late:
            return ""
        version = self.state.observed.facts.version
        operator = effective(self.state.observed.facts.operator_policies, queue, version)
        will = options(queue, new, operator, version)
        worse = tightened(options(queue, old, operator, version), will)
        worse += [f"policy {policy.name} may take over" for policy in self._successors(queue, new, changed)]
        held = "messages that could not be counted" if counts is None else counted(counts.messages, "message")
        held += " by a count that is some seconds old" if counts and counts.late else ""
        room = will.get("max-length")
        over = max(counts.messages - room, 0) if counts and isinstance(room, int) and "max-length" in worse else 0
        more = f", {over:,} more than max-length {room:,}" if over else ""
        return f"{', '.join(worse)}; holds {held}{more}" if worse else ""

    def _successors(self, queue: Queue, new: Policy | None, changed: Key) -> Iterable[Policy]:
        """Return policies of unreadable pattern that might govern the queue once ours no longer does."""
        if new is not None and new.key == changed:
            return
        for policy in self.unread.get(queue.vhost, ()):
            if reaches(policy, queue, self.state.observed.facts.version) is None and (
                new is None or policy.priority >= new.priority
            ):
                yield policy

    def _is_ours(self, target: Governed) -> bool:
        # The server's own exchanges belong to everybody; a policy that only touches them reaches nobody's object. So
        # does one that touches the lock of another apply, which goes with it.
        if isinstance(target, Queue) and (mark := Mark.read(target.arguments)) and mark.purpose == "lock":
            return True
        return self.state.ours(target.key) or (isinstance(target, Exchange) and target.name in PREDECLARED)


def _numbers(targets: Sequence[Governed]) -> str:
    queues = sum(isinstance(target, Queue) for target in targets)
    exchanges = len(targets) - queues
    parts = [counted(queues, "queue")] if queues or not exchanges else []
    return " and ".join([*parts, *([counted(exchanges, "exchange")] if exchanges else [])])


def _better(one: Policy | None, other: Policy) -> Policy | None:
    return other if one is None else first((one, other))
