"""The rules of the linter: a table of all, and one explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.lint.catalogue import FAMILIES, RULES
from rabbit_topo.report.layout import Line, Span, wrapped
from rabbit_topo.report.resources import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rabbit_topo.lint.types import Rule

_STYLE: Final = {"error": "danger", "warning": "update", "info": "dim"}
_YAML: Final = "  "


def rules_lines(running: Collection[str]) -> Iterator[Line]:
    """Render the catalogue, family by family; a star marks the rules that run."""
    longest = max(len(rule.name) for rule in RULES)
    for family, about in FAMILIES.items():
        yield (Span(f"  {family}", "bold"), Span(f"  {about}", "dim"))
        for rule in RULES:
            if rule.code.startswith(family):
                star = "*" if rule.code in running else " "
                yield (
                    Span(f"  {star} {rule.code}  {rule.name:<{longest}}  "),
                    Span(rule.severity, _STYLE[rule.severity]),
                )
        yield ()
    yield (Span(f"  {len(RULES)} rules; * runs here. `rabbit-topo explain CODE` tells why.", "dim"),)


def family_lines(family: str) -> Iterator[Line]:
    """Render the rules of one family."""
    yield (Span(f"{family}", "bold"), Span(f"  {FAMILIES[family]}", "dim"))
    yield ()
    rules = [rule for rule in RULES if rule.code.startswith(family)]
    longest = max(len(rule.name) for rule in rules)
    for rule in rules:
        yield Span(f"  {rule.code}  {rule.name:<{longest}}  "), Span(rule.severity, _STYLE[rule.severity])
    yield ()
    yield (Span("`rabbit-topo explain CODE` tells why.", "dim"),)


def rules_document(running: Collection[str]) -> dict[str, Any]:
    """Return the catalogue as a document."""
    return {"format_version": FORMAT_VERSION, "document": "rules", "rules": [_rule(one, running) for one in RULES]}


def _rule(rule: Rule, running: Collection[str]) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "default": rule.default,
        "runs": rule.code in running,
        **{part: getattr(rule, part) for part in ("why", "bad", "good", "hint", "source")},
    }


def explain_lines(rule: Rule, width: int) -> Iterator[Line]:
    """Explain one rule: what happens, what is wrong, what is right, and how to be rid of the finding."""
    yield (Span(f"{rule.code} {rule.name}", "bold"), Span(f"  {rule.severity}", _STYLE[rule.severity]))
    yield ()
    yield from wrapped("", "", rule.why, width)
    for heading, text in (("Wrong:", rule.bad), ("Right:", rule.good)):
        yield ()
        yield (Span(heading, "bold"),)
        for line in text.strip().splitlines():
            yield (Span(f"{_YAML}{line}"),)
    yield ()
    yield from wrapped("", "", _sentence(rule.hint), width)
    yield ()
    on = (
        "It runs unless it is deselected."
        if rule.default
        else f"It runs where it is asked for: --extend-select {rule.code}."
    )
    yield from wrapped(
        "", "dim", f"{on} Where it is meant to be so: `# rabbit-topo: ignore[{rule.code}] the reason`.", width
    )
    if rule.version:
        yield from wrapped("", "dim", f"The example is wrong on RabbitMQ {rule.version}.", width)
    yield from wrapped("", "dim", f"Source: {rule.source}", width)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
