"""Run rules over a topology, give each hit its place, and leave out what is suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.lint.catalogue import BY_CODE, chosen
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.meta import SHAPE
from rabbit_topo.lint.suppressions import suppress
from rabbit_topo.lint.types import Context, Finding
from rabbit_topo.model import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rabbit_topo.errors import Problem
    from rabbit_topo.lint.types import Hit, Rule
    from rabbit_topo.model import Key, Suppression, Topology
    from rabbit_topo.routing import Router

_OF_WAYS: Final = ("RT2", "RT3")
_OF_OPTIONS: Final = ("RT4", "RT5", "RT701", "RT704")


class Linted(NamedTuple):
    """What a lint found, by place and then by code, and how many findings comments suppress."""

    found: tuple[Finding, ...]
    suppressed: int = 0


def lint(
    topology: Topology,
    context: Context | None = None,
    *,
    rules: Sequence[Rule] | None = None,
    router: Router | None = None,
    problems: Iterable[Problem] = (),
    comments: Sequence[Suppression] = (),
    damaged: Collection[Key] = (),
    partial: Collection[Key] = (),
) -> Linted:
    """Return what is wrong with a topology, by the usual rules where none are given.

    `problems` are what a tolerant reading left out of the topology, `comments` the suppressions that stand in the
    files. Of the `damaged` objects, which something was left out of, nobody can say where messages go: rules about ways
    are silent there, and rules about options at the `partial` ones, which lack some. A `router` knows more than the
    topology: operator policies, and what is hidden.

    >>> from rabbit_topo import load
    >>> lint(load("topology")).found
    ()
    """
    rules = chosen() if rules is None else rules
    running = frozenset(rule.code for rule in rules)
    index = Index(topology, context or Context(), router)
    found = {
        _finding(index, rule, hit)
        for rule in rules
        for hit in rule.check(index)
        if not (hit.key in damaged and rule.code.startswith(_OF_WAYS))
        and not (hit.key in partial and rule.code.startswith(_OF_OPTIONS))
    }
    found |= {one for problem in problems if (one := _of_problem(problem)).code in running}
    kept, number = suppress(sorted(found, key=order), comments, running, topology.notes)
    return Linted(tuple(sorted(kept, key=order)), number)


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
        hit.subject,
    )


def _of_problem(problem: Problem) -> Finding:
    rule = BY_CODE.get(problem.code, BY_CODE[SHAPE])
    origin = Origin(problem.file, problem.line, problem.column)
    return Finding(rule.code, rule.name, rule.severity, problem.message, problem.hint, origin=origin)
