"""The same objects in other vhosts: a topology for its rehearsal, and what came of it as of the vhosts it is about."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Note, Policy, Queue, Vhost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Topology

_Value = TypeVar("_Value")


def relocated(topology: Topology, vhosts: Mapping[str, str]) -> Topology:
    """Return a topology in other vhosts, by the names of its own; every object stays what it is. Tests stay behind.

    >>> from rabbit_topo.model import Topology
    >>> there = relocated(Topology.naming("shop"), {"shop": "scratch"})
    >>> there.vhosts
    ('scratch',)
    """
    scope = topology.scope
    moved = {key: placed(one, vhosts) for key, one in topology.resources.items()}
    return replace(
        topology,
        resources={one.key: one for one in moved.values()},
        notes={moved_key(key, vhosts): note for key, note in topology.notes.items()},
        scope=replace(
            scope,
            owns_patterns={vhosts.get(vhost, vhost): found for vhost, found in scope.owns_patterns.items()},
            ignore_patterns={vhosts.get(vhost, vhost): found for vhost, found in scope.ignore_patterns.items()},
            owned={moved_key(key, vhosts): project for key, project in scope.owned.items()},
        ),
        absent={moved_key(key, vhosts): note for key, note in topology.absent.items()},
        publishers={
            name: replace(one, vhost=vhosts.get(one.vhost, one.vhost)) for name, one in topology.publishers.items()
        },
        consumers={
            name: replace(one, vhost=vhosts.get(one.vhost, one.vhost)) for name, one in topology.consumers.items()
        },
        tests=(),
    )


def moved_key(key: Key, vhosts: Mapping[str, str]) -> Key:
    """Return the key of the same object in another vhost.

    >>> moved_key(Key("a", Kind.QUEUE, "a"), {"a": "b"}).name, moved_key(Key("a", Kind.VHOST, "a"), {"a": "b"}).name
    ('a', 'b')
    """
    vhost = vhosts.get(key.vhost, key.vhost)
    return key._replace(vhost=vhost, name=vhost if key.kind is Kind.VHOST else key.name)


def placed(value: _Value, vhosts: Mapping[str, str], *, words: bool = False) -> _Value:
    """Return a resource, or what is made of resources (an operation, a change, an outcome, a row), in other vhosts.

    With `words` the names are exchanged in sentences, too: only for names that are nothing else.
    """
    moved: Any = _placed(value, vhosts, words=words)
    found: _Value = moved
    return found


def _placed(value: Any, vhosts: Mapping[str, str], *, words: bool) -> Any:
    match value:
        case str() if words and type(value) is str:
            for before, after in vhosts.items():
                value = value.replace(before, after)
            return value
        case Key():
            return moved_key(value, vhosts)
        case Vhost():
            return Vhost(vhosts.get(value.name, value.name))
        case Exchange() | Queue() | Binding() | Policy():
            return replace(value, vhost=vhosts.get(value.vhost, value.vhost))
        case Arguments() | Note():
            return value
        case tuple():
            return tuple(_placed(one, vhosts, words=words) for one in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {one.name: _placed(getattr(value, one.name), vhosts, words=words) for one in fields(value)}
            return replace(value, **parts)
        case _:
            return value
