"""Questions after names that are nearly right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.near import nearest

if TYPE_CHECKING:
    from collections.abc import Collection


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Ask for the name that is most like a word; empty where none is. Of very many, only some of its length are tried.

    One that differs in capital letters alone is the most like.

    >>> did_you_mean("x-mesage-ttl", {"x-message-ttl", "x-max-age"}), did_you_mean("x", ())
    ('did you mean `x-message-ttl`?', '')
    """
    if alike := sorted(one for one in known if one.lower() == word.lower()):
        return f"did you mean `{alike[0]}`?"
    best = nearest(word, known)
    return f"did you mean `{best}`?" if best else ""
