"""Regular expressions that people read: only what must be escaped is."""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = re.compile(r"[\\.^$*+?{}\[\]|()]")  # both brackets: editors read patterns as JavaScript does


def escaped(name: str) -> str:
    r"""Spell a name so that a regular expression matches it and nothing else.

    >>> print(escaped("shop.orders-2 {eu}"))
    shop\.orders-2 \{eu\}
    """
    return _SPECIAL.sub(r"\\\g<0>", name)
