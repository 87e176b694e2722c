"""Where results go: lines to a terminal or a file, documents as JSON, progress to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rabbit_topo.cli.options import Common, Output
    from rabbit_topo.migrate import Moving
    from rabbit_topo.report.layout import Line

_STYLES: Final = {
    "create": "green",
    "update": "yellow",
    "delete": "red",
    "danger": "bold red",
    "good": "green",
    "dim": "dim",
    "bold": "bold",
}
_BAR: Final = 24
_REFRESH: Final = 0.1  # seconds
_NARROW: Final = 60
_WIDE: Final = 120


def width() -> int:
    """Return the columns to lay text out for: the terminal's or `COLUMNS`, within reason; 80 where there is neither."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, _NARROW), _WIDE)


def emit(
    common: Common,
    lines: Callable[[int], Iterable[Line]],
    document: Callable[[], dict[str, Any]],
    markdown: Callable[[], str] = str,
    quiet: Callable[[int], Iterable[Line]] | None = None,
    **others: Callable[[], str],
) -> None:
    """Write a result in every format asked for; `others` are those of one command alone, by their names.

    `--quiet` keeps text off stdout, but for the lines of `quiet`: the problems; files are written all the same.
    """
    for output in common.formats:
        if output.format == "markdown":
            write(output, markdown())
        elif output.format in others:
            write(output, others[output.format]())
        elif output.format == "json":
            import json

            write(output, json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
        elif output.file:
            write(output, plain(lines(width())))
        elif told := quiet if common.quiet else lines:
            show(told(width()), sys.stdout, common.color)


def plain(lines: Iterable[Line]) -> str:
    """Join lines without colour."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def show(lines: Iterable[Line], stream: TextIO, color: str) -> None:
    """Print lines, coloured where the terminal and the user want it."""
    if not _colored(stream, color):
        stream.write(plain(lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=stream, force_terminal=True, width=100_000, highlight=False, markup=False, emoji=False, no_color=False
    )
    for line in lines:
        text = Text.assemble(*((span.text, _STYLES.get(span.style, "")) for span in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def _colored(stream: TextIO, color: str) -> bool:
    if color != "auto":
        return color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(output: Output, text: str) -> None:
    """Write to stdout, or put a whole file in place of the old one; a device or a pipe is written to as it is."""
    if output.file is None:
        click.echo(text, nl=False)
        return
    from pathlib import Path

    from rabbit_topo.atomic import replace_file

    target = Path(output.file)
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="")
            return
        replace_file(target, text.encode())
    except OSError as error:
        raise UsageError(
            f"cannot write {output.file}: {error.strerror}", "name a file in a folder that exists"
        ) from None


def hush() -> None:
    """Point stdout to nowhere: whoever read it has left, and the interpreter would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def bar(done: int, total: int, seconds: float, before: int = 0) -> str:
    """Spell how far a work is: a bar, the count, the rate and the time left. `before` were done those seconds ago.

    >>> bar(1550, 3100, 0.5)
    '[############............]  1,550/3,100  3,100/s  1 s left'
    >>> bar(1550, 3100, 0.5, before=1050)
    '[############............]  1,550/3,100  1,000/s  2 s left'
    """
    filled = _BAR * done // max(total, 1)
    rate = (done - before) / seconds if seconds > 0 else 0.0
    left = f"  {ceil((total - done) / rate):,} s left" if rate and done < total else ""
    pace = f"  {rate:,.0f}/s" if rate else ""
    return f"[{'#' * filled}{'.' * (_BAR - filled)}]  {done:,}/{total:,}{pace}{left}"


class Progress:
    """One transient line on a terminal's stderr; nothing elsewhere."""

    def __init__(self, common: Common) -> None:
        """Be silent where nobody watches."""
        self._live = sys.stderr.isatty() and not common.quiet and os.environ.get("TERM") != "dumb"
        self._verbose = common.verbose

    def say(self, text: str) -> None:
        """Replace the line; what does not fit on it is cut off, as a second line would stay."""
        if self._live:
            columns = shutil.get_terminal_size((80, 24)).columns
            sys.stderr.write(f"\r\x1b[2K{text[: columns - 1]}")
            sys.stderr.flush()

    def counter(self, total: int) -> Callable[[], None]:
        """Return what is to be called once for each of `total` steps: it moves a bar, some times a second."""
        started = monotonic()
        done, shown = 0, 0.0

        def step() -> None:
            nonlocal done, shown
            done += 1
            now = monotonic()
            if self._live and (now - shown >= _REFRESH or done == total):
                shown = now
                self.say(bar(done, total, now - started))

        return step

    def mover(self) -> Callable[[Moving], None]:
        """Return what is to be called as messages move: a bar for each stage of each queue, some times a second."""
        from rabbit_topo.report.words import clean

        began: dict[tuple[str, str], tuple[float, int]] = {}
        shown = 0.0

        def step(it: Moving) -> None:
            nonlocal shown
            now = monotonic()
            since, before = began.setdefault((it.queue.name, it.stage), (now, it.moved))
            if self._live and (now - shown >= _REFRESH or it.moved == it.total):
                shown = now
                way = "aside" if it.stage == "holding" else "back"
                self.say(f"{clean(it.queue.name)} {way} {bar(it.moved, it.total, now - since, before)}")

        return step

    def note(self, text: str) -> None:
        """Print a lasting line, for `--verbose`."""
        if self._verbose:
            self.clear()
            click.echo(text, err=True)

    def clear(self) -> None:
        """Remove the line."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
