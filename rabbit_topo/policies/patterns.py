"""Whether a policy's pattern is found in a name: Erlang's `re`, worked out with Python's.

What a class holds beyond ASCII was asked of Erlang 25, 27 and 29, the ones under RabbitMQ 3.10.8, 4.0.5 and 4.3.6,
byte by byte.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.policies.effort import Effort, effort_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# What Python's `re` reads without complaint, but not as PCRE does: POSIX classes, a quantifier without a minimum, and
# two escapes.
_READ_OTHERWISE = ("[:", "{,", "\\v", "\\Z")

# What PCRE calls a word, beyond ASCII: Erlang up to 27 asks tables of Latin-1, byte by byte. From 28 on it has PCRE2.
_UPPER: Final = "\\xc0-\\xd6\\xd8-\\xde"
_LOWER: Final = "\\xaa\\xb5\\xba\\xdf-\\xf6\\xf8-\\xff"
_WORD: Final = f"a-zA-Z0-9_{_UPPER}{_LOWER}"
_LATIN: Final = {
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "b": f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))",
    "B": f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))",
}
_POSIX: Final = {
    "alpha": "a-zA-Z",
    "alnum": "a-zA-Z0-9",
    "digit": "0-9",
    "xdigit": "0-9a-fA-F",
    "space": "\\t-\\r ",
    "upper": "A-Z",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "word": "a-zA-Z0-9_",
}
_POSIX_LATIN: Final[Mapping[str, str]] = {
    **_POSIX,
    **{name: _POSIX[name] + _UPPER + _LOWER for name in ("alpha", "alnum", "word")},
    "upper": _POSIX["upper"] + _UPPER,
    "lower": _POSIX["lower"] + _LOWER,
    "punct": _POSIX["punct"] + "\\xa0-\\xa9\\xab-\\xb4\\xb6-\\xb9\\xbb-\\xbf\\xd7\\xf7",
}
_TOKENS: Final = re.compile(
    r"\\(?P<escape>.)|\[:(?P<posix>[a-z]+):\](?P<range>-(?!\]))?|(?P<open>\[\^?\]?)|(?P<close>\])|.", re.DOTALL
)
_CASELESS: Final = re.compile(r"\(\?[a-zA-Z^]*i")
_PCRE2: Final = (4, 3)  # the first release that Debian has with an Erlang from 28 on


class _Read(NamedTuple):
    """A pattern that is read; `heavy` where it takes too long to look for it in some name that there can be."""

    compiled: re.Pattern[bytes]
    heavy: Effort | None = None


def pattern_matches(pattern: str, name: str, version: str = "") -> bool | None:
    """Say whether a policy's pattern is found in a name; None where Python's `re` cannot read the pattern, or find it.

    It cannot be found where that might take for ever, as nothing bounds Python's search: `effort` tells. The server
    searches unanchored, on bytes, with PCRE. What else than ASCII counts as a word depends on the version.

    >>> pattern_matches("^shop", "shop.orders"), pattern_matches("orders$", "shop"), pattern_matches("(?R)", "x")
    (True, False, None)
    """
    read = _compiled(pattern, latin=not name.isascii() and (read_release(version) or NEWEST) < _PCRE2)
    text = name.encode()
    if read is None or (read.heavy and not read.heavy.is_bearable(len(text))):
        return None
    return read.compiled.search(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, *, latin: bool = False) -> _Read | None:
    plain = _spelled(pattern, latin=False)
    if plain is None or any(part in plain for part in _READ_OTHERWISE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a "possible nested set" is another thing to PCRE
            compiled = re.compile(plain.encode())
            effort = effort_of(plain.encode())
    except (re.error, FutureWarning, OverflowError, RecursionError):
        return None
    if effort is None:
        return None
    heavy = None if effort.is_always_bearable else effort
    if not latin:
        return _Read(compiled, heavy)
    words = None if _CASELESS.search(pattern) else _spelled(pattern, latin=True)
    return None if words is None else _Read(re.compile(words.encode()), heavy)


def _spelled(pattern: str, *, latin: bool) -> str | None:
    """Spell out POSIX classes, and what a word is to older versions; None where that cannot be said in one class."""
    spelled: list[str] = []
    inside = False
    for token in _TOKENS.finditer(pattern):
        escape, text = token["escape"], token[0]
        if inside and token["posix"]:
            members = (_POSIX_LATIN if latin else _POSIX).get(token["posix"])
            ranges = token["range"] or (spelled[-1] == "-" and not spelled[-2].startswith("["))
            if members is None or ranges:
                return None
            text = members
        elif latin and inside and escape == "W":
            return None
        elif latin and escape in _LATIN and not inside:
            text = _LATIN[escape]
        elif latin and escape == "w":
            text = _WORD
        elif token["open"] and not inside:
            inside = True
        elif token["close"]:
            inside = False
        spelled.append(text)
    return "".join(spelled)
