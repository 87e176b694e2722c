"""RT201: which queues no message can reach but by their names, followed from where messages come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.blame import listed, quoted
from rabbit_topo.lint.cycles import cycles
from rabbit_topo.lint.names import in_vhost
from rabbit_topo.lint.types import Hit
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Key, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Queue

_AWAY: Final = "bind it, or delete it, unless it is published to by its name or its consumers bind it at run time"


def unreachable(index: Index) -> Iterator[Hit]:
    """Yield the queues that nothing leads to, one for each cause: what lies behind one of them is not told again."""
    ways = _ways(index)
    closed = {exchange.key for exchange in index.exchanges if _is_closed(index, exchange)}
    reached = _flood(ways, [key for key in ways if key.kind is Kind.EXCHANGE and key not in closed])
    reached |= _flood(ways, [queue.key for queue in index.queues if _is_entry(index, queue)], reached)
    led = reached.union(*ways.values())
    alone = [queue for queue in index.queues if queue.key not in led]
    for queue in alone:
        yield _hit(index, queue, f'nothing leads to the queue "{queue.name}" but its own name')
    reached |= _flood(ways, [queue.key for queue in alone], reached)
    behind = [(queue, shut) for queue in index.queues if queue.key not in reached and (shut := _shut(index, queue))]
    for queue, shut in behind:
        said = f"{quoted(shut)}, where no message can get"
        yield _hit(index, queue, f'nothing leads to the queue "{queue.name}" but the internal exchange {said}')
    reached |= _flood(ways, [queue.key for queue, _ in behind], reached)
    yield from _rings(index, ways, {queue.key: queue for queue in index.queues if queue.key not in reached})


def _rings(index: Index, ways: Mapping[Key, Collection[Key]], left: Mapping[Key, Queue]) -> Iterator[Hit]:
    """Yield the first queue of each circle that only dead letters of its own feed, by the default exchange."""
    for group in cycles({key: ways[key] for key in left}):
        names = listed([left[key] for key in group])
        said = "its own dead letters" if len(group) == 1 else "the dead letters of each other"
        yield _hit(index, left[group[0]], f"nothing leads to {names} but {said}")


def _hit(index: Index, queue: Queue, message: str) -> Hit:
    # Where no file can say `direct: true`, it may well be meant.
    files = index.topology.files
    where = in_vhost(index.topology, queue.vhost)
    return Hit(queue.key, f"{message}{where}", "" if files else _AWAY, severity=None if files else "info")


def _ways(index: Index) -> Mapping[Key, list[Key]]:
    """Return where messages get from each exchange and each queue of ours."""
    router = index.router
    ways: dict[Key, list[Key]] = {queue.key: [] for queue in index.queues}
    exchanges = [one for one in index.topology.resources.values() if isinstance(one, Exchange)]
    predeclared = (router.exchange(vhost, name) for vhost in index.topology.vhosts for name in PREDECLARED)
    for exchange in {one.key: one for one in (*exchanges, *filter(None, predeclared))}.values():
        alternates = filter(None, router.alternates(exchange))
        ways[exchange.key] = [Key(exchange.vhost, Kind.EXCHANGE, name) for name, _ in alternates]
    for binding in index.topology.resources.values():
        if isinstance(binding, Binding):
            ways.setdefault(binding.source_key, []).append(binding.destination_key)
    for queue in index.queues:
        names = {one.exchange for one in router.care(queue).each}
        ways[queue.key] += [Key(queue.vhost, Kind.EXCHANGE, name) for name in names if name]
        if "" in names:
            known = (one.key for one in index.ways.dead(queue) if one.key is not None)
            ways[queue.key] += [Key(queue.vhost, Kind.QUEUE, key) for key in known]
    return ways


def _flood(ways: Mapping[Key, Iterable[Key]], start: Iterable[Key], been: Iterable[Key] = ()) -> set[Key]:
    known = set(been)
    left = [key for key in start if key not in known]
    known.update(left)
    while left:
        for to in ways.get(left.pop(), ()):
            if to not in known:
                known.add(to)
                left.append(to)
    return known


def _is_entry(index: Index, queue: Queue) -> bool:
    note = index.topology.note(queue.key)
    published = queue.key in index.ways.published_to or index.ways.by_any_name(queue.vhost)
    return note.direct or note.open_bindings or published


def _is_closed(index: Index, exchange: Exchange) -> bool:
    """Say whether messages come to an exchange by what is seen alone."""
    return exchange.internal and index.ways.shown_whole(exchange.vhost, exchange.name)


def _shut(index: Index, queue: Queue) -> list[str]:
    return sorted({binding.source for binding in index.topology.bindings_into(queue.key)})
