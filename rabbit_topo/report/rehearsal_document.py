"""A rehearsal as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.report.documents import change_document, head, operation_document, outcome_document, row_document
from rabbit_topo.report.resources import resource
from rabbit_topo.report.rows import rows
from rabbit_topo.report.tests_document import run_document

if TYPE_CHECKING:
    from rabbit_topo.report.rehearsal_run import Rehearsal


def rehearsal_document(run: Rehearsal) -> dict[str, Any]:
    """Return the document that `schemas/rehearse.schema.json` describes."""
    plan, stage = run.plan, run.stage
    standing = {row.change.key: run.there(row) for row in plan.blocked}
    blocked = [row for row in rows(plan) if row.status == "blocked"]
    return {
        **head("rehearse", plan),
        "exit_code": run.exit_code,
        "interrupted": bool(run.interrupted),
        "stage": {
            "address": stage.target,
            "version": stage.version,
            "sandbox": stage.sandbox,
            "vhosts": dict(stage.vhosts),
            "stays": run.stays[0] if run.stays else "",
        },
        "summary": {
            "planned": sum(len(operations) for operations in run.planned.values()),
            "done": len(run.done),
            "refused": len(run.refused),
            "not_attempted": len(run.not_attempted),
            "unknown": len(run.unknown),
            "not_tried": len(run.not_tried),
            "blocked": len(blocked),
            "route_tests": len(run.tests.cases) if run.tests else 0,
            "route_tests_failed": sum(not case.passed for case in run.tests.cases) if run.tests else 0,
        },
        "outcomes": [outcome_document(outcome) for outcome in run.outcomes],
        "surprises": [change_document(change) for change in run.surprises],
        "unverified": run.unverified,
        "blocked": [
            {
                **row_document(row),
                "rehearsed": {"outcome": standing[row.change.key][0], "reason": standing[row.change.key][1]},
            }
            for row in blocked
        ],
        "not_tried": [{**operation_document(one.operation), "reason": one.reason} for one in run.not_tried],
        "in_another_way": [
            {"planned": operation_document(one.planned), "rehearsed": operation_document(one.tried)}
            for one in run.other_ways
        ],
        "beside_the_plan": [outcome_document(outcome) for outcome in run.beside],
        "copy": {
            "not_copied": [{"resource": resource(one.resource), "reason": one.reason} for one in run.copy.lacking],
            "hidden_queues": run.copy.hidden,
            "new_vhosts": run.new_vhosts,
            "limits": list(run.copy.limits),
            "gaps": list(run.copy.gaps),
        },
        "tests": run_document(run.tests) if run.tests else None,
        "untested": run.untested,
    }
