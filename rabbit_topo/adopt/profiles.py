"""Which sets of options deserve to be profiles.

Candidates are the sets that most objects have as a whole, and what objects with one option have in common. The one that
saves most lines is taken, the objects that have it are settled, and so on, as long as lines are saved.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from rabbit_topo.adopt.items import ARGUMENTS, TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rabbit_topo.adopt.items import Item, Items

_LOOKED_AT: Final = 60  # candidates of either kind
_MOST: Final = 24  # profiles: among more, nobody finds his own


def chosen_profiles(sets: Mapping[Items, int]) -> dict[Items, Items]:
    """Return the profile of each set of options that is to have one; `sets` says how many objects have it."""
    chosen: dict[Items, Items] = {}
    profiles: list[Items] = []
    for profile, users in _best_first(sets):
        profiles.append(profile)
        chosen |= dict.fromkeys(users, profile)
    for one in sets:
        if one not in chosen and (near := _all_but_one(one, profiles)):
            chosen[one] = near
    return chosen


def _best_first(sets: Mapping[Items, int]) -> Iterator[tuple[Items, list[Items]]]:
    """Yield profiles, each with the sets that have it and none before it."""
    members = {candidate: [one for one in sets if candidate <= one] for candidate in _candidates(sets)}
    holding: defaultdict[Items, list[Items]] = defaultdict(list)
    for candidate, some in members.items():
        for one in some:
            holding[one].append(candidate)
    left = {candidate: sum(sets[one] for one in some) for candidate, some in members.items()}
    settled: set[Items] = set()
    for _ in range(min(_MOST, len(left))):
        best = max(left, key=lambda one: (_saved(one, left[one]), len(one), sorted(one)))
        if _saved(best, left[best]) < 1:
            return
        users = [one for one in members[best] if one not in settled]
        settled.update(users)
        for one in users:
            for candidate in holding[one]:
                left[candidate] -= sets[one]
        yield best, users


def _candidates(sets: Mapping[Items, int]) -> list[Items]:
    """Return what may become a profile, in an order that does not depend on that of the objects."""
    common: dict[Item, Items] = {}
    number: Counter[Item] = Counter()
    for one, many in sets.items():
        for item in one:
            common[item] = common[item] & one if item in common else one
            number[item] += many
    closures: Counter[Items] = Counter()
    for item, items in common.items():
        closures[items] = max(closures[items], number[item])
    found = {candidate for some in (sets, closures) for candidate in _first(some)}
    return sorted((one for one in found if _lines(one) > 1), key=sorted)


def _first(some: Mapping[Items, int]) -> list[Items]:
    ranked = sorted(some, key=lambda one: (-_saved(one, some[one]), sorted(one)))
    return ranked[:_LOOKED_AT]


def _saved(items: Items, users: int) -> int:
    """Count the lines that a profile saves: `use` takes one of each user, and the profile its own."""
    lines = _lines(items)
    return users * (lines - 1) - (lines + 1)


def _lines(items: Iterable[Item]) -> int:
    """Count the lines of some options; a type costs none, as the defaults say it."""
    keys = Counter(item.path[0] for item in items if item.path != TYPE)
    return sum(keys.values()) + (ARGUMENTS in keys)


def _all_but_one(one: Items, profiles: Iterable[Items]) -> Items | None:
    """Return the profile that says all of an object but for a single value, which the object says itself."""
    paths = {item.path: item for item in one}
    for profile in profiles:
        differing = [item for item in profile if item not in one]
        if len(differing) != 1:
            continue
        own = paths.get(differing[0].path)
        if own and differing[0].path != TYPE and not (own.is_table or differing[0].is_table):
            return profile
    return None
