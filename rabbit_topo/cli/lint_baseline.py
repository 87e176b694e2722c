"""Baselines: findings that were there when the linter came, and are not told again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rabbit_topo.cli.options import Output
from rabbit_topo.cli.output import write
from rabbit_topo.errors import UsageError
from rabbit_topo.report.findings import fingerprints, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.errors import Problem
    from rabbit_topo.lint import Finding

_FORMAT: Final = 1
_KIND: Final = "lint-baseline"


class Compared(NamedTuple):
    """What a baseline does not hold, how many findings it does, and how many of its own are gone."""

    found: tuple[Finding, ...]
    known: int
    gone: int


def compare(found: Sequence[Finding], known: frozenset[str]) -> Compared:
    """Leave out what a baseline holds."""
    marks = fingerprints(found)
    new = tuple(one for one, mark in zip(found, marks, strict=True) if mark not in known)
    return Compared(new, len(found) - len(new), len(known - set(marks)))


def acceptable(found: Sequence[Finding], problems: Sequence[Problem]) -> list[Finding]:
    """Return the findings that may be known for a while: what `plan` refuses is none of them."""
    refused = {(one.file, one.line, one.column, one.message) for one in problems}
    places = ((one, one.origin) for one in found)
    return [one for one, at in places if not at or (at.file, at.line, at.column, one.message) not in refused]


def save(found: Sequence[Finding], file: str) -> None:
    """Write a baseline that holds these findings, each as people know it again; a line of a file is no part of it."""
    entries = [
        {"fingerprint": mark, "code": one.code, "message": one.message, "at": _at(one)}
        for one, mark in sorted(zip(found, fingerprints(found), strict=True), key=lambda pair: pair[1])
    ]
    document: dict[str, Any] = {"format_version": _FORMAT, "document": _KIND, "findings": entries}
    write(Output("json", file), json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _at(one: Finding) -> str:
    return one.origin.file if one.origin else place_of(one)


def read(file: str) -> frozenset[str]:
    """Return the fingerprints that a baseline holds. Raises `UsageError` where it cannot be read."""
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
        fits = (document["format_version"], document["document"]) == (_FORMAT, _KIND)
        known = frozenset(str(one["fingerprint"]) for one in document["findings"])
    except OSError as error:
        hint = "make one with --write-baseline"
        raise UsageError(f"cannot read the baseline {file}: {error.strerror}", hint) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        fits, known = False, frozenset()
    if not fits:
        raise UsageError(f"{file} is no baseline of this version", "make one with --write-baseline")
    return known
