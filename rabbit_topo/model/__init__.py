"""The nouns of a topology, as frozen values.

A resource is an `Exchange`, `Queue`, `Binding`, `Policy` or `Vhost`. Its `key` spells out its
whole identity; two resources are equal when the broker could not tell them apart.
Where something was declared, who owns it and the like are no part of it: those are a `Note`.
"""

from __future__ import annotations

from rabbit_topo.model.inventory import Inventory, heed, parameter_name
from rabbit_topo.model.marks import (
    LOCK_NAME,
    MARK,
    RESERVED,
    Mark,
    mark_of,
    no_queue_name,
    target_of,
    temporary_name,
    trial_of,
)
from rabbit_topo.model.observed import EVERYTHING, Counts, Facts, Observed, Road, Unverified
from rabbit_topo.model.resources import (
    EMPTY,
    PREDECLARED,
    Arguments,
    Binding,
    DestinationKind,
    Exchange,
    Key,
    Kind,
    Plain,
    Policy,
    Queue,
    Resource,
    Vhost,
    holds_integer,
    holds_null,
)
from rabbit_topo.model.topology import (
    NO_NOTE,
    Consumer,
    Note,
    Origin,
    Publisher,
    RouteTest,
    Scope,
    Suppression,
    Topology,
    frozen,
)

__all__ = [
    "EMPTY",
    "EVERYTHING",
    "LOCK_NAME",
    "MARK",
    "NO_NOTE",
    "PREDECLARED",
    "RESERVED",
    "Arguments",
    "Binding",
    "Consumer",
    "Counts",
    "DestinationKind",
    "Exchange",
    "Facts",
    "Inventory",
    "Key",
    "Kind",
    "Mark",
    "Note",
    "Observed",
    "Origin",
    "Plain",
    "Policy",
    "Publisher",
    "Queue",
    "Resource",
    "Road",
    "RouteTest",
    "Scope",
    "Suppression",
    "Topology",
    "Unverified",
    "Vhost",
    "frozen",
    "heed",
    "holds_integer",
    "holds_null",
    "mark_of",
    "no_queue_name",
    "parameter_name",
    "target_of",
    "temporary_name",
    "trial_of",
]
