"""Options taken apart, one by one, so that they can be compared and counted; and put together again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rabbit_topo.arguments.order import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.adopt.options import Options
    from rabbit_topo.model import Plain

Path: TypeAlias = tuple[str, ...]  # of a key, or of one raw argument

ITSELF: Final = "{name}"  # in a profile, it stands for the name of the object
ARGUMENTS: Final = "arguments"
TYPE: Final[Path] = ("type",)
_KEYS: Final = ("type", "durable", "auto_delete", "internal", "alternate_exchange", *LIMITS, ARGUMENTS)
_RANK: Final = {key: rank for rank, key in enumerate(_KEYS)}


class Item(NamedTuple):
    """One option: where it stands, and its value as JSON, which keeps the classes apart."""

    path: Path
    value: str

    @property
    def is_table(self) -> bool:
        """Whether the value is a mapping: such merge, so that one cannot take another's place."""
        return self.value.startswith("{")


Items: TypeAlias = frozenset[Item]


def items_of(options: Options) -> Iterator[Item]:
    """Take options apart, raw arguments one by one."""
    for key, value in options.items():
        if key == ARGUMENTS:
            yield from (Item((key, name), text(inner)) for name, inner in value.items())
        else:
            yield Item((key,), text(value))


def options_of(items: Iterable[Item]) -> Options:
    """Put options together, in the order of the items."""
    options: Options = {}
    for (key, *inner), value in items:
        if inner:
            options.setdefault(key, {})[inner[0]] = json.loads(value)
        else:
            options[key] = json.loads(value)
    return options


def in_order(items: Iterable[Item]) -> list[Item]:
    """Put options into their usual order, raw arguments last and by name."""
    return sorted(items, key=lambda item: (_RANK[item.path[0]], item.path))


def text(value: Plain) -> str:
    """Spell a value."""
    return json.dumps(value, ensure_ascii=False)


def templated(value: str, name: str) -> str:
    """Put `{name}` in the place of a name in a spelled value; empty where it does not stand there.

    >>> templated('{"exchange": "", "routing_key": "shop.dead"}', "shop")
    '{"exchange": "", "routing_key": "{name}.dead"}'
    """
    if text(name)[1:-1] not in value or ITSELF in value:
        return ""
    found = text(_replaced(json.loads(value), name))
    return found if found != value else ""


def _replaced(value: Plain, name: str) -> Plain:
    match value:
        case str():
            return value.replace(name, ITSELF)
        case list():
            return [_replaced(one, name) for one in value]
        case dict():
            return {key: _replaced(one, name) for key, one in value.items()}
        case _:
            return value
