"""Of what kind the values of a definitions file must be: one of another kind has no meaning that could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TEXT = "a string"
TEXT_OR_NULL = "a string or null"
FLAG = "true or false"
NUMBER = "a number"
TABLE = "an object"

_FITS: dict[str, Callable[[object], bool]] = {
    TEXT: lambda value: isinstance(value, str),
    TEXT_OR_NULL: lambda value: value is None or isinstance(value, str),
    FLAG: lambda value: isinstance(value, bool),
    NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    # an empty table is exported as an empty list by older servers
    TABLE: lambda value: value is None or value == [] or isinstance(value, dict),
}
_FIELDS = {
    "document": {
        "rabbit_version": TEXT_OR_NULL,
        "rabbitmq_version": TEXT_OR_NULL,
        "original_cluster_name": TEXT,
        "original_vhost_name": TEXT,
    },
    "vhosts": {"name": TEXT, "default_queue_type": TEXT_OR_NULL, "metadata": TABLE},
    "metadata": {"default_queue_type": TEXT_OR_NULL},
    "exchanges": {"type": TEXT, "durable": FLAG, "auto_delete": FLAG, "internal": FLAG, "arguments": TABLE},
    "queues": {"type": TEXT, "durable": FLAG, "auto_delete": FLAG, "arguments": TABLE},
    "queue arguments": {"x-queue-type": TEXT},
    "bindings": {"routing_key": TEXT, "destination_type": TEXT, "arguments": TABLE},
    "policies": {"pattern": TEXT, "apply-to": TEXT, "priority": NUMBER, "definition": TABLE},
    "parameters": {"value": TABLE},
}


def check_kinds(what: str, item: Mapping[str, Any]) -> None:
    """Raise ValueError for the first field that holds a value of another kind; a missing field is no fault here.

    >>> check_kinds("queues", {"durable": "false"})
    Traceback (most recent call last):
    ValueError: its 'durable' is not true or false
    """
    for field, kind in _FIELDS[what].items():
        if field in item and not _FITS[kind](item[field]):
            raise ValueError(f"its {field!r} is not {kind}")
    if what == "queues":
        check_kinds("queue arguments", item.get("arguments") or {})
    if what == "vhosts":
        check_kinds("metadata", item.get("metadata") or {})
