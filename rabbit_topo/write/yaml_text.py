"""Plain documents as YAML text, laid out as a person would write them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rabbit_topo.report.words import clean
from rabbit_topo.write.scalars import spell, spell_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.adopt.types import File
    from rabbit_topo.model import Plain

WIDTH: Final = 100  # columns that a line may have before a list or mapping is written one item a line
_HEAD: Final = ("version", "vhost", "owns", "ignore")  # stand together on top, without blank lines
_FEW: Final = 3  # options of an object that stand beside its name
_NAMED: Final = frozenset({"exchanges", "queues", "policies"})  # sections that hold objects by name
_BY_KIND: Final = frozenset({"defaults", "profiles"})  # sections that hold other things by kind

_spelled = lru_cache(maxsize=1 << 16)(spell)


def dump(file: File, schema: str) -> str:
    r"""Return a file's text; every YAML reader reads its documents back from it as they are.

    `schema` is where the file's JSON Schema is, for editors: a path relative to the file, or a URL.

    >>> from rabbit_topo.adopt.types import File
    >>> queues = {"q.on": {"use": "worker"}, "on": {"bindings": [{"exchange": "x", "routing_key": "1.10"}]}}
    >>> print(dump(File("q.yaml", ({"version": 1, "queues": queues},)), "s.json"), end="")
    # yaml-language-server: $schema=s.json
    version: 1
    <BLANKLINE>
    queues:
      q.on: {use: worker}
      "on":
        bindings:
          - {exchange: x, routing_key: "1.10"}
    """
    lines = [f"# yaml-language-server: $schema={clean(schema)}"]
    for number, document in enumerate(file.documents):
        if number:
            lines.append("---")
        lines += _document(document)
    return "\n".join(lines) + "\n"


def _document(document: Mapping[str, Plain]) -> Iterator[str]:
    if not document:
        yield "{}"
    for number, (name, value) in enumerate(document.items()):
        if number and name not in _HEAD:
            yield ""
        yield from _section(name, value)


def _section(name: str, value: Plain) -> Iterator[str]:
    if isinstance(value, dict) and value and name in _NAMED | _BY_KIND:
        yield f"{name}:"
        if name in _NAMED:
            yield from _objects(value, 2)
            return
        for kind, found in value.items():
            if name == "profiles" and isinstance(found, dict) and found:
                yield f"  {_key(kind)}:"
                yield from _objects(found, 4)
            else:
                yield from _entry(kind, found, 2)
    else:
        yield from _entry(name, value, 0, in_block=isinstance(value, list) and name not in _HEAD)


def _objects(objects: Mapping[str, Plain], indent: int) -> Iterator[str]:
    """Write objects below each other: a small one beside its name, the options of the others one a line."""
    for name, options in objects.items():
        yield from _entry(name, options, indent, in_block=not _is_small(options))


def _is_small(options: Plain) -> bool:
    return not isinstance(options, dict) or (
        len(options) <= _FEW and not any(isinstance(value, dict) or _holds_more(value) for value in options.values())
    )


def _holds_more(value: Plain) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _entry(name: str, value: Plain, indent: int, *, in_block: bool = False) -> Iterator[str]:
    """Write a key and its value: on one line if that fits and nobody wants it `in_block`."""
    head = f"{' ' * indent}{_key(name)}:"
    if not isinstance(value, dict | list):
        yield f"{head} {_scalar(value, flow=False)}"
        return
    if not value or not (in_block or name == "bindings"):
        line = f"{head} {_flow(value)}"
        if not value or len(line) <= WIDTH:
            yield line
            return
    yield head
    yield from _block(value, indent + 2)


def _block(value: Plain, indent: int) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _entry(name, item, indent)
        return
    for item in value:
        yield from _item(item, indent)


def _item(item: Plain, indent: int) -> Iterator[str]:
    """Write one item of a list behind its dash; what does not fit begins on the dash's line and goes on below."""
    dash = f"{' ' * indent}- "
    if not isinstance(item, dict | list):
        yield f"{dash}{_scalar(item, flow=False)}"
        return
    line = f"{dash}{_flow(item)}"
    if not item or len(line) <= WIDTH:
        yield line
        return
    lines = iter(_block(item, indent + 2))
    yield f"{dash}{next(lines)[indent + 2 :]}"
    yield from lines


def _flow(value: Plain) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_spelled(name)}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value, flow=True)


def _key(name: str) -> str:
    return _spelled(name, flow=False)


def _scalar(value: Plain, *, flow: bool) -> str:
    return _spelled(value, flow=flow) if isinstance(value, str) else spell_value(value, flow=flow)
