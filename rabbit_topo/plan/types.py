"""The plan as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.diff import seen
from rabbit_topo.model import Topology
from rabbit_topo.plan.operations import Declare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.diff import Change, Unseen
    from rabbit_topo.model import Facts, Key
    from rabbit_topo.plan.operations import Operation


Allowance: TypeAlias = Literal["replace", "policy-limits", "policy-foreign", "default-exchange-gap"]
MAX_DELETE: Final = 30  # percent
_NOTHING: Final = Topology()


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to beyond creating and harmless updates.

    `prune`: delete what is ours and not declared. `allow`: what is dangerous, by name. `migrate`: replace queues and
    move their messages; `wait_consumers` is how many seconds their consumers may take to leave, `drop_user_id` takes
    that property from messages that could not be moved with it. `max_delete` is the share in percent of what is ours
    that one plan may delete or replace.
    """

    prune: bool = False
    allow: frozenset[Allowance] = frozenset()
    migrate: bool = False
    wait_consumers: float = 0.0
    drop_user_id: bool = False
    max_delete: int = MAX_DELETE


@dataclass(frozen=True, slots=True)
class Blocked:
    """A change that will not be made: why, and what somebody can do about it by hand."""

    change: Change
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Something of ours that is not declared, and that nobody asked to delete."""

    change: Change
    hint: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in waves: the operations of one wave do not depend on each other.

    `details` holds sentences about a change (how many queues a policy reaches, what a queue holds).
    `unseen` is what this road does not show: what may be declared again stands among the operations too.
    `unchanged` counts the declared objects without a change. `fingerprint` stands for everything observed
    but the counts: the same broker state gives the same one. `excess` says that it would delete or replace more of
    what is ours than `consent` allows, else it is empty. `there` is the topology that was observed.
    """

    waves: tuple[tuple[Operation, ...], ...]
    blocked: tuple[Blocked, ...]
    left_alone: tuple[LeftAlone, ...]
    details: Mapping[Key, tuple[str, ...]]
    unchanged: int
    fingerprint: str
    consent: Consent
    declared: Topology
    facts: Facts
    unseen: tuple[Unseen, ...] = ()
    excess: str = ""
    there: Topology = _NOTHING

    @property
    def operations(self) -> Iterator[Operation]:
        """Every operation, in order."""
        return (operation for wave in self.waves for operation in wave)

    @property
    def remainder(self) -> tuple[Change, ...]:
        """What a second diff will find when all operations are done, beside what is unseen."""
        rest = [row.change for row in self.blocked] + [row.change for row in self.left_alone]
        return tuple(sorted(seen(rest), key=lambda change: change.key.order))

    @property
    def prune(self) -> bool:
        """Whether deleting what is ours and not declared was agreed to."""
        return self.consent.prune

    @property
    def destructive(self) -> list[Operation]:
        """What deletes or replaces something, or does what was allowed by name although it is dangerous."""
        return [it for it in self.operations if not isinstance(it, Declare) or it.allowed]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.waves)
