"""Durations, sizes and ages: how people write them, and what RabbitMQ takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DURATION_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
# The first six are RabbitMQ's (rabbit_amqqueue:check_max_age); `d` is ours, for it is what people write.
AGE_UNITS_S = {"Y": 31_536_000, "M": 2_592_000, "D": 86_400, "h": 3_600, "m": 60, "s": 1, "d": 86_400}
BROKER_AGE_UNITS = frozenset("YMDhms")

_QUANTITY = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) ?([A-Za-z]+)", re.ASCII)
_AGE = re.compile(r"([0-9]{1,18})([A-Za-z])", re.ASCII)


def parse_duration(text: str) -> int:
    """Return the milliseconds of `500ms`, `30s`, `5m`, `1h` or `7d`.

    Raises ValueError for anything else, and for what is no whole number of milliseconds.

    >>> parse_duration("1.5h")
    5400000
    """
    return _quantity(text, DURATION_UNITS_MS, "a duration", "500ms, 30s, 5m, 1h or 7d")


def parse_size(text: str) -> int:
    """Return the bytes of `10MB` (powers of ten) or `1GiB` (powers of two).

    Raises ValueError for anything else, and for what is no whole number of bytes.

    >>> parse_size("10MB"), parse_size("1GiB")
    (10000000, 1073741824)
    """
    return _quantity(text, SIZE_UNITS, "a size", "512B, 10MB or 1GiB")


def parse_age(text: str) -> int:
    """Return the seconds of a stream's maximum age: RabbitMQ's `7D` or `604800s`, and `7d`.

    A year is 365 days and a month 30 (rabbit_amqqueue, unit_value_in_ms). Raises ValueError.

    >>> parse_age("7d") == parse_age("7D") == parse_age("604800s")
    True
    """
    found = _AGE.fullmatch(text)
    if not found or found[2] not in AGE_UNITS_S or not int(found[1]):
        msg = f"`{text}` is no maximum age: write a whole number above 0 and one of Y M D h m s, like 7D or 12h"
        raise ValueError(msg)
    return int(found[1]) * AGE_UNITS_S[found[2]]


def is_broker_age(value: object) -> bool:
    """Say whether RabbitMQ itself takes this as a maximum age."""
    if not isinstance(value, str) or value[-1:] not in BROKER_AGE_UNITS:
        return False
    digits = value[:-1]
    return digits.isascii() and digits.isdecimal() and int(digits[:20]) > 0


def _quantity(text: str, units: Mapping[str, int], what: str, examples: str) -> int:
    found = _QUANTITY.fullmatch(text)
    if not found or found[2] not in units:
        msg = f"`{text}` is not {what}: write a number and a unit, like {examples}"
        raise ValueError(msg)
    digits, _, decimals = found[1].partition(".")
    amount, rest = divmod(int(digits + decimals) * units[found[2]], int(10 ** len(decimals)))
    if rest:
        msg = f"`{text}` is no whole number of {'milliseconds' if units is DURATION_UNITS_MS else 'bytes'}"
        raise ValueError(msg)
    return amount


def spell_duration(milliseconds: int) -> str:
    """Return how a person writes a duration: in the greatest unit that holds it in a whole number.

    >>> spell_duration(3_600_000), spell_duration(5_400_000), spell_duration(1_500), spell_duration(0)
    ('1h', '90m', '1500ms', '0s')
    """
    if not milliseconds:
        return "0s"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if milliseconds % DURATION_UNITS_MS[unit] == 0)
    return f"{milliseconds // DURATION_UNITS_MS[unit]}{unit}"


def spell_size(size: int) -> str:
    """Return how a person writes a number of bytes: in the greatest unit, of 1000 or of 1024, that holds it whole.

    >>> spell_size(1_000_000), spell_size(2**30), spell_size(1_500), spell_size(0)
    ('1MB', '1GiB', '1500B', '0B')
    """
    fitting = [unit for unit, bytes_each in SIZE_UNITS.items() if size % bytes_each == 0 and unit != "KB"]
    unit = max(fitting, key=SIZE_UNITS.__getitem__) if size else "B"
    return f"{size // SIZE_UNITS[unit]}{unit}"


def spell_age(text: str) -> str:
    """Return how a person writes a stream's maximum age: years and months stay what they are. Raises ValueError.

    >>> spell_age("604800s"), spell_age("7D"), spell_age("12h"), spell_age("1Y")
    ('7d', '7d', '12h', '1Y')
    """
    seconds = parse_age(text)
    if text[-1] in "YM":
        return f"{int(text[:-1])}{text[-1]}"
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % AGE_UNITS_S[unit] == 0)
    return f"{seconds // AGE_UNITS_S[unit]}{unit}"
