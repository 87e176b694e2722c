"""RabbitMQ's arguments: which fits which queue type, in which unit, and when two values are one."""

from __future__ import annotations

from rabbit_topo.arguments.equality import same_value
from rabbit_topo.arguments.units import is_broker_age, parse_age, parse_duration, parse_size

__all__ = ["is_broker_age", "parse_age", "parse_duration", "parse_size", "same_value"]
