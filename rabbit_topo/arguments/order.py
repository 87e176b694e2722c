"""In which order a topology file says things: its sections, and the keys of each kind of object.

What writes files and what formats them follow it; `rabbit_topo.load.shapes` names the keys in the same order.
"""

from __future__ import annotations

from typing import Final

_PEOPLE: Final = ("description", "owner")
_MESSAGE: Final = ("exchange", "routing_key", "headers", "properties", "payload")
_EXPECT: Final = ("expect", "expect_at_least", "expect_one_of", "expect_unroutable")
_KINDS: Final = ("exchanges", "queues", "bindings", "policies", "publishers", "consumers")

SECTIONS: Final = ("version", "vhost", "owns", "ignore", "defaults", "profiles", *_KINDS, "absent", "tests")
# What bounds a queue stands together, and what becomes of the messages after it.
LIMITS: Final = (
    "message_ttl",
    "expires",
    "max_age",
    "max_length",
    "max_length_bytes",
    "overflow",
    "delivery_limit",
    "dead_letter",
    "single_active_consumer",
    "max_priority",
    "segment_size",
    "leader_locator",
    "initial_group_size",
)
# By the section that holds the objects; `dead_letter` and the rest are mappings inside of them.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "exchanges": (
        *("use", "external", "type", "durable", "auto_delete", "internal", "alternate_exchange", "arguments"),
        *(*_PEOPLE, "protect", "open_bindings", "bindings"),
    ),
    "queues": (
        *("use", "external", "type", "durable", "auto_delete", *LIMITS, "arguments"),
        *(*_PEOPLE, "protect", "open_bindings", "direct", "retry", "bindings"),
    ),
    "bindings": ("exchange", "queue", "to_exchange", "routing_key", "routing_keys", "match", "headers", "arguments"),
    "policies": ("pattern", "apply_to", "priority", "definition", *_PEOPLE, "protect"),
    "publishers": (
        *("use", "exchange", "routing_key", "delivery_mode", "mandatory", "serializer", "compression", "content_type"),
        *("content_encoding", "headers", "expiration", "priority", "retry", "retry_policy", *_PEOPLE),
    ),
    "consumers": ("use", "queues", "prefetch", "no_ack", "accept", *_PEOPLE),
    "absent": ("exchanges", "queues", "bindings", "policies"),
    "defaults": _KINDS,
    "profiles": _KINDS,
    "tests": ("name", "description", "publish", *_EXPECT, "then", "cases"),
    "cases": ("name", *_MESSAGE, *_EXPECT, "then"),
    "then": ("queue", "rejected", "expired", "overflow", *_EXPECT),
    "publish": _MESSAGE,
    "dead_letter": ("exchange", "routing_key", "strategy"),
    "definition": LIMITS,
    "retry_policy": ("max_retries", "interval_start", "interval_step", "interval_max"),
}
