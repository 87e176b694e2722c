"""Patterns for `owns:`: what a person would write to say which names are ours."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.adopt.spelling import escaped
from rabbit_topo.adopt.types import Cover

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_SEPARATORS: Final = "._:/-"  # the dash last: in a set of characters it is itself only there
_SEPARATOR: Final = re.compile(r"[._:/-]")
_DIGITS: Final = re.compile("[0-9]+")
_SEVERAL: Final = 3  # words that differ in their numbers only, and are one family
_FEW: Final = 4  # patterns of one family that still read better than all of it but some


def cover(taken: Collection[str], others: Collection[str]) -> tuple[Cover, ...]:
    r"""Return patterns that match every taken name, each by exactly one of them, and none of the others.

    A name that is among the others too is covered by none. Patterns must match the whole name, with `.` matching every
    character; they are sorted by what they match.

    >>> [one.pattern for one in cover(["shop.a", "shop.b", "notify", "notify.mail", "audit"], ["card.x"])]
    ['audit', 'notify(\\..*)?', 'shop\\..*']
    >>> [one.pattern for one in cover(["shop.a", "shop.b", "shop.tmp.keep"], ["shop.tmp.1"])]
    ['shop\\.a', 'shop\\.b', 'shop\\.tmp\\.keep']
    """
    foreign = set(others)
    names = [_Name(name, name not in foreign) for name in sorted({*taken, *foreign})]
    found = list(_covers(names))
    return tuple(sorted(found, key=lambda one: one.names))


class _Name(NamedTuple):
    text: str
    ours: bool


@dataclass(slots=True)
class _Word:
    """The names that go on with one word after what they have in common: up to the next separator, or to their end.

    `stem` is all that they begin with. `parts` holds them by the separator that follows, empty for the name that ends
    here.
    """

    stem: str
    parts: defaultdict[str, list[_Name]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_clean(self) -> bool:
        return all(_clean(names) for names in self.parts.values())

    @property
    def ours(self) -> list[str]:
        return [name.text for names in self.parts.values() for name in names if name.ours]


def _clean(names: Iterable[_Name]) -> bool:
    return all(name.ours for name in names)


def _words(names: Iterable[_Name], start: int) -> list[_Word]:
    """Sort names by their next word, which begins at `start` in each of them."""
    words: dict[str, _Word] = {}
    for name in names:
        found = _SEPARATOR.search(name.text, start)
        end = found.start() if found else len(name.text)
        stem = name.text[:end]
        word = words.get(stem) or words.setdefault(stem, _Word(stem))
        word.parts[found[0] if found else ""].append(name)
    return list(words.values())


def _covers(names: list[_Name]) -> Iterator[Cover]:
    below = [("", names)]
    while below:
        prefix, inside = below.pop()
        words = _words(inside, len(prefix))
        units = _units(words, len(prefix))
        dirty = [word for word in words if not word.is_clean]
        if prefix and len(units) > _FEW and 2 * len(dirty) <= len(units):
            yield _all_but(prefix, units, dirty)
        else:
            yield from (_unit(unit, len(prefix)) for unit in units)
        for word in dirty:
            yield from _clean_part(word)
            below += [
                (word.stem + separator, part)
                for separator, part in word.parts.items()
                if separator and not _clean(part) and any(name.ours for name in part)
            ]


def _units(words: list[_Word], start: int) -> list[list[_Word]]:
    """Put those words together that differ in their numbers only, where all of that form are ours."""
    forms: defaultdict[tuple[str, ...], list[_Word]] = defaultdict(list)
    for word in words:
        forms[tuple(_DIGITS.split(word.stem[start:]))].append(word)
    units: list[list[_Word]] = []
    for form, members in forms.items():
        ours = [word for word in members if word.is_clean]
        if len(form) > 1 and len(members) >= _SEVERAL and len(ours) == len(members):
            units.append(ours)
        else:
            units += ([word] for word in ours)
    return units


def _unit(words: list[_Word], start: int) -> Cover:
    """Cover what is all ours: one word and what follows it, or words that differ in their numbers."""
    ours = sorted(name for word in words for name in word.ours)
    if len(ours) == 1:
        return Cover(escaped(ours[0]), tuple(ours))
    if len(words) > 1:
        first = words[0].stem
        form = "[0-9]+".join(map(escaped, _DIGITS.split(first[start:])))
        return Cover(escaped(first[:start]) + form + _tail({end for word in words for end in word.parts}), tuple(ours))
    word = _narrowed(words[0])
    return Cover(escaped(word.stem) + _tail(word.parts), tuple(ours))


def _narrowed(word: _Word) -> _Word:
    """Go on to the next word, as long as all names have the same."""
    while len(word.parts) == 1:
        [(separator, names)] = word.parts.items()
        further = _words(names, len(word.stem) + len(separator))
        if len(further) > 1:
            break
        word = further[0]
    return word


def _clean_part(word: _Word) -> Iterator[Cover]:
    """Cover what is ours of a word that others have too, as far as separators tell it apart."""
    part = _Word(word.stem)
    for separator, names in word.parts.items():
        if _clean(names):
            part.parts[separator] = names
    if part.parts:
        yield _unit([part], 0)


def _all_but(prefix: str, units: list[list[_Word]], dirty: list[_Word]) -> Cover:
    """Cover all that begins alike, but for some words that are looked at one by one."""
    start = len(prefix)
    excluded = "|".join(
        escaped(word.stem[start:]) + (escaped(end) if end else r"\Z") for word in dirty for end in sorted(word.parts)
    )
    ours = sorted(name for unit in units for word in unit for name in word.ours)
    return Cover(f"{escaped(prefix)}(?!{excluded}).*", tuple(ours))


def _tail(ends: Collection[str]) -> str:
    """Say what follows a word: nothing, or one of these separators and anything."""
    separators = [separator for separator in _SEPARATORS if separator in ends]
    if not separators:
        return ""
    one = escaped(separators[0]) if len(separators) == 1 else f"[{''.join(separators)}]"
    return f"({one}.*)?" if "" in ends else f"{one}.*"
