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
    from collections.abc import Callable, Iterable, Iterator

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
    """Read a value as a topology file would: `1`, `1.0`, `true`, `null`, `[1]` and `{a: 1}` are no text, `"1"` is."""
    from rabbit_topo.load.scalars import Trap, resolve

    if text[:1] in {"[", "{"}:
        return _flow(name, text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return _unquoted(name, text)
    found = resolve(text) if text else ""
    if isinstance(found, Trap):
        instead = f"write {name}={found.instead}, or " if found.instead else "write "
        message = f"{text} may be {found.taken_for} or text; {instead}{name}='\"{text}\"' for text"
        raise click.BadParameter(message, param_hint="-H")
    return found


def _flow(name: str, text: str) -> Plain:
    from rabbit_topo.load.nodes import plain
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.load.yaml_nodes import parse

    problems = Problems()
    documents = parse(text, "-H", problems)
    if wrong := problems.all():
        message = f"{name}={text}: {wrong[0].message}; write {name}='\"...\"' for text"
        raise click.BadParameter(message, param_hint="-H")
    return plain(documents[0].root)


def _unquoted(name: str, text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        return str(json.loads(text))
    except ValueError:
        raise click.BadParameter(f"{name}={text} is no whole quoted text", param_hint="-H") from None


def queues_of(given: Iterable[str], known: Callable[[str], bool]) -> tuple[str, ...]:
    """Read lists of queues with commas between them; empty text is no queue, a `known` name may have commas itself."""
    return tuple(name for one in given for name in ([one] if known(one) else one.split(",")) if name)


def unsendable(message: Message) -> str:
    """Say in a sentence why AMQP cannot carry a message; empty where it can."""
    for what, text in (("exchange's name", message.exchange), ("routing key", message.routing_key)):
        if why := _unfit_name(text):
            return f"the {what} {why}"
    for name, value in message.headers.items():
        if why := _unfit_name(name) or _unfit(value):
            return f"the header {name!r} {why}"
    return ""


def _unfit_name(text: str) -> str:
    from rabbit_topo.arguments.wire import MAX_NAME_BYTES

    if why := _unfit(text):
        return why
    size = len(text.encode())
    return f"has {size} bytes, and AMQP allows {MAX_NAME_BYTES}" if size > MAX_NAME_BYTES else ""


def _unfit(value: Plain) -> str:
    from rabbit_topo.arguments.tables import sendable
    from rabbit_topo.arguments.wire import is_unicode

    match value:
        case str():
            return "" if is_unicode(value) else "is not UTF-8"
        case dict():
            return next(filter(None, (_unfit_name(name) or _unfit(one) for name, one in value.items())), "")
        case list():
            return next(filter(None, map(_unfit, value)), "")
        case int() | float() if not sendable(value):
            return "has a number that AMQP cannot carry: it has integers of 64 bits, and no infinity"
        case _:
            return ""


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
        if wrong:
            continue
        asked = _asked(given, number, vhost)
        if why := unsendable(asked.message):
            problems.append(Problem(shown, number, 1, why))
        found.append(asked)
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
