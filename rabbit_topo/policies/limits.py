"""Which options can cost messages, and which change of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments.units import is_broker_age, parse_age

if TYPE_CHECKING:
    from collections.abc import Mapping

# What can drop, expire or divert messages. A limit hurts when it appears or shrinks, the others at any change.
LIMITS = frozenset({"max-length", "max-length-bytes", "message-ttl", "expires", "delivery-limit", "max-age"})
DIVERSIONS = frozenset({"overflow", "dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy"})
DEFAULT_DELIVERY_LIMIT = 20  # of quorum queues since 4.0, where nothing else is said


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


def _as_limit(value: Any) -> float:
    if isinstance(value, int | float) and value >= 0:
        return float(value)
    if is_broker_age(value):
        return float(parse_age(value))
    return float("inf")  # a negative delivery limit means none
