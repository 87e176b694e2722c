"""What must be done to make one topology of another: the one is taken for a broker, the other for the files.

No queue is taken to hold a message, and everything is agreed to that a plan asks consent for: what is blocked all the
same is what no flag lets through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import join
from typing import TYPE_CHECKING, Final

from rabbit_topo.diff import ABSENT, Create, Delete, Field, Replace, Update, diff
from rabbit_topo.model import Counts, Facts, Kind, Note, Observed, Scope, Topology
from rabbit_topo.model.observed import ALL_TYPES
from rabbit_topo.plan.hazards import holding
from rabbit_topo.plan.make import make_plan
from rabbit_topo.plan.sides import Pair
from rabbit_topo.plan.types import Blocked, Consent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Key
    from rabbit_topo.plan.sides import LeftOut, Remark, Side
    from rabbit_topo.plan.types import Plan

_NONE: Final = Counts(0, 0, 0)
_AGREED: Final = Consent(prune=True, allow=frozenset({"replace", "policy-limits", "policy-foreign"}), max_delete=100)
_NO_VHOST: Final = "rabbit-topo deletes no vhost"
_HIDES: Final = "{} tells this user only of vhosts that it may enter, so that this one may be hidden"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides, and the plan that makes the second of the first.

    `remarks` are differences that ask for no work, `left_out` is what was not compared.
    """

    a: Side
    b: Side
    plan: Plan
    remarks: tuple[Remark, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    differs: bool = False


def between(a: Side, b: Side, vhosts: Collection[str] = ()) -> Comparison:
    """Compare everything of the vhosts of both sides, or of `vhosts` alone.

    >>> from rabbit_topo.model import Queue
    >>> from rabbit_topo.plan.sides import Side
    >>> orders = Queue("/", "orders", "quorum")
    >>> some = Side(Topology(resources={orders.key: orders}), "some", "4.3")
    >>> between(some, some).differs
    False
    >>> [row.resource.name for row in between(Side(Topology(), "none", "4.3"), some).plan.operations]
    ['/', 'orders']
    """
    pair = Pair(a, b, vhosts)
    kept = {key for key in pair.after if key.kind is not Kind.VHOST}
    observed = Observed(Topology(resources=pair.before), _facts(a, b, pair))
    everything = dict.fromkeys({key.vhost for key in (*pair.before, *pair.after)}, (".*",))
    declared = replace(
        b.topology,
        resources=pair.after,
        notes=pair.notes,
        scope=Scope(owns_patterns=everything),
        absent={key: note for key, note in b.topology.absent.items() if not vhosts or key.vhost in vhosts},
    )
    known = [
        _placed(change, a)
        for change in diff(observed, declared)
        if not isinstance(change, Delete) or change.reason == "absent"
    ]
    gone = list(_gone(pair, declared))
    objects = [change for change in gone if change.key.kind is not Kind.VHOST]
    changes = sorted((*known, *objects), key=lambda change: change.key.order)
    plan = make_plan(changes, observed, declared, _AGREED)
    by_hand = [
        Blocked(change, _NO_VHOST, _by_hand(change.key.name, b)) for change in gone if change.key.kind is Kind.VHOST
    ]
    rows = sorted((*plan.blocked, *by_hand), key=lambda row: row.change.key.order)
    touched = {change.key for change in changes}
    plan = replace(
        plan,
        blocked=tuple(rows),
        details={key: _without_counts(told) for key, told in plan.details.items()} | _untold(changes, a, b),
        unchanged=len(kept - touched),
    )
    remarks = tuple(pair.remarks)
    return Comparison(a, b, plan, remarks, pair.left_out, differs=bool(changes or by_hand or remarks))


def _by_hand(vhost: str, b: Side) -> str:
    if not b.sees_all:
        return f"see first whether it is there: {_HIDES.format(b.shown)}"
    return f"by hand: {join(['rabbitmqctl', 'delete_vhost', vhost])}"


def _facts(a: Side, b: Side, pair: Pair) -> Facts:
    """Take a side for a broker that can do everything, and on which nothing is in use."""
    there = a.facts
    known = there or b.facts
    return Facts(
        target=a.shown,
        version=known.version if known else a.version,
        vhosts=frozenset(key.name for key in pair.before if key.kind is Kind.VHOST),
        default_queue_types=there.default_queue_types if there else {},
        counts={key: _NONE for key in pair.before if key.kind is Kind.QUEUE},
        operator_policies=there.operator_policies if there else (),
        deletes=ALL_TYPES | {None},
        road="file",
    )


def _gone(pair: Pair, declared: Topology) -> Iterator[Delete]:
    for key, resource in pair.before.items():
        if key not in declared.resources and key not in declared.absent:
            yield Delete(resource, "gone", Note(origin=pair.a.topology.note(key).origin))


def _untold(changes: Sequence[Change], a: Side, b: Side) -> dict[Key, tuple[str, ...]]:
    """Say of what nobody knows whether it is there.

    Many exports leave internal exchanges out, and a broker hides vhosts from users that may not enter them.
    """
    silent = {Create: a.facts and not a.facts.tells_internal, Delete: b.facts and not b.facts.tells_internal}
    found: dict[Key, tuple[str, ...]] = {}
    for change in changes:
        if isinstance(change, Create) and change.key.kind is Kind.VHOST and not a.sees_all:
            found[change.key] = (_HIDES.format(a.shown),)
        if isinstance(change, Create | Delete) and silent[type(change)] and getattr(change.resource, "internal", False):
            shown = (a if isinstance(change, Create) else b).shown
            found[change.key] = (f"{shown} is an export that leaves internal exchanges out: it may be there",)
    return found


def _placed(change: Change, a: Side) -> Change:
    """Say of a difference in which file it stands, be it that of A; and that a type is left open, not null."""
    if not isinstance(change, Update | Replace):
        return change
    origin = change.note.origin or a.topology.note(change.key).origin
    return replace(change, note=replace(change.note, origin=origin), fields=tuple(map(_spelled, change.fields)))


def _spelled(field: Field) -> Field:
    return replace(field, observed=ABSENT) if field.path == "type" and field.observed is None else field


def _without_counts(told: Sequence[str]) -> tuple[str, ...]:
    """Drop what is said of messages: nobody looked for them."""
    counted = holding(_NONE)
    return tuple(said.removeprefix(f"holds {counted}; ") for said in told if said != counted)
