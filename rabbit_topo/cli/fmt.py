"""`rabbit-topo fmt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import write
from rabbit_topo.cli.session import files_of
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.load.problems import Problems

UNFORMATTED: Final = 3
STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class _File:
    """A file, its text, and what it is to be."""

    name: str
    text: str
    formatted: str


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
    YAML, none is written. Exit codes: 0 done; 2 a file cannot be read; 3 with
    --check or --diff, files would change.
    """
    common = options.Common(given["files"], given["config"], "/", (), given["quiet"], verbose=False, color="auto")
    asked = given["check"] or given["diff"]
    files = _formatted(common, by_name=given["by_name"])
    changed = [file for file in files if file.formatted != file.text]
    if given["diff"]:
        for file in changed:
            click.echo("".join(_diff(file)), nl=False)
    if [file.name for file in files] == [STDIN]:
        if not asked:
            click.echo(files[0].formatted, nl=False)
        return UNFORMATTED if asked and changed else 0
    for file in changed:
        if not asked:
            write(options.Output("text", file.name), file.formatted)
        if given["check"] or not (asked or common.quiet):
            click.echo(file.name if asked else f"formatted {file.name}")
    if not common.quiet:
        click.echo(_summary(len(changed), len(files), asked=asked), err=given["diff"])
    return UNFORMATTED if asked and changed else 0


def _formatted(common: options.Common, *, by_name: bool) -> list[_File]:
    """Read and format every file before one is written. Raises InputError with all that is wrong."""
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.write.formatting import formatted

    problems = Problems()
    files = []
    for name, text in _read(files_of(common), problems):
        result = formatted(text, "stdin" if name == STDIN else name, problems, by_name=by_name)
        if result is not None:
            files.append(_File(name, text, result))
    problems.raise_if_any()
    return files


def _read(sources: Sequence[str], problems: Problems) -> Iterator[tuple[str, str]]:
    from pathlib import Path

    from rabbit_topo.filenames import CONFIG_NAME
    from rabbit_topo.load.paths import read_text, topology_files

    if STDIN in sources:
        if len(sources) > 1:
            raise UsageError("stdin (`-`) and files at once", "format stdin alone, or files alone")
        yield STDIN, _stdin()
        return
    for file in topology_files(sources, problems):
        if Path(file).name == CONFIG_NAME:
            raise UsageError(f"{file} is the configuration, no topology file", "fmt leaves it as it is: do not name it")
        text = read_text(file, problems)
        if text is not None:
            yield file, text


def _stdin() -> str:
    import sys

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"stdin is not UTF-8 text: byte {error.start + 1} is wrong") from None


def _diff(file: _File) -> Iterator[str]:
    import difflib

    name = "stdin" if file.name == STDIN else file.name
    before, after = (text.splitlines(keepends=True) for text in (file.text, file.formatted))
    for line in difflib.unified_diff(before, after, name, f"{name} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _summary(changed: int, number: int, *, asked: bool) -> str:
    files = f"{number} {'file' if number == 1 else 'files'}"
    if not changed:
        return f"{files}: nothing to format"
    return f"{changed} of {files} would change" if asked else f"{changed} of {files} formatted"
