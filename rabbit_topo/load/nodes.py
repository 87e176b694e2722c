"""Plain YAML data that remembers where it stood.

`YMap` and `YSeq` are a dict and a list; a place is one integer, `line << 32 | column`, both from 0:
a file of 31,000 objects has a quarter of a million of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.model import Origin, Plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMN_BITS = 32
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1


def pack(line: int, column: int) -> int:
    """Return the place of a line and column that count from 0."""
    return line << _COLUMN_BITS | column


def origin(file: str, place: int) -> Origin:
    """Return a place as people count: from 1."""
    return Origin(file, (place >> _COLUMN_BITS) + 1, (place & _COLUMN_MASK) + 1)


class Inherited(NamedTuple):
    """Where a merged value comes from: `profile "worker"`, and its place."""

    label: str
    file: str
    place: int

    def __str__(self) -> str:
        """Name the layer and the place."""
        return f"{self.label} ({origin(self.file, self.place)})"


class YMap(dict[str, Plain]):
    """A mapping; `at` and `value_at` hold the places of its keys and values.

    `dropped` names keys whose values were wrong and were taken out, so that nothing complains of them
    twice. `inherited` says of merged keys which layer they come from.
    """

    __slots__ = ("at", "dropped", "file", "inherited", "place", "value_at")

    def __init__(self, file: str, place: int) -> None:
        """Start empty."""
        super().__init__()
        self.file = file
        self.place = place
        self.at: dict[str, int] = {}
        self.value_at: dict[str, int] = {}
        self.dropped: set[str] = set()
        self.inherited: dict[str, Inherited] = {}

    def drop(self, key: str) -> None:
        """Take out a value that is wrong."""
        self.pop(key, None)
        self.dropped.add(key)

    def put(self, key: str, value: Plain, at: int, value_at: int) -> None:
        """Set a value and its places."""
        self[key] = value
        self.at[key] = at
        self.value_at[key] = value_at

    def key_place(self, key: str) -> int:
        """Return where the key stands, or the mapping itself."""
        return self.at.get(key, self.place)

    def value_place(self, key: str) -> int:
        """Return where the value stands, or the mapping itself."""
        return self.value_at.get(key, self.place)


class YSeq(list[Plain]):
    """A sequence; `at` holds the places of its items. From a `broken` one, items were taken out that were wrong."""

    __slots__ = ("at", "broken", "file", "place")

    def __init__(self, file: str, place: int) -> None:
        """Start empty."""
        super().__init__()
        self.file = file
        self.place = place
        self.at: list[int] = []
        self.broken = False

    def with_places(self) -> Iterator[tuple[Plain, int]]:
        """Iterate over items and their places."""
        return zip(self, self.at, strict=True)


class Broken:
    """A scalar that was reported already; every later check passes over it."""

    __slots__ = ()


BROKEN = Broken()


def plain(value: Plain) -> Plain:
    """Return the same data as bare dicts and lists."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value
