"""Objects and places as every JSON document spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost

if TYPE_CHECKING:
    from rabbit_topo.model import Origin, Resource

FORMAT_VERSION: Final = 1


def place(origin: Origin | None) -> dict[str, Any] | None:
    """Spell a place in a file; None where there is none."""
    if origin is None:
        return None
    return {"file": origin.file, "line": origin.line, "column": origin.column}


def resource(given: Resource) -> dict[str, Any]:
    """Spell a resource as an object with its kind."""
    match given:
        case Vhost():
            return {"kind": "vhost", "name": given.name}
        case Exchange():
            return {
                "kind": "exchange",
                "vhost": given.vhost,
                "name": given.name,
                "type": given.type,
                "durable": given.durable,
                "auto_delete": given.auto_delete,
                "internal": given.internal,
                "arguments": dict(given.arguments),
            }
        case Queue():
            return {
                "kind": "queue",
                "vhost": given.vhost,
                "name": given.name,
                "type": given.type,
                "durable": given.durable,
                "auto_delete": given.auto_delete,
                "arguments": dict(given.arguments),
            }
        case Binding():
            return {
                "kind": "binding",
                "vhost": given.vhost,
                "source": given.source,
                "destination_kind": given.destination_kind,
                "destination": given.destination,
                "routing_key": given.routing_key,
                "arguments": dict(given.arguments),
            }
        case Policy():
            return {
                "kind": "policy",
                "vhost": given.vhost,
                "name": given.name,
                "pattern": given.pattern,
                "apply_to": given.apply_to,
                "priority": given.priority,
                "definition": dict(given.definition),
            }
