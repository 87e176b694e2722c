"""What stands against a change: a reason and a remedy, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.model import Exchange, Kind, Queue
from rabbit_topo.policies import effective, options, pattern_matches, reaches, tightened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rabbit_topo.model import Counts, Key, Policy
    from rabbit_topo.plan.state import State

_SHOWN = 4


def counted(number: int, noun: str) -> str:
    """Spell a number with its noun: `1 message`, `12,408 messages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def holding(counts: Counts | None) -> str:
    """Say what a queue holds and who consumes from it."""
    if counts is None:
        return "its messages and consumers could not be counted"
    unacknowledged = f" ({counts.unacknowledged:,} unacknowledged)" if counts.unacknowledged else ""
    return f"{counted(counts.messages, 'message')}{unacknowledged}, {counted(counts.consumers, 'consumer')}"


def listed(names: list[str]) -> str:
    """Join names, the first few only."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def against_queue_removal(queue: Queue, state: State) -> tuple[str, str] | None:
    """Return why a queue must stay: it is in use, cannot be counted, or cannot be deleted on this road."""
    counts = state.observed.facts.counts.get(queue.key)
    if counts is None:
        return "its messages and consumers could not be counted", "see that the broker reports them, then run again"
    if not counts.idle:
        return f"holds {holding(counts)}", "empty the queue and stop its consumers first, then run again"
    if queue.type != "classic" and not state.observed.facts.deletes_quorum:
        return (
            f"RabbitMQ has no guard over HTTP for deleting a {queue.type} queue",
            "give the AMQP URL too (--amqp), or delete it by hand",
        )
    return None


def against_exchange_removal(exchange: Key, state: State, going: Collection[Key]) -> tuple[str, str] | None:
    """Return why an exchange must stay: bindings leave it, or somebody names it.

    `state` no longer holds the bindings that go before it; `going` are the objects that go with it.
    """
    left = [b for b in state.leaving.get(exchange, {}).values() if b.destination_key not in going]
    if left:
        names = sorted({f"{binding.destination_kind} {binding.destination}" for binding in left})
        return f"{counted(len(left), 'binding')} still leaving it, to {listed(names)}", "unbind first, then run again"
    users = [f"{key.kind} {key.name}" for key in state.users(exchange) if key not in going and key != exchange]
    if users:
        return f"used as dead-letter or alternate exchange by {listed(users)}", "change those first, then run again"
    return None


def against_policies(
    before: Mapping[Key, Policy], after: Mapping[Key, Policy], changed: Policy, state: State
) -> tuple[str, str] | None:
    """Return what a policy change would do to queues that hold messages, or to objects of others.

    The effect is worked out queue by queue, with arguments and operator policies taken in.
    """
    versions = [policies[changed.key] for policies in (before, after) if changed.key in policies]
    if any(pattern_matches(policy.pattern, "") is None for policy in versions):
        return (
            "its pattern is more than Python's re understands, so nobody can tell here what it reaches",
            "write it without \\Q, \\h, \\K and recursion, or make the change by hand",
        )
    hurt, strangers = [], []
    for key, target in state.observed.topology.resources.items():
        if not isinstance(target, Queue | Exchange) or not any(reaches(policy, target) for policy in versions):
            continue
        old, new = effective(before.values(), target), effective(after.values(), target)
        if old == new:
            continue
        if (
            not _is_ours(key, state)
            and new is not None
            and new.key == changed.key
            and (old is None or old.key != new.key)
        ):
            strangers.append(f"{key.kind} {key.name}")
        elif isinstance(target, Queue):
            operator = state.operator_policy(target)
            worse = tightened(options(target, old, operator), options(target, new, operator))
            counts = state.observed.facts.counts.get(key)
            if worse and (counts is None or counts.messages):
                held = "messages that could not be counted" if counts is None else counted(counts.messages, "message")
                hurt.append(f"queue {key.name} ({', '.join(worse)}; holds {held})")
    if strangers:
        reason = f"would newly reach what is not ours: {listed(sorted(strangers))}"
        return reason, "narrow its pattern, or agree with the owners and make the change by hand"
    if hurt:
        reason = f"could drop, expire or divert messages of {listed(sorted(hurt))}"
        return reason, "let the queues drain first, or make the change by hand"
    return None


def _is_ours(key: Key, state: State) -> bool:
    # The server's own exchanges belong to everybody; a policy that only touches them reaches nobody's object.
    return state.ours(key) or (key.kind is Kind.EXCHANGE and key.name.startswith("amq."))


def reach(policy: Policy, policies: Mapping[Key, Policy], state: State) -> str:
    """Say how many queues and exchanges a policy takes effect on, declared ones included."""
    targets = {**state.observed.topology.resources, **state.declared.resources}
    reached = [
        target
        for target in targets.values()
        if isinstance(target, Queue | Exchange)
        and reaches(policy, target)
        and (winner := effective(policies.values(), target)) is not None
        and winner.key == policy.key
    ]
    queues = sum(isinstance(target, Queue) for target in reached)
    exchanges = len(reached) - queues
    parts = [counted(queues, "queue")] + ([counted(exchanges, "exchange")] if exchanges else [])
    return f"reaches {' and '.join(parts)}"
