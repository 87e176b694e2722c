"""Pages -> text: two spaces a level, one spelling, comments and blank lines in their places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rabbit_topo.write.formatting_columns import aligned, beside
from rabbit_topo.write.formatting_tree import Beside, Collection, Entry, Node, Page, Scalar, comments
from rabbit_topo.write.scalars import spell, spell_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH: Final = 100  # columns up to which what was written over several lines is put on one
_STEP: Final = 2
_HEADER: Final = re.compile(r"[|>][-+0-9]*")
_ODD: Final = re.compile("[^\t\n -~\xa1-\ud7ff\ue000-\ufefe\uff00-\uffef\U00010000-\U0010ffff]|[\u2028\u2029]")


def text_of(pages: Sequence[Page]) -> str:
    """Return the text of a file."""
    lines = _Lines()
    for page in pages:
        _write_page(page, lines)
    return "".join(f"{line}\n" for line in aligned(lines.done()))


class _Lines:
    """Lines in the making: with `blank`, an empty one is due; with `sealed`, it would be part of the text above it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.sealed = False
        self.blank = False

    def add(self, line: str) -> None:
        """Add a line."""
        if self.blank and self._lines and not self.sealed:
            self._lines.append("")
        self.blank = self.sealed = False
        self._lines.append(line)

    def add_text(self, lines: Iterable[str], *, sealed: bool) -> None:
        """Add the lines of a text, which are kept as they are."""
        self._lines += lines
        self.sealed = sealed

    def around(self, lines: Iterable[str], indent: int) -> None:
        """Add comments and blank lines, of these one at a time."""
        for line in lines:
            if line:
                self.add(" " * indent + line)
            else:
                self.blank = True

    def no_blank(self) -> None:
        """Forget a blank line that would stand at the beginning or end of something."""
        self.blank = False

    def done(self) -> list[str]:
        """Return the lines."""
        return self._lines

    def add_item(self, dash: str, item: _Lines, indent: int) -> None:
        """Add the lines of an item behind its dash; comments above its first key go above the dash."""
        lines = item.done()
        at = 0
        while lines[at].lstrip()[:1] in ("", "#"):
            self.around([lines[at].strip()], indent)
            at += 1
        self.add(f"{dash} {lines[at][indent + _STEP :]}")
        self.add_text(lines[at + 1 :], sealed=item.sealed)
        self.blank = item.blank


def _write_page(page: Page, lines: _Lines) -> None:
    root = page.root
    if page.marker:
        lines.around(page.marker.before, 0)
        lines.no_blank()
        lines.add(_with("---", page.marker.after))
        lines.no_blank()
    lines.around(root.before, 0)
    if isinstance(root.value, Collection) and not _on_one_line(root, 0):
        _write_entries(root.value, 0, lines)
        lines.around(_texts(root.after), 0)
    elif not _is_missing(root.value):
        _write_value("", root, 0, lines)
    else:
        lines.around(_texts(root.after), 0)
    lines.around(page.tail, 0)
    lines.no_blank()


def _is_missing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None and not node.source


def _write_entries(node: Collection, indent: int, lines: _Lines) -> None:
    pad = " " * indent
    for number, entry in enumerate(node.entries):
        above = entry.before[1:] if not number and entry.before[:1] == [""] else entry.before
        lines.around(above, indent)
        _write_value(pad + ("-" if entry.key is None else f"{spell(entry.key, flow=False)}:"), entry, indent, lines)
    lines.around(node.tail, indent)
    if node.tail[-1:] == [""]:
        lines.no_blank()


