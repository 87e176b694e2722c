"""How long a pattern may keep Python's `re` busy is known before it is tried."""

from __future__ import annotations

import pytest

from rabbit_topo.policies import pattern_matches
from rabbit_topo.policies.effort import effort_of

LONG = "a" * 254 + "!"


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a*)*b",
        "^(a|a)*$",
        "^(a|aa)*$",
        r"^(\w+\s?)*$",
        r"^([a-zA-Z0-9]+)*@",
        "(a?){40}a{40}!!",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?=(a+)+$)b",
        r"(a)(\1+)+$",
        "(?:(?>a+)?a*)*b",
    ],
)
def test_a_search_that_would_never_end_is_not_begun(pattern: str) -> None:
    assert pattern_matches(pattern, LONG) is None
    assert pattern_matches(pattern, "b") is None, "whatever the name is"


@pytest.mark.parametrize(
    ("pattern", "degree"),
    [
        ("^shop", 0),
        (r"^(a|b)\.", 0),
        (".*", 0),
        (r"^shop\..*\.(x|y)$", 1),
        (r"([a-z]+\.)*dead$", 2),
        (r"^([^.]+\.)+[^.]+$", 2),
        (r"^(?:[a-z0-9-]+\.)+[a-z]+$", 1),
        (r"^(\w+[.-])*\w+$", 1),
        (r"^(?!amq\.).*", 0),
        ("(order|out)*x", 0),
        ("(a)?(?(1)b|c)", 0),
        ("(a)?(?(1)b)", 0),
        (r"[^\d_]{2,4}\s+x", 0),
        ("^(?>a+)b|[^a-dA-D]*+d", 0),
        ("(?:A+b)*c", 0),
        (r"^a{0,99}a$", 1),
        (r"\bshop\b.*x", 2),
        ("(?m)^a.*b", 2),
        ("(?i)[^a]+A", 2),
        ("^(?!)", 0),
    ],
)
def test_ordinary_patterns_are_read_whatever_the_name_is(pattern: str, degree: int) -> None:
    found = effort_of(pattern.encode())
    assert found is not None
    assert found.degree == degree
    assert found.is_always_bearable


def test_many_ends_that_are_left_open_take_a_short_name() -> None:
    """Five stars in a row: as many ways as there are to cut a name into six."""
    pattern = "a.*b.*c.*d.*e.*f"
    assert pattern_matches(pattern, "a.b.c.d.e.f") is True
    assert pattern_matches(pattern, "a.b.c") is False
    assert pattern_matches(pattern, "abcde" * 51) is None
    assert pattern_matches("^(.*a){30}!!$", LONG) is None


def test_a_few_choices_are_counted_one_by_one() -> None:
    found = effort_of(b"^a{0,3}ab?b(c|cd|e)c")
    assert found is not None
    assert found == (0, 4 * 2 * 3)
