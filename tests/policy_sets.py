"""Random sets of policies and operator policies, and the queues and exchanges that they may reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.model import Arguments, Exchange, Policy, Queue

if TYPE_CHECKING:
    from random import Random

NAMES = ("shop.orders", "shop.orders.created", "SHOP", "a", "q-1_x", "über", "日本", "µ", "x y", "a+b", "%41")
PATTERNS = (
    *(
        "",
        "^",
        "$",
        ".",
        ".*",
        "^$",
        "^shop",
        "^shop\\.",
        "orders$",
        "shop.orders",
        "^shop\\.[^.]+$",
        "(?i)^shop",
        "a|b",
    ),
    *(
        "^..$",
        "^.$",
        "\\w",
        "^\\w+$",
        "^\\W+$",
        "[\\w]$",
        "[^\\w]",
        "\\bx",
        "x\\b",
        "\\Bx",
        "\\s",
        "^\\S+$",
        "\\d",
        "[a-q]",
    ),
    *(
        "^(?!shop)",
        "(?<=shop)\\.",
        "(o)\\w*\\1",
        "a++",
        "(?>sho)p",
        "(?:sh|o){2}",
        "ü",
        "[ü]",
        "^[^ü]*$",
        "\\x2e",
        "\\.",
        "\\+",
    ),
    *(
        "(?#all).",
        "(?s).",
        "(?m)^a$",
        "(?x) a",
        "^(?P<one>a)(?P=one)?$",
        "^a{1}$",
        "[]x]",
        "[a\\-z]",
        "%",
        "{",
        "\\053",
    ),
)
_LIMITS = ("message-ttl", "max-length", "max-length-bytes", "max-in-memory-length", "max-in-memory-bytes")
_DURABLE = 10**8  # no queue expires in a test


def _values(random: Random, version: tuple[int, int]) -> dict[str, Any]:
    """Return one legal value for every key that this version takes in a policy."""
    values: dict[str, Any] = {key: random.randint(1, 10**6) for key in _LIMITS}
    values |= {
        "alternate-exchange": random.choice(NAMES),
        "dead-letter-exchange": random.choice(NAMES),
        "dead-letter-routing-key": random.choice(("", "k", "a.b")),
        "dead-letter-strategy": random.choice(("at-most-once", "at-least-once")),
        "expires": random.randint(_DURABLE, 2 * _DURABLE),
        "queue-mode": random.choice(("default", "lazy")),
        "queue-version": 2,
        "overflow": random.choice(("drop-head", "reject-publish", "reject-publish-dlx")),
        "delivery-limit": random.randint(-1 if version >= (4, 0) else 0, 9),
        "max-age": random.choice(("7D", "1h")),
        "stream-max-segment-size-bytes": random.randint(10**6, 10**7),
        "queue-leader-locator": random.choice(("client-local", "balanced")),
        "initial-cluster-size": random.randint(1, 3),
    }
    if version < (4, 0):
        values["ha-mode"] = "all"
    else:
        values["stream-filter-size-bytes"] = random.randint(16, 255)
        values["consumer-timeout"] = random.randint(10**6, 10**7)
        values["target-group-size"] = random.randint(1, 7)
    if version >= (4, 3):
        values["consumer-disconnected-timeout"] = random.randint(10**5, 10**6)
        values["delayed-retry-min"] = random.randint(1, 50)
        values["delayed-retry-max"] = random.randint(50, 99)
    return values


def _operators(version: tuple[int, int]) -> list[str]:
    keys = [*_LIMITS, "expires", "delivery-limit"]
    keys += ["queue-version", "overflow", "target-group-size"] if version >= (4, 0) else []
    return keys + (["delayed-retry-min", "delayed-retry-max"] if version >= (4, 3) else [])


def policies(
    random: Random, vhost: str, version: tuple[int, int], number: int, *, operator: bool = False
) -> list[Policy]:
    """Make up to five policies, no two with one priority, whose names hold `number`."""
    applies = ["all", "queues", "exchanges"]
    applies += ["classic_queues", "quorum_queues", "streams"] if version >= (3, 12) else []
    priorities = random.sample([-5, -1, 0, 1, 2.5, 7, 100], random.randint(0, 3 if operator else 5))
    made = []
    for index, priority in enumerate(priorities):
        values = _values(random, version)
        keys = _operators(version) if operator else sorted(values)
        definition = {key: values[key] for key in random.sample(keys, random.choice((1, 1, 2, 3)))}
        made.append(
            Policy(
                vhost,
                f"{'o' if operator else 'p'}{number}.{index}",
                random.choice(PATTERNS),
                random.choice(applies),
                priority,
                Arguments(definition),
            )
        )
    return made


def targets(random: Random, vhost: str) -> list[Queue | Exchange]:
    """Make a queue of every type and a few exchanges, under odd names."""
    types = ["classic"] * 5 + ["quorum"] * 2 + ["stream"]
    found: list[Queue | Exchange] = [
        Queue(vhost, name, kind) for name, kind in zip(random.sample(NAMES, len(types)), types, strict=True)
    ]
    return found + [Exchange(vhost, name, "fanout") for name in random.sample(NAMES, 3)]
