"""What came of a plan, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rabbit_topo.diff import Change, Create, Delete, Displaced, Replace, Unfinished, Unseen, Update, seen
from rabbit_topo.plan.operations import Done, Failed, NotAttempted, Outcome

if TYPE_CHECKING:
    from rabbit_topo.plan.types import Plan


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of the inventory on the broker; `reason` says why it is `failed` or `unseen`."""

    status: Literal["written", "unchanged", "failed", "unseen"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a plan.

    `remaining` is what a second look at the broker found to differ, None where it could not be had (then
    `unverified` says why). `interrupted` is the exit code of the signal that ended the work, or 0. `surprises` is the
    part of `remaining` that the plan did not predict. `noted` is None where no inventory is kept, or nobody knows.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    remaining: tuple[Change, ...] | None
    unverified: str = ""
    interrupted: int = 0
    noted: Noted | None = None

    @property
    def done(self) -> list[Done]:
        """What the broker confirmed."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Done)]

    @property
    def failed(self) -> list[Failed]:
        """What the broker or a guard refused."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Failed)]

    @property
    def not_attempted(self) -> list[NotAttempted]:
        """What was not sent, or did not arrive."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, NotAttempted) and not outcome.sent]

    @property
    def unknown(self) -> list[NotAttempted]:
        """What was sent and never answered, and what the second look could not settle."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, NotAttempted) and outcome.sent]

    @property
    def surprises(self) -> tuple[Change, ...]:
        """What differs against the plan's prediction."""
        predicted = {signature(change) for change in self.plan.remainder}
        return tuple(change for change in seen(self.remaining or ()) if signature(change) not in predicted)

    @property
    def exit_code(self) -> int:
        """Give 0 when all is as planned, else what it is short of.

        6: something is missing; 1: something failed and nothing was written; 5: there were blocked rows and nothing
        else to do; 130 and 143: interrupted.
        """
        if self.interrupted:
            return self.interrupted
        unnoted = self.noted is not None and self.noted.status == "failed"
        trouble = bool(self.failed or self.not_attempted or self.unknown or unnoted)
        if not (trouble or self.surprises or self.plan.blocked or self.remaining is None):
            return 0
        if self.plan.empty and self.plan.blocked:
            return 5
        return 1 if trouble and not self.done and not self._in_doubt else 6

    @property
    def _in_doubt(self) -> bool:
        """Whether something may have been written though nobody confirmed it: the second look decides."""
        if any(isinstance(change, Unfinished) for change in self.surprises):
            return True
        sent = {outcome.operation.key for outcome in self.unknown}
        if self.remaining is None:
            return bool(sent)
        planned = {operation.key for operation in self.plan.operations}
        unseen = {change.key for change in self.remaining if isinstance(change, Unseen)}
        return bool(sent & unseen) or not planned <= {change.key for change in self.remaining}


def signature(change: Change) -> tuple[object, ...]:
    """Say what makes two changes the same finding, in a form that hashes."""
    match change:
        case Update() | Replace():
            return (type(change), change.key, repr(change.fields))
        case Create() | Delete() | Unseen() | Unfinished():
            return (type(change), change.key)
        case Displaced():
            return (type(change), change.key, change.ours.key, change.theirs.key)
