"""What stands against a change: a reason and a remedy, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.model import Exchange, Queue
from rabbit_topo.policies import effective, reaches

if TYPE_CHECKING:
    from collections.abc import Collection

    from rabbit_topo.model import Counts, Key, Resource
    from rabbit_topo.plan.state import State

_SHOWN = 4
_PLURALS = {"policy": "policies"}


def counted(number: int, noun: str) -> str:
    """Spell a number with its noun: `1 message`, `12,408 messages`."""
    return f"{number:,} {noun if number == 1 else _PLURALS.get(noun, f'{noun}s')}"


def holding(counts: Counts | None) -> str:
    """Say what a queue holds and who consumes from it."""
    if counts is None:
        return "its messages and consumers could not be counted"
    parts = [f"{counts.unacknowledged:,} unacknowledged"] if counts.unacknowledged else []
    parts += [f"{counts.withheld:,} withheld"] if counts.withheld else []
    more = f" ({', '.join(parts)})" if parts else ""
    return f"{counted(counts.messages, 'message')}{more}, {counted(counts.consumers, 'consumer')}"


def listed(names: list[str]) -> str:
    """Join names, the first few only."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def told_of(resource: Resource, state: State) -> tuple[str, ...]:
    """Say what would go with an object that is to be deleted: what it holds, and who refers to it."""
    key = resource.key
    told = [holding(state.observed.facts.counts.get(key))] if isinstance(resource, Queue) else []
    if not isinstance(resource, Queue | Exchange):
        return ()
    if users := [f"{user.kind} {user.name}" for user in state.users(key) if user != key]:
        role = "dead-letter target" if isinstance(resource, Queue) else "dead-letter or alternate exchange"
        told.append(f"{role} of {listed(users)}")
    arriving = sorted({f"exchange {it.source}" for it in state.arriving.get(key, {}).values()})
    leaving = sorted({f"{it.destination_kind} {it.destination}" for it in state.leaving.get(key, {}).values()})
    ends = [f"{way} {listed(names)}" for way, names in (("from", arriving), ("to", leaving)) if names]
    if ends:
        told.append(f"{counted(len(state.touching(key)), 'binding')}: {', '.join(ends)}")
    return tuple(told)


def against_protected(key: Key, state: State) -> tuple[str, str] | None:
    """Return why an object must stay that no file declares: it is protected in an inventory on the broker."""
    note = state.declared.note(key)
    if not note.protect or key in state.declared.resources:
        return None
    inventory = state.observed.facts.inventory
    ours = inventory is None or note.protected_by == inventory.project
    remedy = "declare it with protect: false and apply, then delete it" if ours else "ask them to end that"
    return f"protected in the inventory of project {note.protected_by}", remedy


def against_queue_removal(queue: Queue, state: State) -> tuple[str, str] | None:
    """Return why a queue must stay: it is in use, or nobody can tell that it is empty."""
    counts = state.observed.facts.counts.get(queue.key)
    if counts is None:
        return "its messages and consumers could not be counted", "see that the broker reports them, then run again"
    if not counts.idle:
        return f"holds {holding(counts)}", "empty the queue and stop its consumers first, then run again"
    if queue.type not in state.observed.facts.deletes:
        if queue.type == "quorum":
            return (
                "RabbitMQ has no guard over HTTP for deleting a quorum queue",
                "give the AMQP URL too (--amqp), or delete it by hand",
            )
        return f"the broker counts the messages of a {queue.type} seconds late, and guards nothing", "delete it by hand"
    if queue.type == "quorum" and (why := may_withhold(queue, state)):
        return f"{why}: it may hold messages that no count shows at once", "see that it is empty, and delete it by hand"
    return None


def against_losing_dead_letters(queue: Key, state: State, going: Collection[Key]) -> tuple[str, str] | None:
    """Return why a queue must stay although it is empty: something that stays sends its dead letters there."""
    users = [f"{key.kind} {key.name}" for key in state.users(queue) if key not in going and key != queue]
    return (f"dead letters of {listed(users)} go to it", "change that first, then run again") if users else None


def fed_directly(queue: Key, state: State) -> list[str]:
    """Name who sends messages to a queue through the default exchange, as far as the files and the broker tell."""
    found = ["direct: true"] if state.declared.note(queue).direct else []
    found += [
        f"publisher {publisher.name}"
        for publisher in state.declared.publishers.values()
        if (publisher.vhost, publisher.exchange, publisher.routing_key) == (queue.vhost, "", queue.name)
    ]
    return found + [f"dead letters of {key.kind} {key.name}" for key in state.users(queue) if key != queue]


def may_withhold(queue: Queue, state: State) -> str:
    """Name the option under which a quorum queue holds messages that are neither ready nor unacknowledged."""
    policies = state.policies
    version = state.observed.facts.version
    governing = [effective(policies, queue, version), effective(state.observed.facts.operator_policies, queue, version)]
    governing += [policy for policy in policies if reaches(policy, queue, version) is None]
    given = [{name.removeprefix("x-"): value for name, value in queue.arguments.items()}]
    given += [dict(policy.definition) for policy in governing if policy is not None]
    for options in given:
        if options.get("dead-letter-strategy") == "at-least-once":
            return "dead-letter-strategy: at-least-once"
        if options.get("delayed-retry-type", "disabled") != "disabled":
            return "delayed-retry-type"
    return ""


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
