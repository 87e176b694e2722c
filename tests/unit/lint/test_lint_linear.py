"""Four times the queues take about four times the steps of each rule, however they hang together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from bench.lint import SHAPES, lint_topology
from rabbit_topo.lint import RULES, Context
from rabbit_topo.lint.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUES = 50
FIXED = 500  # steps that do not depend on the size: a loop over the twenty policies, say


def steps(work: Callable[[], object]) -> int:
    """Count the lines that Python runs: unlike seconds, the same every time."""
    count = 0

    def trace(_frame: object, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def taken(queues: int, shape: str) -> dict[str, int]:
    """Return the steps of each rule, and under `index` those of all that they share."""
    context = Context(exchange_types=frozenset(), nodes=3, naming={"queue": ".*"})
    index = Index(lint_topology(queues, shape), context)
    everything = steps(lambda: [list(rule.check(index)) for rule in RULES])
    alone = {rule.code: steps(lambda rule=rule: list(rule.check(index))) for rule in RULES}  # type: ignore[misc]
    return alone | {"index": everything - sum(alone.values())}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_rule_takes_the_square_of_the_queues(shape: str) -> None:
    small, large = taken(QUEUES, shape), taken(4 * QUEUES, shape)
    assert {what: (small[what], large[what]) for what in small if large[what] > 5 * small[what] + FIXED} == {}
