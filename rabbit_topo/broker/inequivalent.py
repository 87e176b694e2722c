"""What a broker says when something is declared again that differs: its words, taken apart.

RabbitMQ names the first difference only: `inequivalent arg 'KEY' for queue 'NAME' in vhost 'V': received R but current
is C` (`rabbit_misc:assert_args_equivalence1`). Names and values stand there as they are, with quotes, line feeds and
words like "but current is" of their own; so what is known (the name, the vhost, what was sent) is taken off from the
front, and nothing is searched for. A message of more than 255 bytes is cut, in the middle of a character if it must be.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from rabbit_topo.model import Key, Plain

_HEAD = re.compile(r"PRECONDITION_FAILED - inequivalent arg '([A-Za-z0-9_.-]+)' for ")
_BARE_ATOM = re.compile(r"[a-z][A-Za-z0-9_@]*")
_NONE: Final = "none"
_CURRENT: Final = " but current is "
_CUT: Final = "..."
_INTEGERS: Final = frozenset(
    {"byte", "short", "signedint", "long", "unsignedbyte", "unsignedshort", "unsignedint", "unsignedlong"}
)
_FLOATS: Final = frozenset({"double", "float"})
_STRINGS: Final = frozenset({"longstr", "binary"})


@dataclass(frozen=True, slots=True)
class Absent:
    """The broker has no such argument."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The broker has a value that its message does not tell whole; `shown` says so to people."""

    shown: str


Current: TypeAlias = "Absent | Unread | str"


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs: its name, what the message says of both values, and whether it was cut there."""

    key: str
    said: str
    cut: bool

    @property
    def silent(self) -> bool:
        """Say whether the message ends before it tells whether there is a value at all."""
        return not self.said

    def beside(self, sent: str) -> Current:
        """Return the current value, as text without its class, where `sent` was sent."""
        front = f"'{sent}'{_CURRENT}"
        if self.said.startswith(front):
            return self._quoted(self.said[len(front) :])
        # The class of what was sent is told only where there is nothing to compare it with.
        lone = f"the value '{sent}' of type '"
        if self.said.startswith(lone) and (self.cut or self.said.endswith(f"'{_CURRENT}{_NONE}")):
            return Absent()
        return Absent() if self.cut and self.said and lone.startswith(self.said) else _unread("")

    def alone(self) -> Plain | Unread:
        """Return the current value with its class, where nothing was sent."""
        front = f"{_NONE}{_CURRENT}the value '"
        if not self.said.startswith(front):
            return _unread("")
        value = self.said[len(front) :]
        if self.cut:
            return _unread(value)
        value, _, kind = value.removesuffix("'").rpartition("' of type '")
        return _typed(self.key, value, kind)

    def _quoted(self, current: str) -> Current:
        if self.cut:
            return _unread(current[1:])
        if current == _NONE:
            return Absent()
        return current[1:-1] if len(current) > 1 and current[0] == current[-1] == "'" else _unread("")


def difference(text: str, key: Key) -> Difference | None:
    """Take the broker's words about the object `key` apart; None where they do not name a difference of it."""
    found = _HEAD.match(text)
    if not found:
        return None
    head = f"{found[0]}{key.kind.value} '{key.name}' in vhost '{key.vhost}': received "
    cut = text.endswith(_CUT)  # whole ones end with a quote, or with "none"
    told = text.removesuffix(_CUT).rstrip("\N{REPLACEMENT CHARACTER}") if cut else text
    if told.startswith(head):
        return Difference(found[1], told[len(head) :], cut)
    return Difference(found[1], "", cut) if cut and head.startswith(told) else None


def atom(name: str) -> str:
    """Spell an exchange's type as the broker's messages do: in quotes of Erlang, unless it needs none.

    >>> atom("topic"), atom("x-random")
    ('topic', "'x-random'")
    """
    return name if _BARE_ATOM.fullmatch(name) else f"'{name}'"


def from_atom(text: str) -> str:
    """Read what `atom` spells."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


def _typed(key: str, value: str, kind: str) -> Plain | Unread:
    if key == "x-max-age" and kind == "longstr" and value.isdecimal():
        return f"{int(value) // 1000}s"  # 4.3 tells a maximum age in milliseconds
    with suppress(ValueError):
        if kind in _INTEGERS:
            return int(value)
        if kind in _FLOATS:
            return float(value)
    if kind in _STRINGS:
        return value
    if kind == "bool" and value in {"true", "false"}:
        return value == "true"
    return Unread(f"{value} (of class {kind})")


def _unread(start: str) -> Unread:
    return Unread(f"{start}... (cut by the broker)" if start else "not told: the broker's message ends before it")
