"""Run rules over a topology, and give each hit its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.lint.types import Hit, Rule
    from rabbit_topo.model import Topology
    from rabbit_topo.routing import Router


def run(
    topology: Topology, rules: Iterable[Rule], context: Context | None = None, router: Router | None = None
) -> tuple[Finding, ...]:
    """Return what the rules find, by place, then by code; an index is built once for all of them."""
    index = Index(topology, context or Context(), router)
    found = {_finding(index, rule, hit) for rule in rules for hit in rule.check(index)}
    return tuple(sorted(found, key=order))


def order(finding: Finding) -> tuple[object, ...]:
    """Return what findings are sorted by: the place, then the code, then the object."""
    origin = finding.origin
    place = (origin.file, origin.line, origin.column) if origin else ("", 0, 0)
    return (*place, finding.code, finding.key.order if finding.key else (), finding.message)


def _finding(index: Index, rule: Rule, hit: Hit) -> Finding:
    return Finding(
        rule.code,
        rule.name,
        hit.severity or rule.severity,
        hit.message,
        hit.hint or rule.hint,
        hit.key,
        hit.origin or index.topology.note(hit.key).origin,
    )
