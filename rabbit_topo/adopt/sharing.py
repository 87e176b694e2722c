"""What many objects share: profiles for whole sets of options, and the defaults of a file.

An object is written as its profile, if it has one, and what it says beyond. Only what comes out the same again is
lifted; how layers merge is told in `rabbit_topo.load.merge`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rabbit_topo.adopt.items import ITSELF, TYPE, Item, in_order, items_of, options_of, templated
from rabbit_topo.adopt.profile_names import profile_names
from rabbit_topo.adopt.profiles import chosen_profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.adopt.items import Items, Path
    from rabbit_topo.adopt.options import Options

_SHORTEST: Final = 3  # characters of a name that is looked for in values
_OFTEN: Final = 3  # so many objects say the same before it is lifted


@dataclass(frozen=True, slots=True)
class Described:
    """An object before anything is shared: its file, its name, and its options."""

    file: str
    name: str
    options: Options


@dataclass(frozen=True, slots=True)
class Shared:
    """What objects of one kind share. `options` are those that are left of each, in the order of the objects.

    `profiles` are the options of each by name, and `users` the files that use it. `defaults` are by file.
    """

    options: tuple[Options, ...]
    profiles: Mapping[str, Options]
    users: Mapping[str, frozenset[str]]
    defaults: Mapping[str, Options]


@dataclass(slots=True)
class _Object:
    """An object while it is looked at: what it says, and what a profile could say in its place."""

    file: str
    name: str
    says: tuple[Item, ...]
    liftable: Items = frozenset()
    profile: Items = frozenset()


def share(objects: Sequence[Described], *, with_type: bool) -> Shared:
    """Lift what objects of one kind share; those of all files together, as profiles are for all of them.

    Without `with_type` the type stays with each object: of an exchange it is what one looks for first.
    """
    here = [_Object(one.file, one.name, tuple(items_of(one.options))) for one in objects]
    usual = _templates(here)
    for one in here:
        one.liftable = frozenset(_liftable(one, usual, with_type=with_type))
    chosen = chosen_profiles(Counter(one.liftable for one in here))
    for one in here:
        one.profile = chosen.get(one.liftable, frozenset())
    files = _by_file(here)
    _leave_to_defaults(files)
    names = profile_names({one.profile for one in here if one.profile})
    defaults = {file: found for file, some in files.items() if (found := _defaults(some, with_type=with_type))}
    users: defaultdict[str, set[str]] = defaultdict(set)
    for one in here:
        if one.profile:
            users[names[one.profile]].add(one.file)
    return Shared(
        tuple(_written(one, names, defaults.get(one.file, {})) for one in here),
        {name: options_of(in_order(items)) for items, name in sorted(names.items(), key=lambda pair: pair[1])},
        {name: frozenset(some) for name, some in users.items()},
        {file: options_of(in_order(found.values())) for file, found in defaults.items()},
    )


def _templates(here: Sequence[_Object]) -> frozenset[Item]:
    """Return the options in which objects often name themselves, with `{name}` in the name's place."""
    counts = Counter(
        Item(item.path, found)
        for one in here
        if len(one.name) >= _SHORTEST
        for item in one.says
        if (found := templated(item.value, one.name))
    )
    return frozenset(item for item, number in counts.items() if number >= _OFTEN)


def _liftable(one: _Object, usual: frozenset[Item], *, with_type: bool) -> Iterator[Item]:
    """Yield what a profile could say; a value that has `{name}` in it itself would not come out the same."""
    for item in one.says:
        if ITSELF not in item.value and (item.path != TYPE or with_type):
            template = Item(item.path, templated(item.value, one.name))
            yield template if template in usual else item


def _by_file(here: Sequence[_Object]) -> dict[str, list[_Object]]:
    found: defaultdict[str, list[_Object]] = defaultdict(list)
    for one in here:
        found[one.file].append(one)
    return dict(found)


def _leave_to_defaults(files: Mapping[str, Sequence[_Object]]) -> None:
    """Take a profile away that is for all objects of one file, and for no others: its defaults say it shorter."""
    users: defaultdict[Items, set[str]] = defaultdict(set)
    for file, some in files.items():
        for one in some:
            users[one.profile].add(file)
    for some in files.values():
        profile = some[0].profile
        if len(users[profile]) == 1 and all(one.profile == profile and profile <= {*one.says} for one in some):
            for one in some:
                one.profile = frozenset()


def _defaults(some: Sequence[_Object], *, with_type: bool) -> dict[Path, Item]:
    """Return the options that a file's objects share: the type that most have, and of the rest what all say."""
    said = Counter(item for one in some for item in one.says)
    unsaid = Counter(item for one in some for item in one.says if item not in one.profile)
    types = Counter({item: number for item, number in unsaid.items() if item.path == TYPE})
    typed = with_type and sum(number for item, number in said.items() if item.path == TYPE) == len(some)
    found: dict[Path, Item] = {}
    for item, number in unsaid.items():
        if number >= _OFTEN and (2 * number > types.total() and typed if item in types else said[item] == len(some)):
            found[item.path] = item
    return found


def _written(one: _Object, names: Mapping[Items, str], defaults: Mapping[Path, Item]) -> Options:
    """Return what is left to say of an object."""
    by_profile = {item.path for item in one.profile}
    by_item = one.profile & one.liftable
    said = {item.path for item in by_item}
    said |= {path for path, item in defaults.items() if path not in by_profile and item in one.says}
    options: Options = {"use": names[one.profile]} if one.profile else {}
    return options | options_of(item for item in one.says if item.path not in said)
