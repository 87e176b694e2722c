"""Take out the findings that a comment says are meant to be, and find the comments that say so in vain."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rabbit_topo.lint.catalogue import BY_CODE, meant
from rabbit_topo.lint.meta import UNKNOWN, UNUSED
from rabbit_topo.lint.types import Finding
from rabbit_topo.model import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rabbit_topo.lint.types import Suppression
    from rabbit_topo.model import Key, Note


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
    for word in comment.codes:
        codes = meant(word)
        if not codes and UNKNOWN in running:
            rule = BY_CODE[UNKNOWN]
            yield Finding(UNKNOWN, rule.name, rule.severity, f'there is no rule "{word}"', rule.hint, origin=origin)
        elif comment.misplaced and UNKNOWN in running:
            rule = BY_CODE[UNKNOWN]
            message = f"`file-ignore[{word}]` counts at the top of a file only, and suppresses nothing here"
            yield Finding(UNKNOWN, rule.name, rule.severity, message, "move it above everything else", origin=origin)
        elif codes and UNUSED in running and (comment, word) not in used and codes <= frozenset(running):
            rule = BY_CODE[UNUSED]
            where = "in this file" if comment.whole_file else "there"
            message = f"`{word}` is suppressed, and finds nothing {where}"
            yield Finding(UNUSED, rule.name, rule.severity, message, rule.hint, origin=origin)
