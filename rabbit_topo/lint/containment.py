"""Whether one topic pattern takes every key that another one takes.

Words are the alphabet, `*` is any one of them and `#` any number. Of the words that neither pattern names, one stands
for all. The broader pattern is followed along the narrower one's keys as a set of positions at once; a position before
a `#` that was reached adds nothing to what can still come, so the sets stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.routing.topic import Trie, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_OTHER: Final = "\0"  # a word that no pattern names
_MOST: Final = 2_000  # looks for one pair of patterns; both would have to be dozens of words long


def covers(broad: str, narrow: str) -> bool:
    """Say whether every key that `narrow` fits is one that `broad` fits.

    Patterns made to take very long to compare are said not to.

    >>> covers("order.#", "order.*.paid"), covers("#.a.*.#", "a.#.a"), covers("*", "#")
    (True, True, False)
    """
    wide, thin = words_of(broad), words_of(narrow)
    letters = sorted({*wide, *thin, _OTHER} - {"*", "#"})
    start = (0, _closed(wide, {0}))
    left, been = [start], {start}
    while left:
        if len(been) > _MOST:
            return False
        at, positions = left.pop()
        if at == len(thin):
            if len(wide) not in positions:
                return False
            continue
        word = thin[at]
        steps = [(at + 1, positions)] if word == "#" else []
        after = at if word == "#" else at + 1
        for letter in letters if word in {"*", "#"} else (word,):
            moved = _closed(wide, _moved(wide, positions, letter))
            steps.append((after, moved))
        for step in steps:
            if step not in been:
                been.add(step)
                left.append(step)
    return True


def _moved(wide: Sequence[str], positions: Iterable[int], letter: str) -> set[int]:
    moved = set()
    for position in positions:
        if position < len(wide):
            if wide[position] == "#":
                moved.add(position)
            elif wide[position] in {"*", letter}:
                moved.add(position + 1)
    return moved


def _closed(wide: Sequence[str], positions: set[int]) -> frozenset[int]:
    """Add what `#` lets be skipped, and leave out what a `#` further on makes needless."""
    reached = set(positions)
    last = -1
    for position in range(len(wide)):
        if position in reached and wide[position] == "#":
            reached.add(position + 1)
            last = position
    return frozenset(position for position in reached if position >= last)


def shadowed(patterns: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the number of each pattern that another one covers, and the number of that one.

    Of several that cover it, the first. Of patterns that take the very same keys, the first covers the others.
    """
    wild = (pair for pair in enumerate(patterns) if not {"*", "#"}.isdisjoint(words_of(pair[1])))
    trie = Trie((pattern, number) for number, pattern in wild)
    for number, narrow in enumerate(patterns):
        sample = ".".join(_OTHER if word == "*" else word for word in words_of(narrow) if word != "#")
        for other in sorted(trie.find(sample)):
            broad = patterns[other]
            if other != number and covers(broad, narrow) and (other < number or not covers(narrow, broad)):
                yield number, other
                break
