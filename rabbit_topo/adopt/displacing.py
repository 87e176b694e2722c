"""Policies in place of others: which are to be taken too, or not at all, so that none of ours is displaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.policies import first, reaches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Exchange, Key, Policy, Queue


class Settled(NamedTuple):
    """The policies to take, and those that are not taken with the one that would displace each."""

    taken: Mapping[Key, Policy]
    displaced: Mapping[Key, Policy]


def settle(
    wanted: Mapping[Key, Policy],
    others: Mapping[Key, Policy],
    barred: Mapping[Key, Policy],
    targets: Iterable[Queue | Exchange],
    version: str,
) -> Settled:
    """Choose policies so that none that is not taken takes the place of one that is, on any of these objects.

    Of the `others`, those are taken that do so. One that is `barred` cannot be taken: then what it displaces is not
    taken either, and the object keeps what it has.
    """
    taken = dict(wanted)
    displaced: dict[Key, Policy] = {}
    if not others and not barred:
        return Settled(taken, displaced)
    known = [*wanted.values(), *others.values(), *barred.values()]
    reaching = [found for target in targets if (found := _reaching(known, target, version))]
    while more := {key: others[key] for one in reaching for key in _rivals(one, taken)[1] if key in others}:
        taken |= more
    changed = True
    while changed:
        changed = False
        for one in reaching:
            winner, rivals = _rivals(one, taken)
            while winner is not None and rivals:
                displaced[winner.key] = min(rivals.values(), key=lambda policy: (-policy.priority, policy.name))
                del taken[winner.key]
                changed = True
                winner, rivals = _rivals(one, taken)
    return Settled(taken, displaced)


def _reaching(policies: Iterable[Policy], target: Queue | Exchange, version: str) -> list[tuple[Policy, bool]]:
    """Return the policies that reach an object, or may: whether each does for certain."""
    found = ((policy, reaches(policy, target, version)) for policy in policies)
    return [(policy, bool(reached)) for policy, reached in found if reached is not False]


def _rivals(
    reaching: Iterable[tuple[Policy, bool]], taken: Mapping[Key, Policy]
) -> tuple[Policy | None, Mapping[Key, Policy]]:
    """Return the taken policy that would take effect, and those not taken that may do so in its place."""
    winner = first(policy for policy, certain in reaching if certain and policy.key in taken)
    if winner is None:
        return None, {}
    return winner, {
        policy.key: policy for policy, _ in reaching if policy.key not in taken and policy.priority >= winner.priority
    }
