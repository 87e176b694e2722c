"""Topic patterns: which of very many fit a key.

A pattern and a key are words between dots; the empty text has none. `*` stands for exactly one word, which may be
empty, and `#` for any number of them, none included. Both are wildcards only as whole words, and only in patterns.
Source: rabbit_exchange_type_topic and rabbit_db_topic_exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Value = TypeVar("_Value")
_WILD: Final = ("*", "#")


def words_of(text: str) -> list[str]:
    """Split a key or a pattern into its words.

    >>> words_of("a.b"), words_of("a."), words_of("")
    (['a', 'b'], ['a', ''], [])
    """
    return text.split(".") if text else []


def fits(pattern: str, key: str) -> bool:
    """Say whether one pattern fits a key.

    >>> fits("a.#", "a"), fits("*", ""), fits("a.*", "a."), fits("a*", "ab")
    (True, False, True, False)
    """
    return any(True for _ in Trie([(pattern, None)]).find(key))


class _Node(Generic[_Value]):
    __slots__ = ("below", "many", "values")

    def __init__(self, *, many: bool = False) -> None:
        self.below: dict[str, _Node[_Value]] = {}
        self.many = many  # stands after a `#`, which may take another word
        self.values: list[_Value] = []


class Trie(Generic[_Value]):
    """Patterns by their words, each with a value; a key is compared with what begins like it, and with nothing else."""

    def __init__(self, patterns: Iterable[tuple[str, _Value]]) -> None:
        """Index pairs of a pattern and what it stands for."""
        self._root: _Node[_Value] = _Node()
        for pattern, value in patterns:
            node = self._root
            for word in words_of(pattern):
                below = node.below.get(word)
                if below is None:
                    below = node.below[word] = _Node(many=word == "#")
                node = below
            node.values.append(value)

    def find(self, key: str) -> Iterator[_Value]:
        """Return the values of the patterns that fit, each once, in no particular order."""
        words = words_of(key)
        end, where = len(words), _places(words)
        left = [(self._root, 0)]
        been: set[_Node[_Value]] = set()
        while left:  # the last first, so that each node meets its places in the key from left to right
            node, at = left.pop()
            if node.many:
                if node in been:
                    continue  # from a place further left it reached all that it would reach from here
                been.add(node)
                yield from node.values
                left += _anywhere(node, at, end, where)
            elif at == end:
                yield from node.values
            else:
                ways = (node.below.get("*"), None if words[at] in _WILD else node.below.get(words[at]))
                left += [(way, at + 1) for way in ways if way]
            if many := node.below.get("#"):
                left.append((many, at))


def _places(words: list[str]) -> dict[str, list[int]]:
    """Return where each word stands, last first; a wildcard in a key is no word that a pattern could hold."""
    where: dict[str, list[int]] = {}
    for at in range(len(words) - 1, -1, -1):
        if words[at] not in _WILD:
            where.setdefault(words[at], []).append(at)
    return where


def _anywhere(
    node: _Node[_Value], at: int, end: int, where: dict[str, list[int]]
) -> Iterator[tuple[_Node[_Value], int]]:
    """Return the ways on from a `#` that may take any number of words from this place on, last place first."""
    below = node.below
    for word in below if len(below) < len(where) else where:
        if word in where and word in below:
            yield from ((below[word], place + 1) for place in where[word] if place >= at)
    if one := below.get("*"):
        yield from ((one, place) for place in range(end, at, -1))
