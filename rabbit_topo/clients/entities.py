"""Declared exchanges and queues as kombu's own."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from kombu.entity import Exchange as KombuExchange
from kombu.entity import Queue as KombuQueue
from kombu.entity import binding as kombu_binding
from kombu.utils.time import maybe_s_to_ms

from rabbit_topo.errors import UsageError
from rabbit_topo.model import Binding, Exchange, Key, Kind, Plain, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Topology

_SECONDS = {"x-expires": "expires", "x-message-ttl": "message_ttl"}
_COUNTS = {"x-max-length": "max_length", "x-max-length-bytes": "max_length_bytes", "x-max-priority": "max_priority"}


def exchange(topology: Topology, name: str, *, vhost: str | None = None) -> KombuExchange:
    """Return the exchange as kombu knows it.

    `vhost` is needed only where several have one of that name. An internal or external exchange comes
    with `no_declare`: kombu could only declare another one. Raises UsageError for an unknown name.

    >>> from rabbit_topo.model import Exchange, Topology
    >>> shop = Exchange("/", "shop.orders", "topic")
    >>> exchange(Topology({shop.key: shop}), "shop.orders").type
    'topic'
    """
    key = find(topology, Kind.EXCHANGE, name, vhost)
    found = topology.resources[key]
    assert isinstance(found, Exchange)  # noqa: S101  (its key says so)
    return KombuExchange(
        name,
        type=found.type or "direct",
        durable=found.durable,
        auto_delete=found.auto_delete,
        arguments=dict(found.arguments),
        no_declare=found.internal or topology.note(key).external,
    )


def queue(topology: Topology, name: str, *, vhost: str | None = None) -> KombuQueue:
    """Return the queue as kombu knows it, with the bindings that lead into it.

    `expires` and `message_ttl` are in kombu's unit, seconds. Bindings with integers among their
    arguments are left out, for the tool to declare. `vhost` is needed only where several have a
    queue of that name. Raises UsageError for an unknown name.

    >>> from rabbit_topo.model import Arguments, Queue, Topology
    >>> mail = Queue("/", "notify.email", "quorum", arguments=Arguments({"x-message-ttl": 1500}))
    >>> made = queue(Topology({mail.key: mail}), "notify.email")
    >>> made.message_ttl, made.queue_arguments
    (1.5, {'x-queue-type': 'quorum'})
    """
    key = find(topology, Kind.QUEUE, name, vhost)
    found = topology.resources[key]
    assert isinstance(found, Queue)  # noqa: S101  (its key says so)
    own, arguments = _kombu_arguments(found.arguments)
    if found.type is not None:
        arguments["x-queue-type"] = found.type
    return KombuQueue(
        name,
        bindings=[_binding(topology, binding) for binding in bindings_into(topology, key)],
        durable=found.durable,
        auto_delete=found.auto_delete,
        queue_arguments=arguments,
        no_declare=topology.note(key).external,
        **own,
    )


def find(topology: Topology, kind: Kind, name: str, vhost: str | None) -> Key:
    """Return the key of the one object of this name. Raise UsageError if there is none, or several."""
    if vhost is not None and (whole := Key(vhost, kind, name)) in topology.resources:
        return whole
    keys = [key for key in topology.resources if key.kind is kind and key.name == name and vhost in {None, key.vhost}]
    if len(keys) > 1:
        vhosts = ", ".join(sorted(key.vhost for key in keys))
        raise UsageError(f"{kind} {name} is declared in several vhosts: {vhosts}", "say which with vhost=")
    if not keys:
        raise unknown(kind, name, {key.name: None for key in topology.resources if key.kind is kind})
    return keys[0]


def unknown(what: str, name: str, known: Mapping[str, object]) -> UsageError:
    """Make the error for a name that the topology does not have."""
    close = difflib.get_close_matches(name, known, n=1)
    return UsageError(f"the topology has no {what} {name}", f"did you mean {close[0]}?" if close else "")


def bindings_into(topology: Topology, key: Key) -> list[Binding]:
    """Return what applications may declare of the bindings that lead to a queue or an exchange."""
    return [binding for binding in topology.bindings_into(key) if not has_integer(binding.arguments)]


def has_integer(value: Plain) -> bool:
    """Say whether an integer is anywhere in a binding's arguments; True and False are none."""
    if isinstance(value, str | bool | float) or value is None:
        return False
    if isinstance(value, int):
        return True
    return any(has_integer(part) for part in (value if isinstance(value, list) else value.values()))


def _binding(topology: Topology, binding: Binding) -> kombu_binding:
    if binding.source_key in topology.resources:
        source = exchange(topology, binding.source, vhost=binding.vhost)
    else:
        source = KombuExchange(binding.source, no_declare=True)
    return kombu_binding(source, routing_key=binding.routing_key, arguments=dict(binding.arguments))


def _kombu_arguments(arguments: Mapping[str, Plain]) -> tuple[dict[str, Plain], dict[str, Plain]]:
    """Divide arguments into those that kombu has a name for, and the others."""
    own: dict[str, Plain] = {}
    rest: dict[str, Plain] = {}
    for name, value in arguments.items():
        if type(value) is int and name in _SECONDS and maybe_s_to_ms(value / 1000) == value:
            own[_SECONDS[name]] = value / 1000
        elif type(value) is int and name in _COUNTS:
            own[_COUNTS[name]] = value
        else:  # kombu would cut 1001 ms to 1000: such a value keeps RabbitMQ's name and unit
            rest[name] = value
    return own, rest
