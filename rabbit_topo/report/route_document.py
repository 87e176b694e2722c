"""A route as a JSON document; `schemas/route.schema.json` says what scripts may rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.report.fates import fate_documents
from rabbit_topo.report.resources import FORMAT_VERSION, place, resource

if TYPE_CHECKING:
    from rabbit_topo.model import Binding, Topology
    from rabbit_topo.routing import Hop, Message, Route, Router, Taken
    from rabbit_topo.routing.expectations import Verdict


def route_document(
    route: Route, router: Router, source: str, held: Verdict | None = None, *, missed: bool = False
) -> dict[str, Any]:
    """Return the document that `schemas/route.schema.json` describes.

    `source` says what was read. With `missed`, the bindings that do not take the message are listed too.
    """
    topology = router.topology
    return {
        "format_version": FORMAT_VERSION,
        "document": "route",
        "source": source,
        "version": router.version,
        "message": message_document(route.message, route.vhost),
        "queues": list(route.queues),
        "perhaps": list(route.perhaps),
        "unroutable": route.unroutable,
        "refusal": route.refusal,
        "notes": list(route.notes),
        "hops": [_hop(hop, topology, missed=missed) for hop in route.hops],
        "fates": fate_documents(route, router),
        "expected": _expected(held) if held else None,
    }


def message_document(message: Message, vhost: str) -> dict[str, Any]:
    """Spell a message."""
    return {
        "vhost": vhost,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "headers": dict(message.headers),
    }


def _hop(hop: Hop, topology: Topology, *, missed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "exchange": hop.exchange,
        "type": hop.type,
        "note": hop.note,
        "taken": [_taken(taken, topology) for taken in hop.taken],
    }
    if missed:
        found["missed"] = [{"reason": one.reason, **_binding(one.binding, topology)} for one in hop.missed]
    return found


def _taken(taken: Taken, topology: Topology) -> dict[str, Any]:
    return {
        "destination_kind": taken.destination.kind.value,
        "destination": taken.destination.name,
        "way": taken.way,
        "reason": taken.reason,
        "certain": taken.certain,
        "again": taken.again,
        "missing": taken.missing,
        **_binding(taken.binding, topology),
    }


def _binding(binding: Binding | None, topology: Topology) -> dict[str, Any]:
    if binding is None:
        return {"binding": None, "origin": None}
    return {"binding": resource(binding), "origin": place(topology.note(binding.key).origin)}


def _expected(held: Verdict) -> dict[str, Any]:
    return {
        "queues": list(held.queues),
        "met": held.met,
        "missing": list(held.missing),
        "unexpected": list(held.unexpected),
        "uncertain": list(held.uncertain),
    }
