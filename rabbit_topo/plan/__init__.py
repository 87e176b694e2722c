"""From changes to operations in a safe order."""

from rabbit_topo.plan.make import make_plan
from rabbit_topo.plan.operations import (
    Declare,
    Done,
    Failed,
    Migrate,
    NotAttempted,
    Operation,
    Outcome,
    Recreate,
    Remove,
)
from rabbit_topo.plan.result import Report
from rabbit_topo.plan.types import Allowance, Blocked, Consent, LeftAlone, Plan

__all__ = [
    "Allowance",
    "Blocked",
    "Consent",
    "Declare",
    "Done",
    "Failed",
    "LeftAlone",
    "Migrate",
    "NotAttempted",
    "Operation",
    "Outcome",
    "Plan",
    "Recreate",
    "Remove",
    "Report",
    "make_plan",
]
