"""Whether some key fits both a pattern and one of very many bindings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rabbit_topo.routing.topic import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST: Final = 500  # looks for one pattern; a tree that is larger below it is said to meet it


@dataclass(slots=True, eq=False)
class _Node:
    below: dict[str, _Node] = field(default_factory=dict)
    one: _Node | None = None
    many: _Node | None = None
    loops: bool = False  # stands after a `#`, which may take another word
    ends: bool = False


class Tree:
    """The keys of an exchange's bindings: topic patterns, or literal ones where `*` and `#` are words like others."""

    def __init__(self, keys: Iterable[str], *, literal: bool) -> None:
        """Index the keys by their words."""
        self._root = _Node()
        for key in keys:
            node = self._root
            for word in words_of(key):
                if word == "#" and not literal:
                    node.many = node = node.many or _Node(loops=True)
                elif word == "*" and not literal:
                    node.one = node = node.one or _Node()
                else:
                    node = node.below.setdefault(word, _Node())
            node.ends = True

    def meets(self, pattern: str) -> bool:
        """Say whether there may be a key that the pattern fits and one of these, too; if not, there is provably none.

        >>> Tree(["paid", "o.#.x"], literal=False).meets("o.*"), Tree(["paid", "b.#"], literal=False).meets("o.*")
        (True, False)
        """
        words = words_of(pattern)
        left = [(self._root, 0)]
        been = set(left)
        while left:
            node, at = left.pop()
            if node.ends and at == len(words):
                return True
            for step in _steps(node, words, at):
                if step not in been:
                    been.add(step)
                    left.append(step)
            if len(been) > _MOST:
                return True
        return False


def _steps(node: _Node, words: Sequence[str], at: int) -> Iterator[tuple[_Node, int]]:
    """Return where one word leads that both sides take, and what a `#` of either that takes none."""
    if node.many:
        yield node.many, at
    if at == len(words):
        return
    word = words[at]
    after = at + 1
    if word == "#":
        yield node, after
        after = at
    if node.loops:
        yield node, after
    if node.one:
        yield node.one, after
    if word in {"*", "#"}:
        yield from ((below, after) for below in node.below.values())
    elif word in node.below:
        yield node.below[word], after
