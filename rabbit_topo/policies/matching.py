"""Which policy reaches which object: `rabbit_policy`, and the queue types' lists of `unsupported_policies`."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

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


# What Python's `re` reads without complaint, but not as PCRE does: POSIX classes, a quantifier without a minimum, and
# two escapes.
_READ_OTHERWISE = ("[:", "{,", "\\v", "\\Z")


# What PCRE calls a word, beyond ASCII: Erlang up to 27 asks tables of Latin-1, byte by byte. From 28 on it has PCRE2.
_WORD: Final = "a-zA-Z0-9_\\xaa\\xb5\\xba\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\xff"
_LATIN: Final = {
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "b": f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))",
    "B": f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))",
}
_TOKENS: Final = re.compile(r"\\(?P<escape>.)|(?P<open>\[\^?\]?)|(?P<close>\])|.", re.DOTALL)
_PCRE2: Final = (4, 3)  # the first release that Debian has with an Erlang from 28 on


@lru_cache(maxsize=4096)
def _compiled(pattern: str, *, latin: bool = False) -> re.Pattern[bytes] | None:
    if any(part in pattern for part in _READ_OTHERWISE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a "possible nested set" is another thing to PCRE
            compiled = re.compile(pattern.encode())
    except (re.error, FutureWarning, OverflowError, RecursionError):
        return None
    words = _latin(pattern) if latin else pattern
    return compiled if words == pattern else None if words is None else re.compile(words.encode())


def _latin(pattern: str) -> str | None:
    """Spell out what a word is to older versions; None for "no word" among other characters."""
    spelled = []
    inside = False
    for token in _TOKENS.finditer(pattern):
        escape, text = token["escape"], token[0]
        if inside and escape == "W":
            return None
        if escape in _LATIN and not inside:
            text = _LATIN[escape]
        elif escape == "w":
            text = _WORD
        elif token["open"] and not inside:
            inside = True
        elif token["close"]:
            inside = False
        spelled.append(text)
    return "".join(spelled)


def pattern_matches(pattern: str, name: str, version: str = "") -> bool | None:
    """Say whether a policy's pattern is found in a name; None where Python's `re` cannot read the pattern.

    The server searches unanchored, on bytes, with PCRE. What else than ASCII counts as a word depends on the version.

    >>> pattern_matches("^shop", "shop.orders"), pattern_matches("orders$", "shop"), pattern_matches("(?R)", "x")
    (True, False, None)
    """
    compiled = _compiled(pattern, latin=not name.isascii() and release(version) < _PCRE2)
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
    return pattern_matches(policy.pattern, target.name, version)


def effective(policies: Iterable[Policy], target: Queue | Exchange, version: str) -> Policy | None:
    """Return the policy with the highest priority among those that reach the object.

    A pattern that cannot be read here counts as not matching. Ties go to the first by name, where the server
    makes no promise.
    """
    return first(policy for policy in policies if reaches(policy, target, version))


def first(candidates: Iterable[Policy]) -> Policy | None:
    """Return the one of several policies that takes effect: the highest priority, then the name."""
    return min(candidates, key=lambda policy: (-policy.priority, policy.name), default=None)
