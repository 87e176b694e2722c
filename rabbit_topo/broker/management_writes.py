"""One operation, one request: how each is written by HTTP, every attribute explicit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from rabbit_topo.arguments.wire import BLINDING, blinds_management
from rabbit_topo.broker.http import NOT_FOUND, UNAUTHORISED, segment
from rabbit_topo.broker.readings import read_bindings
from rabbit_topo.broker.refusals import permission_hint
from rabbit_topo.export.items import queue_arguments
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost, holds_null
from rabbit_topo.plan.operations import Declare, Done, Failed, Remove

if TYPE_CHECKING:
    from rabbit_topo.broker.http import Answer, Http
    from rabbit_topo.model import Resource
    from rabbit_topo.plan.operations import Operation, Outcome


def declare(http: Http, operation: Declare) -> Outcome:
    """Send one declaration. Raises `BrokerError` when no usable answer came."""
    resource = operation.resource
    if isinstance(resource, Binding) and (reason := unwritable(resource)):
        return Failed(operation, reason)
    return _outcome(http, operation, send(http, resource))


def send(http: Http, resource: Resource) -> Answer:
    """Ask for it to be there. Raises `BrokerError` when no usable answer came."""
    return http.ask("POST" if isinstance(resource, Binding) else "PUT", *_request(resource))


def delete(http: Http, resource: Exchange | Queue, *, guarded: bool) -> Answer:
    """Ask for it to be gone; `guarded` under the guards that the server has. Raises `BrokerError`, as `send`."""
    guards = "?if-unused=true&if-empty=true" if isinstance(resource, Queue) else "?if-unused=true"
    return http.ask("DELETE", path(resource) + (guards if guarded else ""))


def _request(resource: Resource) -> tuple[str, dict[str, Any]]:
    match resource:
        case Vhost():
            return f"/api/vhosts/{segment(resource.name)}", {}
        case Exchange():
            return path(resource), _exchange(resource)
        case Queue():
            return path(resource), _queue(resource)
        case Policy():
            return path(resource), policy_body(resource)
        case Binding():
            return path(resource), {"routing_key": resource.routing_key, "arguments": dict(resource.arguments)}


def unwritable(binding: Binding) -> str:
    """Say why HTTP cannot write a binding; empty where it can."""
    if holds_null(dict(binding.arguments)):
        return "by HTTP RabbitMQ takes no null in a binding's arguments; give the AMQP URL too"
    return BLINDING if blinds_management(binding) else ""


def remove_queue(http: Http, operation: Remove, queue: Queue) -> Outcome:
    """Delete a classic queue under both of the server's guards."""
    return _outcome(http, operation, delete(http, queue, guarded=True))


def remove(http: Http, operation: Remove) -> Outcome:
    """Delete one exchange, binding or policy. Raises `BrokerError` when no usable answer came."""
    match operation.resource:
        case Exchange() as exchange:
            return _outcome(http, operation, delete(http, exchange, guarded=True))
        case Binding() as binding:
            return _unbind(http, operation, binding)
        case Policy() as policy:
            return _outcome(http, operation, http.ask("DELETE", path(policy)))
        case Queue() | Vhost() as other:
            return Failed(operation, f"a {other.key.kind.value} is not removed this way")


def _unbind(http: Http, operation: Remove, binding: Binding) -> Outcome:
    """Delete every copy that the server keeps of a binding, by the server's own names of them.

    The names depend on how the arguments were written: one that was bound anew since it was read has another.
    """
    ids = operation.binding_ids
    if not ids and binding.arguments:
        return Failed(operation, "the server's own name of this binding is not known, and cannot be computed")
    gone = 0
    for properties_key in ids or (_plain_id(binding.routing_key),):
        answer = http.ask("DELETE", f"{path(binding)}/{segment(properties_key)}")
        gone += answer.status == NOT_FOUND
        outcome = _outcome(http, operation, answer)
        if not isinstance(outcome, Done):
            return outcome
    if gone and binding.arguments and (now := _ids(http, binding)):
        if set(now) <= set(ids):
            return Failed(operation, "the broker lists this binding, and does not find it by the name that it lists")
        return _unbind(http, replace(operation, binding_ids=now), binding)
    return Done(operation)


def _ids(http: Http, binding: Binding) -> tuple[str, ...]:
    """Ask what the server calls the copies of a binding by now."""
    answer = http.ask("GET", path(binding))
    items = answer.body if answer.ok and isinstance(answer.body, list) else []
    found = read_bindings(binding.vhost, items).get(binding.key)
    return found[1] if found else ()


def _plain_id(routing_key: str) -> str:
    """Spell the server's name of a binding without arguments, as `rabbit_mgmt_format:pack_binding_props` does."""
    return quote_plus(routing_key, safe="").replace("~", "%7E") or "~"


def _outcome(http: Http, operation: Operation, answer: Answer) -> Outcome:
    if answer.ok or (answer.status == NOT_FOUND and isinstance(operation, Remove)):
        return Done(operation)
    hint = permission_hint(operation, http.user) if answer.status == UNAUTHORISED else ""
    return Failed(operation, answer.reason, hint)


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "type": exchange.type,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": dict(exchange.arguments),
    }


def _queue(queue: Queue) -> dict[str, Any]:
    return {"durable": queue.durable, "auto_delete": queue.auto_delete, "arguments": queue_arguments(queue)}


def policy_body(policy: Policy) -> dict[str, Any]:
    """Return a policy, or an operator policy, as HTTP takes it."""
    return {
        "pattern": policy.pattern,
        "apply-to": policy.apply_to,
        "priority": policy.priority,
        "definition": dict(policy.definition),
    }


def path(resource: Exchange | Queue | Policy | Binding) -> str:
    """Return where it is."""
    vhost = segment(resource.vhost)
    match resource:
        case Exchange():
            return f"/api/exchanges/{vhost}/{segment(resource.name)}"
        case Queue():
            return f"/api/queues/{vhost}/{segment(resource.name)}"
        case Policy():
            return f"/api/policies/{vhost}/{segment(resource.name)}"
        case Binding():
            kind = "q" if resource.destination_kind == "queue" else "e"
            return f"/api/bindings/{vhost}/e/{segment(resource.source)}/{kind}/{segment(resource.destination)}"
