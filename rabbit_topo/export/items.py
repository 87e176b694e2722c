"""How a definitions file of RabbitMQ spells each object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.arguments import TYPE_ARGUMENT
from rabbit_topo.model import Binding, Exchange, Kind, Policy, Queue

if TYPE_CHECKING:
    from rabbit_topo.model import Arguments, Plain

Item = dict[str, Any]
SECTION: Final = {Kind.EXCHANGE: "exchanges", Kind.QUEUE: "queues", Kind.BINDING: "bindings", Kind.POLICY: "policies"}


def definitions_item(
    resource: Exchange | Queue | Binding | Policy, *, single: bool = False, default_type: str | None = None
) -> Item:
    """Return an object as it stands in its section; `single` is for the file of one vhost, which names none.

    A queue whose type is unstated takes `default_type`; without one that is left to the broker.

    >>> definitions_item(Queue("/", "mail", "quorum"), single=True)
    {'name': 'mail', 'durable': True, 'auto_delete': False, 'arguments': {'x-queue-type': 'quorum'}}
    """
    home = {} if single else {"vhost": resource.vhost}
    match resource:
        case Exchange():
            return {
                "name": resource.name,
                **home,
                "type": resource.type,
                "durable": resource.durable,
                "auto_delete": resource.auto_delete,
                "internal": resource.internal,
                "arguments": plain(resource.arguments),
            }
        case Queue():
            arguments = queue_arguments(resource)
            if resource.type is None and default_type:
                arguments = {TYPE_ARGUMENT: default_type, **arguments}
            flags = {"durable": resource.durable, "auto_delete": resource.auto_delete}
            return {"name": resource.name, **home, **flags, "arguments": arguments}
        case Binding():
            return {
                "source": resource.source,
                **home,
                "destination": resource.destination,
                "destination_type": resource.destination_kind,
                "routing_key": resource.routing_key,
                "arguments": plain(resource.arguments),
            }
        case Policy():
            return {
                **home,
                "name": resource.name,
                "pattern": resource.pattern,
                "apply-to": resource.apply_to,
                "definition": plain(resource.definition),
                "priority": resource.priority,
            }


def queue_arguments(queue: Queue) -> dict[str, Plain]:
    """Spell a queue's arguments for the wire: its type among them, where it has one."""
    return {**({TYPE_ARGUMENT: queue.type} if queue.type else {}), **plain(queue.arguments)}


def plain(arguments: Arguments) -> dict[str, Plain]:
    """Return arguments as plain values of their own, sorted by name on every level: equal ones give equal bytes."""
    found: dict[str, Plain] = json.loads(arguments.text)
    return found
