"""The rows of a plan: each change with its standing, gathered once for every format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rabbit_topo.diff import Create, Delete, Displaced, Replace, Unfinished, Unseen, Update
from rabbit_topo.plan import Declare
from rabbit_topo.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Plan

Status: TypeAlias = Literal["planned", "blocked", "left_alone"]
ChangeName: TypeAlias = Literal["create", "update", "replace", "displaced", "delete", "unseen", "unfinished"]


@dataclass(frozen=True, slots=True)
class Row:
    """One change, and what will become of it. `details` and `hazards` are sentences."""

    change: Change
    status: Status
    reason: str = ""
    remedy: str = ""
    details: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()


def rows(plan: Plan) -> list[Row]:
    """Return every change of a plan, sorted by key."""
    found: dict[int, Row] = {}
    hazards: dict[int, list[str]] = {}
    for operation in plan.operations:
        cause = operation.cause
        if operation.hazard:
            again = isinstance(operation, Declare) and isinstance(cause, Delete)
            told = f"{words.name(operation.resource)}: {operation.hazard}" if again else operation.hazard
            hazards.setdefault(id(cause), []).append(told)
        found.setdefault(id(cause), Row(cause, "planned", details=plan.details.get(cause.key, ())))
    result = [
        Row(row.change, "planned", details=row.details, hazards=tuple(hazards.get(key, ())))
        for key, row in found.items()
    ]
    result += [
        Row(row.change, "blocked", row.reason, row.remedy, plan.details.get(row.change.key, ())) for row in plan.blocked
    ]
    result += [
        Row(row.change, "left_alone", remedy=row.hint, details=plan.details.get(row.change.key, ()))
        for row in plan.left_alone
    ]
    return sorted(result, key=lambda row: row.change.key.order)


def differences(plan: Plan) -> list[Row]:
    """Return the rows of a plan that are a known difference."""
    return [row for row in rows(plan) if not isinstance(row.change, Unseen)]


def name_of(change: Change) -> ChangeName:
    """Name the kind of change as the documents spell it."""
    match change:
        case Create():
            return "create"
        case Update():
            return "update"
        case Replace():
            return "replace"
        case Displaced():
            return "displaced"
        case Delete():
            return "delete"
        case Unseen():
            return "unseen"
        case Unfinished():
            return "unfinished"


def subject(change: Change) -> Resource:
    """Return the resource that a change is about, as declared where it is."""
    match change:
        case Create() | Delete() | Displaced() | Unseen():
            return change.resource
        case Update() | Replace():
            return change.after
        case Unfinished():
            return change.after or change.before or change.marked


def summary(all_rows: Sequence[Row], plan: Plan) -> dict[str, int]:
    """Count rows by what becomes of them, for the last line and for programs."""
    planned = Counter(name_of(row.change) for row in all_rows if row.status == "planned")
    return {
        "create": planned["create"],
        "update": planned["update"],
        "replace": planned["replace"],
        "finish": planned["unfinished"],
        "delete": planned["delete"],
        "blocked": len(plan.blocked),
        "left_alone": len(plan.left_alone),
        "declare_again": planned["unseen"],
        "unchanged": plan.unchanged,
    }
