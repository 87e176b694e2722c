"""Names that are nearly right."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_MAX_CANDIDATES: Final = 300


def nearest(word: str, known: Collection[str]) -> str:
    """Return the name that is most like a word, or nothing; of a big set only some of its length are tried.

    >>> nearest("mesage_ttl", {"message_ttl", "max_length"}), nearest("x", ())
    ('message_ttl', '')
    """
    candidates = sorted(known)
    if len(candidates) > _MAX_CANDIDATES:
        near = [name for name in candidates if abs(len(name) - len(word)) <= 1 and name[:1] == word[:1]]
        candidates = near[:_MAX_CANDIDATES]
    best = difflib.get_close_matches(word[:255], candidates, 1, 0.7)
    return best[0] if best else ""
