"""Findings as lines of text, and what all of their formats share: their order, their places, their numbers."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Kind
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.lint.types import Finding, Rule, Severity
    from rabbit_topo.model import Key

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
_STYLE: Final = {"error": "danger", "warning": "update", "info": "dim"}
_PLACE: Final = re.compile(r":\d+(:\d+)?\b")


@dataclass(frozen=True, slots=True)
class Findings:
    """What a lint came to.

    `found` is what is shown, in the order of the engine. `rules` are those that ran. `files` were read, or else
    `target` was: a broker, a definitions file. `version` is the RabbitMQ that was judged for. `suppressed` and
    `baseline` count what is not shown, and why. `fails` are the severities that end the command with exit code 4.
    """

    found: Sequence[Finding]
    rules: Sequence[Rule] = ()
    files: Sequence[str] = ()
    target: str = ""
    version: str = ""
    suppressed: int = 0
    baseline: int = 0
    fails: frozenset[Severity] = frozenset(SEVERITIES)

    @property
    def failed(self) -> bool:
        """Whether the command ends with exit code 4."""
        return any(one.severity in self.fails for one in self.found)


def findings_lines(findings: Findings, width: int) -> Iterator[Line]:
    """Render findings: file by file, each with its place, its rule and what to do; the summary last."""
    for _, group in groupby(findings.found, lambda one: words.file_of(one.origin)):
        for one in group:
            yield from one_finding(one, width)
        yield ()
    yield (_summary(findings),)


def one_finding(one: Finding, width: int, indent: str = "") -> Iterator[Line]:
    """Render a finding: its place, its rule, what is wrong, and what to do."""
    place, severity, rule = f"{indent}{words.clean(place_of(one))}", f"  {one.severity}", f"  {one.code} {one.name}"
    if len(place) + len(severity) + len(rule) <= width:
        yield Span(place, "bold"), Span(severity, _STYLE[one.severity]), Span(rule)
    else:  # a name may be long, and a binding has two
        yield (Span(place, "bold"),)
        yield Span(f"{indent}  {severity}", _STYLE[one.severity]), Span(rule)
    yield from wrapped(f"{indent}    ", "", one.message, width)
    if one.hint:
        yield from wrapped(f"{indent}    hint  ", "dim", one.hint, width)


def _summary(findings: Findings) -> Span:
    count = Counter(one.severity for one in findings.found)
    told = [counted(count[one], one) if one != "info" else f"{count[one]:,} info" for one in SEVERITIES if count[one]]
    where = f" in {counted(len(findings.files), 'file')}" if findings.files else ""
    where = where or (f" in {words.clean(findings.target)}" if findings.target else "")
    kept = [f"{number:,} {how}" for number, how in _kept(findings) if number]
    tail = f" ({', '.join(kept)})" if kept else ""
    style = "danger" if findings.failed else "update" if told else "good"
    return Span(f"{', '.join(told) or 'No findings'}{where}{tail}.", style)


def _kept(findings: Findings) -> tuple[tuple[int, str], tuple[int, str]]:
    return (findings.suppressed, "suppressed"), (findings.baseline, "in the baseline")


def place_of(one: Finding) -> str:
    """Spell where a finding is: a place in a file, else the object."""
    if one.origin is None:
        return named(one.key) if one.key else "the topology"
    return str(one.origin) if one.origin.line else one.origin.file


def named(key: Key) -> str:
    """Spell an object with its vhost.

    >>> from rabbit_topo.model import Binding
    >>> named(Binding("/", "a", "queue", "b", "k").key)
    'binding a --[k]--> queue b (vhost /)'
    """
    if key.kind is Kind.VHOST:
        return f"vhost {key.name}"
    arguments = "" if key.arguments in {"", "{}"} else key.arguments
    label = "; ".join(part for part in (key.routing_key, arguments) if part)
    arrow = f" --[{label}]--> {key.destination_kind} {key.destination}" if key.destination_kind else ""
    return f"{key.kind} {key.name}{arrow} (vhost {key.vhost})"


def fingerprints(found: Sequence[Finding]) -> list[str]:
    """Return what a finding is known by from one run to the next: the rule, the object, and what of it is meant.

    No line is a part of it, so that it outlives what is written above. Findings about no object go by the file and the
    message, less the places that it names; where these are equal, by which of them it is.
    """
    seen: Counter[str] = Counter()
    result = []
    for one in found:
        about = (
            (*map(str, one.key), one.subject) if one.key else (words.file_of(one.origin), _PLACE.sub("", one.message))
        )
        known = "\0".join((one.code, *about))
        seen[known] += 1
        text = f"{known}\0{seen[known]}"
        result.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return result
