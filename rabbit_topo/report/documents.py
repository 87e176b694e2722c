"""Plan, check and apply as JSON documents.

Their schemas stand in `schemas/`; what those promise, scripts may rely on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.diff import ABSENT, Create, Delete, Displaced, Replace, Unfinished, Unseen, Update, seen
from rabbit_topo.errors import SHAPE
from rabbit_topo.model import EVERYTHING, Kind
from rabbit_topo.plan import Declare, Done, Failed, Migrate, NotAttempted, Recreate, Remove
from rabbit_topo.report.resources import FORMAT_VERSION, place, resource
from rabbit_topo.report.rows import differences, name_of, rows, subject, summary
from rabbit_topo.report.unverified import complete, gaps, inventory_gap, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.diff import Change, Field
    from rabbit_topo.errors import Problem
    from rabbit_topo.lint.types import Finding
    from rabbit_topo.model import Topology
    from rabbit_topo.plan import Consent, Operation, Outcome, Plan, Report
    from rabbit_topo.plan.impact import Impact
    from rabbit_topo.report.rows import Row


def plan_document(plan: Plan, routing: Impact | None, found: Sequence[Finding] = ()) -> dict[str, Any]:
    """Return the document that `schemas/plan.schema.json` describes.

    `routing` is the plan's impact; `found` are the findings about what it changes.
    """
    from rabbit_topo.report.findings_document import finding_list  # a check needs none of it
    from rabbit_topo.report.impact import impact_document

    all_rows = rows(plan)
    return {
        **head("plan", plan),
        "not_verified": _not_verified(plan),
        "consent": consent_document(plan.consent),
        "excess": plan.excess,
        "fingerprint": plan.fingerprint,
        "summary": summary(all_rows, plan),
        "changes": [row_document(row) for row in all_rows],
        "operations": [operation_document(operation) for operation in plan.operations],
        "routing": impact_document(routing),
        "findings": finding_list(found),
    }


def consent_document(consent: Consent) -> dict[str, Any]:
    """Spell what was agreed to."""
    return {
        "prune": consent.prune,
        "allow": sorted(consent.allow),
        "migrate": consent.migrate,
        "wait_consumers": consent.wait_consumers,
        "drop_user_id": consent.drop_user_id,
        "max_delete": consent.max_delete,
    }


def check_document(plan: Plan) -> dict[str, Any]:
    """Return the document that `schemas/check.schema.json` describes."""
    all_rows = differences(plan)
    return {
        **head("check", plan),
        "drift": bool(all_rows or refused(plan)),
        "not_verified": _not_verified(plan),
        "fingerprint": plan.fingerprint,
        "summary": {"differences": len(all_rows), "unchanged": plan.unchanged},
        "changes": [row_document(row) for row in all_rows],
    }


def report_document(report: Report) -> dict[str, Any]:
    """Return the document that `schemas/apply.schema.json` describes."""
    remaining = None if report.remaining is None else [change_document(change) for change in seen(report.remaining)]
    return {
        **head("apply", report.plan),
        "exit_code": report.exit_code,
        "interrupted": bool(report.interrupted),
        "summary": {
            "done": len(report.done),
            "failed": len(report.failed),
            "not_attempted": len(report.not_attempted),
            "unknown": len(report.unknown),
            "blocked": len(report.plan.blocked),
        },
        "outcomes": [outcome_document(outcome) for outcome in report.outcomes],
        "blocked": [row_document(row) for row in rows(report.plan) if row.status == "blocked"],
        "remaining": remaining,
        "surprises": [change_document(change) for change in report.surprises],
        "unverified": report.unverified,
        "inventory": {"status": report.noted.status, "reason": report.noted.reason} if report.noted else None,
        "not_verified": _not_verified(report.plan),
    }


def _not_verified(plan: Plan) -> dict[str, Any]:
    found = gaps(plan)
    return {
        "complete": complete(plan, found),
        "count": len(found),
        "undeclared_objects": not plan.facts.lists,
        "inventory": inventory_gap(plan.facts),
        "objects": [
            {
                "resource": resource(gap.resource),
                "existence": not gap.paths,
                "properties": [] if gap.paths == EVERYTHING else list(gap.paths),
                "all_properties": not gap.paths or gap.paths == EVERYTHING,
                "reason": gap.reason,
            }
            for gap in found
        ],
        "leases_renewed": [key.name for key in plan.facts.renewed],
    }


def validation_document(topology: Topology | None, problems: Sequence[Problem], total: int) -> dict[str, Any]:
    """Return the document that `schemas/validate.schema.json` describes."""
    counted = {kind.value: len(topology.of(kind)) for kind in Kind} if topology else {}
    return {
        "format_version": FORMAT_VERSION,
        "document": "validate",
        "valid": not total,
        "files": list(topology.files) if topology else [],
        "objects": counted,
        "problems_total": total,
        "problems": [
            {
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "code": problem.code or SHAPE,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
    }


def head(document: str, plan: Plan) -> dict[str, Any]:
    """Return what every document of a plan begins with."""
    facts = plan.facts
    return {
        "format_version": FORMAT_VERSION,
        "document": document,
        "target": {
            "address": facts.target,
            "product": facts.product,
            "version": facts.version,
            "cluster_name": facts.cluster_name,
        },
        "road": facts.road,
        "files": list(plan.declared.files),
    }


def row_document(row: Row) -> dict[str, Any]:
    """Spell a row: the change, and what will become of it."""
    return {
        **change_document(row.change),
        "status": row.status,
        "reason": row.reason,
        "remedy": row.remedy,
        "details": list(row.details),
        "hazards": list(row.hazards),
    }


def change_document(change: Change) -> dict[str, Any]:
    """Spell a change: what differs, in which object."""
    found: dict[str, Any] = {
        "change": name_of(change),
        "resource": resource(subject(change)),
        "origin": place(change.note.origin),
        "fields": [],
    }
    match change:
        case Unfinished():
            found["fields"] = [_field(field) for field in change.fields]
            found["left"] = change.marked.name
        case Update() | Replace():
            found["fields"] = [_field(field) for field in change.fields]
        case Displaced():
            found["fields"] = [{"path": "policy", "observed": change.theirs.name, "declared": change.ours.name}]
        case Unseen():
            found["unseen"] = change.reason
        case Create():
            found["near"] = resource(change.near) if change.near else None
        case Delete():
            found["because"] = change.reason
    return found


def _field(field: Field) -> dict[str, Any]:
    """Leave out the side that does not have the property."""
    sides = {"observed": field.observed, "declared": field.declared}
    return {"path": field.path, **{side: plain for side, plain in sides.items() if plain is not ABSENT}}


def operation_document(operation: Operation) -> dict[str, Any]:
    """Spell an operation: what is done, to what, because of which change."""
    found: dict[str, Any] = {
        "action": _action(operation),
        "resource": resource(operation.resource),
        "cause": name_of(operation.cause),
        "hazard": operation.hazard,
    }
    match operation:
        case Recreate():
            found["restore"] = [resource(one) for one in operation.restore]
        case Migrate():
            found["holding"] = resource(operation.holding)
        case Declare() | Remove():
            pass
    return found


def _action(operation: Operation) -> str:
    match operation:
        case Declare():
            return "declare"
        case Remove():
            return "remove"
        case Recreate():
            return "replace"
        case Migrate():
            return "migrate"


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Spell what came of an operation."""
    match outcome:
        case Done():
            told = {"outcome": "done", "reason": "", "hint": ""}
            return {**operation_document(outcome.operation), **told, **({"note": outcome.note} if outcome.note else {})}
        case Failed():
            told = {"outcome": "failed", "reason": outcome.reason, "hint": outcome.hint}
            return {**operation_document(outcome.operation), **told}
        case NotAttempted():
            name = "unknown" if outcome.sent else "not_attempted"
            return {**operation_document(outcome.operation), "outcome": name, "reason": outcome.reason, "hint": ""}
