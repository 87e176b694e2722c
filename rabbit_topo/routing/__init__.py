"""Where RabbitMQ would send a message, worked out without a broker."""

from __future__ import annotations

from rabbit_topo.routing.dead_letters import DeadLetter, Fate, Held, dead_letter, fates, held
from rabbit_topo.routing.router import LATEST, Router, keys_of, route
from rabbit_topo.routing.types import Hop, Message, Missed, Route, Taken

__all__ = [
    "LATEST",
    "DeadLetter",
    "Fate",
    "Held",
    "Hop",
    "Message",
    "Missed",
    "Route",
    "Router",
    "Taken",
    "dead_letter",
    "fates",
    "held",
    "keys_of",
    "route",
]
