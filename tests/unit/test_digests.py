"""What makes two observations the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.model import Arguments, Counts, Facts, Inventory, Key, Kind, Policy, Queue, Topology
from rabbit_topo.plan.digests import digests, fingerprint

if TYPE_CHECKING:
    from rabbit_topo.model import Resource

QUEUE = Queue("/", "q", "classic")
DECLARED = Topology({QUEUE.key: QUEUE})


def _fingerprint(*resources: Resource, declared: Topology = DECLARED, **facts: Any) -> str:
    given = {"version": "4.3.6", "vhosts": frozenset({"/"}), **facts}
    return fingerprint(Topology({it.key: it for it in resources}), Facts("here", **given), declared)


def test_the_fingerprint_is_of_what_matters() -> None:
    base = _fingerprint(QUEUE)
    same = [
        _fingerprint(QUEUE, counts={QUEUE.key: Counts(1, 2, 3)}),
        _fingerprint(QUEUE, exclusive=frozenset({Key("/", Kind.QUEUE, "amq.gen-1")})),
        _fingerprint(QUEUE, vhosts=frozenset({"/", "theirs"})),
        _fingerprint(QUEUE, default_queue_types={"theirs": "quorum"}),
    ]
    assert set(same) == {base}
    others = [
        base,
        _fingerprint(),
        _fingerprint(Queue("/", "q", "quorum")),
        _fingerprint(Queue("/", "q", "classic", arguments=Arguments({"x-max-length": 5}))),
        _fingerprint(QUEUE, exclusive=frozenset({QUEUE.key})),
        _fingerprint(QUEUE, version="4.3.7"),
        _fingerprint(QUEUE, cluster_name="other"),
        _fingerprint(QUEUE, vhosts=frozenset()),
        _fingerprint(QUEUE, default_queue_types={"/": "quorum"}),
        _fingerprint(QUEUE, operator_policies=(Policy("/", "p", ".*"),)),
        _fingerprint(QUEUE, inventory=Inventory("shop", owned=frozenset({QUEUE.key}))),
    ]
    assert len(set(others)) == len(others)


def test_a_copy_of_a_binding_changes_its_digest() -> None:
    there, facts = Topology({QUEUE.key: QUEUE}), Facts("here", "4.3.6")
    assert digests(there, facts) != digests(there, Facts("here", "4.3.6", binding_ids={QUEUE.key: ("~", "~1")}))
