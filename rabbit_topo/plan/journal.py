"""What a replacement must bring back, kept on the broker while it is under way.

The journal is a queue that never holds a message. Its mark tells what to declare, so that whoever comes after a run
that was killed can bring back every binding, those of others too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rabbit_topo.model import Arguments, Binding, Exchange, Kind, Mark, Queue, temporary_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.model import Plain

Restored: TypeAlias = Exchange | Binding
PURPOSE = "replace"


def journal(after: Exchange | Queue, restore: Sequence[Restored]) -> Queue:
    """Return the queue that tells what is to be there when a replacement is over.

    >>> orders = Exchange("/", "orders", "topic")
    >>> read_journal(Mark.read(journal(orders, []).arguments), "/") == (orders, ())
    True
    """
    kind = after.key.kind
    more = {"after": _written(after), "restore": [_written(one) for one in restore]}
    mark = Mark(PURPOSE, kind, after.name, more)
    return Queue(after.vhost, temporary_name(PURPOSE, kind, after.name), "classic", arguments=mark.arguments)


def read_journal(mark: Mark, vhost: str) -> tuple[Exchange | Queue, tuple[Restored, ...]] | None:
    """Read what a journal's mark tells; None where it tells something else than `journal` writes."""
    try:
        after = _read(vhost, mark.more["after"])
        restore = tuple(_read(vhost, one) for one in mark.more["restore"])
    except (KeyError, TypeError, ValueError):
        return None
    if isinstance(after, Binding) or any(isinstance(one, Queue) for one in restore):
        return None
    return after, tuple(one for one in restore if not isinstance(one, Queue))


def _written(one: Exchange | Queue | Binding) -> dict[str, Plain]:
    arguments = {"arguments": dict(one.arguments)} if one.arguments else {}
    match one:
        case Binding():
            ends = {"source": one.source, "to": one.destination_kind, "destination": one.destination}
            return {"kind": Kind.BINDING.value, **ends, "routing_key": one.routing_key, **arguments}
        case Exchange() | Queue():
            flags = {"type": one.type, "durable": one.durable, "auto_delete": one.auto_delete}
            internal = {"internal": one.internal} if isinstance(one, Exchange) else {}
            return {"kind": one.key.kind.value, "name": one.name, **flags, **internal, **arguments}


def _read(vhost: str, item: dict[str, Plain]) -> Exchange | Queue | Binding:
    arguments = Arguments(item.get("arguments"))
    if item["kind"] == Kind.BINDING:
        return Binding(vhost, item["source"], item["to"], item["destination"], item["routing_key"], arguments)
    flags = (item["type"], item["durable"], item["auto_delete"])
    if item["kind"] == Kind.EXCHANGE:
        return Exchange(vhost, item["name"], *flags, item["internal"], arguments)
    return Queue(vhost, item["name"], *flags, arguments)
