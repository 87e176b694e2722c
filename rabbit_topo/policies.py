"""Which policy reaches which object, and what a queue's options come to.

Follows RabbitMQ's `rabbit_policy` (matching), the queue types' `unsupported_policies` lists, and
their merging of arguments, policy and operator policy.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments.units import is_broker_age, parse_age
from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Policy, Queue

_APPLIES = {
    "classic": frozenset({"all", "queues", "classic_queues"}),
    "quorum": frozenset({"all", "queues", "quorum_queues"}),
    "stream": frozenset({"all", "queues", "streams"}),
    "": frozenset({"all", "queues"}),
    "exchange": frozenset({"all", "exchanges"}),
}

# A policy with any of these keys does not reach a queue of that type at all: `unsupported_policies` of the queue types,
# as tried on 3.10.8, 4.0.5 and 4.3.6.
_MIRRORING = frozenset(
    {"ha-mode", "ha-params", "ha-sync-mode", "ha-sync-batch-size", "ha-promote-on-failure", "ha-promote-on-shutdown"}
)
_STREAM_ONLY = frozenset({"max-age", "stream-max-segment-size-bytes", "initial-cluster-size"})
_IN_MEMORY = frozenset({"max-in-memory-length", "max-in-memory-bytes"})
_UNSUPPORTED = {
    "classic": _STREAM_ONLY | {"delivery-limit", "dead-letter-strategy"},
    "quorum": _STREAM_ONLY | _MIRRORING | {"max-priority", "queue-mode", "queue-master-locator"},
    "stream": _MIRRORING
    | _IN_MEMORY
    | {"expires", "message-ttl", "max-length", "overflow", "delivery-limit", "max-priority", "queue-mode"}
    | {"dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy", "queue-master-locator"}
    | {"target-group-size"},
}
_SINCE = {("classic", (3, 13)): _IN_MEMORY | {"target-group-size"}}
_BEFORE = {
    ("classic", (4, 0)): frozenset({"queue-leader-locator"}),
    ("quorum", (4, 2)): frozenset({"single-active-consumer"}),
}


@lru_cache
def _unsupported(kind: str, version: str) -> frozenset[str]:
    number = release(version)
    found = _UNSUPPORTED.get(kind, frozenset())
    for (queue_type, since), keys in _SINCE.items():
        found |= keys if queue_type == kind and number >= since else frozenset()
    for (queue_type, before), keys in _BEFORE.items():
        found |= keys if queue_type == kind and number < before else frozenset()
    return found


def release(version: str) -> tuple[int, int]:
    """Return the release of a version that a broker tells; the newest known one where it tells none.

    >>> release("3.10.8"), release("4.3"), release("")
    ((3, 10), (4, 3), (4, 3))
    """
    return read_release(version) or NEWEST


# What can drop, expire or divert messages. A limit hurts when it appears or shrinks, the others at any change.
LIMITS = frozenset({"max-length", "max-length-bytes", "message-ttl", "expires", "delivery-limit", "max-age"})
DIVERSIONS = frozenset({"overflow", "dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy"})
DEFAULT_DELIVERY_LIMIT = 20  # of quorum queues since 4.0, where nothing else is said


# What Python's `re` reads without complaint, but not as PCRE does: POSIX classes, a quantifier without a minimum, and
# two escapes.
_READ_OTHERWISE = ("[:", "{,", "\\v", "\\Z")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[bytes] | None:
    if any(part in pattern for part in _READ_OTHERWISE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a "possible nested set" is another thing to PCRE
            return re.compile(pattern.encode())
    except (re.error, FutureWarning, OverflowError, RecursionError):
        return None


def pattern_matches(pattern: str, name: str) -> bool | None:
    """Say whether a policy's pattern is found in a name; None where Python's `re` cannot read the pattern.

    The server searches unanchored, on bytes, with PCRE.

    >>> pattern_matches("^shop", "shop.orders"), pattern_matches("orders$", "shop"), pattern_matches("(?R)", "x")
    (True, False, None)
    """
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.search(name.encode()) is not None


def kind_of(target: Queue | Exchange) -> str:
    """Name what a policy's `apply-to` tells apart: `exchange`, or a queue's type."""
    return "exchange" if isinstance(target, Exchange) else target.type or "classic"


def fits(policy: Policy, kind: str, version: str) -> bool:
    """Say whether a policy is for such objects, by its `apply-to` and the keys that a queue type does not support."""
    unsupported = _unsupported(kind, version)
    return policy.apply_to in _APPLIES.get(kind, _APPLIES[""]) and not any(
        key in unsupported for key in policy.definition
    )


def reaches(policy: Policy, target: Queue | Exchange, version: str) -> bool | None:
    """Say whether the policy is a candidate for this object; None where its pattern cannot be read here.

    `version` is the broker's: which keys keep a policy away from a queue type depends on it.
    """
    if policy.vhost != target.vhost or not fits(policy, kind_of(target), version):
        return False
    return pattern_matches(policy.pattern, target.name)


def effective(policies: Iterable[Policy], target: Queue | Exchange, version: str) -> Policy | None:
    """Return the policy with the highest priority among those that reach the object.

    A pattern that cannot be read here counts as not matching. Ties go to the first by name, where the server
    makes no promise.
    """
    return first(policy for policy in policies if reaches(policy, target, version))


def first(candidates: Iterable[Policy]) -> Policy | None:
    """Return the one of several policies that takes effect: the highest priority, then the name."""
    return min(candidates, key=lambda policy: (-policy.priority, policy.name), default=None)


def options(queue: Queue, policy: Policy | None, operator: Policy | None) -> dict[str, Any]:
    """Merge arguments, policy and operator policy into what limits and diverts a queue's messages.

    The keys are the policy's spelling. Numeric limits take the smallest; of a dead-letter target the argument wins;
    `overflow` is the argument's on classic queues and the policy's on quorum queues; streams let the policy win.
    """
    own = {name.removeprefix("x-"): value for name, value in queue.arguments.items()}
    given = dict(policy.definition) if policy else {}
    limits = dict(operator.definition) if operator else {}
    merged: dict[str, Any] = {}
    for key in LIMITS | DIVERSIONS:
        values = [source[key] for source in (own, given, limits) if key in source]
        if not values:
            continue
        if key in DIVERSIONS:
            policy_first = key == "overflow" and queue.type != "classic"
            order = (
                (limits, given, own) if policy_first else (limits, own, given) if key == "overflow" else (own, given)
            )
            merged[key] = next(source[key] for source in order if key in source)
        elif key == "max-age":
            merged[key] = given.get(key, own.get(key))
        else:
            merged[key] = min(values, key=_as_limit)
    return merged


def _as_limit(value: Any) -> float:
    if isinstance(value, int | float) and value >= 0:
        return float(value)
    if is_broker_age(value):
        return float(parse_age(value))
    return float("inf")  # a negative delivery limit means none


def tightened(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name the options that may drop, expire or divert messages which are safe before the change."""
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if key in DIVERSIONS:
            found.append(key)
        elif key in LIMITS:
            unsaid = DEFAULT_DELIVERY_LIMIT if key == "delivery-limit" else float("inf")
            was = float("inf") if old is None else _as_limit(old)
            will = unsaid if new is None else _as_limit(new)
            if will < was:
                found.append(key)
    return found
