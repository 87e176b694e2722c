"""What AMQP can carry: names, texts and tables; and what no broker takes in a binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments.tables import sendable

if TYPE_CHECKING:
    from rabbit_topo.model import Binding, Plain

MAX_NAME_BYTES: Final = 255
VOID: Final = "undefined"  # how the management plugin spells a null in a binding's arguments
CONSISTENT_HASH: Final = "x-consistent-hash"


def is_unicode(value: str) -> bool:
    """Say whether text can be encoded: half of a surrogate pair, written as an escape, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def refused_text(value: str) -> str:
    """Say why a routing key, or any other short text, cannot be sent; empty where it can.

    >>> refused_text("order.#"), refused_text("x" * 256)
    ('', 'it has 256 bytes, and AMQP carries at most 255')
    """
    if not is_unicode(value):
        return "it is not valid UTF-8"
    size = len(value.encode())
    return f"it has {size} bytes, and AMQP carries at most {MAX_NAME_BYTES}" if size > MAX_NAME_BYTES else ""


def refused_name(value: str) -> str:
    r"""Say why the server would not keep a name of an exchange, a queue or a vhost as it is; empty where it would.

    >>> refused_name("shop.orders"), refused_name("shop\norders")
    ('', 'its name holds a line break, which the server takes out')
    """
    if not value:
        return "its name is empty"
    if "\n" in value or "\r" in value:
        return "its name holds a line break, which the server takes out"
    said = refused_text(value)
    return said and f"its name cannot be sent: {said}"


def refused_value(value: Plain) -> str:
    """Say why a value among arguments cannot be sent; empty where it can.

    >>> refused_value({"n": [1, "a", None]}), refused_value([2**63])
    ('', 'a number does not fit AMQP: 9223372036854775808')
    """
    match value:
        case dict():
            return next(filter(None, (refused_key(key) or refused_value(inner) for key, inner in value.items())), "")
        case list():
            return next(filter(None, map(refused_value, value)), "")
        case str():
            return "" if is_unicode(value) else "a text is not valid UTF-8"
        case int() | float() if not isinstance(value, bool) and not sendable(value):
            return f"a number does not fit AMQP: {value}"
        case _:
            return ""


def refused_key(key: str) -> str:
    """Say why an argument cannot have this name; empty where it can."""
    if key and not refused_text(key):
        return ""
    return f"the name of an argument must have 1 to {MAX_NAME_BYTES} bytes of UTF-8"


def holds_void(value: Plain) -> bool:
    """Say whether the management plugin's spelling of a null stands in a value: nobody can tell it from a null.

    >>> holds_void({"a": ["undefined"]}), holds_void("defined")
    (True, False)
    """
    match value:
        case dict():
            return any(map(holds_void, value.values()))
        case list():
            return any(map(holds_void, value))
        case _:
            return bool(value == VOID)


def is_weight(routing_key: str) -> bool:
    """Say whether a consistent-hash exchange takes a routing key: a whole number, at least 1.

    >>> is_weight("10"), is_weight("0"), is_weight("")
    (True, False, False)
    """
    return routing_key.isascii() and routing_key.isdecimal() and bool(int(routing_key[:20]))


BLINDING: Final = (
    "a binding with arguments and a '~' in its routing key is refused: RabbitMQ's management plugin fails on it and"
    " could list no binding of the vhost any more"
)


def blinds_management(binding: Binding) -> bool:
    """Say whether the management plugin could not list this vhost's bindings any more, were this one among them.

    Its `properties_key` of a binding with arguments cannot hold a tilde: `rabbit_mgmt_format:pack_binding_props`
    fails on it, and with it every list that the binding is in (3.10.8, 4.0.5 and 4.3.6 answer status 500).
    """
    return bool(binding.arguments) and "~" in binding.routing_key
