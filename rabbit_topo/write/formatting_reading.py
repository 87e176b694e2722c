"""The text of a YAML file -> its pages: structure as the parser sees it, and all that stands between its tokens."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from rabbit_topo.load.nodes import pack
from rabbit_topo.load.scalars import resolve
from rabbit_topo.load.yaml_events import reader
from rabbit_topo.write.formatting_tree import Beside, Collection, Entry, Page, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.model import Plain

_BREAK: Final = re.compile("[\n\u2028\u2029]")  # YAML's; the others are turned into \n before a text is read
_COMMENT: Final = re.compile(r"(?:^|(?<=[\s,\[\]{}]))#.*", re.DOTALL)
_ENDS_BLANK: Final = re.compile(r"\n *\n\Z")
_BLOCK: Final = ("|", ">")
_ROOT: Final = -1
_INSIDE: Final = -2  # below a dash: a line that belongs to what the item begins with


class _Line(NamedTuple):
    """A comment in a line of its own, and where it begins; a blank line is an empty text."""

    text: str
    column: float


def pages(text: str) -> list[Page]:
    r"""Return the pages of a file that the loader can read, with `\n` for line breaks.

    Raises `Refused` for anchors, aliases and directives.
    """
    building = _Building(text)
    get_event = reader(text)
    while type(event := get_event()) is not yaml.StreamEndEvent:
        building.on(event)
    building.finish()
    return building.pages


class Refused(Exception):
    """Something that cannot be moved and kept: the place, what it is, and what to write instead."""

    def __init__(self, mark: Any, message: str, hint: str) -> None:
        super().__init__(message)
        self.place = pack(mark.line, mark.column)
        self.message = message
        self.hint = hint


class _Building:
    """Turns events into pages. `_at` is where the last token ended, and `_owner` whose line that was.

    `_lines` are comments and blank lines since then; `_closed` are the collections that ended since, inner ones first.
    """

    def __init__(self, text: str) -> None:
        self.pages: list[Page] = []
        self._text = text
        self._at = 0
        self._fresh = True  # the last token ended with its line
        self._owner = Entry()
        self._lines: list[_Line] = []
        self._closed: list[Collection] = []
        self._stack: list[tuple[Collection, Entry, int]] = []  # what is open, whose value it is, and where it began
        self._key: Entry | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._on_scalar,
            yaml.MappingStartEvent: self._on_start,
            yaml.SequenceStartEvent: self._on_start,
            yaml.MappingEndEvent: self._on_end,
            yaml.SequenceEndEvent: self._on_end,
            yaml.StreamStartEvent: lambda _: None,
            yaml.DocumentStartEvent: self._on_page,
            yaml.DocumentEndEvent: self._on_page_end,
        }

    def on(self, event: Any) -> None:
        """Take the next event."""
        if getattr(event, "anchor", None):
            raise Refused(
                event.start_mark, "fmt leaves files with anchors and aliases alone", "use `profiles:` instead"
            )
        self._handlers[type(event)](event)

    def finish(self) -> None:
        """Take what stands below the last page."""
        self._take(len(self._text))
        if not self.pages:
            self.pages.append(Page())
        self.pages[-1].tail += self._rest()

    def _on_page(self, event: Any) -> None:
        self.pages.append(Page())
        if event.version or event.tags:
            raise Refused(event.start_mark, "fmt leaves files with %-directives alone", "take the line with the % out")
        if event.explicit:
            self._take(event.start_mark.index)
            self.pages[-1].marker = self._owner = Entry(self._rest())
            self._at, self._fresh = event.end_mark.index, False

    def _on_page_end(self, event: Any) -> None:
        self._take(event.start_mark.index)
        page = self.pages[-1]
        root = page.root.value
        lines = self._lead(_ROOT)
        (root.tail if isinstance(root, Collection) and not root.flow else page.tail).extend(lines)
        if event.explicit:
            self._at, self._fresh = event.end_mark.index, False
            page.tail += [comment.text for comment in self._beside(self._at)]
            self._owner = Entry()  # of the `...`, which goes

    def _on_scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if self._key is None and self._stack and self._stack[-1][0].is_map:
            self._take(start)
            self._key = self._owner = self._begin()
            self._key.key = event.value
            self._at, self._fresh = end, False
            return
        missing = not event.value and start == end  # between a colon and whatever comes next
        if not (missing and self._key):
            self._take(start)
        entry = self._holder()
        source = "" if missing or event.tag else self._text[start:end]
        entry.value = Scalar(_value(event), event.style or "", source)
        if not missing:
            self._at, self._fresh = end, event.style in _BLOCK
            if self._fresh:
                entry.after += self._beside(start)
            if self._fresh and _ENDS_BLANK.search(source) and not event.value.endswith("\n\n"):
                self._lines.append(_Line("", 0))
        self._owner = entry

    def _on_start(self, event: Any) -> None:
        start = event.start_mark
        if event.flow_style or self._key is None:
            self._take(start.index)
            self._fresh = True  # where the next token is a dash, what stands beside it is no part of the line before
        inside: list[_Line] = []
        while not event.flow_style and self._lines and self._lines[-1].column == _INSIDE:
            inside.insert(0, self._lines.pop())
        entry = self._holder()
        self._lines = inside
        is_map = type(event) is yaml.MappingStartEvent
        entry.value = opened = Collection(is_map, bool(event.flow_style), start.column)
        self._stack.append((opened, entry, start.index))
        if event.flow_style:
            self._at, self._fresh, self._owner = event.end_mark.index, False, entry

    def _on_end(self, event: Any) -> None:
        done, entry, start = self._stack.pop()
        if not done.flow:
            self._closed.append(done)
            return
        self._take(event.start_mark.index)
        done.tail = self._rest()
        self._at, self._fresh, self._owner = event.end_mark.index, False, entry
        done.broken = bool(_BREAK.search(self._text, start, self._at))

    def _holder(self) -> Entry:
        """Return the entry whose value comes next: that of the last key, or a new item, or the page's own."""
        if entry := self._key:
            self._key = None
            entry.before += filter(None, self._rest())
            return entry
        if self._stack:
            return self._begin()
        root = self.pages[-1].root
        root.before = self._rest()
        return root

    def _begin(self) -> Entry:
        holder = self._stack[-1][0]
        entry = Entry(self._rest() if holder.flow else self._lead(holder.column))
        holder.entries.append(entry)
        return entry

    def _take(self, upto: int) -> None:
        """Read what stands between the last token and a place."""
        start = self._at
        between = self._text[start:upto]
        self._at = max(upto, self._at)
        if "#" not in between and "\n" not in between and between.isascii():
            return
        lines = _BREAK.split(between)
        if upto < len(self._text):
            lines.pop()  # the beginning of the next token's own line
        if not self._fresh and lines and "#" in lines.pop(0):
            self._owner.after += self._beside(start)
        self._lines += self._own_lines(lines)

    def _beside(self, start: int) -> list[Beside]:
        """Return the comment at the end of a line, whose last token ends, or begins, at a place."""
        end = self._text.find("\n", start)
        rest = _BREAK.split(self._text[start : None if end < 0 else end], maxsplit=1)[0]
        if not (found := _COMMENT.search(rest)):
            return []
        begin = self._text.rfind("\n", 0, start) + 1
        taken = len(self._text[begin : start + found.start()].rstrip())
        return [Beside(found[0].rstrip(), start + found.start() - begin, taken)]

    def _own_lines(self, lines: list[str]) -> Iterator[_Line]:
        said = [line.strip() for line in lines]
        signs = [at for at, text in enumerate(said) if text and text[0] != "#"]  # a dash alone in its line, say
        for at, line in enumerate(lines):
            column = len(line) - len(line.lstrip())
            if signs and at >= signs[0]:
                column = _ROOT if at <= signs[-1] else _INSIDE
            yield from (_Line(text, column) for text in (_comment(line) if said[at] else ("",)))

    def _lead(self, column: int) -> list[str]:
        """Return the lines above an entry that begins at a column; what is indented further belongs above."""
        lines, closed = self._lines, self._closed
        limit = inf
        while closed and (at := next((n for n, line in enumerate(lines) if line.text), None)) is not None:
            reach = min(limit, lines[at].column)
            hosts = [one for one in closed if column < one.column <= reach]
            if not hosts:
                break
            host = max(reversed(hosts), key=lambda one: one.column)
            host.tail += [line.text for line in lines[: at + 1]]
            del lines[: at + 1]
            limit = host.column
        closed.clear()
        return self._rest()

    def _rest(self) -> list[str]:
        rest = [line.text for line in self._lines]
        self._lines.clear()
        return [line for at, line in enumerate(rest) if line or not at or rest[at - 1]]


def _comment(line: str) -> list[str]:
    found = _COMMENT.search(line)
    return [found[0].rstrip()] if found else []


def _value(event: Any) -> Plain:
    plain = event.implicit[0] if event.tag is None else not event.tag.endswith((":str", "!"))
    return resolve(event.value) if plain else event.value
