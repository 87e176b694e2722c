"""`rabbit-topo schema`."""

from __future__ import annotations

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["topology", "config", "plan", "check", "apply", "validate"]))
def command(name: str) -> int:
    """Print a JSON Schema, offline.

    `topology` and `config` describe the files that people write; the others what
    the command of that name prints with --format json.
    """
    from rabbit_topo.load.schemas import schema_text

    click.echo(schema_text(name), nl=False)
    return 0
