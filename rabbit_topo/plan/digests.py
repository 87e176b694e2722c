"""What a plan rests on, in short: a digest of each object that was observed, and one of them all.

Message and consumer counts are no part of it. Neither are exclusive queues, which come and go with their connections,
unless the files declare one of that name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rabbit_topo.model import Facts, Key, Topology

_OBJECT_DIGITS: Final = 12
_ALL_DIGITS: Final = 16


def facts_of(facts: Facts, declared: Topology) -> dict[str, str]:
    """Return what matters of a broker beside its objects, by what people call it."""
    inventory, ours = facts.inventory, sorted(declared.vhosts)
    noted = [] if inventory is None else [inventory.value(vhost) for vhost in ours]
    exclusive = sorted(key for key in facts.exclusive if key in declared.resources)
    return {
        "cluster": facts.cluster_name,
        "version": facts.version,
        "vhosts": _short([vhost for vhost in ours if vhost in facts.vhosts]),
        "exclusive queues of declared names": _short(exclusive),
        "operator policies": _short(sorted(facts.operator_policies, key=lambda policy: policy.key)),
        "default queue types": _short([facts.default_queue_types.get(vhost) for vhost in ours]),
        "inventory": _short(noted),
    }


def digests(there: Topology, facts: Facts) -> dict[Key, str]:
    """Return a digest of each object, sorted by key: 12 hexadecimal digits."""
    ids = facts.binding_ids
    resources = there.resources
    return {key: _short((resources[key], ids.get(key, ()))) for key in sorted(resources)}


def fingerprint(there: Topology, facts: Facts, declared: Topology) -> str:
    """Digest everything observed but the counts: 16 hexadecimal digits."""
    whole = (facts_of(facts, declared), list(digests(there, facts).items()))
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:_ALL_DIGITS]


def _short(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:_OBJECT_DIGITS]
