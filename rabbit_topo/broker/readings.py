"""From the JSON of RabbitMQ, as its HTTP API and its definitions files spell it, to the model's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments import TYPE_ARGUMENT
from rabbit_topo.arguments.wire import VOID
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Key, Plain

Item = dict[str, Any]
# what is asked for of a list by HTTP
EXCHANGES = "?disable_stats=true&columns=name,type,durable,auto_delete,internal,arguments"
QUEUES = (
    "?disable_stats=true&enable_queue_totals=true"
    "&columns=name,durable,auto_delete,exclusive,type,arguments,messages,messages_ready,messages_unacknowledged"
)


def read_exchange(vhost: str, item: Item) -> Exchange:
    """Read an exchange; what is not said is what an import takes it for."""
    return Exchange(
        vhost,
        item["name"],
        item.get("type", "direct"),
        durable=bool(item.get("durable", True)),
        auto_delete=bool(item.get("auto_delete", False)),
        internal=bool(item.get("internal", False)),
        arguments=read_arguments(item.get("arguments")),
    )


def read_queue(vhost: str, item: Item) -> Queue:
    """Read a queue; `x-queue-type` becomes its type, and one that says nothing is classic."""
    arguments = read_arguments(item.get("arguments"))
    return Queue(
        vhost,
        item["name"],
        arguments.get(TYPE_ARGUMENT) or item.get("type") or "classic",
        durable=bool(item.get("durable", True)),
        auto_delete=bool(item.get("auto_delete", False)),
        arguments=arguments.without(TYPE_ARGUMENT),
    )


def read_binding(vhost: str, item: Item, *, void: str | None = None) -> Binding:
    """Read a binding; the string `void` in its arguments is the road's way to spell a null.

    Raises KeyError for a missing end and ValueError for one of no kind that exists.
    """
    arguments = read_arguments(item.get("arguments"))
    if void is not None:
        arguments = Arguments({name: _nulls(value, void) for name, value in arguments.items()})
    kind = item.get("destination_type", "queue")
    if kind not in {"queue", "exchange"}:
        raise ValueError(f"its 'destination_type' is {kind!r}, neither 'queue' nor 'exchange'")
    return Binding(vhost, item["source"], kind, item["destination"], item.get("routing_key", ""), arguments)


def read_bindings(vhost: str, items: Iterable[Item]) -> dict[Key, tuple[Binding, tuple[str, ...]]]:
    """Read bindings as HTTP lists them, less the implicit ones, each with the server's own names of its copies."""
    found: dict[Key, tuple[Binding, tuple[str, ...]]] = {}
    for item in items:
        if item["source"]:
            binding = read_binding(vhost, item, void=VOID)
            key = binding.key
            _, ids = found.get(key, (binding, ()))
            found[key] = binding, (*ids, item["properties_key"])
    return found


def read_policy(vhost: str, item: Item) -> Policy:
    """Read a policy or an operator policy."""
    return Policy(
        vhost,
        item["name"],
        item["pattern"],
        apply_to=item.get("apply-to", "all"),
        priority=item.get("priority", 0),
        definition=read_arguments(item.get("definition")),
    )


def read_arguments(raw: Mapping[str, Plain] | list[Plain] | None) -> Arguments:
    """Read arguments; older servers write an empty table as an empty list."""
    return Arguments(raw if isinstance(raw, dict) else None)


def _nulls(value: Plain, void: str) -> Plain:
    match value:
        case str():
            return None if value == void else value
        case dict():
            return {name: _nulls(below, void) for name, below in value.items()}
        case list():
            return [_nulls(below, void) for below in value]
        case _:
            return value
