"""`-k`: words that a test's name holds, with and, or, not and brackets between them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Wanted: TypeAlias = "Callable[[str], bool]"
_TOKEN: Final = re.compile(r'\s*(?:([()])|"([^"]*)"|([^\s()"]+))')
_SHOWN: Final = 5  # names of tests that may be meant
_HINT: Final = "as in: -k 'order and not \"is rejected\"'"


def selection(expression: str) -> Wanted:
    """Return what says of a name whether it is wanted, whatever its case. Raises `UsageError` for a broken expression.

    >>> wanted = selection('paid and not (refund or "is late")')
    >>> wanted("a paid order"), wanted("a paid order is late")
    (True, False)
    """
    tokens: list[tuple[str, bool]] = []  # and whether it is a word, even if it says `and`
    at = 0
    text = expression.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise UsageError(f"-k {expression!r}: a quotation mark has no second one", _HINT)
        bracket, quoted, bare = found.groups()
        word = bracket or bare or quoted or ""
        tokens.append((word.lower(), quoted is not None or not (bracket or bare in {"and", "or", "not"})))
        at = found.end()
    parser = _Parser(expression, tokens)
    wanted = parser.either()
    if parser.left:
        raise parser.wrong()
    return wanted


def none_chosen(expression: str, names: Sequence[str]) -> UsageError:
    """Return the error that no test is wanted, with the names that are nearest to what was asked for.

    >>> none_chosen("piad", ["an order is paid", "a refund"]).hint
    'near are: an order is paid'
    """
    bare = [word.lower() for _, quoted, bare in _TOKEN.findall(expression) for word in (quoted, bare) if word]
    asked = [word for word in bare if word not in {"and", "or", "not"}]
    near = [name for name in names if any(_is_near(word, name.lower()) for word in asked)]
    hint = (
        f"near are: {', '.join(near[:_SHOWN])}" if near else f"there are {len(names):,} tests; -v names those that run"
    )
    return UsageError(f"no test has these words: -k {expression!r}", hint)


def _is_near(word: str, name: str) -> bool:
    return word in name or bool(difflib.get_close_matches(word, [name, *name.split()], 1, 0.7))


class _Parser:
    def __init__(self, expression: str, tokens: list[tuple[str, bool]]) -> None:
        self.expression = expression
        self.left = list(reversed(tokens))

    def wrong(self) -> UsageError:
        where = f"near {self.left[-1][0]!r}" if self.left else "at its end"
        return UsageError(f"-k {self.expression!r} is no expression {where}", _HINT)

    def _take(self, word: str) -> bool:
        if self.left and self.left[-1] == (word, False):
            self.left.pop()
            return True
        return False

    def either(self) -> Wanted:
        one = self._both()
        while self._take("or"):
            one = _or(one, self._both())
        return one

    def _both(self) -> Wanted:
        one = self._one()
        while self._take("and"):
            one = _and(one, self._one())
        return one

    def _one(self) -> Wanted:
        if self._take("not"):
            inner = self._one()
            return lambda name: not inner(name)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise self.wrong()
            return inner
        if not self.left or not self.left[-1][1]:
            raise self.wrong()
        word, _ = self.left.pop()
        return lambda name: word in name.lower()


def _or(one: Wanted, other: Wanted) -> Wanted:
    return lambda name: one(name) or other(name)


def _and(one: Wanted, other: Wanted) -> Wanted:
    return lambda name: one(name) and other(name)
