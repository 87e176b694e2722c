"""Patterns for `owns:`: what a person would write to say which names are ours."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.adopt.spelling import escaped
from rabbit_topo.adopt.types import Cover

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sized

_SEPARATORS: Final = "._:/-"  # the dash last: in a set of characters it is itself only there
_SEPARATOR: Final = re.compile(r"[._:/-]")
_LEADING: Final = re.compile(r"^[\s._:/-]+")  # no word, and no family that begins with it
_NUMBER: Final = re.compile("[0-9]+")
_HEX: Final = re.compile("[0-9a-f]{8,}")
_SEVERAL: Final = 3  # words that differ in a number only, and are one family
_PAIR: Final = 2
_FEW: Final = 4  # patterns of one family that still read better than all of it but some


def cover(taken: Collection[str], others: Collection[str]) -> tuple[Cover, ...]:
    r"""Return patterns that match every taken name, each by exactly one of them, and none of the others.

    A name that is among the others too is covered by none. Patterns must match the whole name, with `.` matching every
    character; they are sorted by what they match.

    >>> [one.pattern for one in cover(["shop.a", "shop.b", "notify", "notify.mail", "audit"], ["card.x"])]
    ['audit', 'notify', 'notify\\.mail', 'shop\\..*']
    >>> [one.pattern for one in cover(["shop.a", "shop.b", "shop.tmp.keep"], ["shop.tmp.1"])]
    ['shop\\.a', 'shop\\.b', 'shop\\.tmp\\.keep']
    >>> [one.pattern for one in cover(["eu1.mail", "eu2.mail", "eu3.mail", "eu3.log"], ["eu2.reply"])]
    ['eu[0-9]+\\.mail', 'eu3\\.log']
    """
    foreign = set(others)
    names = [_Name(name, name not in foreign, 0) for name in sorted({*taken, *foreign})]
    return tuple(sorted(_covers(names), key=lambda one: one.names))


def exactly(taken: Collection[str], others: Collection[str]) -> tuple[Cover, ...]:
    r"""Return patterns of single names: of every taken one that is not among the others.

    >>> [one.pattern for one in exactly(["shop.b", "shop.a", "shop.c"], ["shop.c"])]
    ['shop\\.a', 'shop\\.b']
    """
    return tuple(Cover(escaped(name), (name,)) for name in sorted({*taken} - {*others}))


class _Name(NamedTuple):
    """A name, whether it is ours, and where its next word begins."""

    text: str
    ours: bool
    start: int


@dataclass(slots=True)
class _Word:
    """The names that go on with one word, or with words of one form, after what they have in common.

    A word ends at the next separator, or with the name. `own` is the pattern of the word, `stem` that of all that the
    names begin with, the word included. `parts` holds them by the separator that follows; empty, where none does.
    """

    own: str
    stem: str
    is_literal: bool
    parts: defaultdict[str, list[_Name]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_clean(self) -> bool:
        """Whether all of them are ours."""
        return all(map(_clean, self.parts.values()))


def _clean(names: Iterable[_Name]) -> bool:
    return all(name.ours for name in names)


def _covers(names: list[_Name]) -> Iterator[Cover]:
    below = [("", names)]
    while below:
        prefix, inside = below.pop()
        words = _words(prefix, inside)
        clean = [word for word in words if word.is_clean]
        dirty = [word for word in words if not word.is_clean]
        if prefix and _are_many(clean, dirty) and not any(map(_ends_in_a_line_break, clean)):
            yield _all_but(prefix, clean, dirty)
        else:
            for word in clean:
                yield from _whole(word)
        for word in dirty:
            ours = {end: part for end, part in word.parts.items() if _clean(part)}
            if ours:
                yield from _part(word, ours)
            for end, part in word.parts.items():
                if end and end not in ours:
                    below.append((word.stem + escaped(end), part))
                elif end not in ours:
                    yield from _same(word.stem, part)


def _are_many(ours: Sized, others: Sized) -> bool:
    """Say whether one pattern for all but the others reads better than one for each of ours."""
    return len(ours) > _FEW and 2 * len(others) <= len(ours)


def _ends_in_a_line_break(word: _Word) -> bool:
    """Say whether a name does so: the end of a pattern stands before a last line break, too."""
    return any(name.text.endswith("\n") for part in word.parts.values() for name in part)


def _words(prefix: str, names: Iterable[_Name]) -> list[_Word]:
    """Sort names by their next word; words that differ in a number only count as one."""
    spelled: defaultdict[str, list[tuple[str, _Name]]] = defaultdict(list)
    for name in names:
        begin = name.start or len(name.text) - len(_LEADING.sub("", name.text, count=1))
        found = _SEPARATOR.search(name.text, begin)
        end = found.start() if found else len(name.text)
        spelled[name.text[name.start : end]].append((found[0] if found else "", name._replace(start=end + 1)))
    forms = _forms({text: any(name.ours for _, name in ends) for text, ends in spelled.items()})
    words: dict[str, _Word] = {}
    for text, ends in spelled.items():
        own = forms.get(text, "")
        key = own or escaped(text)
        word = words.setdefault(f"{bool(own)} {key}", _Word(key, prefix + key, not own))
        for separator, name in ends:
            word.parts[separator].append(name)
    return list(words.values())


def _forms(texts: Mapping[str, bool]) -> dict[str, str]:
    """Return the pattern of each word that is one of several of its form: with a number, or made of hex digits.

    `texts` says of each word whether names of ours begin with it; most of a form must do so. No pattern matches a word
    of another form.
    """
    hexes = Counter(len(text) for text in texts if _HEX.fullmatch(text) and not text.isdigit() and not text.isalpha())
    forms: defaultdict[str, list[str]] = defaultdict(list)
    of_hex: set[str] = set()
    for text in texts:
        numbered = _numbered(text)
        if hexes[len(text)] >= _SEVERAL and _HEX.fullmatch(text):
            of_hex.add(numbered)
            forms[f"[0-9a-f]{{{len(text)}}}"].append(text)
        elif numbered:
            forms[numbered].append(text)
    found: dict[str, str] = {}
    for form, members in forms.items():
        ours = sum(texts[text] for text in members)
        if ours >= _SEVERAL and 2 * ours > len(members) and form not in of_hex:
            found |= dict.fromkeys(members, form)
    return found


def _numbered(text: str) -> str:
    """Return the pattern of words that are like this one but for its number; empty where it has none, or several."""
    parts = _NUMBER.split(text)
    return "[0-9]+".join(map(escaped, parts)) if len(parts) == 2 else ""  # noqa: PLR2004 - before and after it


def _whole(word: _Word) -> Iterator[Cover]:
    """Cover what is all ours; as long as all names go on with the same word, the pattern does too."""
    while word.is_literal and len(word.parts) == 1:
        [(separator, names)] = word.parts.items()
        further = _words(word.stem + escaped(separator), names) if separator else []
        if len(further) != 1 or not further[0].is_literal:
            break
        word = further[0]
    return _part(word, word.parts)


def _part(word: _Word, parts: dict[str, list[_Name]]) -> Iterator[Cover]:
    """Cover what follows a word in these ways; a name and a single one that goes on with it are no family."""
    ours = _sorted(name for part in parts.values() for name in part)
    if len(ours) == 1 or ("" in parts and len(parts) == len(ours) == _PAIR):
        yield from (Cover(escaped(name), (name,)) for name in ours)
    else:
        yield Cover(word.stem + _tail(parts), ours)


def _same(stem: str, part: list[_Name]) -> Iterator[Cover]:
    """Cover names that are alike, and not all ours."""
    ours, others = [name for name in part if name.ours], [name.text for name in part if not name.ours]
    if _are_many(ours, others):
        yield Cover(f"(?!({'|'.join(map(escaped, others))})$){stem}", _sorted(ours))
    else:
        yield from (Cover(escaped(name.text), (name.text,)) for name in ours)


def _all_but(prefix: str, clean: list[_Word], dirty: list[_Word]) -> Cover:
    """Cover all that begins alike, but for some words that are looked at one by one."""
    excluded = "|".join(word.own + (escaped(end) or "$") for word in dirty for end in sorted(word.parts))
    ours = _sorted(name for word in clean for part in word.parts.values() for name in part)
    return Cover(f"{prefix}(?!{excluded}).*", ours)


def _sorted(names: Iterable[_Name]) -> tuple[str, ...]:
    return tuple(sorted(name.text for name in names))


def _tail(ends: Collection[str]) -> str:
    """Say what follows a word: nothing, or one of these separators and anything."""
    separators = [separator for separator in _SEPARATORS if separator in ends]
    if not separators:
        return ""
    one = escaped(separators[0]) if len(separators) == 1 else f"[{''.join(separators)}]"
    return f"({one}.*)?" if "" in ends else f"{one}.*"
