"""Headers bindings: which headers of a message they compare, and when two values are one.

Source: rabbit_exchange_type_headers. The broker compares values without their AMQP types, by `==` up to 3.12, where
1 is 1.0, and by `=:=` since 3.13, where it is not. Text and numbers are never equal. Inside of lists and tables the
AMQP types count too, and clients write integers in different widths: that is known to the message's sender alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.model import holds_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Plain

MATCH: Final = "x-match"
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
    match = str(arguments.get(MATCH, "all"))
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
    found = headers[name]
    if wanted is None:
        return Verdict(takes=True, reason=f"{name} is there")
    equal = _equal(wanted, found, strict=(read_release(version) or NEWEST) >= _STRICT)
    if equal is None:
        return Verdict(None, f"{name} holds an integer in a list or table, and its AMQP type decides")
    verb = "is" if equal else "is not"
    return Verdict(equal, f"{name} {verb} {spelled(wanted)}" + ("" if equal else f" but {spelled(found)}"))


def _equal(one: Plain, other: Plain, *, strict: bool) -> bool | None:
    numbers = (int, float)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, numbers) and isinstance(other, numbers):
        return one == other and (not strict or type(one) is type(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list | dict):
        same = bool(one == other)
        return None if same and holds_integer(one) else same
    return bool(one == other)


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
