"""Where RabbitMQ would send a message, worked out without a broker."""

from __future__ import annotations

from rabbit_topo.routing.types import Hop, Message, Missed, Route, Taken

__all__ = ["Hop", "Message", "Missed", "Route", "Taken"]
