"""A topology file as its lines: what is said, in which style, and the comments and blank lines around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Plain


@dataclass(slots=True)
class Scalar:
    """One value. `style` is YAML's sign for it (`|`, `>`, `'`, `"`, or none), `source` is how it was written.

    A value that is to be spelled anew has no source.
    """

    value: Plain
    style: str = ""
    source: str = ""


class Beside(NamedTuple):
    """A comment at the end of a line, the column where it began, and how much of the line was taken before it."""

    text: str
    column: int
    taken: int


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list.

    `before` are the lines above it: comments with their `#`, and an empty text for blank lines. `after` are the
    comments at the end of its line; where its value stands in lines of its own, those at the end of the first.
    """

    before: list[str] = field(default_factory=list)
    key: str | None = None
    value: Node = field(default_factory=lambda: Scalar(None))
    after: list[Beside] = field(default_factory=list)


@dataclass(slots=True)
class Collection:
    """A mapping or a list. `flow` is one in brackets, `broken` one of those that is written over several lines.

    `column` is where its entries begin in the source; `tail` are the lines below the last one that belong to it.
    """

    is_map: bool
    flow: bool
    column: int
    entries: list[Entry] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    broken: bool = False


Node: TypeAlias = Scalar | Collection


@dataclass(slots=True)
class Page:
    """One document of a file: its root, the lines above its `---`, where it has one, and those below its end."""

    root: Entry = field(default_factory=Entry)
    marker: Entry | None = None
    tail: list[str] = field(default_factory=list)


def comments(node: Node) -> Iterator[str]:
    """Iterate over the comments inside of a node."""
    if isinstance(node, Collection):
        for entry in node.entries:
            yield from filter(None, entry.before)
            yield from (comment.text for comment in entry.after)
            yield from comments(entry.value)
        yield from filter(None, node.tail)
