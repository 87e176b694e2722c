"""What is looked at before a migration begins: whatever would stop it in the middle, or cost a message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rabbit_topo.broker.queue_looks import alarms, details, policies_of
from rabbit_topo.errors import Refusal
from rabbit_topo.plan.migration import harmful
from rabbit_topo.policies import effective, options, reaches

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.broker.both import Both
    from rabbit_topo.broker.mover import Mover
    from rabbit_topo.model import Facts, Policy, Queue
    from rabbit_topo.plan import Consent

STATISTICS: Final = 15.0  # seconds that the broker may take to tell what governs a new queue; it is 5 by default
_PAUSE: Final = 0.25
_HEADS: Final = 200  # messages looked at
_DEFAULT_DELIVERY_LIMIT: Final = 20  # of quorum queues since 4.0


def before_it_starts(
    queue: Queue, after: Queue, broker: Both, mover: Mover, consent: Consent, facts: Facts
) -> None:
    """Refuse what nobody should begin: an alarm, no room, messages that cannot move or must not be touched.

    Raises `Refusal`, and `BrokerError` where the broker cannot be asked.
    """
    http = broker.management.http
    policies = policies_of(http, queue.vhost)
    if found := alarms(http):
        raise Refusal(f"the broker lets nobody publish: an alarm is on ({', '.join(found)})", "wait until it is over")
    told = details(http, queue)
    if told and told.fed_directly and "default-exchange-gap" not in consent.allow:
        raise Refusal(
            "somebody publishes to it through the default exchange, which no binding can turn aside",
            "--allow default-exchange-gap takes that: what is sent so between delete and declare is lost",
        )
    operator = effective(facts.operator_policies, after, facts.version)
    room = options(after, effective(policies, after, facts.version), operator).get("max-length-bytes")
    if told and isinstance(room, int) and (told.message_bytes or 0) > room >= 0:
        raise Refusal(
            f"the new queue takes {room:,} bytes (max-length-bytes), and {told.message_bytes:,} are there",
            "raise max-length-bytes, or let consumers drain the queue first",
        )
    _look_at_messages(queue, mover, consent, facts, policies, broker.amqp.username)


def _look_at_messages(
    queue: Queue, mover: Mover, consent: Consent, facts: Facts, policies: list[Policy], user: str
) -> None:
    limit = _delivery_limit(queue, facts, policies)
    heads = mover.heads(queue, _HEADS, limit=limit)
    if limit is not None and (close := [head for head in heads if head.deliveries >= limit - 1]):
        last = any(head.put_last for head in close)
        raise Refusal(
            f"{len(close)} of its first messages were delivered nearly as often as its delivery limit of {limit} allows,"
            " and a mover that is stopped counts as one more"
            + ("; one more look would have cost it, so it was put at the end of the queue" if last else ""),
            "let consumers take them or dead-letter them first",
        )
    alien = sorted({head.user_id for head in heads if head.user_id and head.user_id != user})
    if alien and not consent.drop_user_id:
        raise Refusal(
            f"it holds messages with the user_id of {', '.join(alien[:3])}, which only that user may publish",
            "--drop-user-id moves them without it; or log in as a user with the tag impersonator",
        )


def _delivery_limit(queue: Queue, facts: Facts, policies: list[Policy]) -> int | None:
    """Return after how many returns the queue drops a message; None where it never does."""
    if queue.type != "quorum":
        return None
    operator = effective(facts.operator_policies, queue, facts.version)
    limit = options(queue, effective(policies, queue, facts.version), operator).get("delivery-limit")
    if limit is None:
        return None if facts.version.startswith("3.") else _DEFAULT_DELIVERY_LIMIT
    return limit if isinstance(limit, int) and limit >= 0 else None


def governed_safely(holding: Queue, broker: Both, idle: Callable[[], object]) -> None:
    """See that no policy limits, expires or diverts what a holding queue is to keep, in the broker's own words.

    The broker tells that with its statistics, some seconds after a queue was declared. Where it keeps none, the
    policies are read again and judged here. Raises `Refusal`.
    """
    deadline = time.monotonic() + STATISTICS
    while time.monotonic() < deadline:
        told = details(broker.management.http, holding)
        if told is not None and told.policies is not None:
            if names := harmful(holding, told.policies):
                governing = " and ".join(name for name in (told.policy, told.operator_policy) if name)
                raise Refusal(
                    f"policy {governing} reaches {holding.name} with {', '.join(names)}",
                    "keep names that begin with rabbit-topo. out of its pattern",
                )
            return
        idle()
        time.sleep(_PAUSE)
    for policy in policies_of(broker.management.http, holding.vhost):
        if harmful(holding, policy.definition) and reaches(policy, holding, "") is not False:
            raise Refusal(
                f"policy {policy.name} may reach {holding.name}, and the broker does not tell what is in effect there",
                "keep names that begin with rabbit-topo. out of its pattern",
            )
