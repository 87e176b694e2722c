"""What messages the bindings behind an exchange take: those that a change before them can keep from them."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Arguments, Binding, Key, Kind
from rabbit_topo.plan.shapes import Shape, meet, shapes_of
from rabbit_topo.routing.topic import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import Exchange
    from rabbit_topo.routing import Router

LONGEST: Final = 8  # words of a pattern that `#` is tried for
_STEPS: Final = 100_000  # bindings to look at, in all


class Downstream:
    """Walks on from exchanges, in the topology before a plan and in the one after it.

    `steps` bindings are left to look at; `is_short` says that there were more. `fresh` is a word that no binding names,
    and no pattern has more than `longest` words. `headers` says whether headers matter anywhere.
    """

    def __init__(self, before: Router, after: Router) -> None:
        self.before = before
        self.after = after
        self.steps = _STEPS
        self.is_short = False
        self.fresh, self.longest = _language(before, after)
        self.headers = any(_has_headers(router) for router in self.routers)
        self._shapes: dict[tuple[Router, Key], list[tuple[Binding, list[Shape]]]] = {}
        self._falls: dict[Key, bool] = {}
        self._keyed: dict[Key, bool] = {}

    @property
    def routers(self) -> tuple[Router, Router]:
        """Both topologies."""
        return self.before, self.after

    def kinds(self, key: Key) -> set[str | None]:
        """Return by which types' rules an exchange routes before and after."""
        return {router.kind(router.exchange(key.vhost, key.name)) for router in self.routers}

    def own(self, binding: Binding) -> list[Shape]:
        """Return what a binding takes, by the rules before and after."""
        found: list[Shape] = []
        for kind in sorted(self.kinds(binding.source_key), key=str):
            found += [shape for shape in shapes_of(binding, kind, self.fresh) if shape not in found]
        narrow = [shape for shape in found if shape != Shape()]
        return narrow or found

    def by_key(self, key: Key) -> bool:
        """Say whether the key of a message may count that an exchange, by one type's rules, does not look at."""
        if key not in self._keyed:
            ends = (one for router in self.routers for one in router.bindings_from(key))
            leads_on = any(one.destination_kind == "exchange" for one in ends)
            self._keyed[key] = leads_on or len(self.kinds(key)) > 1 or self.falls(key)
        return self._keyed[key]

    def behind(self, router: Router, key: Key, shape: Shape) -> Iterator[Shape]:
        """Return what the bindings take of such messages, from one exchange on to the last, the nearest first."""
        left = deque([(key, shape)])
        seen: set[tuple[object, ...]] = set()
        while left:
            at, coming = left.popleft()
            exchange = router.exchange(at.vhost, at.name)
            identity = (at, coming.words, Arguments(coming.headers))
            if exchange is None or identity in seen:
                continue
            seen.add(identity)
            for binding, shapes in self._leaving(router, exchange):
                self.steps -= 1
                if self.steps < 0:
                    self.is_short = True
                    return
                for one in chain.from_iterable(meet(coming, shape) for shape in shapes):
                    yield one
                    if binding.destination_key.kind is Kind.EXCHANGE:
                        left.append((binding.destination_key, one))
            if alternate := router.alternate(exchange):
                left.append((Key(at.vhost, Kind.EXCHANGE, alternate[0]), coming))

    def falls(self, key: Key) -> bool:
        """Say whether an exchange, or one behind it, gives what it does not take to an alternate exchange."""
        if key not in self._falls:
            self._falls[key] = any(self._falls_in(router, key) for router in self.routers)
        return self._falls[key]

    def _falls_in(self, router: Router, start: Key) -> bool:
        left, seen = [start], {start}
        while left:
            key = left.pop()
            exchange = router.exchange(key.vhost, key.name)
            if exchange and router.alternate(exchange):
                return True
            ends = {binding.destination_key for binding in router.bindings_from(key)}
            new = {end for end in ends if end.kind is Kind.EXCHANGE} - seen
            seen |= new
            left += new
        return False

    def _leaving(self, router: Router, exchange: Exchange) -> Sequence[tuple[Binding, list[Shape]]]:
        at = router, exchange.key
        if at not in self._shapes:
            kind = router.kind(exchange)
            found = router.bindings_from(exchange.key)
            self._shapes[at] = [(binding, shapes_of(binding, kind, self.fresh)) for binding in found]
        return self._shapes[at]


def _language(*routers: Router) -> tuple[str, int]:
    """Return a word that no binding names, and how many words a pattern has at most."""
    keys = {
        resource.routing_key
        for router in routers
        for resource in router.topology.resources.values()
        if isinstance(resource, Binding)
    }
    lists = [words_of(key) for key in keys]
    known = set(chain.from_iterable(lists))
    fresh = next(word for word in ("x" * size for size in range(1, len(known) + 2)) if word not in known)
    return fresh, min(max(map(len, lists), default=0), LONGEST)


def _has_headers(router: Router) -> bool:
    sources = {one.source_key for one in router.topology.resources.values() if isinstance(one, Binding)}
    return any(router.kind(router.exchange(key.vhost, key.name)) == "headers" for key in sources)
