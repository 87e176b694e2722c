"""Which argument fits which queue type, and which values every RabbitMQ from 3.10 to 4.3 refuses.

Source: rabbit_amqqueue (declare_args, check_arguments_type_and_value) and the `capabilities()` of the
three queue types, tags v3.10.8 to v4.3.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rabbit_topo.arguments.units import is_broker_age
from rabbit_topo.model.marks import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Plain

QueueType: TypeAlias = Literal["classic", "quorum", "stream"]
QUEUE_TYPES: tuple[QueueType, ...] = ("classic", "quorum", "stream")
EVER = "3.10"
TEN_YEARS_MS = 315_360_000_000
MAX_SEGMENT_BYTES = 3_000_000_000
MAX_PRIORITY = 255
MAX_INTEGER = 2**63 - 1

OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")
STRATEGIES = ("at-most-once", "at-least-once")
POLICY_LOCATORS = ("client-local", "balanced", "random", "least-leaders")
LEADER_LOCATORS = (*POLICY_LOCATORS, "min-masters")
MASTER_LOCATORS = ("min-masters", "client-local", "random")
QUEUE_MODES = ("default", "lazy")
RETRY_TYPES = ("disabled", "all", "failed", "returned")
MATCHES = ("all", "any", "all-with-x", "any-with-x")


def whole(low: int | None, high: int | None = None, unit: str = "") -> Callable[[Plain], str]:
    """Return a check for an integer within bounds; a check returns what it wants instead, or nothing."""
    top = MAX_INTEGER if high is None else high
    wanted = "a whole number" + (f" of {unit}" if unit else "")
    if low is not None and high is not None:
        wanted += f" from {low} to {high}"
    elif low is not None:
        wanted += f" of at least {low}" if not unit else f", at least {low}"

    def check(value: Plain) -> str:
        right = type(value) is int and (low is None or value >= low) and value <= top
        return "" if right else wanted

    return check


def one_of(choices: tuple[str | int, ...]) -> Callable[[Plain], str]:
    """Return a check for one of a few values."""
    wanted = "one of " + ", ".join(str(choice) for choice in choices)
    kinds = {type(choice) for choice in choices}
    return lambda value: "" if type(value) in kinds and value in choices else wanted


def text(value: Plain) -> str:
    """Check for text."""
    return "" if isinstance(value, str) else "text"


def boolean(value: Plain) -> str:
    """Check for true or false."""
    return "" if isinstance(value, bool) else "true or false"


def age(value: Plain) -> str:
    """Check for a maximum age as RabbitMQ spells it."""
    return "" if is_broker_age(value) else "text like 7D or 12h: a whole number above 0 and one of Y M D h m s"


def anything(_: Plain) -> str:
    """Take every value: the versions do not agree on this one."""
    return ""


@dataclass(frozen=True, slots=True)
class Argument:
    """An `x-` argument: the queue types that know it, each since which version, and its values.

    `claimed` says that on every version some type owns it, so that the others refuse it.
    """

    types: dict[QueueType, str]
    check: Callable[[Plain], str]
    claimed: bool = True


def _both(check: Callable[[Plain], str]) -> Argument:
    return Argument({"classic": EVER, "quorum": EVER}, check)


def _only(kind: QueueType, check: Callable[[Plain], str]) -> Argument:
    return Argument({kind: EVER}, check)


def _since(version: str, kind: QueueType) -> Argument:
    """An argument that older brokers store unread, on every type."""
    return Argument({kind: version}, anything, claimed=False)


QUEUE_ARGUMENTS: dict[str, Argument] = {
    "x-expires": _both(whole(1, TEN_YEARS_MS, "milliseconds")),
    "x-message-ttl": _both(whole(0, TEN_YEARS_MS, "milliseconds")),
    "x-dead-letter-exchange": _both(text),
    "x-dead-letter-routing-key": _both(text),
    "x-max-length": _both(whole(0)),
    "x-max-length-bytes": Argument(dict.fromkeys(QUEUE_TYPES, EVER), whole(0, None, "bytes")),
    "x-overflow": _both(one_of(OVERFLOWS)),
    "x-single-active-consumer": _both(boolean),
    "x-max-priority": _only("classic", whole(0, MAX_PRIORITY)),
    "x-queue-mode": _only("classic", anything),
    "x-queue-version": _only("classic", one_of((1, 2))),
    "x-queue-master-locator": _only("classic", anything),
    "x-queue-leader-locator": Argument({"classic": "4.0", "quorum": EVER, "stream": EVER}, one_of(LEADER_LOCATORS)),
    "x-dead-letter-strategy": _only("quorum", one_of(STRATEGIES)),
    "x-delivery-limit": _only("quorum", anything),
    "x-quorum-initial-group-size": _only("quorum", whole(1)),
    "x-max-in-memory-length": _only("quorum", whole(0)),
    "x-max-in-memory-bytes": _only("quorum", whole(0, None, "bytes")),
    "x-max-age": _only("stream", age),
    "x-stream-max-segment-size-bytes": _only("stream", whole(0, MAX_SEGMENT_BYTES, "bytes")),
    "x-initial-cluster-size": _only("stream", whole(1)),
    "x-consumer-timeout": _since("4.3", "quorum"),
    "x-consumer-disconnected-timeout": _since("4.3", "quorum"),
    "x-delayed-retry-type": _since("4.3", "quorum"),
    "x-delayed-retry-min": _since("4.3", "quorum"),
    "x-delayed-retry-max": _since("4.3", "quorum"),
    "x-stream-filter-size-bytes": _since("4.2", "stream"),
}
# What brokers, their plugins and this tool store on queues and never compare.
STORED_ARGUMENTS = frozenset({"x-internal-purpose", "x-quorum-target-group-size", MARK})

# Keys of a policy's definition: values that every version which knows the key takes (rabbit_policies:validate_policy0).
POLICY_KEYS: dict[str, Callable[[Plain], str]] = {
    "alternate-exchange": text,
    "dead-letter-exchange": text,
    "dead-letter-routing-key": text,
    "dead-letter-strategy": one_of(STRATEGIES),
    "message-ttl": whole(0, None, "milliseconds"),
    "expires": whole(1, None, "milliseconds"),
    "max-length": whole(0),
    "max-length-bytes": whole(0, None, "bytes"),
    "max-in-memory-length": whole(0),
    "max-in-memory-bytes": whole(0, None, "bytes"),
    "overflow": one_of(OVERFLOWS),
    "delivery-limit": whole(None),
    "max-age": age,
    "stream-max-segment-size-bytes": whole(0, MAX_SEGMENT_BYTES, "bytes"),
    "stream-filter-size-bytes": whole(16, 255, "bytes"),
    "initial-cluster-size": whole(0),
    "target-group-size": whole(1),
    "queue-leader-locator": one_of(POLICY_LOCATORS),
    "queue-master-locator": one_of(LEADER_LOCATORS),
    "queue-mode": one_of(QUEUE_MODES),
    "queue-version": one_of((1, 2)),
    "consumer-timeout": whole(0, None, "milliseconds"),
    "consumer-disconnected-timeout": whole(0, None, "milliseconds"),
    "delayed-retry-type": one_of(RETRY_TYPES),
    "delayed-retry-min": whole(1, None, "milliseconds"),
    "delayed-retry-max": whole(1, None, "milliseconds"),
}
# Those that came after 3.10, and when.
POLICY_KEYS_SINCE = {
    "consumer-timeout": "3.12",
    "stream-filter-size-bytes": "3.13",
    "target-group-size": "3.13",
    "consumer-disconnected-timeout": "4.3",
    "delayed-retry-type": "4.3",
    "delayed-retry-min": "4.3",
    "delayed-retry-max": "4.3",
}
# Mirrored classic queues: known before 4.0 only.
MIRRORING_KEYS = frozenset(
    {"ha-mode", "ha-params", "ha-sync-mode", "ha-sync-batch-size", "ha-promote-on-failure", "ha-promote-on-shutdown"}
)
# Keys of the federation and sharding plugins: who has not enabled one is refused.
PLUGIN_POLICY_KEYS = frozenset(
    {"federation-upstream", "federation-upstream-set", "federation-upstream-pattern", "shards-per-node", "routing-key"}
)
APPLY_TO_SINCE = {
    "all": EVER,
    "exchanges": EVER,
    "queues": EVER,
    "classic_queues": "3.12",
    "quorum_queues": "3.12",
    "streams": "3.12",
}
# What no version lets a policy set, though a queue's own arguments can.
NOT_IN_POLICIES = frozenset({"single-active-consumer", "max-priority", "quorum-initial-group-size", "queue-type"})


def sendable(value: Plain) -> bool:
    """Say whether a number can be sent: no infinity, no NaN, an integer of 64 bits at most."""
    if isinstance(value, float):
        return math.isfinite(value)
    return bool(-MAX_INTEGER - 1 <= value <= MAX_INTEGER)
