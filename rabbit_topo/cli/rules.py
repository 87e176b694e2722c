"""`rabbit-topo rules`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit


@click.command("rules")
@options.output
def command(**given: Any) -> int:
    """List the rules of `lint`, and mark those that run here.

    Which run is the configuration's choice, else the usual ones. Exit code: 0.
    """
    from rabbit_topo.config import resolve_sources
    from rabbit_topo.lint import chosen
    from rabbit_topo.report.rules import rules_document, rules_lines

    common, _, _ = options.split(given)
    wanted = resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config).lint
    running = frozenset(rule.code for rule in chosen(wanted.select, wanted.ignore, wanted.extend_select))
    emit(common, lambda _: rules_lines(running), lambda: rules_document(running))
    return 0
