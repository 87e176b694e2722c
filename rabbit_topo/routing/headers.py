"""Headers bindings: which headers of a message they compare, and when two values are one.

Source: rabbit_exchange_type_headers. The broker compares values without their AMQP types, by `==` up to 3.12, where
1 is 1.0, and by `=:=` since 3.13, where it is not. Text and numbers are never equal; an empty list is an empty table.
Inside of lists and tables the AMQP types count, and the order of a table's names: clients write integers in different
widths and tables in different orders, so that there the files cannot tell. A timestamp in a message is a number.
"""

from __future__ import annotations

from calendar import timegm
from datetime import datetime
from decimal import Decimal
from math import copysign
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.arguments.versions import NEWEST, read_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Plain

MATCH: Final = "x-match"
MATCHES: Final = frozenset({"all", "any", "all-with-x", "any-with-x"})
_STRICT: Final = (3, 13)


class Verdict(NamedTuple):
    """Whether a binding takes a message, None where the files cannot tell; and why, in words."""

    takes: bool | None
    reason: str


def takes(arguments: Mapping[str, Plain], headers: Mapping[str, Plain], version: str) -> Verdict:
    """Say whether a headers binding with these arguments takes a message with these headers.

    >>> takes({"x-match": "any", "a": 1, "b": None}, {"b": "x"}, "4.3")
    Verdict(takes=True, reason='match any: b is there')
    """
    given = arguments.get(MATCH)
    match = given if isinstance(given, str) and given in MATCHES else "all"
    compared = [
        name for name in sorted(arguments) if name != MATCH and (match.endswith("-with-x") or not name.startswith("x-"))
    ]
    wants_all = match.startswith("all")
    if not compared:
        return Verdict(wants_all, f"match {match} with no header to compare takes {'all' if wants_all else 'nothing'}")
    looks = [_look(name, arguments[name], headers, version) for name in compared]
    wrong = [look for look in looks if look.takes is False]
    right = [look for look in looks if look.takes]
    unsure = [look for look in looks if look.takes is None]
    decisive = (wrong[:1] or unsure[:1] or right) if wants_all else (right[:1] or unsure[:1] or wrong)
    said = ", ".join(look.reason for look in decisive)
    return Verdict(decisive[0].takes, f"match {match}: {said}")


def _look(name: str, wanted: Plain, headers: Mapping[str, Plain], version: str) -> Verdict:
    if name not in headers:
        return Verdict(takes=False, reason=f"there is no header {name}")
    if wanted is None:
        return Verdict(takes=True, reason=f"{name} is there")
    strict = (read_release(version) or NEWEST) >= _STRICT
    wanted, found = _listed(wanted), _listed(headers[name])
    equal = _equal(_moment(wanted, strict=False), _moment(found, strict=strict), strict=strict)
    if equal is None:
        why = "how such values compare is for the broker's Erlang to judge"
        if isinstance(wanted, float):
            why = "the sign of a zero is for the broker's Erlang to judge"
        elif isinstance(wanted, list | dict):
            why = "what is inside is compared with its AMQP types and in its order, which only the senders know"
        return Verdict(None, f"{name} looks like {spelled(wanted)}, but {why}")
    is_there, asked = spelled(found), spelled(wanted)
    if equal:
        return Verdict(
            equal, f"{name} is {asked}" if is_there == asked else f"{name} is {is_there}, which equals {asked}"
        )
    return Verdict(equal, f"{name} is not {asked} but {is_there}")


def _listed(value: Plain) -> Plain:
    """Take tuples for lists, however deep, as clients do."""
    if isinstance(value, list | tuple):
        return [_listed(one) for one in value]
    return {name: _listed(one) for name, one in value.items()} if isinstance(value, dict) else value


def _moment(value: Plain, *, strict: bool) -> Plain:
    """Turn a timestamp into the number that the broker compares: seconds, and of messages since 3.13 milliseconds."""
    return timegm(value.utctimetuple()) * (1000 if strict else 1) if isinstance(value, datetime) else value


def _equal(one: Plain, other: Plain, *, strict: bool) -> bool | None:
    numbers = (int, float)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, numbers) and isinstance(other, numbers):
        if strict and (type(one) is type(other) is float) and one == other:
            return True if copysign(1, one) == copysign(1, other) else None
        return one == other and (not strict or type(one) is type(other))
    if isinstance(one, list | dict) and isinstance(other, list | dict) and not one and not other:
        return True  # without its AMQP type an empty list is an empty table
    return _same(one, other, strict=strict)


def _same(one: Plain, other: Plain, *, strict: bool) -> bool | None:
    """Compare with AMQP types: None where integers may be of different widths, or the order of a table decides."""
    if type(one) is not type(other):
        return False
    match one:
        case list():
            parts = [_same(*pair, strict=strict) for pair in zip(one, other, strict=False)]
            return _all(parts) if len(one) == len(other) else False
        case dict():
            if one.keys() != other.keys():
                return False
            parts = [_same(one[name], other[name], strict=strict) for name in one]
            return _all([*parts, None if len(one) > 1 else True])
        case bool() | str() | bytes() | None:
            return bool(one == other)
        case float():
            return _equal(one, other, strict=strict)
        case int():
            return None if one == other and -(2**31) <= one < 2**32 else bool(one == other)
        case _:  # timestamps, decimals: equal ones may be written in several ways
            return None if one == other else False


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def spelled(value: Plain) -> str:
    """Spell a header's value with its class in sight.

    >>> spelled("1"), spelled(1), spelled(True), spelled(None)
    ('"1"', '1', 'true', 'null')
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def amqp_type(value: Plain) -> str:
    """Name the AMQP type of a value as the broker does, of an integer the width in which most clients send it.

    >>> amqp_type("a"), amqp_type(None), amqp_type(1), amqp_type(2**31)
    ('longstr', 'void', 'signedint', 'long')
    """
    match value:
        case None:
            return "void"
        case bool():
            return "bool"
        case int():
            return "signedint" if abs(value) < 2**31 else "long"
        case float():
            return "double"
        case str():
            return "longstr"
        case list() | tuple():
            return "array"
        case dict():
            return "table"
        case bytes():
            return "binary"
        case Decimal():
            return "decimal"
        case _:
            return "timestamp"
