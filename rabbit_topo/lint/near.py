"""Names that are nearly right."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_MANY = 300


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Ask for the name that is most like a word; empty where none is. Of very many, only some of its length are tried.

    One that differs in capital letters alone is the most like.

    >>> did_you_mean("x-mesage-ttl", {"x-message-ttl", "x-max-age"}), did_you_mean("x", ())
    ('did you mean `x-message-ttl`?', '')
    """
    if alike := sorted(one for one in known if one.lower() == word.lower()):
        return f"did you mean `{alike[0]}`?"
    if len(known) > _MANY:
        known = [one for one in known if abs(len(one) - len(word)) <= 1 and one[:1] == word[:1]][:_MANY]
    best = difflib.get_close_matches(word[:255], sorted(known), 1, 0.7)
    return f"did you mean `{best[0]}`?" if best else ""
