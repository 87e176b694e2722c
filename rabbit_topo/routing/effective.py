"""What a queue of a router's topology does with its messages, settings and defaults taken together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.policies import DEFAULT_DELIVERY_LIMIT, kind_of, merge, release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Queue
    from rabbit_topo.policies import Candidates, Option

Event: TypeAlias = Literal["rejected", "expired", "maxlen", "delivery_limit"]
EVENTS: Final[tuple[Event, ...]] = ("rejected", "expired", "maxlen", "delivery_limit")
_LIMITS_DELIVERIES: Final = (4, 0)


@dataclass(frozen=True, slots=True)
class Care:
    """What a queue does with its messages. None where nothing is set; `options` are all of them, with their sources.

    `safely` says that dead letters go at least once: a quorum queue keeps each until a queue has taken it. `others` are
    what it does instead if other policies are in effect, and `doubt` says why nobody can tell whether they are.
    """

    kind: str
    options: Mapping[str, Option]
    ttl_ms: int | None
    max_length: int | None
    delivery_limit: int | None
    overflow: str
    exchange: str | None
    routing_key: str | None
    safely: bool
    others: tuple[Care, ...] = ()
    doubt: str = ""

    def cannot(self, event: Event, expiration_ms: int | None = None) -> str:
        """Say why a message with this expiration does not leave the queue in this way; nothing if it does."""
        limited = self.max_length is not None or "max-length-bytes" in self.options
        match event:
            case _ if self.kind == "stream":
                return "a stream dead-letters nothing"
            case "expired" if self.ttl_ms is None and expiration_ms is None:
                return "neither the queue has a message-ttl nor the message an expiration"
            case "maxlen" if not limited:
                return "the queue has no max-length"
            case "maxlen" if self.overflow == "reject-publish":
                return f"a full queue refuses new messages, by overflow reject-publish ({self.options['overflow']})"
            case "delivery_limit" if self.kind != "quorum":
                return f"a {self.kind} queue has no delivery limit"
            case "delivery_limit" if self.delivery_limit is None:
                return "the queue has no delivery limit"
        return ""

    @property
    def each(self) -> tuple[Care, ...]:
        """What the queue does as far as is known, and all that it may do instead."""
        return (self, *self.others)

    def leaves(self, expiration_ms: int | None = None) -> Event | None:
        """Return how a message leaves the queue if nobody does anything; None if it stays."""
        if self.max_length == 0 and not self.cannot("maxlen"):
            return "maxlen"
        return None if self.cannot("expired", expiration_ms) else "expired"


def care_under(queue: Queue, policies: Candidates, operators: Candidates, version: str) -> Care:
    """Return what a queue does with its messages under these policies."""
    given = [
        merge(queue, policy, operator, version)
        for policy in (policies.winner, *policies.rivals)
        for operator in (operators.winner, *operators.rivals)
    ]
    distinct = [options for number, options in enumerate(given) if options not in given[:number]]
    care, *others = (_care(kind_of(queue), options, version) for options in distinct)
    doubt = ", and ".join(one.doubt for one in (policies, operators) if one.rivals)
    return replace(care, others=tuple(others), doubt=doubt) if others else care


def _care(kind: str, given: Mapping[str, Option], version: str) -> Care:
    values = {key: option.value for key, option in given.items()}
    limit = values.get("delivery-limit", DEFAULT_DELIVERY_LIMIT if release(version) >= _LIMITS_DELIVERIES else -1)
    overflow = str(values.get("overflow", "drop-head"))
    if kind == "quorum" and overflow == "reject-publish-dlx":
        overflow = "drop-head"  # as the broker's log says: invalid there
    strategy = values.get("dead-letter-strategy")
    return Care(
        kind,
        given,
        _number(values.get("message-ttl")),
        _number(values.get("max-length")),
        _number(limit) if kind == "quorum" else None,
        overflow,
        _text(values.get("dead-letter-exchange")),
        _text(values.get("dead-letter-routing-key")),
        safely=kind == "quorum" and strategy == "at-least-once" and overflow == "reject-publish",
    )


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
