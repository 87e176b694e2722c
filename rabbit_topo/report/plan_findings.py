"""What the linter finds about what a plan changes, in every format of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import Create, Delete, Replace, Unseen, Update
from rabbit_topo.report.findings import one_finding, place_of
from rabbit_topo.report.layout import Line, Span
from rabbit_topo.report.markdown_page import Section, code, sentence
from rabbit_topo.report.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rabbit_topo.lint.types import Finding
    from rabbit_topo.plan import Plan

LINT: Final = ("LINT", "about what this plan declares; `rabbit-topo explain` tells why")
SHOWN: Final = 20


def findings_of(plan: Plan, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings about what a plan creates, updates or replaces, or would if it were not blocked.

    With these go those about bindings from or to an exchange or a queue that is made or made anew, and about both ends
    of a binding that comes or goes. What stays as it is was found before, and what is deleted is nobody's concern any
    more.
    """
    declared = Create | Update | Replace | Unseen
    told = [row for row in rows(plan) if row.status != "left_alone"]
    changed = {row.change.key for row in told if isinstance(row.change, declared)}
    made = {row.change.key for row in told if isinstance(row.change, Create | Replace)}
    gone = {row.change.key for row in told if isinstance(row.change, Delete) and row.status == "planned"}
    touched = changed.union(*(key.ends for key in changed | gone)) - gone
    return tuple(one for one in found if one.key and (one.key in touched or not made.isdisjoint(one.key.ends)))


def finding_lines(found: Sequence[Finding], width: int) -> Iterator[Line]:
    """Render the first few as lines of text; the rest is counted."""
    if not found:
        return
    yield ()
    yield (Span(f"  {LINT[0]}", "bold"), Span(f"  {LINT[1]}", "dim"))
    for one in found[:SHOWN]:
        yield from one_finding(one, width, "    ")
    if len(found) > SHOWN:
        yield (Span(f"    and {len(found) - SHOWN:,} more; `rabbit-topo lint` shows them", "dim"),)


def finding_section(found: Sequence[Finding]) -> Section:
    """Render them for a page of Markdown."""
    return Section(LINT[0], [_item(one) for one in found], sentence(LINT[1].replace("`", "")), folds=True)


def _item(one: Finding) -> str:
    return f"- {one.severity} {code(one.code)} {sentence(one.message)}, {code(place_of(one))}"
