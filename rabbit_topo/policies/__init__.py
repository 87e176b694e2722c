"""Which policy reaches which object, and what a queue's options come to."""

from __future__ import annotations

from rabbit_topo.policies.limits import DEFAULT_DELIVERY_LIMIT, DIVERSIONS, LIMITS, tightened
from rabbit_topo.policies.matching import (
    Candidates,
    candidates,
    effective,
    first,
    fits,
    kind_of,
    reaches,
    release,
)
from rabbit_topo.policies.merging import Option, effective_options, merge, merged_definition, options
from rabbit_topo.policies.patterns import pattern_matches

__all__ = [
    "DEFAULT_DELIVERY_LIMIT",
    "DIVERSIONS",
    "LIMITS",
    "Candidates",
    "Option",
    "candidates",
    "effective",
    "effective_options",
    "first",
    "fits",
    "kind_of",
    "merge",
    "merged_definition",
    "options",
    "pattern_matches",
    "reaches",
    "release",
    "tightened",
]
