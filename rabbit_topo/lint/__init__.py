"""What is wrong with a topology, though each part of it may be well-formed: rules over one index."""

from __future__ import annotations

from rabbit_topo.lint.catalogue import BY_CODE, FAMILIES, RULES, chosen, meant
from rabbit_topo.lint.engine import Linted, lint
from rabbit_topo.lint.types import Context, Finding, Rule, Severity

__all__ = [
    "BY_CODE",
    "FAMILIES",
    "RULES",
    "Context",
    "Finding",
    "Linted",
    "Rule",
    "Severity",
    "chosen",
    "lint",
    "meant",
]
