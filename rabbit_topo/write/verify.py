"""Whether topology files say what a broker holds: they are loaded and planned as a user would."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rabbit_topo.errors import InputError, Refusal, TopoError
from rabbit_topo.model import Queue, mark_of, target_of
from rabbit_topo.report import words
from rabbit_topo.report.layout import SYMBOL
from rabbit_topo.report.rows import name_of, rows, subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Observed, Topology

_SHOWN: Final = 10
_A_BUG: Final = "this is a bug in rabbit-topo: please report it with these lines"


def verify(texts: Mapping[str, str], observed: Observed) -> Topology:
    """Return what the texts of files declare, by their paths, if the plan of them has no row at all, even with --prune.

    Raises `TopoError` with the first rows, or with what is wrong in the files; `Refusal` where an earlier apply is not
    at its end, as then nobody knows what was meant to be there.
    """
    from rabbit_topo.diff import diff
    from rabbit_topo.plan import Consent, make_plan

    _refuse_unfinished(observed)
    declared = _loaded(texts)
    plan = make_plan(diff(observed, declared), observed, declared, Consent(prune=True, max_delete=100))
    if found := rows(plan):
        shown = [f"{SYMBOL[name_of(row.change)]} {words.name(subject(row.change))}" for row in found]
        number = f"{len(found):,} {'difference' if len(found) == 1 else 'differences'}"
        raise _failed(f"these files are not what {words.clean(observed.facts.target)} holds: {number}", shown)
    return declared


def _refuse_unfinished(observed: Observed) -> None:
    """Raise `Refusal` where a queue is left of a replacement that was stopped in the middle."""
    marks = {one.key: mark_of(one) for one in observed.topology.resources.values() if isinstance(one, Queue)}
    targets = sorted({target_of(key.vhost, mark) for key, mark in marks.items() if mark and mark.is_unfinished})
    if targets:
        shown = [
            f"    {one.kind} {words.clean(one.name)} in vhost {words.clean(one.vhost)}" for one in targets[:_SHOWN]
        ]
        what = "an earlier apply was stopped in the middle, and it is not known what was to be; nothing was written"
        raise Refusal("\n".join([what, *shown]), "let it finish first: rabbit-topo apply, with the files that it had")


def _loaded(texts: Mapping[str, str]) -> Topology:
    from rabbit_topo.load import load

    with tempfile.TemporaryDirectory(prefix="rabbit-topo-") as name:
        folder = Path(name)
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        try:
            return load(folder)
        except InputError as error:
            told = [str(problem).removeprefix(f"{folder}/") for problem in error.problems]
            raise _failed("these files cannot be read back", told) from None


def _failed(what: str, details: Iterable[str]) -> TopoError:
    told = list(details)
    lines = [f"    {line}" for line in told[:_SHOWN]]
    if len(told) > _SHOWN:
        lines.append(f"    and {len(told) - _SHOWN:,} more")
    return TopoError("\n".join([f"{what}; nothing was written", *lines]), _A_BUG)
