"""Comments that suppress findings: `# rabbit-topo: ignore[RT203] reason`, and `file-ignore`.

What looks like one inside of a string, or in the lines of a block scalar, is text: the spans of all scalars are taken
from the parser's events.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

from rabbit_topo.load.yaml_events import reader
from rabbit_topo.model import Suppression

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORD: Final = "rabbit-topo:"
_COMMENT: Final = re.compile(r"#\s*rabbit-topo:\s*(?P<said>(?P<word>[\w-]*)(?:\s*\[(?P<codes>[^\]]*)\])?[^#]*)")
_WORDS: Final = {"ignore": False, "file-ignore": True}
_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # YAML's, which are not all of Python's
_BEFORE_A_COMMENT: Final = frozenset(" \t,[]{}\"'")
_BLOCK: Final = frozenset("|>")
_NO_CONTENT: Final = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


class _Span(NamedTuple):
    """Columns of a line that a scalar takes up, the last one not among them."""

    start: int
    end: float


def suppressions(text: str, file: str, *, pure: bool = False) -> tuple[Suppression, ...]:
    """Return the comments of a file that suppress findings, or seem to be meant to, from top to bottom.

    A text that does not mention `rabbit-topo:` is not parsed. Of one that is no YAML, those before the mistake may be
    missing. `pure` takes PyYAML's own parser even where libyaml is there: the same result, slower.
    """
    if _WORD not in text:
        return ()
    lines = _LINE_BREAK.split(text)
    numbers = [number for number, line in enumerate(lines) if _WORD in line]
    spans, content = _scalars(text, numbers, pure=pure)
    return tuple(one for number in numbers for one in _in_line(lines, number, spans[number], file, content))


def comments(text: str) -> list[str]:
    r"""Return every comment of a file that is YAML, from top to bottom, without blanks at its end.

    >>> comments("a: '# text' # one\nb: |  # two\n  # text\n  #three")
    ['# one', '# two']
    """
    lines = _LINE_BREAK.split(text)
    numbers = [number for number, line in enumerate(lines) if "#" in line]
    spans, _ = _scalars(text, numbers, pure=False)
    found = (lines[number][_comment(lines[number], spans[number]) :] for number in numbers)
    return [comment.rstrip() for comment in found if comment]


def _scalars(text: str, numbers: Sequence[int], *, pure: bool) -> tuple[dict[int, list[_Span]], tuple[int, int]]:
    """Return the scalars in some lines, and where the first content of the file stands."""
    spans: dict[int, list[_Span]] = defaultdict(list)
    content: tuple[int, int] | None = None
    get_event = reader(text, pure=pure)
    try:
        while type(event := get_event()) is not yaml.StreamEndEvent:
            start, end = event.start_mark, event.end_mark
            if content is None and not isinstance(event, _NO_CONTENT):
                content = (start.line, start.column)
            if isinstance(event, yaml.ScalarEvent):
                # the line with the sign of a block scalar may end with a comment
                first = start.line + 1 if event.style in _BLOCK else start.line
                for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, end.line)]:
                    left = start.column if number == start.line else 0
                    spans[number].append(_Span(left, end.column if number == end.line else float("inf")))
    except yaml.YAMLError:
        pass  # who reads the file says so
    return spans, content or (len(text), 0)


def _in_line(
    lines: Sequence[str], number: int, spans: Sequence[_Span], file: str, content: tuple[int, int]
) -> Iterator[Suppression]:
    line = lines[number]
    begin = _comment(line, spans)
    for found in _COMMENT.finditer(line, begin):
        if found.start() > begin and line[found.start() - 1] not in " \t":
            continue
        codes = tuple(code.strip() for code in (found["codes"] or "").split(",") if code.strip())
        place, said = (file, number + 1, found.start() + 1), found["said"].strip()
        if found["word"] in _WORDS and codes:
            whole = _WORDS[found["word"]]
            misplaced = whole and (number, begin) > content
            yield Suppression(*place, codes, whole, 0 if whole else _target(lines, number, begin), misplaced)
        elif said:
            yield Suppression(*place, (), said=said)


def _comment(line: str, spans: Sequence[_Span]) -> int:
    """Return where the comment of a line begins; its end, where it has none."""
    for at, char in enumerate(line):
        if char != "#" or (at and line[at - 1] not in _BEFORE_A_COMMENT):
            continue
        if not any(span.start <= at < span.end for span in spans):
            return at
    return len(line)


def _target(lines: Sequence[str], number: int, begin: int) -> int:
    """Return the line that a comment speaks of, counted from 1; 0 where nothing follows it."""
    if lines[number][:begin].strip():
        return number + 1
    following = range(number + 1, len(lines))
    return next((at + 1 for at in following if (line := lines[at].strip()) and not line.startswith("#")), 0)
