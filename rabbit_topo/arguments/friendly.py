"""The keys that people write, and the arguments and policy keys that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.arguments.tables import QUEUE_ARGUMENTS, whole
from rabbit_topo.arguments.units import parse_age, parse_duration, parse_size, spell_age, spell_duration, spell_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Plain


def _same(value: Plain) -> Plain:
    return value


def _age(value: str) -> str:
    """Spell an age in seconds: one spelling, whatever was written."""
    return f"{parse_age(value)}s"


@dataclass(frozen=True, slots=True)
class Friendly:
    """What a key stands for: an argument of queues, a key of policies (or neither), and the conversion."""

    argument: str
    policy_key: str
    convert: Callable[[Plain], Plain] = _same


# `dead_letter.exchange` is the key `exchange` inside the mapping `dead_letter`.
QUEUE_KEYS: dict[str, Friendly] = {
    "message_ttl": Friendly("x-message-ttl", "message-ttl", parse_duration),
    "expires": Friendly("x-expires", "expires", parse_duration),
    "max_length": Friendly("x-max-length", "max-length"),
    "max_length_bytes": Friendly("x-max-length-bytes", "max-length-bytes", parse_size),
    "overflow": Friendly("x-overflow", "overflow"),
    "dead_letter.exchange": Friendly("x-dead-letter-exchange", "dead-letter-exchange"),
    "dead_letter.routing_key": Friendly("x-dead-letter-routing-key", "dead-letter-routing-key"),
    "dead_letter.strategy": Friendly("x-dead-letter-strategy", "dead-letter-strategy"),
    "single_active_consumer": Friendly("x-single-active-consumer", ""),
    "delivery_limit": Friendly("x-delivery-limit", "delivery-limit"),
    "max_priority": Friendly("x-max-priority", ""),
    "max_age": Friendly("x-max-age", "max-age", _age),
    "segment_size": Friendly("x-stream-max-segment-size-bytes", "stream-max-segment-size-bytes", parse_size),
    "leader_locator": Friendly("x-queue-leader-locator", "queue-leader-locator"),
    "initial_group_size": Friendly("x-quorum-initial-group-size", "initial-cluster-size"),
}
GROUP_SIZE_OF_STREAM = "x-initial-cluster-size"


def queue_argument(key: str, queue_type: str | None) -> str:
    """Return the `x-` argument of a friendly key for a queue of this type.

    >>> queue_argument("initial_group_size", "stream"), queue_argument("max_age", "stream")
    ('x-initial-cluster-size', 'x-max-age')
    """
    if key == "initial_group_size" and queue_type == "stream":
        return GROUP_SIZE_OF_STREAM
    return QUEUE_KEYS[key].argument


def friendly_key(argument: str) -> str:
    """Return the friendly key that stands for an `x-` argument, or an empty text."""
    if argument == GROUP_SIZE_OF_STREAM:
        return "initial_group_size"
    return next((key for key, known in QUEUE_KEYS.items() if known.argument == argument), "")


_SPELLINGS: dict[str, Callable[[Plain], str]] = {
    "message_ttl": spell_duration,
    "expires": spell_duration,
    "max_length_bytes": spell_size,
    "segment_size": spell_size,
    "max_age": spell_age,
}
# What these keys take: more than queues do, as policies may say more.
_TAKEN: dict[str, Callable[[Plain], str]] = {"message_ttl": whole(0), "expires": whole(1), "delivery_limit": whole(-1)}


def spelled(key: str, value: Plain) -> Plain:
    """Return what is written under a friendly key to say this value of its argument; None where the key cannot say it.

    >>> spelled("message_ttl", 5_400_000), spelled("max_length", 10), spelled("max_length", "10")
    ('90m', 10, None)
    """
    check = _TAKEN.get(key) or QUEUE_ARGUMENTS[QUEUE_KEYS[key].argument].check
    if check(value):
        return None
    return _SPELLINGS[key](value) if key in _SPELLINGS else value
