"""Checks of single values: what one must be, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rabbit_topo.arguments import parse_age, parse_duration, parse_size
from rabbit_topo.arguments.tables import sendable
from rabbit_topo.load.problems import did_you_mean, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Plain

MAX_NAME_BYTES = 255


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
    return text(value) or _short(value)


def _short(value: str) -> Wrong | None:
    size = len(value.encode())
    return Wrong(f"at most {MAX_NAME_BYTES} bytes long", f"it has {size}") if size > MAX_NAME_BYTES else None


def is_unicode(value: str) -> bool:
    """Say whether text can be encoded: half of a surrogate pair, written as an escape, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


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


def duration(value: Plain) -> Wrong | None:
    """Take a duration with its unit; a bare number could be seconds or milliseconds."""
    hint = f"write {value}s if seconds are meant (as in kombu), {value}ms if milliseconds (as in RabbitMQ)"
    return _with_unit(value, parse_duration, "a duration with its unit", hint)


def size(value: Plain) -> Wrong | None:
    """Take a size with its unit."""
    hint = f"write {value}B if bytes are meant (as in RabbitMQ), or a bigger unit, like {value}MB or {value}MiB"
    return _with_unit(value, parse_size, "a size with its unit", hint)


def age(value: Plain) -> Wrong | None:
    """Take the maximum age of a stream."""
    hint = f"write {value}s if seconds are meant, {value}D if days"
    return _with_unit(value, parse_age, "an age with its unit", hint)


def _with_unit(value: Plain, parse: Callable[[str], int], wanted: str, hint: str) -> Wrong | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return Wrong(wanted)
    if not isinstance(value, str) or value.strip().isdecimal():
        return Wrong(wanted, hint.replace(str(value), str(value).strip()))
    try:
        parse(value)
    except ValueError as error:
        return Wrong(wanted, str(error))
    return None


def pattern(value: Plain) -> Wrong | None:
    """Take a regular expression that can be one alternative among others."""
    if wrong := full_text(value):
        return wrong
    try:
        compiled = re.compile(f"(?:{value})|(?:)")
    except (re.error, OverflowError, RecursionError) as error:
        return Wrong("a regular expression", str(error))
    if compiled.groupindex or (compiled.groups and _BACK_REFERENCE.search(value)):
        return Wrong("a regular expression without named groups and references to groups", "patterns are joined to one")
    return None


_BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]")
