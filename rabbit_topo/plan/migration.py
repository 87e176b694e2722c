"""Whether a queue can be replaced and keep its messages, and where they lie meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from rabbit_topo.model import Arguments, Kind, Mark, Policy, Queue, temporary_name
from rabbit_topo.plan import hazards
from rabbit_topo.policies import DIVERSIONS, LIMITS, effective, options, release

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Plain
    from rabbit_topo.plan.state import State
    from rabbit_topo.plan.types import Consent

Why: TypeAlias = tuple[str, str]  # a reason, and a remedy
PURPOSE: Final = "migrate"
SHORTEST_LEASE: Final = 60_000  # milliseconds
_LIMITS_DELIVERIES: Final = (4, 0)  # of every quorum queue, since this version
_DELAYS: Final = "delayed-retry-type"
_DEAD_LETTERS: Final = ("dead-letter-exchange", "dead-letter-routing-key")


def holding_queue(queue: Queue, policies: Iterable[Policy], operator: Iterable[Policy], version: str) -> Queue:
    """Return the queue that keeps another one's messages: without limits, and with the same dead-letter target.

    A message that brings an expiration of its own may expire there as it would have expired where it was. A quorum
    queue keeps every message over a restart of the broker, one that is not persistent too, and so must this one. Each
    kill counts as a delivery there.
    """
    merged = options(queue, effective(policies, queue, version), effective(operator, queue, version), version)
    mark = Mark(PURPOSE, Kind.QUEUE, queue.name)
    kind = "quorum" if queue.type == "quorum" else "classic"
    unlimited = {"x-delivery-limit": -1} if kind == "quorum" and release(version) >= _LIMITS_DELIVERIES else {}
    arguments = {
        **mark.arguments,
        **unlimited,
        **{f"x-{name}": merged[name] for name in _DEAD_LETTERS if name in merged},
    }
    if "x-dead-letter-exchange" not in arguments:
        arguments.pop("x-dead-letter-routing-key", None)
    name = temporary_name(PURPOSE, Kind.QUEUE, queue.name)
    return Queue(queue.vhost, name, kind, arguments=Arguments(arguments))


def against_holding(holding: Queue, state: State) -> Why | None:
    """Say which policy would limit, expire or divert what a holding queue keeps."""
    facts = state.observed.facts
    for policies, what in ((state.policies, "policy"), (facts.operator_policies, "operator policy")):
        policy = effective(policies, holding, facts.version)
        if policy and (names := harmful(holding, policy.definition)):
            return (
                f"{what} {policy.name} would reach {holding.name}, where the messages wait, with {', '.join(names)}",
                f"keep names that begin with rabbit-topo. out of its pattern ({policy.pattern})",
            )
    return None


def harmful(holding: Queue, definition: Mapping[str, Plain]) -> list[str]:
    """Name what a policy's definition does to a holding queue that could drop, expire or divert its messages.

    >>> harmful(Queue("/", "kept"), {"max-length": 5, "queue-mode": "lazy"})
    ['max-length']
    """
    argued = {name.removeprefix("x-") for name in holding.arguments}
    bad = LIMITS | {_DELAYS}
    return sorted(name for name in definition if name in bad or (name in DIVERSIONS and name not in argued))


def refusals_of(
    before: Queue | None, after: Queue, state: State, consent: Consent, holding: Queue | None = None
) -> Why | None:
    """Say why a queue cannot be migrated, and the way out; what only a look at its messages shows is seen later.

    `holding` is there where an earlier run was stopped.
    """
    facts = state.observed.facts
    if "stream" in {after.type, before.type if before else None}:
        return (
            "a stream cannot be emptied: it keeps what was read",
            "declare a new one under another name, and move its clients there",
        )
    if not facts.moves:
        missing = "--amqp" if facts.lists else "--broker"
        return "messages are moved by AMQP, and bindings seen by HTTP", f"give both URLs (missing: {missing})"
    if "default-exchange-gap" not in consent.allow and (feeders := hazards.fed_directly(after.key, state)):
        how = hazards.listed(feeders)
        return (
            f"fed through the default exchange ({how}), which no binding can turn aside while it is replaced",
            "--allow default-exchange-gap takes that: what is sent so between delete and declare is lost",
        )
    if before is None or before == after:
        return _no_room(before, after, holding, state)
    counts = facts.counts.get(before.key)
    if counts is None:
        return "its messages and consumers could not be counted", "see that the broker reports them, then run again"
    if counts.consumers and not consent.wait_consumers:
        return (
            f"{hazards.counted(counts.consumers, 'consumer')} would take its messages while they move",
            "stop them, or give them time to leave: --wait-consumers 60s",
        )
    if before.type == "quorum" and (why := hazards.may_withhold(before, state)):
        return (
            f"{why}: it may hold messages that no count shows at once",
            "see that none is under way to a dead-letter exchange, and migrate it without that option first",
        )
    return _too_short_lived(after, state) or _expiring(before, after, state) or _no_room(before, after, holding, state)


def _too_short_lived(after: Queue, state: State) -> Why | None:
    """A queue that nobody uses expires, and what is published into it is no use."""
    lease = _smallest("expires", after, state)
    if lease is not None and lease < SHORTEST_LEASE:
        return (
            f"the new queue expires after {lease:,} ms without a consumer, while its messages are still coming back",
            f"raise x-expires to {SHORTEST_LEASE:,} or more for the time of the migration",
        )
    return None


def _expiring(before: Queue, after: Queue, state: State) -> Why | None:
    """Messages that come back begin a new TTL, and nobody may consume them until they are back."""
    ttl, was = _smallest("message-ttl", after, state), _smallest("message-ttl", before, state)
    counts = state.observed.facts.counts.get(before.key)
    if ttl is None or ttl >= SHORTEST_LEASE or (was is not None and was <= ttl) or not (counts and counts.messages):
        return None
    return (
        f"its messages would expire in the new queue after {ttl:,} ms, and there are {counts.messages:,}",
        f"let consumers drain it first, or raise message-ttl to {SHORTEST_LEASE:,} for the time of the migration",
    )


def _smallest(option: str, queue: Queue, state: State) -> int | None:
    """Return the smallest value that an option has for a queue, under the policies as they are and as declared."""
    facts = state.observed.facts
    declared = [policy for policy in state.declared.of(Kind.POLICY) if isinstance(policy, Policy)]
    there = {policy.key: policy for policy in state.policies}
    operator = effective(facts.operator_policies, queue, facts.version)
    found = [
        options(queue, effective(policies, queue, facts.version), operator, facts.version).get(option)
        for policies in (there.values(), {**there, **{policy.key: policy for policy in declared}}.values())
    ]
    return min((value for value in found if isinstance(value, int)), default=None)


def _no_room(before: Queue | None, after: Queue, holding: Queue | None, state: State) -> Why | None:
    """Say that what waits in holding and in the queue itself is more than the new queue takes."""
    counted = [state.observed.facts.counts.get(queue.key) for queue in (before, holding) if queue is not None]
    messages = sum(counts.messages for counts in counted if counts)
    room = _smallest("max-length", after, state)
    if room is not None and 0 <= room < messages:
        more = "" if holding is None else " in it and in its holding queue"
        return (
            f"the new queue takes {hazards.counted(room, 'message')} (max-length), and there are {messages:,}{more}",
            f"raise max-length to {messages:,} or more, or let consumers drain the queue first",
        )
    return None
