"""Comments at the end of lines: one blank before them, but in one column where somebody has put them into one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGN: Final = "\0"  # what no YAML file contains


class _Line(NamedTuple):
    """A line before its comment is put behind it; `column` and `taken` are those of the source."""

    text: str
    column: int
    taken: int
    comment: str


def beside(text: str, column: int, taken: int) -> str:
    """Return what goes behind a line for a comment that began in a column, behind so much of its line."""
    return f"{_SIGN}{column}{_SIGN}{taken}{_SIGN}{text}"


def aligned(lines: Sequence[str]) -> list[str]:
    """Return lines with their comments behind them.

    Comments that began in one column though their lines are of different lengths were put there: they stay in that
    column, or move to the first one that has room for all of them.

    >>> aligned(["a: 1" + beside("# x", 12, 4), "bb: 1" + beside("# y", 12, 5), "c: 1" + beside("# z", 9, 4)])
    ['a: 1        # x', 'bb: 1       # y', 'c: 1 # z']
    """
    commented = {number: _read(line) for number, line in enumerate(lines) if _SIGN in line}
    columns: dict[int, list[_Line]] = defaultdict(list)
    for line in commented.values():
        columns[line.column].append(line)
    starts = {column: _start(column, together) for column, together in columns.items()}
    result = list(lines)
    for number, line in commented.items():
        start = starts[line.column]
        result[number] = line.text.ljust(start - 1) + " " + line.comment
    return result


def _read(line: str) -> _Line:
    text, column, taken, comment = line.split(_SIGN)
    return _Line(text, int(column), int(taken), comment)


def _start(column: int, together: Sequence[_Line]) -> int:
    """Return the column for comments that were in one; 0 where each goes right behind its line."""
    if len({line.taken for line in together}) == 1 or len({len(line.text) for line in together}) == 1:
        return 0
    return max(column, *(len(line.text) + 1 for line in together))
