"""Real documents of every scenario against their schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from rabbit_topo.diff import Unseen
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.plan import Done, Failed, NotAttempted, Outcome, Report
from rabbit_topo.report.applied import report_lines
from rabbit_topo.report.documents import check_document, plan_document, report_document
from rabbit_topo.report.text import check_lines
from tests.unit.test_cases import CASES, plan_of

if TYPE_CHECKING:
    from pathlib import Path


def _validated(name: str, document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(document, allow_nan=False)
    jsonschema.Draft202012Validator(json.loads(schema_text(name))).validate(json.loads(text))
    return document


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_documents_keep_to_their_schemas(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = yaml.safe_load(path.read_text())
    plan = plan_of(case, tmp_path, monkeypatch)
    _validated("plan", plan_document(plan, None))
    check = _validated("check", check_document(plan))
    known = [operation.cause for operation in plan.operations if not isinstance(operation.cause, Unseen)]
    assert check["drift"] == bool(known or plan.remainder)
    assert check["not_verified"]["complete"] == ("alone" not in case)
    outcomes: tuple[Outcome, ...] = ()
    for number, operation in enumerate(plan.operations):
        each: list[Outcome] = [Done(operation), Failed(operation, "no", "try"), NotAttempted(operation, "later")]
        outcomes += (each[number % 3],)
    report = Report(plan, outcomes, plan.remainder)
    _validated("apply", report_document(report))
    _validated("apply", report_document(Report(plan, outcomes, None, "the broker is away")))
    for lines in (check_lines(plan, ["declared.yaml"], 80), report_lines(report, 80)):
        for line in lines:
            text = "".join(span.text for span in line)
            assert text.isprintable()
            assert len(text.rstrip()) <= 80 or "-->" in text or "so-long" in text


def test_names_cannot_drive_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = {"observed": "version: 1\n", "declared": 'version: 1\nqueues: {"a\\e[31m": {direct: true, type: classic}}\n'}
    plan = plan_of(case, tmp_path, monkeypatch)
    text = "".join(span.text for line in check_lines(plan, ["x"], 80) for span in line)
    assert "\x1b" not in text
    assert "a\\x1b[31m" in text
