"""How a page of text is laid out: spans and lines, columns, wrapping, the place of a row at the right edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rabbit_topo.diff import Delete, Update
from rabbit_topo.model import Kind
from rabbit_topo.plan import Declare, Migrate, Recreate, Remove
from rabbit_topo.report import words
from rabbit_topo.report.rows import ChangeName, Row, name_of, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.plan import Operation, Plan


class Span(NamedTuple):
    """Some text in one style: `create`, `update`, `delete`, `danger`, `good`, `dim`, `bold`, or none."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]


class Layout(NamedTuple):
    """What all rows of a page share: its width, whether vhosts must be told apart, and where traits begin."""

    width: int
    several: bool
    column: int


SYMBOL: Final = {
    "create": "+",
    "update": "~",
    "replace": "-/+",
    "displaced": "!",
    "delete": "-",
    "unseen": "=",
    "unfinished": ">>",
}
STYLE: Final = {
    "create": "create",
    "update": "update",
    "replace": "danger",
    "displaced": "danger",
    "delete": "delete",
    "unseen": "dim",
    "unfinished": "danger",
}
INDENT: Final = " " * 8
_COLUMN: Final = 38


def layout_of(plan: Plan, shown: Sequence[tuple[Row, str]], width: int) -> Layout:
    """Find the column at which traits can begin in as many rows as possible."""
    several = len({*plan.declared.vhosts, *plan.there.vhosts}) > 1
    column = _COLUMN
    for row, traits in shown:
        room = width - len(traits) - len(place_of(row.change)) - 4
        if traits and len(_left(mark_of(name_of(row.change)), row, several=several)) <= room:
            column = min(column, room)
    return Layout(width, several, column)


def labelled(label: str, style: str, text: str, width: int) -> Iterator[Line]:
    """Wrap a sentence behind its label."""
    yield from wrapped(f"{INDENT}{label:<9}", style, text, width)


def wrapped(head: str, style: str, text: str, width: int) -> Iterator[Line]:
    """Wrap a sentence behind the head of its first line."""
    room = max(width - len(head), 30)
    lines = [""]
    for word in words.clean(text).split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    for number, line in enumerate(lines):
        yield (Span(" " * len(head) if number else head, style), Span(line))


def fitted(mark: tuple[str, str], row: Row, shown: str, place: str, layout: Layout) -> Iterator[Line]:
    """Lay out a row: symbol and name left, traits in a column, the place at the right edge, on two lines if need be."""
    style, width = mark[1], layout.width
    left = _left(mark, row, several=layout.several)
    room = width - len(shown) - (len(place) + 4 if place else 2)
    middle = f"{left:<{max(min(layout.column, room), 1)}}  {shown}" if shown else left
    if len(middle) + (2 + len(place) if place else 0) <= width:
        gap = " " * max(width - len(middle) - len(place), 2) if place else ""
        yield (Span(left, style), Span(middle[len(left) :]), Span(gap + place, "dim"))
        return
    second = f"{INDENT}{shown}" if shown else ""
    if len(left) + 2 + len(place) <= width:
        yield (Span(left, style), Span(f"{place:>{width - len(left)}}" if place else "", "dim"))
        yield (Span(second),)
        return
    for line in _folded(left, width):
        yield (Span(line, style),)
    if second or place:
        yield (Span(second), Span(f"{place:>{max(width - len(second), len(place) + 2)}}" if place else "", "dim"))


def _folded(left: str, width: int) -> list[str]:
    """Break a name that is wider than the page, where it has a space behind its kind."""
    if len(left) <= width:
        return [left]
    mark, kind, name, *others = left.lstrip().split(" ")
    lines = [f"  {mark} {kind} {name}"]
    for word in others:
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append(INDENT + word)
        else:
            lines[-1] += f" {word}"
    return lines


def _left(mark: tuple[str, str], row: Row, *, several: bool) -> str:
    key = row.change.key
    vhost = f"  (vhost {words.clean(key.vhost)})" if several and key.kind is not Kind.VHOST else ""
    return f"  {mark[0]}{words.name(subject(row.change))}{vhost}"


def mark_of(kind: ChangeName) -> tuple[str, str]:
    """Return the symbol that begins a row, and its style."""
    return f"{SYMBOL[kind]} ", STYLE[kind]


def operation_mark(operation: Operation) -> str:
    """Return the symbol of what was done, or was to be done."""
    match operation:
        case Remove():
            return "-"
        case Recreate() | Migrate():
            return "-/+"
        case Declare():
            return "~" if isinstance(operation.cause, Update) else "+"


def place_of(change: Change) -> str:
    """Spell where a change is declared; empty for what no file declares."""
    origin = change.note.origin
    if origin is None or (isinstance(change, Delete) and change.reason in {"stale", "stray"}):
        return ""
    return f"{words.clean(origin.file)}:{origin.line}"


def pair(label: str, text: str) -> Line:
    """Lay out a line of the header."""
    return (Span(f"  {label:<10}", "dim"), Span(text))
