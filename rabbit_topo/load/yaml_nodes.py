"""YAML text -> documents of plain data with places, in one pass over the parser's events.

Composing nodes first and constructing values from them costs several times as much; and here the traps
of YAML, duplicate keys and alias bombs are caught while the text is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from rabbit_topo.load.nodes import BROKEN, YMap, YSeq, pack
from rabbit_topo.load.problems import quoted
from rabbit_topo.load.scalars import Trap, resolve
from rabbit_topo.load.yaml_events import MAX_DEPTH, explain, reader, too_deep

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.load.problems import Problems
    from rabbit_topo.model import Plain

MAX_EXPANDED = 250_000
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({_TAG + "str", "!"})
_KNOWN_TAGS = frozenset(_TAG + name for name in ("int", "float", "bool", "null", "map", "seq")) | _TEXT_TAGS
# Stand for keys that are no text; compared by identity, so that no key of a file can be mistaken for them.
_MERGE = "a plain << key"
_NO_KEY = "a key that is a list or a mapping"


class Document(NamedTuple):
    """One document of a file: its root, and where it starts."""

    root: Plain
    file: str
    place: int


class _Anchor(NamedTuple):
    value: Plain
    nodes: int


class _Frame(NamedTuple):
    """What was open when a container began."""

    container: YMap | YSeq | None
    key: str | None
    key_place: int
    anchor: str | None
    nodes: int


class _StopReading(Exception):
    """The rest of the file cannot be used."""


def parse(text: str, file: str, problems: Problems, *, pure: bool = False) -> list[Document]:
    """Return the documents that are complete; what is wrong goes to `problems`.

    `pure` takes PyYAML's own parser even where libyaml is there: the same result, slower.
    """
    builder = _Builder(file, problems)
    try:
        builder.run(reader(text, pure=pure))
    except yaml.YAMLError as error:
        problems.unreadable = True
        place, message, hint = explain(error, text)
        problems.add(file, place, message, hint)
    except _StopReading:
        problems.unreadable = True
    return builder.documents


class _Builder:
    """Turns events into data. `_container` is what is being filled, `_stack` holds what is open around it."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.documents: list[Document] = []
        self._file = file
        self._problems = problems
        self._anchors: dict[str, _Anchor | None] = {}
        self._merges: dict[int, list[tuple[Plain, int]]] = {}
        self._unusable: set[int] = set()
        self._nodes = 0
        self._expanded = 0
        self._stack: list[_Frame] = []
        self._container: YMap | YSeq | None = None
        self._key: str | None = None
        self._key_place = 0
        self._anchor: str | None = None
        self._nodes_before = 0
        self._root: Plain = None
        self._root_place = 0

    def run(self, get_event: Callable[[], Any]) -> None:
        """Read every event to the end of the stream."""
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._on_scalar,
            yaml.AliasEvent: self._on_alias,
            yaml.MappingStartEvent: self._on_start,
            yaml.SequenceStartEvent: self._on_start,
            yaml.MappingEndEvent: self._on_end,
            yaml.SequenceEndEvent: self._on_end,
            yaml.StreamStartEvent: lambda _: None,
            yaml.DocumentStartEvent: self._on_document,
            yaml.DocumentEndEvent: self._on_document_end,
        }
        while (kind := type(event := get_event())) is not yaml.StreamEndEvent:
            handlers[kind](event)

    def _on_document(self, event: Any) -> None:
        self._root = None
        self._root_place = pack(event.start_mark.line, event.start_mark.column)
        self._anchors.clear()

    def _on_document_end(self, _: Any) -> None:
        self.documents.append(Document(self._root, self._file, self._root_place))

    def _on_scalar(self, event: Any) -> None:
        mark = event.start_mark
        place = mark.line << 32 | mark.column
        self._nodes += 1
        if self._key is None and type(self._container) is YMap:
            self._key, self._key_place = self._read_key(event, place), place
            return
        value = self._read_scalar(event, place)
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(value, 1)
        self._finish(value, place)

    def _on_alias(self, event: Any) -> None:
        place = pack(event.start_mark.line, event.start_mark.column)
        value = self._read_alias(event.anchor, place)
        if self._key is None and type(self._container) is YMap and isinstance(value, str):
            self._key, self._key_place = value, place
        else:
            self._finish(value, place)

    def _on_start(self, event: Any) -> None:
        mark = event.start_mark
        place = mark.line << 32 | mark.column
        if len(self._stack) >= MAX_DEPTH:
            _, message, hint = too_deep(place)
            self._problems.add(self._file, place, message, hint)
            raise _StopReading
        self._stack.append(_Frame(self._container, self._key, self._key_place, self._anchor, self._nodes_before))
        self._nodes += 1
        self._container = (YMap if type(event) is yaml.MappingStartEvent else YSeq)(self._file, place)
        if event.tag and event.tag not in _KNOWN_TAGS:
            self._bad_tag(event.tag, place)
            self._unusable.add(id(self._container))
        self._key, self._anchor, self._nodes_before = None, event.anchor, self._nodes
        if event.anchor:
            self._anchors[event.anchor] = None

    def _on_end(self, _: Any) -> None:
        done = self._container
        assert done is not None  # noqa: S101 - the parser pairs starts and ends
        for value, place in self._merges.pop(id(done), ()) if self._merges else ():
            self._merge(done, value, place)
        if self._anchor:
            self._anchors[self._anchor] = _Anchor(done, self._nodes - self._nodes_before + 1)
        self._container, self._key, self._key_place, self._anchor, self._nodes_before = self._stack.pop()
        usable = id(done) not in self._unusable
        self._unusable.discard(id(done))
        self._finish(done if usable else BROKEN, done.place)

    def _finish(self, value: Plain, place: int) -> None:
        """Hand a finished value to what holds it."""
        holder = self._container
        if holder is None:
            self._root, self._root_place = value, place
        elif type(holder) is YSeq:
            holder.append(value)
            holder.at.append(place)
        elif self._key is None:
            self._problems.add(self._file, place, "a key must be text", "write the key as plain or quoted text")
            self._key = _NO_KEY
        else:
            self._put(holder, self._key, value, place)
            self._key = None

    def _put(self, holder: Any, key: str, value: Plain, place: int) -> None:
        if key is _MERGE:
            self._merges.setdefault(id(holder), []).append((value, place))
        elif key in holder:
            self._problems.add(
                self._file,
                self._key_place,
                f"the key {quoted(key)} stands here a second time; the first is in line {(holder.at[key] >> 32) + 1}",
                "YAML would keep one of them without a word: remove or rename one",
            )
        elif key is not _NO_KEY:
            holder.put(key, value, self._key_place, place)

    def _merge(self, holder: Any, value: Plain, place: int) -> None:
        """Carry out `<<: *anchor`: the mapping's own keys win, and the first of several sources."""
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, YMap):
                self._problems.add(self._file, place, "`<<` takes a mapping, or a list of them", "write `<<: *anchor`")
                continue
            self._count(len(source), place)
            for key in [key for key in source if key not in holder]:
                holder.put(key, source[key], source.key_place(key), source.value_place(key))

    def _read_key(self, event: Any, place: int) -> str:
        text: str = event.value
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(text, 1)
        if not event.implicit[0] or event.tag:
            return text
        if text == "<<":
            return _MERGE
        if not isinstance(value := resolve(text), str):
            taken_for = value.taken_for if isinstance(value, Trap) else f"{_kind(value)}, not for text"
            message = (
                f"YAML readers may take the key `{text}` for {taken_for}" if text else "there is no key before `:`"
            )
            self._problems.add(self._file, place, message, f'quote it: "{text}"' if text else "write one")
        return text

    def _read_scalar(self, event: Any, place: int) -> Plain:
        tag = event.tag
        if tag and tag not in _KNOWN_TAGS:
            self._bad_tag(tag, place)
            return BROKEN
        if tag in _TEXT_TAGS or not (tag or event.implicit[0]):
            return event.value
        value = resolve(event.value)
        if value.__class__ is Trap:
            instead = f"{value.instead}, or " if value.instead else ""
            message = f"YAML readers may take `{event.value}` for {value.taken_for}"
            self._problems.add(self._file, place, message, f'write {instead}"{event.value}" in quotes')
            return BROKEN
        return value

    def _read_alias(self, name: str, place: int) -> Plain:
        if name not in self._anchors:
            hint = f'set it first: `&{name}`; or, if it is text, quote it: "*{name}"'
            self._problems.add(self._file, place, f"`*{name}` names no anchor above it", hint)
            return BROKEN
        anchor = self._anchors[name]
        if anchor is None:
            message = f"`*{name}` stands inside of what it names"
            self._problems.add(self._file, place, message, "write the value out")
            return BROKEN
        self._count(anchor.nodes, place)
        return anchor.value

    def _count(self, nodes: int, place: int) -> None:
        self._nodes += nodes
        self._expanded += nodes
        if self._expanded > MAX_EXPANDED:
            message = f"the aliases of this file expand to more than {MAX_EXPANDED:,} values"
            self._problems.add(self._file, place, message, "write the objects out, or use `profiles:`")
            raise _StopReading

    def _bad_tag(self, tag: str, place: int) -> None:
        shown = tag.replace(_TAG, "!!")
        self._problems.add(self._file, place, f"the YAML tag `{shown}` is not supported", "leave the tag out")


def _kind(value: Plain) -> str:
    if value is None:
        return "null"
    return "true or false" if isinstance(value, bool) else "a number"
