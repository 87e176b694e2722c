"""The pages of the manual that say again what the code says: every command's help, and every rule of the linter."""

from __future__ import annotations

import sys
import textwrap
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import cli
from rabbit_topo.lint import FAMILIES, RULES, Context, chosen, lint
from rabbit_topo.load import tolerant
from rabbit_topo.report.findings import Findings, findings_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.lint.types import Rule

ROOT: Final = Path(__file__).parents[1]
STALE: Final = 3
ABOUT: Final = {
    "RT1": "RabbitMQ answers with an error, or takes it and means something else.",
    "RT2": "Messages that no queue gets, and bindings without an effect.",
    "RT3": "Messages that a queue gives up, and that get lost on the way.",
    "RT4": "Queues that drop, keep or lose more than they seem to.",
    "RT5": "One policy is in effect on a queue or an exchange, and the keys of several do not merge.",
    "RT6": "What the RabbitMQ that the topology is for takes no longer, or not yet.",
    "RT7": "Who may change what, who says what it is for, and what must not stand in a file.",
    "RT9": "Their shape, and the comments that suppress findings.",
}
_BEGIN: Final = "<!-- the rules: written by scripts/manual -->\n"
_END: Final = "<!-- end of the rules -->"
_GENERATED: Final = "<!-- written by scripts/manual from the code; edits here are lost -->\n"


def pages() -> dict[Path, str]:
    """Return every page that is written from the code, whole, by its path."""
    made = {ROOT / "docs" / "commands.md": _commands()}
    for family, title in FAMILIES.items():
        rules = [rule for rule in RULES if rule.code.startswith(family)]
        made[ROOT / "docs" / "lint" / f"{family}.md"] = _family(family, title, rules)
    start = ROOT / "docs" / "lint" / "README.md"
    before, _, rest = start.read_text(encoding="utf-8").partition(_BEGIN)
    made[start] = f"{before}{_BEGIN}{_table()}{_END}{rest.partition(_END)[2]}"
    return made


def _commands() -> str:
    about = "What `rabbit-topo COMMAND --help` prints. Exit codes mean the same for every command: see the README."
    parts = [f"{_GENERATED}\n# Commands\n\n{about}\n"]
    with _context(cli, None, "rabbit-topo") as root:
        parts.append(_block(cli.get_help(root)))
        for name in cli.list_commands(root):
            command = cli.get_command(root, name)
            if command is None:
                raise LookupError(name)
            parts.append(f"## rabbit-topo {name}\n")
            with _context(command, root, name) as context:
                parts.append(_block(command.get_help(context)))
    return "\n".join(parts)


def _context(command: click.Command, parent: click.Context | None, name: str) -> click.Context:
    return click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=80,
        max_content_width=80,
        help_option_names=["-h", "--help"],
    )


def _block(text: str) -> str:
    return f"```\n{text.rstrip()}\n```\n"


def _family(family: str, title: str, rules: Sequence[Rule]) -> str:
    head = f"{_GENERATED}\n# {family}: {title}\n\n{ABOUT[family]} [All rules](README.md#all-rules)\n"
    return "\n".join([head, *("\n".join(_rule(rule)) for rule in rules)])


def _rule(rule: Rule) -> Iterator[str]:
    yield f"## {rule.code} {rule.name}\n"
    runs = "on by default" if rule.default else f"runs where `{rule.code}` or `{rule.code[:3]}` is selected"
    yield _wrapped(f"**{rule.severity}**, {runs}. {rule.why}")
    needs = [f"for RabbitMQ {rule.version}"] * bool(rule.version) + [_setting(*one) for one in rule.config.items()]
    yield f"{', '.join(['Wrong', *needs])}:\n"
    yield f"```yaml\n{rule.bad.strip()}\n```\n"
    yield f"```\n{_findings(rule)}\n```\n"
    yield f"Right:\n\n```yaml\n{rule.good.strip()}\n```\n"
    if rule.hint:
        yield _wrapped(f"What to do: {rule.hint}.")
    yield _wrapped(f"Source: {_linked(rule.source)}.")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _setting(name: str, value: object) -> str:
    """Spell a setting of the linter as the configuration does."""
    match value:
        case dict():
            plural = {"policy": "policies"}
            below = "; ".join(f"`{plural.get(kind, kind + 's')}: {pattern}`" for kind, pattern in value.items())
            return f"with {below} under `lint: {{{name}: ...}}` in the configuration"
        case frozenset():
            return f"with `plugins: {sorted(value)}` in the configuration"
        case _:
            return f"with `lint: {{{name}: {value}}}` in the configuration"


def _findings(rule: Rule) -> str:
    """Return what the linter prints of the wrong example."""
    rules = {one.code: one for one in (*chosen(), rule)}
    stated: dict[str, Any] = {**({"version": rule.version} if rule.version else {}), **rule.config}
    context = Context(**stated)
    with TemporaryDirectory() as folder, chdir(folder):
        Path("shop.yaml").write_text(rule.bad, encoding="utf-8")
        read = tolerant("shop.yaml")
    linted = lint(
        read.topology,
        context,
        rules=[rules[code] for code in sorted(rules)],
        problems=read.problems,
        comments=read.comments,
        damaged=read.damaged,
    )
    *lines, _, _ = findings_lines(Findings(linted.found), 100)
    return "\n".join("".join(span.text for span in line) for line in lines)


def _linked(source: str) -> str:
    """Make a link of a page or a file of ours; what stands on the web is one already."""
    if not (ROOT / source).exists():
        return source
    return f"[{source}]({'../' * 2}{source})"


def _table() -> str:
    rows = ["| rule | name | | by default |", "| --- | --- | --- | --- |"]
    for rule in RULES:
        anchor = f"{rule.code}-{rule.name}".lower()
        link = f"[{rule.code}]({rule.code[:3]}.md#{anchor})"
        rows.append(f"| {link} | {rule.name} | {rule.severity[0].upper()} | {'runs' if rule.default else ''} |")
    return "\n".join(rows) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which are stale."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if arguments:
        for path in stale:
            click.echo(f"{path.relative_to(ROOT)} is stale: run scripts/manual")
        return STALE if stale else 0
    made = pages()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
        click.echo(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
