"""Collect what is wrong, and raise it all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rabbit_topo.errors import InputError, Problem
from rabbit_topo.load.codes import SHAPE
from rabbit_topo.load.nodes import origin
from rabbit_topo.near import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    Hint: TypeAlias = str | Callable[[], str]

SHOWN = 100
NOWHERE = -1  # the place of a problem with a file that was not read
_MAX_QUOTED = 60


class Problems:
    """Everything found so far; hints may be functions, called for shown problems only."""

    def __init__(self) -> None:
        """Start with none."""
        self._found: dict[tuple[str, int, str], tuple[Hint, str]] = {}
        self.unreadable = False  # a file could not be read to its end: what is missing may stand there
        self.lost = False  # a section or a vhost has the wrong shape: what is missing may stand there
        self.noted = 0  # how often something was added, be it the same thing again

    def __len__(self) -> int:
        """Count them."""
        return len(self._found)

    @property
    def incomplete(self) -> bool:
        """Say whether what seems to be missing may be there after all."""
        return self.unreadable or self.lost

    def add(self, file: str, place: int, message: str, hint: Hint = "", code: str = SHAPE) -> None:
        """Note a problem; the same one twice (through an alias) is one."""
        self.noted += 1
        self._found.setdefault((file, place, message), (hint, code))

    def all(self) -> tuple[Problem, ...]:
        """Return every problem, by place."""
        return tuple(self._problem(*found) for found in sorted(self._found))

    def raise_if_any(self) -> None:
        """Raise `InputError` with the first hundred by place, and the number of all."""
        if not self._found:
            return
        shown = [self._problem(*found) for found in sorted(self._found)[:SHOWN]]
        raise InputError(shown, total=len(self._found))

    def _problem(self, file: str, place: int, message: str) -> Problem:
        hint, code = self._found[file, place, message]
        advice = hint if isinstance(hint, str) else hint()
        where = origin(file, place)
        line, column = (where.line, where.column) if place != NOWHERE else (0, 0)
        return Problem(file, line, column, _printable(message), _printable(advice), code)


def _printable(text: str) -> str:
    """Escape what a terminal would act on: names may hold any character."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `did you mean "x"?`, or nothing."""
    best = nearest(word, known)
    return f'did you mean "{best}"?' if best else ""


def quoted(value: object) -> str:
    """Spell a value for a message: short, on one line, and with its class in sight."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            text = value if len(value) <= _MAX_QUOTED else value[:_MAX_QUOTED] + "..."
            return f'"{text}"' if text.isprintable() else f'"{text.encode("unicode_escape").decode()}"'
        case _:
            return str(value)
