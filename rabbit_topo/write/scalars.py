"""How a text is written in YAML: plain where no reader could take it for anything else, else in double quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rabbit_topo.load.scalars import resolve

if TYPE_CHECKING:
    from rabbit_topo.model import Plain

# Not plain for our own reader's sake alone: YAML 1.1 has `y` and `n` for true and false, and `<<` as a key merges.
_OTHERS: Final = frozenset(("y", "Y", "n", "N", "<<"))
_NUMBER: Final = re.compile(r"[-+]?[0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9_]+)?", re.ASCII)
# What ends a plain text, or begins something else: signs at its start, a colon before a space, a comment.
_NOT_PLAIN: Final = re.compile(r"""[-?:,\[\]{}#&*!|>'"%@`=\s]|\.\.\.|---|.*?(?::\s|:$|\s#|\s$)""", re.DOTALL)
_NOT_IN_FLOW: Final = re.compile(r"[,\[\]{}?\\]")
# Control characters and what cannot be seen: of other lengths, directions, line breaks, the byte order mark.
_HIDDEN: Final = (
    r"\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff0-\uffff"
)
_HIDDEN_ONE: Final = re.compile(f"[{_HIDDEN}]")
_ESCAPED: Final = re.compile(f'["\\\\{_HIDDEN}]')
_EXPONENT: Final = re.compile(r"^(-?[0-9]+)e")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def spell(text: str, *, flow: bool = True) -> str:
    r"""Return how a text is written: as a key or a value, on one line.

    Every YAML reader, of version 1.1 or 1.2, reads it back as this text. `flow` says that it stands inside of `[]` or
    `{}`, where fewer texts can be plain, and patterns are easier to read in quotes; what is spelled for there may stand
    anywhere.

    >>> print(spell("order.#"), spell("#"), spell("1.10"), spell("on"), spell("a, b", flow=False), spell("a, b"))
    order.# "#" "1.10" "on" a, b "a, b"
    """
    return text if _is_plain(text, flow=flow) else f'"{_ESCAPED.sub(_escape, text)}"'


def spell_value(value: Plain, *, flow: bool = True) -> str:
    """Return how a text, number, boolean or null is written; the loader reads it back as it is.

    Raises ValueError for a number that YAML has no word for that every reader knows, like infinity.

    >>> print(*map(spell_value, [None, True, 3, 0.5, 1e22, "1"]))
    null true 3 0.5 1.0e+22 "1"
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return spell(value, flow=flow)
        case _:
            return _number(value)


def _number(value: float) -> str:
    spelled = _EXPONENT.sub(r"\1.0e", repr(value))
    if type(read := resolve(spelled)) is not type(value) or read != value:
        raise ValueError(f"{value} cannot be written as a number of YAML")
    return spelled


def _is_plain(text: str, *, flow: bool) -> bool:
    if not text or resolve(text) != text or text in _OTHERS or _NUMBER.fullmatch(text):
        return False
    return not (_NOT_PLAIN.match(text) or _HIDDEN_ONE.search(text) or (flow and _NOT_IN_FLOW.search(text)))


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    code = ord(char)
    return _SHORT.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004 - one byte
