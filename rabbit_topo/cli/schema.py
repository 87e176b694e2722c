"""`rabbit-topo schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rabbit_topo.errors import InputError, Problem, UsageError
from rabbit_topo.load.schemas import names

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("schema")
@click.argument("name", type=click.Choice(names()))
@click.option("--check", "file", metavar="FILE", help="Hold a JSON or YAML file against it, instead of printing it.")
def command(name: str, file: str | None) -> int:
    """Print a JSON Schema, offline.

    `topology` and `config` describe the files that people write; the others what
    the command of that name prints with --format json, `saved-plan` what
    `plan --out` writes, and `lint-baseline` what `lint --write-baseline` does.
    With --check a script that reads or makes such documents can tell whether
    they still fit, be it one a line; exit 2 if not.
    """
    from rabbit_topo.load.schemas import schema_text

    text = schema_text(name)
    if file is None:
        click.echo(text, nl=False)
        return 0
    problems = list(_problems(text, file))
    if problems:
        raise InputError(problems)
    click.echo(f"{file}: fits the schema {name}")
    return 0


def _problems(schema: str, file: str) -> Iterator[Problem]:
    import json

    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(schema))
    for line, document in _documents(file):
        for error in sorted(validator.iter_errors(document), key=lambda error: error.json_path):
            yield Problem(file, line, 1 if line else 0, f"{error.json_path}: {error.message}")


def _documents(file: str) -> list[tuple[int, Any]]:
    """Read every document of a file, with its line where there is one a line; JSON is YAML too."""
    from pathlib import Path

    import yaml

    try:
        text = Path(file).read_text(encoding="utf-8")
        return _one_a_line(text) or [(0, document) for document in yaml.safe_load_all(text)]
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is neither JSON nor YAML: {error}") from None


def _one_a_line(text: str) -> list[tuple[int, Any]]:
    """Read JSON lines; none where a line is no document."""
    import json

    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        return [(number, json.loads(line)) for number, line in lines] if len(lines) > 1 else []
    except ValueError:
        return []
