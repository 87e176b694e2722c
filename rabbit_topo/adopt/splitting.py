"""Which object stands in which file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Binding, Exchange, Key, Kind, Policy, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from rabbit_topo.adopt.types import Split

SHARED: Final = "shared"  # the file of profiles, of `ignore`, and of policies for all
_OTHER: Final = "other"
_WHOLE: Final = "topology"
_UNBOUND: Final = "unbound"
_MOST: Final = 500  # objects of a file that a person can still review
_STRONG: Final = re.compile(r"[.:/]")  # between the parts of most names
_WEAK: Final = re.compile(r"[_-]")  # within a part, or where nothing else separates
_PREFIX: Final = re.compile(r"\^((?:(?:[\w:/#@ -]|\\[^\w\s])(?![*+?{]))+)")  # literal characters at the beginning
_ODD: Final = re.compile(r"[^a-z0-9._-]+")
_LONGEST: Final = 60
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")  # what Windows takes for no file


def homes(resources: Iterable[Exchange | Queue | Binding | Policy], split: Split) -> dict[Key, str]:
    """Return the file of each exchange, queue and policy of one vhost, without its ending; names of files are safe.

    By prefix, one domain has one file, as long as it stays within what a person reviews; domains of a single object
    share one, save for a queue whose bindings all come from one domain, and a policy for the names of one: it stands
    there. By exchange, a queue stands with the exchange that most of its bindings come from.
    """
    everything = list(resources)
    named = [one for one in everything if not isinstance(one, Binding)]
    match split:
        case "none":
            return {one.key: _WHOLE for one in named}
        case "exchange":
            return _files(_by_exchange(named, [one for one in everything if isinstance(one, Binding)]))
        case "prefix":
            return _files(_by_prefix(named, [one for one in everything if isinstance(one, Binding)]))


def _files(groups: Mapping[str, list[Key]]) -> dict[Key, str]:
    return {key: file for file, keys in _reviewable(groups) for key in keys}


def _by_exchange(named: Sequence[Exchange | Queue | Policy], bindings: Sequence[Binding]) -> dict[str, list[Key]]:
    sources: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for binding in bindings:
        sources[binding.destination_key][binding.source] += 1
    groups: defaultdict[str, list[Key]] = defaultdict(list)
    for one in named:
        if isinstance(one, Queue):
            found = sources[one.key]
            home = min(found, key=lambda name: (-found[name], name), default=_UNBOUND)
        else:
            home = one.name if isinstance(one, Exchange) else SHARED
        groups[home].append(one.key)
    return groups


def _by_prefix(named: Sequence[Exchange | Queue | Policy], bindings: Sequence[Binding]) -> dict[str, list[Key]]:
    strong = {head for one in named if (head := _head(one.name, _STRONG, 1)) != one.name}
    own = {one.key: _domain(one.name, strong) for one in named}
    sizes, inhabited = Counter(own.values()), {own[one.key] for one in named if not isinstance(one, Policy)}
    settled = {domain for domain in inhabited if sizes[domain] > 1}
    sources: defaultdict[Key, set[str]] = defaultdict(set)
    for binding in bindings:
        sources[binding.destination_key].add(_domain(binding.source, strong))
    domains: defaultdict[str, list[Key]] = defaultdict(list)
    for one in named:
        near = {_served(one, strong)} if isinstance(one, Policy) else sources[one.key]
        is_drawn = own[one.key] not in settled and len(near) == 1 and near <= settled
        [domain] = near if is_drawn else [own[one.key]]
        domains[domain].append(one.key)
    groups: defaultdict[str, list[Key]] = defaultdict(list)
    for domain, keys in domains.items():
        if all(key.kind is Kind.POLICY for key in keys):
            groups[SHARED] += keys
        elif len(keys) == 1:
            groups[_OTHER] += keys
        else:
            for file, some in _deeper(domain, keys, 2).items():
                groups[file] += some
    return {_WHOLE: groups[_OTHER]} if groups.keys() == {_OTHER} else groups


def _domain(name: str, strong: AbstractSet[str]) -> str:
    """Return the first part of a name; without a clear separator, the longest beginning that is a domain of others."""
    if (head := _head(name, _STRONG, 1)) != name:
        return head
    heads = [name, *(name[: found.start()] for found in reversed([*_WEAK.finditer(name)]))]
    return next((head for head in heads if head in strong), _head(name, _WEAK, 1))


def _served(policy: Policy, strong: AbstractSet[str]) -> str:
    """Return the domain of the names that a policy is for, where its pattern begins like them; empty where not."""
    found = _PREFIX.match(policy.pattern)
    literal = re.sub(r"\\(.)", r"\1", found[1]) if found and "|" not in policy.pattern else ""
    return _domain(literal, strong)


def _deeper(domain: str, keys: list[Key], depth: int) -> dict[str, list[Key]]:
    """Split a domain that is too large by the next part of its names, where they have one."""
    if len(keys) <= _MOST:
        return {domain: keys}
    inner: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys:
        inner[_head(key.name, _STRONG, depth)].append(key)
    groups: defaultdict[str, list[Key]] = defaultdict(list)
    for head, some in inner.items():
        if len(some) == 1 or head == domain:
            groups[domain] += some
        elif any(key.name != head for key in some):
            for file, found in _deeper(head, some, depth + 1).items():
                groups[file] += found
        else:
            groups[head] += some
    return groups


def _head(name: str, separator: re.Pattern[str], number: int) -> str:
    """Return the first so many parts of a name; all of it, where it has no more."""
    ends = [found.start() for found in separator.finditer(name) if found.start()]
    return name[: ends[number - 1]] if len(ends) >= number else name


def _reviewable(groups: Mapping[str, list[Key]]) -> Iterable[tuple[str, list[Key]]]:
    """Yield safe names of files, none twice, and what stands in them, in parts where it is too much."""
    given = Distinct()
    for group in sorted(groups, key=lambda group: (file_name(group) != group, -len(groups[group]), group)):
        keys = sorted(groups[group], key=lambda key: (key.name, key.kind))
        parts = [keys[at : at + _MOST] for at in range(0, len(keys), _MOST)]
        digits = len(str(len(parts)))
        for number, part in enumerate(parts, 1):
            yield given.name(file_name(group) + (f"-{number:0{digits}}" if len(parts) > 1 else "")), part


class Distinct:
    """Gives names out, none twice: who comes later has a number behind it."""

    def __init__(self) -> None:
        """Nothing is given out yet."""
        self._given: set[str] = set()
        self._last: Counter[str] = Counter()

    def name(self, wanted: str) -> str:
        """Return a name like this one that nobody has."""
        found = wanted
        while found in self._given:
            self._last[wanted] += 1
            found = f"{wanted}-{self._last[wanted] + 1}"
        self._given.add(found)
        return found


def file_name(name: str) -> str:
    """Return a name that every file system takes, for a folder or a file without its ending.

    >>> file_name("Shop/EU"), file_name("/"), file_name("x.test")
    ('shop-eu', 'names', 'x-test')
    """
    found = _ODD.sub("-", name.lower()).strip("-._")[:_LONGEST].strip("-._") or "names"
    if found.endswith(".test") or found == "rabbit-topo" or _DEVICES.fullmatch(found):
        found = f"{found.removesuffix('.test')}-{'test' if found.endswith('.test') else 'names'}"
    return found
