"""Which policy reaches which object, and what a queue's options come to."""

from __future__ import annotations

from rabbit_topo.policies.limits import DEFAULT_DELIVERY_LIMIT, DIVERSIONS, LIMITS, tightened
from rabbit_topo.policies.matching import effective, first, fits, kind_of, pattern_matches, reaches, release
from rabbit_topo.policies.merging import Option, effective_options, merged_definition, options

__all__ = [
    "DEFAULT_DELIVERY_LIMIT",
    "DIVERSIONS",
    "LIMITS",
    "Option",
    "effective",
    "effective_options",
    "first",
    "fits",
    "kind_of",
    "merged_definition",
    "options",
    "pattern_matches",
    "reaches",
    "release",
    "tightened",
]
