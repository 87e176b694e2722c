"""Why an object cannot stand in a topology file, in a few words; empty where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.arguments import ALTERNATE, QUEUE_TYPES, refused_everywhere, refused_pattern
from rabbit_topo.arguments.tables import APPLY_TO_SINCE, MATCHES, NOT_IN_POLICIES, POLICY_KEYS, sendable
from rabbit_topo.arguments.wire import (
    CONSISTENT_HASH,
    VOID,
    holds_void,
    is_unicode,
    is_weight,
    refused_key,
    refused_name,
    refused_text,
    refused_value,
)
from rabbit_topo.model import Exchange, Policy, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Binding, Plain

_MATCH = "x-match"
_NULL = "the null of the argument {} cannot be written down"


def refusal(resource: Exchange | Queue | Policy) -> str:
    """Say why an exchange, a queue or a policy cannot be declared by a file.

    >>> refusal(Queue("/", "orders", "quorum", auto_delete=True))
    'auto_delete: a quorum queue cannot be deleted automatically'
    """
    match resource:
        case Exchange():
            return refused_name(resource.name) or _exchange(resource)
        case Queue():
            return refused_name(resource.name) or _queue(resource)
        case Policy():
            return _policy(resource)


def binding_refusal(binding: Binding, source_type: str | None) -> str:
    """Say why a binding of an exchange of this type cannot be declared by a file, whatever it leads to.

    >>> from rabbit_topo.model import Binding
    >>> binding_refusal(Binding("/", "shares", "queue", "orders", "many"), "x-consistent-hash")
    'the routing key on an x-consistent-hash exchange is a weight, at least 1'
    """
    if said := refused_text(binding.routing_key):
        return f"the routing key cannot be sent: {said}"
    if source_type == CONSISTENT_HASH and not is_weight(binding.routing_key):
        return f"the routing key on an {CONSISTENT_HASH} exchange is a weight, at least 1"
    if said := refused_value(dict(binding.arguments)):
        return said
    if any(map(holds_void, binding.arguments.values())):
        return f'the text "{VOID}" among the arguments may be a null'
    if source_type == "headers" and binding.arguments.get(_MATCH, MATCHES[0]) not in MATCHES:
        return f"{_MATCH} must be one of {', '.join(MATCHES)}"
    return ""


def _exchange(exchange: Exchange) -> str:
    if not exchange.type or not is_unicode(exchange.type):
        return "without a type"
    if not isinstance(exchange.arguments.get(ALTERNATE, ""), str):
        return f"{ALTERNATE} must be the name of an exchange"
    return _table(exchange.arguments)


def _queue(queue: Queue) -> str:
    if queue.type not in QUEUE_TYPES:
        return f"no file declares queues of the type {queue.type}"
    refused = refused_everywhere(queue)
    return str(refused[0]) if refused else _table(queue.arguments)


def _table(arguments: Mapping[str, Plain]) -> str:
    empty = next((name for name, value in arguments.items() if value is None), None)
    return refused_value(dict(arguments)) or ("" if empty is None else _NULL.format(empty))


def _policy(policy: Policy) -> str:
    if not policy.name or not is_unicode(policy.name):
        return "the name is not valid UTF-8" if policy.name else "the name is empty"
    if not is_unicode(policy.pattern):
        return "the pattern is not valid UTF-8"
    if said := refused_pattern(policy.pattern):
        return f"the pattern is no regular expression: {said}"
    if policy.apply_to not in APPLY_TO_SINCE:
        return f"apply-to must be one of {', '.join(APPLY_TO_SINCE)}"
    if not sendable(policy.priority):
        return f"the priority does not fit AMQP: {policy.priority}"
    if not policy.definition:
        return "the definition is empty"
    return next(filter(None, (_setting(key, value) for key, value in policy.definition.items())), "")


def _setting(key: str, value: Plain) -> str:
    if said := refused_key(key) or refused_value(value):
        return said
    if key in NOT_IN_POLICIES or "_" in key:
        return f"a policy cannot set {key}"
    check = POLICY_KEYS.get(key)
    wanted = check(value) if check else ""
    return f"{key} must be {wanted}" if wanted else ""
