"""What a plain scalar means, where every YAML reader agrees; the rest is a trap.

YAML 1.1 and 1.2 read `on`, `0x1`, `1_000`, `1:30`, `2024-01-01` or `1e3` differently, and `1.10` loses a
digit. Such a scalar is never read one way in silence: it is reported, with the way to write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rabbit_topo.model import Plain


@dataclass(frozen=True, slots=True)
class Trap:
    """A plain scalar that is not what it looks like: what a reader may take it for, and what to write."""

    taken_for: str
    instead: str = ""


_WORDS: dict[str, Plain] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "=": Trap("a special value"),
}
for _word, _meant in (("yes", "true"), ("on", "true"), ("no", "false"), ("off", "false")):
    _WORDS.update(dict.fromkeys((_word, _word.title(), _word.upper()), Trap("true or false", _meant)))
_NUMERIC_START = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?", re.ASCII)
_TRAPS = tuple(
    (re.compile(pattern, re.ASCII), taken_for)
    for pattern, taken_for in (
        (r"[-+]?0[xX][0-9a-fA-F_]+", "a hexadecimal number"),
        (r"[-+]?0o[0-7_]+", "an octal number"),
        (r"[-+]?0b[01_]+", "a binary number"),
        (r"[-+]?0[0-9_]+", "an octal number"),
        (r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", "a number of base 60"),
        (r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?", "a number"),
        (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "a number"),
        (r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "infinity or no number at all"),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?", "a date"),
    )
)
_MAX_DIGITS = 30


def resolve(text: str) -> Plain:
    """Return the value of a plain scalar, or a `Trap`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _MAX_DIGITS else Trap("a number that does not fit 64 bits")
    if _FLOAT.fullmatch(text) and not (text[0] == "0" and text[1:2].isdigit()):
        if text.endswith("0") and "." in text and not text.endswith(".0") and "e" not in text.lower():
            return Trap(f"the number {float(text)}", str(float(text)))
        return float(text)
    for pattern, taken_for in _TRAPS:
        if pattern.fullmatch(text):
            bare = text.replace("_", "")
            return Trap(taken_for, bare if bare != text and _is_number(bare) else "")
    return text


def _is_number(text: str) -> bool:
    return isinstance(resolve(text), (int, float))
