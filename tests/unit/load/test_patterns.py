"""Regular expressions: what Python reads, and what PCRE refuses for certain."""

from __future__ import annotations

import pytest

from rabbit_topo.load.patterns import pattern, policy_pattern

PCRE_ONLY = [
    r"^\Qshop.[\E", r"\h(", "a++", "(?R)", "(?|a|b)", r"\p{L}[a]", "(?<n>a)", "(*UTF8)[a]", "{2}", "x{2}{3}",
    "[[:alpha:]]", "[[:alpha:", "a(?i)b", r"\x{41}", r"[\Q]\E]", "(*a)",
]  # fmt: skip


@pytest.mark.parametrize("text", [*PCRE_ONLY, "^shop", "(a)\\1", "(?P<a>x)", "(?i)shop"])
def test_what_only_python_does_not_know_passes_in_a_policy(text: str) -> None:
    assert policy_pattern(text) is None


@pytest.mark.parametrize("text", ["[", "[]", "(", "a)", "*", "+a", "?", "(?#a", "a**", "a|*", "a{2,1}", "a\\", 5, None])
def test_what_no_pcre_reads_is_refused(text: object) -> None:
    assert policy_pattern(text) is not None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text", ["[[a]", "[a&&b]", "[a--b]", "[a||b]", "[[:alpha:]]", "(?i)a", "*", "a)|(b", "(?P<a>x)"]
)
def test_what_is_no_alternative_with_one_meaning_is_not_owned(text: str) -> None:
    assert pattern(text) is not None


@pytest.mark.parametrize("text", ["shop\\..*", "(?i:a)", "(a|b)", r"[\[a]", r"(a)\\1"])
def test_what_can_be_owned(text: str) -> None:
    assert pattern(text) is None
