"""What is looked at before a migration begins: whatever would stop it in the middle, or cost a message."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.broker.queue_looks import alarms, details, may_impersonate, policies_of
from rabbit_topo.errors import Refusal
from rabbit_topo.plan.migration import harmful
from rabbit_topo.policies import DEFAULT_DELIVERY_LIMIT, effective, options, reaches, release

if TYPE_CHECKING:
    from rabbit_topo.broker.both import Both
    from rabbit_topo.broker.mover import Mover
    from rabbit_topo.model import Facts, Policy, Queue
    from rabbit_topo.plan import Consent

STATISTICS: Final = 15.0  # seconds that the broker may take to tell what governs a new queue; it is 5 by default
INTERVAL: Final = 5.5  # seconds, and a little more, between two statistics of the broker
_PAUSE: Final = 0.25
HEADS: Final = 200  # messages looked at
DEFAULT_SINCE: Final = (4, 0)


@dataclass(frozen=True, slots=True)
class Looks:
    """A look at one queue before it is migrated. Raises `Refusal`, and `BrokerError` where nobody answers."""

    broker: Both
    mover: Mover
    consent: Consent
    facts: Facts

    def at(self, queue: Queue, after: Queue) -> None:
        """Refuse what nobody should begin: an alarm, no room, messages that cannot move or must not be touched."""
        http = self.broker.management.http
        if found := alarms(http):
            raise Refusal(
                f"the broker lets nobody publish: an alarm is on ({', '.join(found)})", "wait until it is over"
            )
        told = details(http, queue)
        if told and told.fed_directly and "default-exchange-gap" not in self.consent.allow:
            raise Refusal(
                "somebody publishes to it through the default exchange, which no binding can turn aside",
                "--allow default-exchange-gap takes that: what is sent so between delete and declare is lost",
            )
        self.room(after, queue)
        self.messages(queue)

    def room(self, after: Queue, *sources: Queue) -> None:
        """Refuse where the new queue would let go of messages that `sources` hold now: limits drop the oldest.

        `after` is one of them where it is there already. A policy whose pattern cannot be read here may reach it.
        """
        policies = policies_of(self.broker.management.http, after.vhost)
        everything = (*policies, *self.facts.operator_policies)
        unread = [policy.definition for policy in everything if reaches(policy, after, self.facts.version) is None]
        limits = self._options(after, policies)
        for name, count in (("max-length", self._messages), ("max-length-bytes", self._bytes)):
            found = [given[name] for given in (limits, *unread) if name in given]
            most = min((limit for limit in found if isinstance(limit, int) and limit >= 0), default=None)
            if most is not None and most < (there := sum(map(count, sources))):
                raise Refusal(
                    f"the new queue takes {most:,} ({name}), and {there:,} are in {sources[0].name}"
                    + (" and in it" if len(sources) > 1 else ""),
                    f"raise {name} for the time of the migration, or let consumers drain the queue first",
                )

    def lease(self, milliseconds: int, *queues: Queue) -> None:
        """Refuse queues that expire sooner: nobody uses the old one while it waits, nor the new one while it fills."""
        policies = policies_of(self.broker.management.http, queues[0].vhost)
        for queue, which in zip(queues, ("old", "new"), strict=True):
            lease = self._options(queue, policies).get("expires")
            if isinstance(lease, int) and lease < milliseconds:
                raise Refusal(
                    f"the {which} queue expires after {lease:,} ms without a consumer, and with its messages;"
                    f" to wait for its turn and to move may take {milliseconds:,} ms",
                    "raise x-expires for the time of the migration, or migrate it alone, or with fewer messages",
                )

    def _messages(self, queue: Queue) -> int:
        return self.mover.ready(queue)[0]

    def _bytes(self, queue: Queue) -> int:
        """Return how many bytes of bodies a queue holds, once the statistics know of all messages that are there.

        The broker tells the bytes up to one interval of its statistics later than the messages.
        """
        first = ready = self._messages(queue)
        began, known = time.monotonic(), 0.0
        while ready:
            told, now = details(self.broker.management.http, queue), time.monotonic()
            if not known and told and (told.messages or 0) >= min(first, ready):
                known = now
            if known and now - known > INTERVAL and told and told.message_bytes is not None:
                return told.message_bytes
            if now - began > STATISTICS:
                raise Refusal(
                    f"the broker does not tell how many bytes {queue.name} holds, and the new queue has a limit",
                    "see that it keeps statistics, or take max-length-bytes away for the time of the migration",
                )
            self.broker.pulse()
            time.sleep(_PAUSE)
            ready = self._messages(queue)
        return 0

    def messages(self, queue: Queue) -> None:
        """Refuse messages that were delivered too often to be moved, or that only another user may publish."""
        http = self.broker.management.http
        limit = self._delivery_limit(queue, policies_of(http, queue.vhost))
        heads = self.mover.heads(queue, HEADS, limit=limit)
        close = [head for head in heads if limit is not None and head.deliveries >= limit - 1]
        if close:
            moved = "; one more look would have cost it, so it lies at the end of the queue now"
            raise Refusal(
                f"the delivery limit is {limit}, and {close[0].deliveries} deliveries of a message have failed already:"
                f" a mover that is stopped counts as one more{moved if any(head.put_last for head in close) else ''}",
                "let consumers take such messages, or dead-letter them, first",
            )
        user = self.broker.amqp.username
        alien = sorted({head.user_id for head in heads if head.user_id and head.user_id != user})
        if alien and not self.consent.drop_user_id and not may_impersonate(http, user):
            raise Refusal(
                f"it holds messages with the user_id of {', '.join(alien[:3])}, which only that user may publish",
                "--drop-user-id moves them without it; or log in as a user with the tag impersonator",
            )

    def _delivery_limit(self, queue: Queue, policies: list[Policy]) -> int | None:
        """Return after how many returns the queue drops a message; None where it never does."""
        if queue.type != "quorum":
            return None
        limit = self._options(queue, policies).get("delivery-limit")
        if limit is None:
            return None if release(self.facts.version) < DEFAULT_SINCE else DEFAULT_DELIVERY_LIMIT
        return limit if isinstance(limit, int) and limit >= 0 else None

    def _options(self, queue: Queue, policies: list[Policy]) -> dict[str, Any]:
        version = self.facts.version
        operator = effective(self.facts.operator_policies, queue, version)
        return options(queue, effective(policies, queue, version), operator, version)


def governed_safely(holding: Queue, broker: Both) -> None:
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
        broker.pulse()
        time.sleep(_PAUSE)
    for policy in policies_of(broker.management.http, holding.vhost):
        if harmful(holding, policy.definition) and reaches(policy, holding, "") is not False:
            raise Refusal(
                f"policy {policy.name} may reach {holding.name}, and the broker does not tell what is in effect there",
                "keep names that begin with rabbit-topo. out of its pattern",
            )
