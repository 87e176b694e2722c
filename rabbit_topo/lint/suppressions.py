"""Take out the findings that a comment says are meant to be, and find the comments that say so in vain."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.catalogue import BY_CODE, meant, nearest_rule
from rabbit_topo.lint.meta import UNKNOWN, UNUSED
from rabbit_topo.lint.types import Finding
from rabbit_topo.model import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.model import Key, Note, Suppression

_LONG: Final = 60  # characters of a comment that a message repeats


def suppress(
    found: Iterable[Finding], comments: Sequence[Suppression], running: Collection[str], notes: Mapping[Key, Note]
) -> tuple[list[Finding], int]:
    """Return what no comment suppresses, with the complaints about comments, and how many are suppressed.

    A comment speaks of the findings on its line, and of those of the object that is declared there. One about rules
    that are not `running` is no vain one.
    """
    whole: defaultdict[str, list[Suppression]] = defaultdict(list)
    lines: defaultdict[tuple[str, int], list[Suppression]] = defaultdict(list)
    for one in comments:
        if one.whole_file and not one.misplaced:
            whole[one.file].append(one)
        elif not one.whole_file:
            lines[one.file, one.target_line].append(one)
    used: set[tuple[Suppression, str]] = set()
    kept, number = [], 0
    for finding in found:
        by = {
            (one, word)
            for place in _places(finding, notes)
            for one in (*whole[place.file], *lines[place.file, place.line])
            for word in one.codes
            if finding.code in meant(word)
        }
        used |= by
        number += bool(by)
        if not by:
            kept.append(finding)
    return kept + [one for comment in comments for one in _complaints(comment, used, running)], number


def _places(finding: Finding, notes: Mapping[Key, Note]) -> set[Origin]:
    """Return where a finding stands, and where its object does."""
    note = notes.get(finding.key) if finding.key else None
    return {place for place in (finding.origin, note.origin if note else None) if place}


def _complaints(
    comment: Suppression, used: Collection[tuple[Suppression, str]], running: Collection[str]
) -> Iterable[Finding]:
    origin = Origin(comment.file, comment.line, comment.column)
    for code, message, hint in _wrong(comment, used, running):
        rule = BY_CODE[code]
        yield Finding(code, rule.name, rule.severity, message, hint or rule.hint, origin=origin)


def _wrong(
    comment: Suppression, used: Collection[tuple[Suppression, str]], running: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield the code, the message and the hint of what is wrong with a comment."""
    if comment.said and UNKNOWN in running:
        said = comment.said if len(comment.said) <= _LONG else f"{comment.said[:_LONG]}..."
        yield UNKNOWN, f"`{said}` suppresses nothing: it names no rule in brackets", _rewritten(comment.said)
    for word in comment.codes:
        codes = meant(word)
        if not codes and UNKNOWN in running:
            yield UNKNOWN, f'there is no rule "{word}"', _corrected(word)
        elif comment.misplaced and UNKNOWN in running:
            message = f"`file-ignore[{word}]` counts at the top of a file only, and suppresses nothing here"
            yield UNKNOWN, message, "move it above everything else"
        elif codes and UNUSED in running and (comment, word) not in used and codes <= frozenset(running):
            where = "in this file" if comment.whole_file else "there"
            yield UNUSED, f"`{word}` is suppressed, and finds nothing {where}", ""


def _rewritten(said: str) -> str:
    """Say how a comment is written: with the rules that it names, if any."""
    words = [word for word in re.split(r"[\s,:\[\]]+", said) if meant(word)]
    whole = "file-" if said.startswith("file") else ""
    return f"write `{whole}ignore[{', '.join(words) or 'RT201'}]`" + (
        "" if words else ", with the rules that are meant"
    )


def _corrected(word: str) -> str:
    words = word.split()
    if len(words) > 1 and all(map(meant, words)):
        return f"separate them by commas: `{', '.join(words)}`"
    close = nearest_rule(word)
    return f"did you mean `{close}`? `rabbit-topo rules` lists all of them" if close else ""
