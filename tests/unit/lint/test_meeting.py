"""Whether patterns meet, against every key of a small world."""

from __future__ import annotations

import random

import pytest

from rabbit_topo.lint.meeting import Tree
from tests.unit.lint.test_containment import KEYS, taken


@pytest.mark.parametrize("seed", range(4))
def test_patterns_meet_where_one_key_fits_both(seed: int) -> None:
    made = random.Random(seed)  # noqa: S311 - no secret
    patterns = sorted({".".join(made.choices("ab*#", k=made.randint(0, 4))) for _ in range(40)})
    keys = {pattern: taken(pattern) for pattern in patterns}
    met = []
    for _ in range(400):
        bound, pattern = made.sample(patterns, made.randint(1, 3)), made.choice(patterns)
        met.append(any(keys[one] & keys[pattern] for one in bound))
        assert Tree(bound, literal=False).meets(pattern) == met[-1], (bound, pattern)
        words = made.sample(KEYS, 20)
        assert Tree(words, literal=True).meets(pattern) == (not keys[pattern].isdisjoint(words)), (words, pattern)
    assert min(met.count(True), met.count(False)) > 20


def test_wildcards_of_a_direct_exchange_are_words() -> None:
    assert Tree(["a.#"], literal=True).meets("a.*")
    assert not Tree(["a.#"], literal=True).meets("a.b.*")
    assert not Tree(["*"], literal=True).meets("a.#")


def test_a_tree_too_large_to_look_through_is_said_to_meet() -> None:
    words = [f"{number}.x" for number in range(600)]
    assert Tree(words, literal=True).meets("*.y")
    assert not Tree(words, literal=True).meets("7.y")
    assert not Tree(words[:200], literal=True).meets("*.y")
