"""Containment of topic patterns, against every key of a small world."""

from __future__ import annotations

import itertools
import random

import pytest

from rabbit_topo.lint.containment import covers, shadowed
from rabbit_topo.routing.topic import Trie

KEYS = [".".join(words) for length in range(7) for words in itertools.product("abz", repeat=length)]


def taken(pattern: str) -> set[str]:
    trie = Trie([(pattern, None)])
    return {key for key in KEYS if list(trie.find(key))}


@pytest.mark.parametrize("seed", range(4))
def test_a_pattern_covers_what_takes_no_other_key(seed: int) -> None:
    made = random.Random(seed)  # noqa: S311 - no secret
    patterns = sorted({".".join(made.choices("ab*#", k=made.randint(0, 5))) for _ in range(40)})
    keys = {pattern: taken(pattern) for pattern in patterns}
    for broad, narrow in itertools.product(patterns, repeat=2):
        assert covers(broad, narrow) == (keys[narrow] <= keys[broad]), (broad, narrow)


@pytest.mark.parametrize(
    ("broad", "narrow", "expected"),
    [
        ("#", "", True),
        ("*", "", False),
        ("*", "a.", False),
        ("a.*", "a.", True),
        ("*.*", ".", True),
        ("a*", "ab", False),
        ("*.#", "#.*", True),
        ("#.a.*.#", "a.#.a", True),
        ("#.a.*.#", "a.#", False),
    ],
)
def test_words_may_be_empty_and_wildcards_stand_alone(broad: str, narrow: str, *, expected: bool) -> None:
    assert covers(broad, narrow) is expected


def test_what_would_take_very_long_is_said_not_to_be_covered() -> None:
    tail = ".".join("*" * 60)
    assert covers(f"#.{tail}", f"#.a.{tail}")
    assert not covers(f"#.a.{tail}", f"#.b.#.a.{tail}")


def test_each_shadowed_pattern_is_told_once_with_the_first_that_covers_it() -> None:
    patterns = ["a.b", "a.*", "#.*", "*.#", "a.b.c", "x", "a.b"]
    assert list(shadowed(patterns)) == [(0, 1), (1, 2), (3, 2), (4, 2), (5, 2), (6, 1)]
    assert list(shadowed(["a.b", "a.b", "a.c"])) == []
