"""`rabbit-topo explain`."""

from __future__ import annotations

import difflib
import sys

import click

from rabbit_topo.cli.output import show, width
from rabbit_topo.errors import UsageError


@click.command("explain")
@click.argument("rule", metavar="RULE")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="[auto]")
def command(rule: str, color: str) -> int:
    """Explain a rule of `lint`: why, and what to do.

    RULE is a code or a name, as RT203 or topic-pattern-shadowed, or the begin of
    codes, as RT2: then it lists these. Exit codes: 0; 2 where there is no such
    rule.
    """
    from rabbit_topo.lint import FAMILIES, RULES
    from rabbit_topo.report.rules import explain_lines, family_lines

    if rule.upper() in FAMILIES:
        show(family_lines(rule.upper()), sys.stdout, color)
        return 0
    known = {word: one for one in RULES for word in (one.code, one.name)}
    found = known.get(rule) or known.get(rule.upper())
    if found is None:
        close = difflib.get_close_matches(rule.upper() if rule[:2].upper() == "RT" else rule, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "`rabbit-topo rules` lists them"
        raise UsageError(f"there is no rule {rule!r}", hint)
    show(explain_lines(found, width()), sys.stdout, color)
    return 0
