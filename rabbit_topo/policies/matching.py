"""Which policy reaches which object: `rabbit_policy`, and the queue types' lists of `unsupported_policies`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.model import Exchange
from rabbit_topo.policies.patterns import pattern_matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.model import Policy, Queue

_APPLIES = {
    "classic": frozenset({"all", "queues", "classic_queues"}),
    "quorum": frozenset({"all", "queues", "quorum_queues"}),
    "stream": frozenset({"all", "queues", "streams"}),
    "": frozenset({"all", "queues"}),
    "exchange": frozenset({"all", "exchanges"}),
}

# A policy with any of these keys does not reach a queue of that type at all: `unsupported_policies` of the queue types,
# as tried on 3.10.8, 4.0.5 and 4.3.6.
_MIRRORING = frozenset(
    {"ha-mode", "ha-params", "ha-sync-mode", "ha-sync-batch-size", "ha-promote-on-failure", "ha-promote-on-shutdown"}
)
_STREAM_ONLY = frozenset({"max-age", "stream-max-segment-size-bytes", "initial-cluster-size"})
_IN_MEMORY = frozenset({"max-in-memory-length", "max-in-memory-bytes"})
_UNSUPPORTED = {
    "classic": _STREAM_ONLY | {"delivery-limit", "dead-letter-strategy"},
    "quorum": _STREAM_ONLY | _MIRRORING | {"max-priority", "queue-mode", "queue-master-locator"},
    "stream": _MIRRORING
    | _IN_MEMORY
    | {"expires", "message-ttl", "max-length", "overflow", "delivery-limit", "max-priority", "queue-mode"}
    | {"dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy", "queue-master-locator"}
    | {"target-group-size"},
}
_SINCE = {("classic", (3, 13)): _IN_MEMORY | {"target-group-size"}}
_BEFORE = {
    ("classic", (4, 0)): frozenset({"queue-leader-locator"}),
    ("quorum", (4, 2)): frozenset({"single-active-consumer"}),
}


@lru_cache
def _unsupported(kind: str, version: str) -> frozenset[str]:
    number = release(version)
    found = _UNSUPPORTED.get(kind, frozenset())
    for (queue_type, since), keys in _SINCE.items():
        found |= keys if queue_type == kind and number >= since else frozenset()
    for (queue_type, before), keys in _BEFORE.items():
        found |= keys if queue_type == kind and number < before else frozenset()
    return found


def release(version: str) -> tuple[int, int]:
    """Return the release of a version that a broker tells; the newest known one where it tells none.

    >>> release("3.10.8"), release("4.3"), release("")
    ((3, 10), (4, 3), (4, 3))
    """
    return read_release(version) or NEWEST


def kind_of(target: Queue | Exchange) -> str:
    """Name what a policy's `apply-to` tells apart: `exchange`, or a queue's type."""
    return "exchange" if isinstance(target, Exchange) else target.type or "classic"


def fits(policy: Policy, kind: str, version: str) -> bool:
    """Say whether a policy is for such objects, by its `apply-to` and the keys that a queue type does not support."""
    unsupported = _unsupported(kind, version)
    return policy.apply_to in _APPLIES.get(kind, _APPLIES[""]) and not any(
        key in unsupported for key in policy.definition
    )


def reaches(policy: Policy, target: Queue | Exchange, version: str) -> bool | None:
    """Say whether the policy is a candidate for this object; None where its pattern cannot be read here.

    `version` is the broker's: which keys keep a policy away from a queue type depends on it.
    """
    if policy.vhost != target.vhost or not fits(policy, kind_of(target), version):
        return False
    return pattern_matches(policy.pattern, target.name, version)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The policies of one kind that are for an object: those that reach it, and those that nobody here can tell of.

    `unread` are policies with a pattern that cannot be read here.
    """

    reaching: tuple[Policy, ...]
    unread: tuple[Policy, ...] = ()

    @property
    def winner(self) -> Policy | None:
        """The policy that takes effect, as far as patterns can be read."""
        return first(self.reaching)

    @property
    def rivals(self) -> tuple[Policy, ...]:
        """The policies that may take effect in its place, as no other that reaches the object has more priority.

        Of several with the highest priority the server promises none.
        """
        winner = self.winner
        if winner is None:
            return self.unread
        tied = (one for one in self.reaching if one is not winner and one.priority == winner.priority)
        return (*tied, *(one for one in self.unread if one.priority >= winner.priority))

    @property
    def doubt(self) -> str:
        """Why nobody can tell which policy takes effect, in words; empty where there are no rivals."""
        rivals = self.rivals
        said = [f'the pattern "{one.pattern}" of the policy {one.name}' for one in rivals if one in self.unread]
        words = [f"{' and '.join(said)} cannot be read here"] if said else []
        if (winner := self.winner) and len(said) < len(rivals):
            names = [one.name for one in (winner, *rivals) if one not in self.unread]
            words.append(f"the policies {' and '.join(names)} have the same priority")
        return ", and ".join(words)


def candidates(policies: Iterable[Policy], target: Queue | Exchange, version: str) -> Candidates:
    """Return the policies that reach the object, or may."""
    reaching: list[Policy] = []
    unread: list[Policy] = []
    for policy in policies:
        reached = reaches(policy, target, version)
        if reached or reached is None:
            (reaching if reached else unread).append(policy)
    return Candidates(tuple(reaching), tuple(unread))


def effective(policies: Iterable[Policy], target: Queue | Exchange, version: str) -> Policy | None:
    """Return the policy with the highest priority among those that reach the object.

    A pattern that cannot be read here counts as not matching: `candidates` tells of those. Ties go to the first by
    name, where the server makes no promise.
    """
    return candidates(policies, target, version).winner


def first(candidates: Iterable[Policy]) -> Policy | None:
    """Return the one of several policies that takes effect: the highest priority, then the name."""
    return min(candidates, key=lambda policy: (-policy.priority, policy.name), default=None)
