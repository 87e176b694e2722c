"""RabbitMQ's arguments: which fits which queue type, in which unit, and when two values are one."""

from __future__ import annotations

from rabbit_topo.arguments.by_version import comes_with, refused_by, refused_policy
from rabbit_topo.arguments.compared import ALTERNATE, DEAD_LETTER, TYPE_ARGUMENT, compared_arguments
from rabbit_topo.arguments.equality import same_value
from rabbit_topo.arguments.friendly import QUEUE_KEYS, Friendly, friendly_key, queue_argument, spelled
from rabbit_topo.arguments.patterns import refused_pattern
from rabbit_topo.arguments.refused import Refused, refused_everywhere
from rabbit_topo.arguments.tables import QUEUE_ARGUMENTS, QUEUE_TYPES, Argument
from rabbit_topo.arguments.units import (
    is_broker_age,
    parse_age,
    parse_duration,
    parse_size,
    spell_age,
    spell_duration,
    spell_size,
)

__all__ = [
    "ALTERNATE",
    "DEAD_LETTER",
    "QUEUE_ARGUMENTS",
    "QUEUE_KEYS",
    "QUEUE_TYPES",
    "TYPE_ARGUMENT",
    "Argument",
    "Friendly",
    "Refused",
    "comes_with",
    "compared_arguments",
    "friendly_key",
    "is_broker_age",
    "parse_age",
    "parse_duration",
    "parse_size",
    "queue_argument",
    "refused_by",
    "refused_everywhere",
    "refused_pattern",
    "refused_policy",
    "same_value",
    "spell_age",
    "spell_duration",
    "spell_size",
    "spelled",
]
