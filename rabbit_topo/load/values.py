"""Checks of single values: what one must be, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rabbit_topo.arguments import parse_age, parse_duration, parse_size
from rabbit_topo.arguments.tables import MAX_INTEGER, sendable
from rabbit_topo.arguments.wire import MAX_NAME_BYTES, is_unicode
from rabbit_topo.load.problems import did_you_mean, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Plain


class Wrong(NamedTuple):
    """What a value must be (or a whole sentence, after `!`), and a hint."""

    wanted: str
    hint: str = ""


Check: TypeAlias = "Callable[[Plain], Wrong | None]"


def text(value: Plain) -> Wrong | None:
    """Take text, the empty one too."""
    if isinstance(value, str):
        return None if is_unicode(value) else Wrong("valid UTF-8", "write the characters themselves, not \\u escapes")
    if value is None:
        return Wrong("text", 'write "" if it is meant to be empty')
    if isinstance(value, (bool, int, float)):
        return Wrong("text", f'quote it: "{quoted(value)}"')
    return Wrong("text")


def full_text(value: Plain) -> Wrong | None:
    """Take text that is not empty."""
    return Wrong("text that is not empty") if value == "" else text(value)


def name(value: Plain) -> Wrong | None:
    """Take a name that the server keeps as it is: not empty, at most 255 bytes, no CR and no LF."""
    if wrong := full_text(value):
        return wrong
    if "\n" in value or "\r" in value:
        return Wrong("text without line breaks", "the server would take them out, and the name would be another")
    return _short(value)


def routing_key(value: Plain) -> Wrong | None:
    """Take text of at most 255 bytes."""
    if value is None:
        hint = 'write "#" in quotes if # is meant (YAML begins a comment there), "" if it is meant to be empty'
        return Wrong("text", hint)
    return text(value) or _short(value)


def _short(value: str) -> Wrong | None:
    size = len(value.encode())
    return Wrong(f"at most {MAX_NAME_BYTES} bytes long", f"it has {size}") if size > MAX_NAME_BYTES else None


def boolean(value: Plain) -> Wrong | None:
    """Take true or false."""
    return None if isinstance(value, bool) else Wrong("true or false", "without quotes" if value in _WORDS else "")


_WORDS = ("true", "false")


def whole(low: int, high: int | None = None) -> Check:
    """Take an integer within bounds."""
    bounds = f"a whole number from {low} to {high}" if high is not None else f"a whole number of at least {low}"

    def check(value: Plain) -> Wrong | None:
        right = type(value) is int and low <= value and (high is None or value <= high) and sendable(value)
        return None if right else Wrong(bounds)

    return check


def number(value: Plain) -> Wrong | None:
    """Take an integer or a float."""
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and sendable(value)
    return None if right else Wrong("a number")


def seconds(value: Plain) -> Wrong | None:
    """Take a number of seconds, as kombu does."""
    right = number(value) is None and value >= 0
    return None if right else Wrong("a number of seconds, at least 0", "kombu takes these as they are")


def one_of(*choices: Plain) -> Check:
    """Take one of a few values."""
    listed = ("one of " if len(choices) > 1 else "") + ", ".join(str(choice) for choice in choices)
    words = [choice for choice in choices if isinstance(choice, str)]

    def check(value: Plain) -> Wrong | None:
        if any(type(choice) is type(value) and choice == value for choice in choices):
            return None
        return Wrong(listed, did_you_mean(value, words) if isinstance(value, str) else "")

    return check


class _Unit(NamedTuple):
    """How a quantity is read, what it is called, what to write for a bare number, and bounds as read and as spelled."""

    parse: Callable[[str], int]
    wanted: str
    bare: str
    low: int = 0
    at_least: str = ""
    high: float = float("inf")
    at_most: str = ""


def duration(low: int = 0) -> Check:
    """Take a duration with its unit, of so many milliseconds at least; a bare number could be two things."""
    bare = "write {0}s if seconds are meant (as in kombu), {0}ms if milliseconds (as in RabbitMQ)"
    wanted = "a duration with its unit"
    return _quantity(_Unit(parse_duration, wanted, bare, low, f"{low}ms", MAX_INTEGER, f"{MAX_INTEGER}ms"))


def size(high: int = MAX_INTEGER, at_most: str = f"{MAX_INTEGER}B") -> Check:
    """Take a size with its unit, of so many bytes at most; `at_most` spells the limit."""
    bare = "write {0}B if bytes are meant (as in RabbitMQ), or a bigger unit, like {0}MB or {0}MiB"
    return _quantity(_Unit(parse_size, "a size with its unit", bare, high=high, at_most=at_most))


def age() -> Check:
    """Take the maximum age of a stream."""
    return _quantity(_Unit(parse_age, "an age with its unit", "write {0}s if seconds are meant, {0}D if days"))


def _quantity(unit: _Unit) -> Check:
    def check(value: Plain) -> Wrong | None:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return Wrong(unit.wanted)
        if not isinstance(value, str) or value.strip().isdecimal():
            return Wrong(unit.wanted, unit.bare.format(str(value).strip()))
        try:
            amount = unit.parse(value)
        except ValueError as error:
            return Wrong(unit.wanted, str(error))
        if amount < unit.low:
            return Wrong(f"at least {unit.at_least}")
        return Wrong(f"at most {unit.at_most}") if amount > unit.high else None

    return check
