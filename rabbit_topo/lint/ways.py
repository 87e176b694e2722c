"""What the files prove of the ways to a queue and out of it: with which keys messages come, where dead letters go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.cycles import cycles
from rabbit_topo.lint.meeting import Tree
from rabbit_topo.model import PREDECLARED, Key, Kind, Queue
from rabbit_topo.routing.incoming import keys_into
from rabbit_topo.routing.topic import words_of
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Exchange
    from rabbit_topo.routing.types import Route

_ANY: Final = ".".join("\0" * 128)  # a key that only `#` and what looks at no key takes: 255 bytes


def fixed(key: str) -> bool:
    """Say whether a topic exchange's binding key fits one key alone."""
    return {"*", "#"}.isdisjoint(words_of(key))


@dataclass(frozen=True, slots=True)
class Dead:
    """A way that dead letters take: the same for all queues with one dead-letter exchange and one key.

    `way` tells it from others. `key` is None where nobody knows it; `queues` are then those that get the message
    whatever the key. `whole` says that provably no other queue does.
    """

    way: Key
    key: str | None
    queues: tuple[Key, ...]
    whole: bool

    @property
    def lost(self) -> bool:
        """Whether provably no queue gets the message."""
        return self.whole and not self.queues


class Ways:
    """The ways of one topology, each worked out once."""

    def __init__(self, index: Index) -> None:
        """Look nothing up yet."""
        self._index = index

    def kind(self, vhost: str, name: str) -> str | None:
        """Return by which type's rules an exchange routes, None where nobody says."""
        return self._index.router.kind(self._index.router.exchange(vhost, name))

    def shown_whole(self, vhost: str, name: str) -> bool:
        """Say whether all bindings of an exchange are seen: of somebody else's, files may not show them."""
        topology = self._index.topology
        note = topology.note(Key(vhost, Kind.EXCHANGE, name))
        if note.external or note.open_bindings:
            return False
        return not (topology.files and name in PREDECLARED)

    def is_clear(self, target: Queue | Exchange) -> bool:
        """Say whether all of its policies are known: none may be in effect that has a pattern we cannot read."""
        if isinstance(target, Queue):
            return not self._index.router.care(target).others
        return len(self._index.router.alternates(target)) == 1

    @cached_property
    def published_to(self) -> frozenset[Key]:
        """The queues that a publisher names as the routing key on the default exchange."""
        return frozenset(
            Key(one.vhost, Kind.QUEUE, one.routing_key)
            for one in self._index.topology.publishers.values()
            if not one.exchange
        )

    @cached_property
    def alternates(self) -> Mapping[Key, Sequence[Exchange]]:
        """Which exchanges name an exchange as their alternate one, or may."""
        users: dict[Key, list[Exchange]] = {}
        for exchange in self._index.exchanges:
            for named in filter(None, self._index.router.alternates(exchange)):
                users.setdefault(Key(exchange.vhost, Kind.EXCHANGE, named[0]), []).append(exchange)
        return users

    @cached_property
    def dead_letter_exchanges(self) -> Mapping[Key, Sequence[Queue]]:
        """Which queues name an exchange as their dead-letter exchange, or may."""
        users: dict[Key, list[Queue]] = {}
        for queue in self._index.queues:
            names = dict.fromkeys(one.exchange for one in self._index.router.care(queue).each)
            for name in (name for name in names if name is not None):
                users.setdefault(Key(queue.vhost, Kind.EXCHANGE, name), []).append(queue)
        return users

    @cached_property
    def ends(self) -> frozenset[Key]:
        """Our exchanges that drop every message: nothing is bound to them, and no alternate exchange leads on."""
        lone = {key for key, alternate in self._unbound.items() if alternate is None}
        return frozenset(lone.union(*self.alternate_rings))

    @cached_property
    def alternate_rings(self) -> Sequence[Sequence[Key]]:
        """Circles of exchanges that are each other's alternate ones, and that nothing is bound to."""
        return cycles({key: [alternate] if alternate else [] for key, alternate in self._unbound.items()})

    @cached_property
    def _unbound(self) -> Mapping[Key, Key | None]:
        """The alternate exchange, if any, of each of our exchanges that nothing is bound to."""
        router, found = self._index.router, dict[Key, Key | None]()
        for exchange in self._index.exchanges:
            vhost = exchange.vhost
            seen = self.shown_whole(vhost, exchange.name) and self.is_clear(exchange)
            if seen and not router.bindings_from(exchange.key):
                named = router.alternate(exchange)
                found[exchange.key] = Key(vhost, Kind.EXCHANGE, named[0]) if named else None
        return found

    def by_any_name(self, vhost: str) -> bool:
        """Say whether dead letters with keys that nobody knows go to the default exchange, and so to any queue."""
        return vhost in self._any_name

    @cached_property
    def _any_name(self) -> frozenset[str]:
        return frozenset(
            queue.vhost
            for users in self._by_default
            for queue in users
            if not self.is_clear(queue) or any(one.key is None for one in self.dead(queue))
        )

    @property
    def _by_default(self) -> Sequence[Sequence[Queue]]:
        return [users for key, users in self.dead_letter_exchanges.items() if not key.name]

    def keys_into(self, queue: Queue) -> tuple[Sequence[str], bool]:
        """Return the routing keys that messages come with, sorted, and whether there can be no others.

        A topic pattern, a fanout, headers and what other queues dead-letter here leave it open.
        """
        keys, whole = keys_into(self._index.router, queue)
        named = self._index.topology.note(queue.key).direct or queue.key in self.published_to
        return sorted({*keys, queue.name} if named else keys), whole

    def lost_patterns(self, queue: Queue) -> Sequence[str]:
        """Return the topic patterns whose messages are lost: provably no binding of the dead-letter exchange fits both.

        Empty where dead letters get another key, or the exchange may have other ways: an alternate one, headers.
        """
        care = self._index.router.care(queue)
        exchange = self._index.router.exchange(queue.vhost, care.exchange) if care.exchange else None
        if exchange is None or care.routing_key is not None or not self.dead(queue) or not self._by_key_alone(exchange):
            return ()
        bindings = self._index.topology.bindings_into(queue.key)
        patterns = {one.routing_key for one in bindings if self.kind(one.vhost, one.source) == "topic"}
        return [one for one in sorted(patterns) if not fixed(one) and not self._tree(exchange).meets(one)]

    def _by_key_alone(self, exchange: Exchange) -> bool:
        """Say whether nothing but its bindings, which are all seen, and the key decides what an exchange does."""
        return (
            self.kind(exchange.vhost, exchange.name) in {"direct", "topic"}
            and self.shown_whole(exchange.vhost, exchange.name)
            and self.is_clear(exchange)
            and self._index.router.alternate(exchange) is None
        )

    def _tree(self, exchange: Exchange) -> Tree:
        if exchange.key not in self._trees:
            literal = self.kind(exchange.vhost, exchange.name) == "direct"
            bindings = self._index.router.bindings_from(exchange.key)
            self._trees[exchange.key] = Tree((one.routing_key for one in bindings), literal=literal)
        return self._trees[exchange.key]

    @cached_property
    def _trees(self) -> dict[Key, Tree]:
        return {}

    def dead(self, queue: Queue) -> Sequence[Dead]:
        """Return where the queue's dead letters go, one for each key that is known; empty if they go nowhere."""
        if queue.key not in self._dead:
            self._dead[queue.key] = self._find(queue)
        return self._dead[queue.key]

    @cached_property
    def _dead(self) -> dict[Key, Sequence[Dead]]:
        return {}

    def _find(self, queue: Queue) -> Sequence[Dead]:
        care = self._index.router.care(queue)
        exchange, key = care.exchange, care.routing_key
        if (
            exchange is None
            or not self.is_clear(queue)
            or care.kind == "stream"
            or (exchange and self._index.router.exchange(queue.vhost, exchange) is None)
        ):
            return ()
        if key is not None:
            return (self._way(queue.vhost, exchange, key),)
        keys, whole = self.keys_into(queue)
        found = [self._way(queue.vhost, exchange, one) for one in keys]
        return found if whole and keys else [*found, self._way(queue.vhost, exchange, None)]

    def _way(self, vhost: str, exchange: str, key: str | None) -> Dead:
        text = _ANY if key is None else key
        way = Key(vhost, Kind.EXCHANGE, exchange, routing_key=text)
        if way not in self._ways:
            route = self._index.router.route(Message(exchange, text, vhost=vhost), keys=(text,), published=False)
            sure = not self._may_find_a_way(route, key)
            queues = tuple(Key(vhost, Kind.QUEUE, name) for name in route.queues if sure)
            whole = key is not None and sure and not route.perhaps and self.is_certain(route)
            self._ways[way] = Dead(way, key, queues, whole)
        return self._ways[way]

    @cached_property
    def _ways(self) -> dict[Key, Dead]:
        return {}

    def is_certain(self, route: Route) -> bool:
        """Say whether nothing that is not seen could take the message elsewhere: other bindings, or headers."""
        return not any(
            any(taken.missing for taken in hop.taken)
            or not self.shown_whole(route.vhost, hop.exchange)
            or self._looks_at_headers(route.vhost, hop.exchange)
            for hop in route.hops
            if hop.exchange
        )

    def _may_find_a_way(self, route: Route, key: str | None) -> bool:
        """Say whether an alternate exchange gets what, with another key or with headers, a binding might take."""
        return any(
            self._index.router.bindings_from(Key(route.vhost, Kind.EXCHANGE, hop.exchange))
            and (key is None or self.kind(route.vhost, hop.exchange) == "headers")
            for hop in route.hops
            if any(taken.way == "alternate" for taken in hop.taken)
        )

    def _looks_at_headers(self, vhost: str, name: str) -> bool:
        bindings = self._index.router.bindings_from(Key(vhost, Kind.EXCHANGE, name))
        return bool(bindings) and self.kind(vhost, name) == "headers"
