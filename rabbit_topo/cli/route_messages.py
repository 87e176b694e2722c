"""Messages as people give them to `rabbit-topo route`: in options, or in a file of JSON lines."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.errors import InputError, Problem, UsageError
from rabbit_topo.routing import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.model import Plain

_FIELDS: Final = {
    "exchange": "text",
    "routing_key": "text",
    "headers": "an object",
    "vhost": "text",
    "expect": "a list of queue names",
}
_LEAST: Final = '{"exchange": "shop.orders", "routing_key": "order.created"}'
_LIKE: Final = f"a line is like {_LEAST}"
_MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A message, the queues that it should reach (None: nobody says), and the line of the file that it stands in."""

    message: Message
    expect: tuple[str, ...] | None = None
    line: int = 0


def headers_of(pairs: Iterable[str], cc: Iterable[str], bcc: Iterable[str]) -> dict[str, Plain]:
    """Read `name=value` pairs, and the further keys. Raises BadParameter."""
    found: dict[str, Plain] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair!r} is no header; write name=value", param_hint="-H")
        if name in found:
            raise click.BadParameter(f"the header {name} is given twice", param_hint="-H")
        found[name] = _value(name, text)
    for name, keys in (("CC", list(cc)), ("BCC", list(bcc))):
        if keys and name in found:
            raise click.BadParameter(f"the header {name} is given twice: by -H and by --{name.lower()}")
        if keys:
            found[name] = keys
    return found


def _value(name: str, text: str) -> Plain:
    """Read a value as a topology file would: `1`, `1.0`, `true` and `null` are no text, `"1"` is."""
    from rabbit_topo.load.scalars import Trap, resolve

    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return _unquoted(name, text)
    found = resolve(text) if text else ""
    if isinstance(found, Trap):
        instead = f"write {name}={found.instead}, or " if found.instead else "write "
        message = f"{text} may be {found.taken_for} or text; {instead}{name}='\"{text}\"' for text"
        raise click.BadParameter(message, param_hint="-H")
    return found


def _unquoted(name: str, text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        return str(json.loads(text))
    except ValueError:
        raise click.BadParameter(f"{name}={text} is no whole quoted text", param_hint="-H") from None


def queues_of(given: str | None) -> tuple[str, ...] | None:
    """Read a list of queues with commas between them; empty text is no queue, None is no expectation."""
    if given is None:
        return None
    return tuple(name for name in given.split(",") if name)


def messages_of(file: str, vhost: str | None) -> list[Asked]:
    """Read messages, one a line of JSON; `-` is stdin. Raises UsageError, and InputError with all that is wrong."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", f"name a file with lines like {_LEAST}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error.reason} at byte {error.start}") from None
    found: list[Asked] = []
    problems: list[Problem] = []
    shown = "stdin" if file == "-" else file
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line, parse_constant=_no_constant)
        except ValueError as error:
            said = getattr(error, "msg", str(error))
            problems.append(Problem(shown, number, getattr(error, "colno", 1), f"no JSON: {said}", _LIKE))
            continue
        wrong = [Problem(shown, number, 1, *told) for told in _wrong(given)]
        problems += wrong
        if not wrong:
            found.append(_asked(given, number, vhost))
    if problems:
        raise InputError(problems[:_MOST_SHOWN], len(problems))
    return found


def _asked(given: dict[str, Any], line: int, vhost: str | None) -> Asked:
    expect = given.get("expect")
    message = Message(
        given["exchange"], given.get("routing_key", ""), given.get("headers", {}), given.get("vhost", vhost)
    )
    return Asked(message, None if expect is None else tuple(expect), line)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number in JSON")


def _wrong(given: Plain) -> Iterator[tuple[str, str]]:
    if not isinstance(given, dict):
        yield "no JSON object", _LIKE
        return
    if "exchange" not in given:
        yield "no exchange is named", 'the default exchange is "exchange": ""'
    for name, value in given.items():
        if name not in _FIELDS:
            yield f"{name!r} is no field of a message", f"the fields are {', '.join(_FIELDS)}"
        elif not _fits(name, value):
            yield f"{name} must be {_FIELDS[name]}", ""


def _fits(name: str, value: Plain) -> bool:
    match name:
        case "headers":
            return isinstance(value, dict)
        case "expect":
            return isinstance(value, list) and all(isinstance(queue, str) for queue in value)
        case _:
            return isinstance(value, str)
