"""From changes to operations in a safe order."""

from rabbit_topo.plan.make import make_plan
from rabbit_topo.plan.operations import Declare, Done, Failed, NotAttempted, Operation, Outcome, Remove
from rabbit_topo.plan.result import Report
from rabbit_topo.plan.types import Blocked, LeftAlone, Plan

__all__ = [
    "Blocked",
    "Declare",
    "Done",
    "Failed",
    "LeftAlone",
    "NotAttempted",
    "Operation",
    "Outcome",
    "Plan",
    "Remove",
    "Report",
    "make_plan",
]
