"""What a type of exchange checks: of its arguments, and of the bindings that leave it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import ALTERNATE
from rabbit_topo.arguments.by_version import at
from rabbit_topo.arguments.tables import MATCHES
from rabbit_topo.model import PREDECLARED, Exchange, Queue

if TYPE_CHECKING:
    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Binding

_STRICT: Final = (4, 3)  # from here on bindings with very many wildcards or hash points are refused
_WILDCARDS: Final = 2
_MOST_POINTS: Final = 10_000
_HASHED: Final = ("correlation_id", "message_id", "timestamp")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


def refused_binding(index: Index, binding: Binding) -> str:
    """Say why the broker would refuse a binding for its key, its arguments or its end; empty where it would not."""
    exchange = index.topology.resources.get(binding.source_key)
    kind = exchange.type if isinstance(exchange, Exchange) and exchange.type else PREDECLARED.get(binding.source)
    strict = at(index.context.version) >= _STRICT
    match kind:
        case "headers":
            value = binding.arguments.get("x-match", "all")
            wrong = json.dumps(value, ensure_ascii=False)
            return "" if value in MATCHES else f"`x-match` must be one of {', '.join(MATCHES)}, not {wrong}"
        case "topic" if strict and (found := binding.routing_key.split(".").count("#")) > _WILDCARDS:
            return f"its routing key has {found} times `#`, RabbitMQ {index.context.version} takes {_WILDCARDS}"
        case "x-consistent-hash":
            return _weight(binding.routing_key, index.context.version, strict=strict)
        case "x-local-random":
            return _local(index, binding)
        case _:
            return ""


def _weight(key: str, version: str, *, strict: bool) -> str:
    if not _INTEGER.fullmatch(key) or int(key) < 1:
        return f'its routing key is a weight, a whole number of at least 1, not "{key}"'
    if strict and int(key) > _MOST_POINTS:
        return f"its weight is {key}, RabbitMQ {version} takes at most {_MOST_POINTS:,}"
    return ""


def _local(index: Index, binding: Binding) -> str:
    if binding.routing_key:
        return f'a local random exchange takes the empty routing key alone, not "{binding.routing_key}"'
    queue = index.topology.resources.get(binding.destination_key)
    if binding.destination_kind == "exchange" or (isinstance(queue, Queue) and queue.type not in {"classic", None}):
        return "a local random exchange leads to classic queues only"
    return ""


def refused_exchange(exchange: Exchange) -> str:
    """Say why the broker would refuse an exchange for its arguments; empty where it would not."""
    arguments = exchange.arguments
    if not isinstance(arguments.get(ALTERNATE, ""), str):
        return f"`{ALTERNATE}` must be the name of an exchange"
    match exchange.type:
        case "x-consistent-hash":
            if {"hash-header", "hash-property"} <= arguments.keys():
                return "`hash-header` and `hash-property` exclude each other"
            if not isinstance(arguments.get("hash-header", ""), str):
                return "`hash-header` must be the name of a header"
            right = arguments.get("hash-property", _HASHED[0]) in _HASHED
            return "" if right else f"`hash-property` must be one of {', '.join(_HASHED)}"
        case "x-recent-history":
            length = arguments.get("x-recent-history-length", 1)
            return "" if type(length) is int and length > 0 else "`x-recent-history-length` must be a number above 0"
        case "x-delayed-message" if not isinstance(arguments.get("x-delayed-type"), str):
            return "`x-delayed-type` must name the type by which it routes"
        case _:
            return ""
