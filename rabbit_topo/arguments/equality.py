"""When two values of an argument are one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.arguments.units import parse_age
from rabbit_topo.model import Arguments

if TYPE_CHECKING:
    from rabbit_topo.model import Plain

_AGES = frozenset({"x-max-age", "max-age"})


def same_value(name: str, one: Plain, other: Plain) -> bool:
    """Say whether two values of the argument or policy key `name` mean the same to the broker.

    Values are compared with their AMQP classes; a maximum age is compared by its seconds.

    >>> same_value("x-max-age", "7D", "604800s"), same_value("x-max-length", 1, 1.0)
    (True, False)
    """
    if name in _AGES and isinstance(one, str) and isinstance(other, str):
        try:
            return parse_age(one) == parse_age(other)
        except ValueError:
            return one == other
    return Arguments({name: one}) == Arguments({name: other})
