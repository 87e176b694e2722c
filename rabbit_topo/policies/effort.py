"""How long Python's `re` may look for a pattern in a name, worked out of the pattern before it is tried.

The server gives up after a number of steps, PCRE's match limit; Python's `re` never does, and `^(a+)+$` would keep it
busy for ever. What makes it slow is a choice that the next byte does not decide: to go on with a repeat or to leave it,
or which of several alternatives to take. Such choices in a row make a polynomial of the name's length, such choices
inside a repeat without an end make a power of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from math import comb
from typing import Any, Final, NamedTuple

_MOST: Final = 5_000_000  # ways to try, some tenths of a second
_LONGEST: Final = 255  # bytes of a name
_FEW: Final = 16  # repeats that are counted one by one
_END: Final = -1  # in place of a byte: nothing comes any more
_ANY: Final = frozenset(range(256))
_NONE: Final[frozenset[int]] = frozenset()

_parser: Any = import_module("re._parser")  # what `re.compile` itself reads a pattern with
_REPEATS: Final = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_ANCHORS: Final = {"AT_BEGINNING", "AT_BEGINNING_STRING"}
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": rb"\d",
    "CATEGORY_NOT_DIGIT": rb"\D",
    "CATEGORY_SPACE": rb"\s",
    "CATEGORY_NOT_SPACE": rb"\S",
    "CATEGORY_WORD": rb"\w",
    "CATEGORY_NOT_WORD": rb"\W",
}


class Effort(NamedTuple):
    """How many ways there are at most to try a pattern: `ways`, times a polynomial of this degree of the length."""

    degree: int
    ways: int

    def is_bearable(self, length: int) -> bool:
        """Say whether a name of so many bytes can be searched in a moment."""
        return self.ways * comb(length + self.degree, self.degree) <= _MOST

    @property
    def is_always_bearable(self) -> bool:
        """Whether every name that a broker takes can be."""
        return self.is_bearable(_LONGEST)


def effort_of(pattern: bytes) -> Effort | None:
    """Return how many ways there are to try a pattern; None where they are a power of the name's length.

    Raises what `re.compile` raises.

    >>> effort_of(b"^shop[.]"), effort_of(b"^(a+)+$"), effort_of(b".*[.].*x")
    (Effort(degree=0, ways=1), None, Effort(degree=3, ways=1))
    """
    parsed = _parser.parse(pattern)
    try:
        found = _Walk().along(parsed, _NONE)
    except _TooMany:
        return None
    anchored = bool(len(parsed)) and str(parsed[0][1]) in _ANCHORS and not parsed.state.flags & re.MULTILINE
    return found if anchored or not found.degree else found._replace(degree=found.degree + 1)


class _TooMany(Exception):
    """There are more ways than anybody can count."""


class _First(NamedTuple):
    """With which bytes a part of a pattern may begin, and whether it may be empty."""

    bytes: frozenset[int]
    empty: bool

    def before(self, after: frozenset[int]) -> frozenset[int]:
        """Return the bytes that come next where this part does, and then those."""
        return self.bytes | after if self.empty else self.bytes


@dataclass(slots=True)
class _Walk:
    """One walk through a parsed pattern; each part is looked at once."""

    known: dict[int, _First] = field(default_factory=dict)

    def first(self, part: Any) -> _First:
        """Return how a sequence begins."""
        if id(part) not in self.known:
            found = _First(_NONE, empty=True)
            for kind, value in reversed(list(part)):
                one = self._first_of(str(kind), value)
                found = _First(one.before(found.bytes), one.empty and found.empty)
            self.known[id(part)] = found
        return self.known[id(part)]

    def along(self, part: Any, after: frozenset[int]) -> Effort:
        """Return the ways through a sequence, of which these bytes come after."""
        degree, ways = 0, 1
        for kind, value in reversed(list(part)):
            one = self._through(str(kind), value, after)
            degree, ways = degree + one.degree, ways * one.ways
            if ways > _MOST or degree > _LONGEST:
                raise _TooMany
            after = self._first_of(str(kind), value).before(after)
        return Effort(degree, ways)

    def _first_of(self, kind: str, value: Any) -> _First:
        match kind:
            case "LITERAL" | "NOT_LITERAL" | "IN" | "ANY":
                return _First(_bytes_of(kind, value), empty=False)
            case "AT":
                at_end = str(value) in {"AT_END", "AT_END_STRING"}
                return _First(frozenset({_END, *b"\n"}) if at_end else _NONE, empty=not at_end)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                found = self.first(value[2])
                return found._replace(empty=found.empty or value[0] == 0)
            case "ASSERT" | "ASSERT_NOT" | "FAILURE":
                return _First(_NONE, empty=True)
            case "GROUPREF":
                return _First(_ANY, empty=True)
            case _:
                parts = [self.first(one) for one in _alternatives(kind, value)]
                return _First(_NONE.union(*(one.bytes for one in parts)), any(one.empty for one in parts))

    def _through(self, kind: str, value: Any, after: frozenset[int]) -> Effort:
        if kind in _REPEATS:
            return self._repeated(value, after)
        if kind in {"ASSERT", "ASSERT_NOT"}:
            return self.along(value[1], _NONE)
        parts = list(_alternatives(kind, value))
        begins = [self.first(one).before(after) for one in parts]
        found = [self.along(one, after) for one in parts]
        together = sum if sum(map(len, begins)) > len(_NONE.union(*begins)) else max
        return Effort(max((one.degree for one in found), default=0), together([one.ways for one in found] or [1]))

    def _repeated(self, value: Any, after: frozenset[int]) -> Effort:
        part = value[2]
        begin, least, most = self.first(part), int(value[0]), min(int(value[1]), _LONGEST + 1)
        open_ = most > least and (begin.empty or not begin.bytes.isdisjoint(after))
        inner = self.along(part, begin.bytes | after if most > 1 else after)
        if most > _LONGEST and inner != (0, 1):
            raise _TooMany
        exits = most - least + 1 if open_ else 1
        many = exits > _FEW
        return Effort(inner.degree * most + many, inner.ways**most * (1 if many else exits))


def _alternatives(kind: str, value: Any) -> tuple[Any, ...]:
    """Return what there is to choose from; of a group, the one thing that is in it."""
    match kind:
        case "BRANCH":
            return tuple(value[1])
        case "SUBPATTERN":
            return (value[-1],)
        case "ATOMIC_GROUP":
            return (value,)
        case "GROUPREF_EXISTS":
            return (value[1], value[2] or ())
        case _:
            return ()


def _bytes_of(kind: str, value: Any) -> frozenset[int]:
    """Return the bytes that one place takes, in both cases of a letter, as the pattern may ask for neither."""
    found = _spelled(kind, value)
    return found | frozenset(bytes(found).swapcase())


def _spelled(kind: str, value: Any) -> frozenset[int]:
    match kind:
        case "LITERAL":
            return frozenset({int(value)})
        case "NOT_LITERAL":
            return _ANY - {int(value)}
        case "RANGE":
            return frozenset(range(value[0], value[1] + 1))
        case "CATEGORY":
            return _category(_CATEGORIES[str(value)])
        case "IN":
            found = _NONE.union(*(_spelled(str(one), what) for one, what in value))
            return _ANY - found if str(value[0][0]) == "NEGATE" else found
        case "NEGATE":
            return _NONE
        case _:
            return _ANY


@cache
def _category(pattern: bytes) -> frozenset[int]:
    return frozenset(number for number in range(256) if re.match(pattern, bytes([number])))
