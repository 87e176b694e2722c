"""`rabbit-topo fmt`."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.session import files_of
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.load.problems import Problems

UNFORMATTED: Final = 3
INCOMPLETE: Final = 6
STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class _File:
    """A file, what it holds, and what it is to hold."""

    name: str
    data: bytes
    text: str
    formatted: str

    @property
    def shown(self) -> str:
        """Its name for people."""
        from rabbit_topo.report.words import clean

        return "stdin" if self.name == STDIN else clean(self.name)

    @property
    def result(self) -> bytes:
        """What it is to hold, in bytes."""
        return self.formatted.encode()


@click.command("fmt")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change, and exit 3.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change, and exit 3.")
@click.option("--sort", "by_name", is_flag=True, help="Sort objects by name, too.")
@click.option("--config", metavar="FILE", help="Use this rabbit-topo.yaml, instead of the nearest upwards.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
def command(**given: Any) -> int:
    """Bring topology files into one order and one spelling.

    Comments and blank lines stay with what they speak of, and the files say the
    same as before. FILES are files or folders; without any, the config's
    `sources`. A single `-` formats stdin to stdout. If one file is no valid
    YAML, or no topology file, none is written. Exit codes: 0 done; 2 a file
    cannot be read; 3 with --check or --diff, files would change; 6 not all
    could be written.
    """
    common = options.Common(given["files"], given["config"], "/", (), given["quiet"], verbose=False, color="auto")
    asked = given["check"] or given["diff"]
    files = _formatted(common, by_name=given["by_name"])
    changed = [file for file in files if file.data != file.result]
    if given["diff"]:
        for file in changed:
            click.echo("".join(_diff(file)), nl=False)
    if [file.name for file in files] == [STDIN]:
        if not asked:
            click.echo(files[0].formatted, nl=False)
        return UNFORMATTED if asked and changed else 0
    failed = [] if asked else _write(changed)
    done = [file for file in changed if file not in failed]
    if given["check"] or not (asked or common.quiet):
        for file in done:
            click.echo(file.shown if asked else f"formatted {file.shown}")
    if not common.quiet:
        _note(done if asked else ())
        click.echo(_summary(len(done), len(files), asked=asked), err=given["diff"])
    if failed:
        return INCOMPLETE
    return UNFORMATTED if asked and changed else 0


def _write(files: Sequence[_File]) -> list[_File]:
    """Write all files or, where that fails midway, tell which are as they were, and return those.

    Raises UsageError where not one is written.
    """
    from rabbit_topo.atomic import replace_file, why_not
    from rabbit_topo.plan.hazards import counted

    if barred := [(file, why) for file in files if (why := why_not(file.name))]:
        named = "\n".join(f"{file.shown}: {why}" for file, why in barred)
        raise UsageError(f"{counted(len(barred), 'file')} cannot be written; nothing was written\n{named}")
    failed: dict[str, str] = {}
    for file in files:
        try:
            replace_file(file.name, file.result, was=file.data)
        except OSError as error:
            failed[file.name] = error.strerror or str(error)
    left = [file for file in files if file.name in failed]
    if not left:
        return []
    named = "\n".join(f"{file.shown}: {failed[file.name]}" for file in left)
    hint = "fmt again once that is mended: what is formatted stays as it is"
    if len(left) == len(files):
        raise UsageError(f"nothing was written\n{named}", hint)
    click.echo(f"{named}\nrabbit-topo: {counted(len(left), 'file')} not written\n  {hint}", err=True)
    return left


def _formatted(common: options.Common, *, by_name: bool) -> list[_File]:
    """Read and format every file before one is written. Raises InputError with all that is wrong."""
    from rabbit_topo.load.paths import text_of
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.write.formatting import formatted

    problems = Problems()
    files = []
    for name, data in _read(files_of(common), problems):
        shown = "stdin" if name == STDIN else name
        text = text_of(shown, data, problems)
        result = None if text is None else formatted(text, shown, problems, by_name=by_name)
        if text is not None and result is not None:
            files.append(_File(name, data, text, result))
    problems.raise_if_any()
    return files


def _read(sources: Sequence[str], problems: Problems) -> Iterator[tuple[str, bytes]]:
    from pathlib import Path

    from rabbit_topo.filenames import CONFIG_NAME
    from rabbit_topo.load.paths import read_data, topology_files

    if STDIN in sources:
        if len(sources) > 1:
            raise UsageError("stdin (`-`) and files at once", "format stdin alone, or files alone")
        import sys

        yield STDIN, sys.stdin.buffer.read()
        return
    for file in topology_files(sources, problems):
        if Path(file).name == CONFIG_NAME:
            raise UsageError(f"{file} is the configuration, no topology file", "fmt leaves it as it is: do not name it")
        data = read_data(file, problems)
        if data is not None:
            yield file, data


def _diff(file: _File) -> Iterator[str]:
    import difflib

    before, after = (_lines(text) for text in (file.text, file.formatted))
    for line in difflib.unified_diff(before, after, file.shown, f"{file.shown} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Split a text into lines that end as they do once it is formatted: ends alone are no difference to look at."""
    return re.sub("\r\n?", "\n", text).splitlines(keepends=True)


def _note(files: Sequence[_File]) -> None:
    """Tell on stderr of what would change and cannot be seen."""
    for file in files:
        if told := _margins(file):
            click.echo(f"note: {file.shown} {told}", err=True)


def _margins(file: _File) -> str:
    """Say what changes and cannot be seen in a text; empty where nothing does."""
    told = ["begins with a byte order mark"] if file.data.startswith(BOM_UTF8) else []
    told += ["ends lines with \\r, and not with \\n alone"] if b"\r" in file.data else []
    return " and ".join(told)


def _summary(changed: int, number: int, *, asked: bool) -> str:
    files = f"{number} {'file' if number == 1 else 'files'}"
    if not changed:
        return f"{files}: nothing to format"
    return f"{changed} of {files} would change" if asked else f"{changed} of {files} formatted"
