"""The YAML parser: its events, and its errors in words that say what to write instead."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from rabbit_topo.load.nodes import pack

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError:  # PyYAML without libyaml
    CParser = None  # type: ignore[assignment, misc]

MAX_DEPTH = 40
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_ALIAS = re.compile(r"\*[^\s,\[\]{}]*")
_HASH = re.compile(r":\s+#|\[#|,\s+#\S*[\]}]")


class _PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's own parser, without composer and constructor."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


class Complaint(NamedTuple):
    """What is wrong with a text: the place, and in words."""

    place: int
    message: str
    hint: str


def reader(text: str, *, pure: bool = False) -> Callable[[], Any]:
    """Return the function that gives one event after the other; it raises `yaml.YAMLError`.

    `pure` takes PyYAML's own parser even where libyaml is there: the same result, slower.
    """
    if pure or CParser is None:
        return _PureParser(text).get_event
    return CParser(io.BytesIO(text.encode())).get_event


def first_complaint(text: str) -> Complaint | None:
    """Read a text to its end and return why it is no YAML, or too deep for libyaml's composer, which recurses."""
    try:
        return _too_deep(text, pure=False)
    except yaml.YAMLError as error:
        return explain(error, text)


def _too_deep(text: str, *, pure: bool) -> Complaint | None:
    get_event = reader(text, pure=pure)
    depth = 0
    while (kind := type(event := get_event())) is not yaml.StreamEndEvent:
        depth += (kind in _STARTS) - (kind in _ENDS)
        if depth > MAX_DEPTH:
            return too_deep(pack(event.start_mark.line, event.start_mark.column))
    return None


def too_deep(place: int) -> Complaint:
    """Complain of a list or mapping at a place that is one too many inside of each other."""
    return Complaint(place, f"nested more than {MAX_DEPTH} levels deep", "flatten it")


def explain(error: yaml.YAMLError, text: str) -> Complaint:
    """Say where a text is no YAML, why, and what to write."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).strip()
    if "maximum nesting depth" in said and (found := _too_deep(text, pure=True)):
        return found  # libyaml 0.2.6 reads far ahead, and gives up before it tells of the first level that is too deep
    if mark is None:
        hint = "take the character out: it may be invisible in an editor"
        return Complaint(_unprintable(text), f"this is no YAML: {said}", hint)
    place = pack(mark.line, mark.column)
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    context: str = getattr(error, "context", None) or ""
    begun = getattr(error, "context_mark", None) or mark
    if "\t" in line[: mark.column + 1]:
        return Complaint(place, "a tab stands where YAML wants spaces", "indent with spaces")
    if context.endswith("alias") and (word := _ALIAS.match(line, begun.column)):
        hint = f'quote it: "{word[0]}"'
        return Complaint(pack(mark.line, begun.column), f"YAML takes `{word[0]}` for an alias", hint)
    if said.startswith("found unknown escape"):
        at = line.rfind("\\", 0, mark.column + 1)
        escape = line[at : at + 2]
        hint = f"in double quotes write `\\{escape}`, or use single quotes, where a backslash is itself"
        return Complaint(pack(mark.line, at), f"`{escape}` is no escape in double quotes", hint)
    hint = "look at this line and the one above: indentation, quotes, brackets, a missing `: `"
    if context.startswith("while parsing a flow"):
        near = range(min(begun.line, max(mark.line - 1, 0)), min(mark.line + 1, len(lines)))
        if number := next((number + 1 for number in near if _HASH.search(lines[number])), 0):
            hint = f'YAML begins a comment at the # in line {number}: if # is meant, write "#" in quotes'
    return Complaint(place, f"this is no YAML: {context + ': ' if context else ''}{said}", hint)


def _unprintable(text: str) -> int:
    """Return the place of the first character that YAML does not allow; the parsers give no mark for it."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    at = found.start() if found else 0
    return pack(text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1)
