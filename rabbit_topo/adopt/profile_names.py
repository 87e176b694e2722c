"""Names for profiles that tell what is in them: `quorum-limit-5-dead-letters`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from rabbit_topo.adopt.items import ARGUMENTS, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.adopt.items import Items
    from rabbit_topo.model import Plain

_ODD: Final = re.compile(r"[^a-z0-9.]+")
_WORDS: Final = 3  # what a name tells, beside the type
_LONGEST: Final = 30  # characters of one word
# The most telling first: what becomes of a message, and who works on it, before how many may wait.
_TOLD: Final = (
    "dead_letter",
    "single_active_consumer",
    "delivery_limit",
    "auto_delete",
    "durable",
    "message_ttl",
    "expires",
    "max_age",
    "max_length",
    "max_length_bytes",
    "overflow",
    "max_priority",
    "alternate_exchange",
)
_SHORT: Final = {
    "delivery_limit": "limit",
    "message_ttl": "ttl",
    "expires": "expires",
    "max_age": "age",
    "max_length": "max",
    "max_length_bytes": "max",
    "max_priority": "priority",
    "alternate_exchange": "else",
    "segment_size": "segments",
    "initial_group_size": "group",
    "leader_locator": "leader",
}
_FLAGS: Final = {
    ("single_active_consumer", True): "single-consumer",
    ("single_active_consumer", False): "many-consumers",
    ("auto_delete", True): "auto-delete",
    ("durable", False): "transient",
    ("internal", True): "internal",
}


def profile_names(profiles: Iterable[Items]) -> dict[Items, str]:
    """Name each profile after its type and the most telling options; different profiles have different names."""
    names: dict[Items, str] = {}
    taken: set[str] = set()
    for items in sorted(profiles, key=lambda one: (-len(one), sorted(one))):
        name = next(name for name in _offers(items) if name not in taken)
        taken.add(name)
        names[items] = name
    return names


def _offers(items: Items) -> Iterable[str]:
    """Yield names, from short to long, and then with a number."""
    said = {item.path: json.loads(item.value) for item in in_order(items)}
    kind = [str(said.pop(("type",)))] if ("type",) in said else []
    words = [_word(path, value) for path, value in sorted(said.items(), key=lambda pair: _rank(pair[0][0]))]
    words = [word for word in words if word]
    for length in range(_WORDS, max(len(words), _WORDS) + 1):
        yield "-".join([*kind, *words[:length]]) or "shared"
    whole = "-".join([*kind, *words]) or "shared"
    yield from (f"{whole}-{number}" for number in range(2, 1_000_000))


def _rank(key: str) -> int:
    return _TOLD.index(key) if key in _TOLD else len(_TOLD)


def _word(path: tuple[str, ...], value: Plain) -> str:
    """Tell one option in a word or two."""
    key = path[0]
    match value:
        case bool() if (key, value) in _FLAGS:
            return _FLAGS[key, value]
        case {"exchange": str(exchange)} if key == "dead_letter":
            return f"to-{_slug(exchange)}" if exchange else "to-queue"
        case _ if key == ARGUMENTS:
            return _slug(path[-1].removeprefix("x-"))
        case dict():
            return _slug(key)
        case str() | int() | float() if key in _SHORT:
            return f"{_SHORT[key]}-{_slug(value)}"
        case _:
            return _slug(value)


def _slug(value: Plain) -> str:
    return _ODD.sub("-", str(value).lower()).strip("-.")[:_LONGEST].strip("-.")
