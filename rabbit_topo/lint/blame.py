"""Whose setting it is, and of whom: findings about many queues of one policy are one finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Key, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rabbit_topo.model import Queue
    from rabbit_topo.policies import Option

_SHOWN: Final = 3


def blamed(found: Iterable[tuple[Queue, Option]]) -> Iterator[tuple[Key, Sequence[Queue], Option]]:
    """Put together the queues that have an option by the same policy; what is a queue's own argument stays its own."""
    by_source: dict[tuple[Key, str], tuple[list[Queue], Option]] = {}
    for queue, option in found:
        key = Key(queue.vhost, Kind.POLICY, option.name) if option.source == "policy" else queue.key
        by_source.setdefault((key, str(option.value)), ([], option))[0].append(queue)
    for (key, _), (queues, option) in by_source.items():
        yield key, queues, option


def listed(queues: Collection[Queue]) -> str:
    """Name the first few of some queues, and count the others."""
    return f"the queue{'s' if len(queues) > 1 else ''} {quoted([queue.name for queue in queues])}"


def quoted(names: Sequence[str]) -> str:
    """Quote the first few of some names, and count the others.

    >>> quoted("ab"), quoted("abcde")
    ('"a", "b"', '"a", "b", "c" and 2 more')
    """
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(f'"{name}"' for name in names[:_SHOWN]) + more
