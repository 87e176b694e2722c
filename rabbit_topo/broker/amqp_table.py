"""AMQP field tables, with the classes that RabbitMQ gives to the same values in JSON.

py-amqp writes a small integer as 32 bits wide; HTTP writes 64. To RabbitMQ these are two values, and
two bindings that differ in nothing else are two bindings. Source: `rabbit_misc:to_amqp_table`.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Plain

LONGEST_NAME = 255
WIDEST = 63


def table(items: Mapping[str, Plain]) -> bytes:
    """Write a table with its length. Raises `ValueError` for what AMQP cannot hold.

    >>> table({"n": 1}).hex(" ")
    '00 00 00 0b 01 6e 6c 00 00 00 00 00 00 00 01'
    """
    body = b"".join(_name(name) + _value(value) for name, value in items.items())
    return pack(">I", len(body)) + body


def _name(name: str) -> bytes:
    raw = name.encode()
    if len(raw) > LONGEST_NAME:
        raise ValueError(f"an argument's name has {len(raw)} bytes, AMQP allows {LONGEST_NAME}")
    return pack("B", len(raw)) + raw


def _value(value: Plain) -> bytes:
    match value:
        case None:
            return b"V"
        case bool():
            return pack(">cB", b"t", value)
        case int():
            if not -(1 << WIDEST) <= value < 1 << WIDEST:
                raise ValueError(f"{value} does not fit into 64 bits")
            return pack(">cq", b"l", value)
        case float():
            return pack(">cd", b"d", value)
        case str():
            raw = value.encode()
            return pack(">cI", b"S", len(raw)) + raw
        case dict():
            return b"F" + table(value)
        case list():
            body = b"".join(_value(item) for item in value)
            return pack(">cI", b"A", len(body)) + body
        case _:
            raise ValueError(f"{type(value).__name__} has no place in AMQP arguments")
