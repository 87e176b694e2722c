"""What a rehearsal came to, as values: the plan for the broker, and what a copy of it said to the same plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rabbit_topo.model import Key, Kind
from rabbit_topo.plan import Done, Failed, NotAttempted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Blocked, Operation, Outcome, Plan
    from rabbit_topo.report.tests_run import TestRun

There: TypeAlias = Literal["done", "failed", "not_attempted", "unknown", "blocked"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it was rehearsed: `vhosts` are those that were made, by the names of those that they are copies of.

    `sandbox` says that it was a throwaway node, and not the broker itself.
    """

    target: str
    version: str
    vhosts: Mapping[str, str]
    sandbox: bool = False


class NotCopied(NamedTuple):
    """What the broker holds, and does not take again: with its words, or why nobody asked it."""

    resource: Resource
    reason: str


class NotTried(NamedTuple):
    """An operation of the plan that the rehearsal did not come to, and why."""

    operation: Operation
    reason: str


class OtherWay(NamedTuple):
    """An operation of the plan, and the one that was carried out in its place."""

    planned: Operation
    tried: Operation


@dataclass(frozen=True, slots=True)
class Copy:
    """How the copy differs from what was copied.

    `hidden` counts exclusive and server-named queues, which are left out. `limits` are the vhost limits that the copy
    has, a sentence each, and `gaps` what is not in it, with the reason.
    """

    lacking: tuple[NotCopied, ...] = ()
    hidden: int = 0
    limits: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """All that a rehearsal came to; whatever is told of the copy, is told as of the vhosts that it is a copy of.

    `plan` is the plan for the broker. `outcomes`, `blocked`, `surprises`, `unverified` and `interrupted` are what came
    of the same plan on the copy, as a `Report` has them. `partial` says that blocked rows were agreed to. `tests` are
    the route tests, None where there are none or nobody asked: then `untested` says why. `stays` says which vhost could
    not be removed again, and what to do.
    """

    plan: Plan
    stage: Stage
    copy: Copy
    outcomes: Sequence[Outcome]
    blocked: Sequence[Blocked]
    surprises: Sequence[Change] = ()
    unverified: str = ""
    interrupted: int = 0
    partial: bool = False
    tests: TestRun | None = None
    untested: str = ""
    stays: tuple[str, str] | None = None
    planned: Mapping[Key, Sequence[Operation]] = field(init=False)
    tried: Mapping[Key, Outcome] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the plan's operations by what they are about; the vhosts themselves are made by the rehearsal."""
        found: dict[Key, list[Operation]] = defaultdict(list)
        for operation in self.plan.operations:
            if operation.key.kind is not Kind.VHOST:
                found[operation.key].append(operation)
        object.__setattr__(self, "planned", found)
        object.__setattr__(self, "tried", {one.operation.key: one for one in self.outcomes})

    @property
    def new_vhosts(self) -> list[str]:
        """The vhosts that the plan is to make; nothing was copied from them."""
        return sorted(one.key.name for one in self.plan.operations if one.key.kind is Kind.VHOST)

    @property
    def done(self) -> list[Done]:
        """What the copy took."""
        return [one for one in self.outcomes if isinstance(one, Done)]

    @property
    def refused(self) -> list[Failed]:
        """What the broker, or a guard, refused."""
        return [one for one in self.outcomes if isinstance(one, Failed)]

    @property
    def not_attempted(self) -> list[NotAttempted]:
        """What was not sent, because of something before it."""
        return [one for one in self.outcomes if isinstance(one, NotAttempted) and not one.sent]

    @property
    def unknown(self) -> list[NotAttempted]:
        """What was sent and never answered."""
        return [one for one in self.outcomes if isinstance(one, NotAttempted) and one.sent]

    @property
    def not_tried(self) -> list[NotTried]:
        """The operations of the plan that the copy had no place for."""
        lacking = {one.resource.key: one.resource for one in self.copy.lacking}
        why = {row.change.key: row.reason for row in self.blocked}

        def reason(operation: Operation) -> str:
            for key in (operation.key, *operation.key.ends):
                if key in lacking:
                    return f"{key.kind} {key.name} could not be copied"
            return why.get(operation.key, "the copy differs from the broker in it")

        missed = [one for key, operations in self.planned.items() if key not in self.tried for one in operations]
        return [NotTried(operation, reason(operation)) for operation in missed]

    @property
    def other_ways(self) -> list[OtherWay]:
        """What was tried in another way than it is planned, as the copy is not the broker."""
        return [
            OtherWay(operations[0], one.operation)
            for one in self.outcomes
            if (operations := self.planned.get(one.operation.key))
            and all(type(operation) is not type(one.operation) for operation in operations)
        ]

    @property
    def beside(self) -> list[Outcome]:
        """What was tried although it is no operation of the plan: blocked rows apart, which tell it themselves."""
        known = {*self.planned, *(row.change.key for row in self.plan.blocked)}
        return [one for one in self.outcomes if one.operation.key not in known]

    def there(self, row: Blocked) -> tuple[There, str]:
        """Say what became on the copy of a row that is blocked on the broker: there it may be free."""
        one = self.tried.get(row.change.key)
        return _standing(one) if one else ("blocked", "")

    @property
    def silence(self) -> str:
        """Say that the route tests were compared with nothing; empty where they were, or none were run."""
        return self.tests.on_broker.silence if self.tests and self.tests.on_broker else ""

    @property
    def problems(self) -> bool:
        """Whether there is a finding: something would be refused, or a route test failed.

        What the route tests' own vhost does not take is told with the plan, or was there before it.
        """
        untrue = self.silence or (self.tests and self.tests.failed)
        return bool(self.refused or self.surprises or (self.plan.blocked and not self.partial) or untrue)

    @property
    def whole(self) -> bool:
        """Whether it went on to its end, and left nothing."""
        lost = self.unknown or (self.not_attempted and not self.refused) or self.unverified
        return not (lost or self.stays or self.interrupted)

    @property
    def exit_code(self) -> int:
        """Give 0 where everything would go through, 4 for findings, 1 where it did not end, or what interrupted it."""
        if self.interrupted:
            return self.interrupted
        if self.stays:
            return 1
        if self.problems:
            return 4
        return 0 if self.whole else 1


def _standing(outcome: Outcome) -> tuple[There, str]:
    match outcome:
        case Done():
            return "done", ""
        case Failed(reason=reason):
            return "failed", reason
        case NotAttempted(reason=reason, sent=sent):
            return "unknown" if sent else "not_attempted", reason


def kinds(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, int]]:
    """Count outcomes by the kind of the object, in the order in which rows are sorted."""
    for kind in Kind:
        if number := sum(one.operation.key.kind is kind for one in outcomes):
            yield kind.value, number
