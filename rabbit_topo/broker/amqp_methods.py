"""How each method of AMQP 0-9-1 is spelled. All of them raise `ValueError` for what AMQP cannot carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amqp import spec
from amqp.serialization import dumps

from rabbit_topo.broker.amqp_table import table
from rabbit_topo.broker.amqp_talk import Method
from rabbit_topo.model import Binding, Exchange, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Plain

    Table = Mapping[str, Plain]


def declare_exchange(exchange: Exchange, arguments: Table | bytes) -> Method:
    """Declare an exchange with these arguments; bytes are a table that is written already."""
    flags = (False, exchange.durable, exchange.auto_delete, exchange.internal, False)
    return _method(spec.Exchange.Declare, "Bssbbbbb", (0, exchange.name, exchange.type, *flags), arguments)


def declare_queue(queue: Queue, arguments: Table) -> Method:
    """Declare a queue with these arguments, its type among them."""
    flags = (False, queue.durable, False, queue.auto_delete, False)
    return _method(spec.Queue.Declare, "Bsbbbbb", (0, queue.name, *flags), arguments)


def declare_exclusive(name: str, arguments: Table) -> Method:
    """Declare a queue that this connection alone may use, and that ends with it."""
    return _method(spec.Queue.Declare, "Bsbbbbb", (0, name, False, False, True, False, False), arguments)


def look_for(resource: Exchange | Queue) -> Method:
    """Declare passively, which only looks whether it is there."""
    if isinstance(resource, Queue):
        return _method(spec.Queue.Declare, "Bsbbbbb", (0, resource.name, True, False, False, False, False), {})
    return _method(
        spec.Exchange.Declare, "Bssbbbbb", (0, resource.name, "direct", True, False, False, False, False), {}
    )


def bind(binding: Binding) -> Method:
    """Bind."""
    number = spec.Queue.Bind if binding.destination_kind == "queue" else spec.Exchange.Bind
    return _method(number, "Bsssb", (*_ends(binding), False), binding.arguments)


def unbind(binding: Binding) -> Method:
    """Remove a binding; its arguments must have the very classes that the broker has."""
    if binding.destination_kind == "queue":
        return _method(spec.Queue.Unbind, "Bsss", _ends(binding), binding.arguments)
    return _method(spec.Exchange.Unbind, "Bsssb", (*_ends(binding), False), binding.arguments)


def delete_exchange(exchange: Exchange, *, guarded: bool = True) -> Method:
    """Delete an exchange; `guarded` only one that no binding leaves."""
    return _method(spec.Exchange.Delete, "Bsbb", (0, exchange.name, guarded, False))


def delete_queue(queue: Queue, *, guarded: bool) -> Method:
    """Delete a queue; `guarded` only one without consumers and ready messages, which only classic queues know."""
    return _method(spec.Queue.Delete, "Bsbbb", (0, queue.name, guarded, guarded, False))


def _ends(binding: Binding) -> tuple[int, str, str, str]:
    return (0, binding.destination, binding.source, binding.routing_key)


def _method(number: tuple[int, int], form: str, values: tuple[Any, ...], arguments: Table | bytes = b"") -> Method:
    return Method(number, dumps(form, values) + (arguments if isinstance(arguments, bytes) else table(arguments)))
