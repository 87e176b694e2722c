"""The plan as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.diff import seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.diff import Change, Unseen
    from rabbit_topo.model import Facts, Key, Topology
    from rabbit_topo.plan.operations import Operation


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
    but the counts: the same broker state gives the same one.
    """

    waves: tuple[tuple[Operation, ...], ...]
    blocked: tuple[Blocked, ...]
    left_alone: tuple[LeftAlone, ...]
    details: Mapping[Key, tuple[str, ...]]
    unchanged: int
    fingerprint: str
    prune: bool
    declared: Topology
    facts: Facts
    unseen: tuple[Unseen, ...] = ()

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
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.waves)
