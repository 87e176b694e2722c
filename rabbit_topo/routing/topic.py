"""Topic patterns: which of very many fit a key.

A pattern and a key are words between dots; the empty text has none. `*` stands for exactly one word, which may be
empty, and `#` for any number of them, none included. Both are wildcards only as whole words, and only in patterns.
Source: rabbit_exchange_type_topic and rabbit_db_topic_exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Value = TypeVar("_Value")


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
    __slots__ = ("below", "values")

    def __init__(self) -> None:
        self.below: dict[str, _Node[_Value]] = {}
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
                    below = node.below[word] = _Node()
                node = below
            node.values.append(value)

    def find(self, key: str) -> Iterator[_Value]:
        """Return the values of the patterns that fit, each once, in no particular order."""
        words = words_of(key)
        end = len(words)
        left = [(self._root, 0)]
        been = {(id(self._root), 0)}
        while left:
            node, at = left.pop()
            if at == end:
                yield from node.values
            ways = []
            if at < end:
                ways = [(below, at + 1) for word in {words[at], "*"} if (below := node.below.get(word))]
            if below := node.below.get("#"):
                ways += [(below, skipped) for skipped in range(at, end + 1)]
            for way, position in ways:
                if (id(way), position) not in been:
                    been.add((id(way), position))
                    left.append((way, position))
