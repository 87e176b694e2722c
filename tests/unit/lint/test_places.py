"""Where each rule finds its own wrong example: `tests/cases/lint/places.txt`, line and column by code.

    PLACES=write pytest tests/unit/lint/test_places.py

writes the file anew; look at what changed there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import RULES, Context, Rule, chosen, lint
from rabbit_topo.load import tolerant

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES = Path(__file__).parents[2] / "cases" / "lint" / "places.txt"


def place_of(rule: Rule, folder: Path) -> str:
    file = folder / "topology.yaml"
    file.write_text(rule.bad, encoding="utf-8")
    read = tolerant(str(file))
    given: dict[str, Any] = {"version": rule.version or "4.3", **rule.config}
    found = lint(
        read.topology,
        Context(**given),
        rules=chosen(extend_select=[rule.code]),
        problems=read.problems,
        comments=read.comments,
        damaged=read.damaged,
        partial=read.partial,
    ).found
    (one,) = found
    assert one.origin
    line = rule.bad.splitlines()[one.origin.line - 1]
    return f"{one.origin.line}:{one.origin.column} {line[one.origin.column - 1 :]}"


def kept() -> Mapping[str, str]:
    lines = PLACES.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_the_file_is_of_these_rules(tmp_path: Path) -> None:
    if os.environ.get("PLACES") == "write":
        lines = [f"{rule.code} {place_of(rule, tmp_path)}\n" for rule in RULES]
        PLACES.write_text("".join(lines), encoding="utf-8")
    assert list(kept()) == [rule.code for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_is_wrong_is_found_at_its_place(rule: Rule, tmp_path: Path) -> None:
    assert place_of(rule, tmp_path) == kept()[rule.code]
