"""Several addresses of one broker: what is said when none answers, and when they are not one broker's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.errors import Refusal, Unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_CONNECT = 10.0  # seconds; the time-out of a target may be less


def all_failed(failures: Sequence[Unreachable]) -> Unreachable:
    """Tell what each address said; of one address it is its own failure.

    Where a request may have arrived at one of them, the result is of the subclass that says so.
    """
    if len(failures) == 1:
        return failures[0]
    told = "\n".join(f"  {failure.message}" for failure in failures)
    hints = dict.fromkeys(failure.hint for failure in failures if failure.hint)
    kind = max((type(failure) for failure in failures), key=lambda one: len(one.__mro__))
    return kind(f"none of the {len(failures)} addresses answers:\n{told}", "; ".join(hints))


def cluster_changed(before: str, there: str, now: str, here: str) -> Refusal:
    """Refuse an address that leads to another cluster than the one before."""
    return Refusal(
        f"the addresses lead to different clusters: {there} to {before!r}, {here} to {now!r}",
        "addresses in one list, with ';' between them, must be nodes of one cluster",
    )