def _write_value(head: str, entry: Entry, indent: int, lines: _Lines) -> None:
    value = entry.value
    if isinstance(value, Scalar):
        _write_scalar(head, value, entry.after, indent, lines)
    elif _on_one_line(entry, len(head)):
        lines.around([*filter(None, value.tail), *_texts(entry.after[:-1])], indent)
        lines.add(_with(_behind(head, inline(value)), entry.after[-1:]))
    elif entry.key is None:
        item = _Lines()
        _write_entries(value, indent + _STEP, item)
        lines.around(_texts(entry.after), indent)
        lines.add_item(head, item, indent)
    else:
        lines.add(_with(head, entry.after[:1]))
        _write_entries(value, indent + _STEP, lines)
        lines.around(_texts(entry.after[1:]), indent + _STEP)


def _write_scalar(head: str, value: Scalar, after: Sequence[Beside], indent: int, lines: _Lines) -> None:
    lines.around(_texts(after[:-1]), indent)
    after = after[-1:]
    inside = indent + _STEP
    if body := _block(value, inside):
        lines.add(_with(_behind(head, body[0]), after))
        lines.add_text(body[1:], sealed="+" in body[0])
        return
    spelled = _behind(head, _spelled(value, flow=False))
    if "\n" in value.source and len(spelled) > WIDTH and not _ODD.search(value.source):
        first, *rest = value.source.split("\n")
        lines.add(_behind(head, _bare(first)))
        *middle, last = [" " * inside + _bare(line.lstrip()) if line.strip() else "" for line in rest]
        lines.add_text([*middle, _with(last, after)], sealed=False)
        return
    lines.add(_with(spelled, after))


def _bare(line: str) -> str:
    bare = line.rstrip()
    return line if bare.endswith("\\") else bare


def _block(value: Scalar, indent: int) -> list[str]:
    """Return the lines of a text that is written below its key, its sign first; none where it cannot be."""
    text = value.value
    found = _HEADER.match(value.source)
    if value.style not in ("|", ">") or not found or not isinstance(text, str) or _ODD.search(value.source):
        return []
    if not text.strip("\n ") or (value.style == ">" and found[0].strip("|>-+")):
        return []
    pad = " " * indent
    keep = "" if text.endswith("\n") else "-"
    if "+" in found[0] and text.endswith("\n"):
        keep = "+"
    if value.style == "|":
        content = text.removesuffix("\n").split("\n")
    else:
        content = value.source.split("\n")[1:]
        own = next(len(line) - len(line.lstrip(" ")) for line in content if line.strip(" "))
        content = [line[own:] if line.strip(" ") or len(line) > own else "" for line in content]
        while not content[-1]:
            content.pop()
        if keep == "+":
            content += [""] * (len(text) - len(text.rstrip("\n")) - 1)
    first = next(line for line in content if line)
    step = str(_STEP) if first[0] in " \t" else ""  # else a reader would take it for indentation
    return [f"{value.style}{step}{keep}", *(pad + line if line else "" for line in content)]


def _on_one_line(entry: Entry, taken: int) -> bool:
    """Say whether a value in brackets stays on one line, or fits there."""
    value = entry.value
    if not isinstance(value, Collection) or not value.flow:
        return False
    if not value.broken or not value.entries:
        return True
    if len(entry.after) > 1 or next(comments(value), None):
        return False
    return taken + 1 + len(inline(value)) <= WIDTH


def inline(node: Node) -> str:
    """Return a value in brackets on one line."""
    if isinstance(node, Scalar):
        return _spelled(node, flow=True)
    items = (
        inline(entry.value) if entry.key is None else f"{spell(entry.key)}: {inline(entry.value)}"
        for entry in node.entries
    )
    return f"{{{', '.join(items)}}}" if node.is_map else f"[{', '.join(items)}]"


def _spelled(node: Scalar, *, flow: bool) -> str:
    try:
        return spell_value(node.value, flow=flow)
    except ValueError:  # a number out of bounds, which the loader speaks of
        return node.source


def _behind(head: str, text: str) -> str:
    return f"{head} {text}" if head else text


def _with(line: str, after: Sequence[Beside]) -> str:
    return line + "".join(beside(*comment) for comment in after)


def _texts(after: Sequence[Beside]) -> list[str]:
    return [comment.text for comment in after]
