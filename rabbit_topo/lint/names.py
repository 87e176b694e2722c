"""How rules call things, and what every broker has of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments.by_version import at, since
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Key, Kind, Queue

if TYPE_CHECKING:
    from rabbit_topo.lint.types import Context
    from rabbit_topo.model import Policy, Topology

CORE_TYPES: Final = frozenset({"direct", "fanout", "topic", "headers"})
# Types that came into the server itself, and when; before that only a plugin has them, or nobody.
LATER_TYPES: Final = {"x-local-random": "4.0", "x-modulus-hash": "4.3"}
PLUGINS: Final = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-delayed-message": "rabbitmq_delayed_message_exchange",
    "x-jms-topic": "rabbitmq_jms_topic_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
}
DEFAULT_EXCHANGES: Final = frozenset({"", "amq.default"})
# What plugins and client libraries make for themselves at run time: MQTT, federation, Celery and kombu.
_MADE: Final = re.compile(r"mqtt-subscription-|federation:|celeryev(\.|$)|.*\.pidbox$")
_LOGS: Final = frozenset({"amq.rabbitmq.log", "amq.rabbitmq.event"})  # the server's, where they are switched on


def named(resource: Exchange | Queue | Binding | Policy) -> str:
    """Name an object for a message, as `the queue "shop.created"`."""
    if isinstance(resource, Binding):
        key = f' with "{resource.routing_key}"' if resource.routing_key else ""
        ends = f'from "{resource.source}" to the {resource.destination_kind} "{resource.destination}"'
        return f"the binding {ends}{key}"
    return f'the {resource.key.kind} "{resource.name}"'


def in_vhost(topology: Topology, vhost: str) -> str:
    """Say in which vhost something is, where there are several."""
    return f' in the vhost "{vhost}"' if len(topology.vhosts) > 1 else ""


def is_made_at_run_time(resource: object) -> bool:
    """Say whether a plugin or a client library makes a queue, an exchange or a binding at its ends for itself."""
    match resource:
        case Binding(source=source, destination=destination):
            return any(_MADE.match(name) for name in (source, destination))
        case Exchange(name=name) | Queue(name=name):
            return bool(_MADE.match(name))
        case _:
            return False


def is_server_own(key: Key) -> bool:
    """Say whether every vhost has it, undeclared: the `amq.*` exchanges, less the default one."""
    return key.kind is Kind.EXCHANGE and key.name in PREDECLARED.keys() | _LOGS


def has_type(kind: str, context: Context) -> bool:
    """Say whether a broker has a type of exchange, as far as anybody knows.

    Where nobody lists its plugins, it may have every type that is spelled like a plugin's.
    """
    if kind in CORE_TYPES:
        return True
    if context.exchange_types is not None and kind in context.exchange_types:
        return True
    if kind in LATER_TYPES and (since(LATER_TYPES[kind]) <= at(context.version) or kind not in PLUGINS):
        return since(LATER_TYPES[kind]) <= at(context.version)
    return context.exchange_types is None and kind.startswith("x-")
