"""A topology as it is declared for tests: in other vhosts, and so that messages stay where they arrive.

What goes by time or amount is put off: a message must lie in its queue until it was counted. Streams, which nothing is
taken from, are declared as classic queues: where a message goes does not depend on that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import EMPTY, PREDECLARED, Arguments, Binding, Exchange, Key, Policy, Queue, Topology, Vhost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Plain, Resource

LATER: Final = {
    "message-ttl": 86_400_000,  # a day
    "expires": 86_400_000,
    "max-length": 1_000_000_000,
    "max-length-bytes": 1_000_000_000_000,
    "max-in-memory-length": 1_000_000_000,
    "max-in-memory-bytes": 1_000_000_000_000,
}
_ONE_CONSUMER: Final = "x-single-active-consumer"  # takes no part in routing, and bars basic.get


def rehomed(topology: Topology, vhosts: Mapping[str, str]) -> tuple[Topology, dict[Key, str]]:
    """Return the topology in these vhosts, by the names of its own, and what was left out of it, with the reason.

    Objects of others are among it, as they are stated.
    """
    left_out: dict[Key, str] = {}
    found: dict[Key, Resource] = {}
    for key, resource in topology.resources.items():
        if isinstance(resource, Exchange):
            if resource.name in PREDECLARED:
                continue
            if resource.type is None:
                left_out[key] = "nobody says of which type it is"
                continue
        if isinstance(resource, Binding) and resource.source_key in left_out:
            continue
        moved = _moved(resource, vhosts[key.vhost])
        found[moved.key] = moved
    return Topology(found), left_out


def _moved(resource: Resource, vhost: str) -> Resource:
    match resource:
        case Vhost():
            return Vhost(vhost)
        case Queue(type="stream"):
            return Queue(vhost, resource.name, "classic", resource.durable)
        case Queue():
            kept = resource.arguments.without(_ONE_CONSUMER)
            return replace(resource, vhost=vhost, arguments=_later(kept, "x-"))
        case Policy():
            return replace(resource, vhost=vhost, definition=_later(resource.definition))
        case Exchange() | Binding():
            return replace(resource, vhost=vhost)


def _later(options: Arguments, prefix: str = "") -> Arguments:
    """Put off what goes by time or amount. A policy keeps its keys: they say which queues it reaches."""
    return Arguments(later(options, prefix)) if options else EMPTY


def later(options: Mapping[str, Plain], prefix: str = "") -> dict[str, Plain]:
    """Return options with what goes by time or amount put off."""
    return {name: LATER.get(name.removeprefix(prefix), value) for name, value in options.items()}


__all__ = ["LATER", "later", "rehomed"]
