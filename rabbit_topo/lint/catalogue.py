"""Every rule, by its code, and which of them are meant by a code, a family or a name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from rabbit_topo.errors import UsageError
from rabbit_topo.lint import (
    dead_letter_rules,
    governance,
    meta,
    policy_rules,
    refused,
    routing_rules,
    semantics,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.lint.types import Rule

_ROOMS: Final = (refused, routing_rules, dead_letter_rules, semantics, policy_rules, versions, governance, meta)
RULES: Final[tuple[Rule, ...]] = tuple(sorted((rule for room in _ROOMS for rule in room.RULES), key=lambda it: it.code))
BY_CODE: Final[Mapping[str, Rule]] = {rule.code: rule for rule in RULES}
FAMILIES: Final[Mapping[str, str]] = {
    "RT1": "the broker would refuse it",
    "RT2": "routing",
    "RT3": "dead letters",
    "RT4": "what queues do with messages",
    "RT5": "policies",
    "RT6": "versions of RabbitMQ",
    "RT7": "governance",
    "RT9": "the files themselves",
}
_ALL: Final = "ALL"


def meant(word: str) -> frozenset[str]:
    """Return the codes that a code, a family, a rule's name or `ALL` stands for, in letters of either case.

    None where it means nothing.

    >>> sorted(meant("RT9")), sorted(meant("topic-pattern-shadowed")), sorted(meant("rt203")), sorted(meant("RT299"))
    (['RT900', 'RT901', 'RT902'], ['RT203'], ['RT203'], [])
    """
    if is_family(word):
        return frozenset(code for code in BY_CODE if word.upper() == _ALL or code.startswith(word.upper()))
    return frozenset(rule.code for rule in RULES if word.upper() == rule.code or word.lower() == rule.name)


def is_family(word: str) -> bool:
    """Say whether a word means a family of rules, or all of them."""
    return word.upper() in FAMILIES or word.upper() == _ALL


def nearest_rule(word: str) -> str:
    """Return the code, family or name that is most like a word; empty where none is."""
    known = [*BY_CODE, *FAMILIES, *(rule.name for rule in RULES), _ALL]
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")


def chosen(
    select: Iterable[str] = (), ignore: Iterable[str] = (), extend_select: Iterable[str] = ()
) -> tuple[Rule, ...]:
    """Return the rules that run: those of `select`, else the usual ones; `extend_select` more, `ignore` less.

    A single code beats a family: `ignore` of RT2 leaves an RT203 that `select` names. Raises `UsageError` for a word
    that means no rule.
    """
    usual = frozenset(rule.code for rule in RULES if rule.default)
    wanted, named = _codes(select)
    more, also = _codes(extend_select)
    less, not_named = _codes(ignore)
    running = ((wanted or usual) | more) - (less - (named | also)) - not_named
    return tuple(rule for rule in RULES if rule.code in running)


def _codes(words: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return all codes that some words mean, and those that are meant one by one."""
    everything: set[str] = set()
    single: set[str] = set()
    for word in words:
        if not (found := meant(word)):
            close = nearest_rule(word)
            hint = f"did you mean {close}?" if close else "`rabbit-topo rules` lists them"
            raise UsageError(f"there is no rule or family {word!r}", hint)
        everything |= found
        single |= set() if is_family(word) else found
    return frozenset(everything), frozenset(single)
