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
    they still fit; exit 2 if not.
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
    for document in _documents(file):
        for error in sorted(validator.iter_errors(document), key=lambda error: error.json_path):
            yield Problem(file, 0, 0, f"{error.json_path}: {error.message}")


def _documents(file: str) -> list[Any]:
    """Read every document of a file; JSON is YAML too."""
    from pathlib import Path

    import yaml

    try:
        return list(yaml.safe_load_all(Path(file).read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is neither JSON nor YAML: {error}") from None
