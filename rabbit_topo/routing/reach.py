"""What some message can get to: from where it may be published, along bindings that one routing key fits all of.

Where nobody can tell, as with headers that several exchanges look at, it is taken to get there. The routing keys in
`CC` and `BCC` are looked at as any other, one at a time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.model import PREDECLARED, Binding, Exchange, Key, Kind, Queue
from rabbit_topo.routing.headers import MATCH, takes
from rabbit_topo.routing.topic import fits, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.model import Topology
    from rabbit_topo.routing.router import Router

_TRACE: Final = "amq.rabbitmq.trace"  # internal: the broker alone publishes to it
_WAYS: Final = 16  # kinds of keys that one exchange or queue is looked at with; more are taken for any key
_LONG: Final = 4  # patterns in a row that are looked at together
_LOOKS: Final = 500
_BINDINGS: Final = 20_000  # looked at for certain keys; what is found after that is taken for any key


class Keys(NamedTuple):
    """The routing keys of messages at one place: one key, or all that these topic patterns fit; without any, all."""

    key: str | None = None
    patterns: frozenset[str] = frozenset()

    def narrowed(self, pattern: str, *, literal: bool) -> Keys | None:
        """Return those of them that a binding takes; None where there is none."""
        if literal or {"*", "#"}.isdisjoint(words_of(pattern)):
            same = self.key in {None, pattern} and all(fits(one, pattern) for one in self.patterns)
            return Keys(pattern) if same else None
        if self.key is not None:
            return self if fits(pattern, self.key) else None
        both = self.patterns if pattern == "#" else self.patterns | {pattern}
        if len(both) > _LONG:
            return ANY
        return Keys(None, both) if len(both) == 1 or meet(both) else None


ANY: Final = Keys()


def meet(patterns: Iterable[str]) -> bool:
    """Say whether there may be a key that all these topic patterns fit; if not, there is provably none.

    >>> meet(["a.#", "b.#"]), meet(["a.#", "#.b", "*.*.*"]), meet(["*", "a.#.b"])
    (False, True, False)
    """
    words = [words_of(pattern) for pattern in patterns]
    left = [(0,) * len(words)]
    been = set(left)
    while left and len(been) < _LOOKS:
        at = left.pop()
        if all(place == len(one) for place, one in zip(at, words, strict=True)):
            return True
        for step in _steps(at, words):
            if step not in been:
                been.add(step)
                left.append(step)
    return bool(left)


def _steps(at: tuple[int, ...], words: list[list[str]]) -> Iterator[tuple[int, ...]]:
    """Return where the patterns stand after a `#` that takes no more, and after one word that all of them take."""
    here = [one[place] if place < len(one) else None for place, one in zip(at, words, strict=True)]
    for number, word in enumerate(here):
        if word == "#":
            yield (*at[:number], at[number] + 1, *at[number + 1 :])
    if None not in here and len(set(here) - {"*", "#"}) <= 1:
        yield tuple(place if word == "#" else place + 1 for place, word in zip(at, here, strict=True))


def reachable(router: Router, said: Topology) -> frozenset[Key]:
    """Return the exchanges and queues that some message gets to, as far as anybody can tell.

    It may be published to each exchange that is not internal, to a queue that a publisher of `said` names as its key,
    and to what says there that it is somebody else's, or bound or published to by others.
    """
    search = _Search(router)
    for key, keys in _starts(router, said):
        search.add(key, keys)
    search.run()
    return frozenset(search.found)


def _starts(router: Router, said: Topology) -> Iterator[tuple[Key, Keys]]:
    topology = router.topology
    for vhost in topology.vhosts:
        yield from ((Key(vhost, Kind.EXCHANGE, name), ANY) for name in PREDECLARED if name != _TRACE)
    for key, resource in topology.resources.items():
        note = said.note(key)
        by_others = note.external or note.open_bindings
        if by_others or (isinstance(resource, Exchange) and not resource.internal):
            yield key, ANY
        elif isinstance(resource, Queue) and note.direct:
            yield key, Keys(resource.name)
    for publisher in said.publishers.values():
        if not publisher.exchange:
            yield Key(publisher.vhost, Kind.QUEUE, publisher.routing_key), Keys(publisher.routing_key)


class _Search:
    """Places that are found, each with the keys of the messages that get there."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.found: dict[Key, set[Keys]] = {}
        self._left: deque[tuple[Key, Keys]] = deque()
        self._looked = 0
        self._everywhere: set[str] = set()  # vhosts where nobody knows by which names dead letters go

    def add(self, place: Key, keys: Keys) -> None:
        """Look at a place with these keys, unless it was looked at with them, or with more."""
        known = self.found.setdefault(place, set())
        if ANY in known or keys in known:
            return
        if len(known) >= _WAYS:
            keys = ANY
        known.add(keys)
        self._left.append((place, keys))

    def run(self) -> None:
        """Follow everything that leads on."""
        while self._left:
            place, keys = self._left.popleft()
            if keys != ANY and self._looked > _BINDINGS:
                self.add(place, ANY)
                continue
            if place.kind is Kind.EXCHANGE:
                if exchange := self.router.exchange(place.vhost, place.name):
                    self._exchange(exchange, keys)
            elif queue := self.router.queue(place.vhost, place.name):
                self._queue(queue, keys)

    def _exchange(self, exchange: Exchange, keys: Keys) -> None:
        kind = self.router.kind(exchange)
        bindings = self.router.bindings_from(exchange.key)
        self._looked += 0 if keys == ANY else len(bindings)
        for binding in bindings:
            if ANY in self.found.get(binding.destination_key, ()):
                continue
            left = _through(binding, kind, keys, self.router.version)
            if left is not None:
                self.add(binding.destination_key, left)
        for alternate in filter(None, self.router.alternates(exchange)):
            self.add(Key(exchange.vhost, Kind.EXCHANGE, alternate[0]), keys)

    def _queue(self, queue: Queue, keys: Keys) -> None:
        """Follow its dead letters: with a key of their own, or with those that they came with."""
        for care in self.router.care(queue).each:
            if care.kind == "stream" or care.exchange is None:
                continue
            sent = keys if care.routing_key is None else Keys(care.routing_key)
            if care.exchange:
                self.add(Key(queue.vhost, Kind.EXCHANGE, care.exchange), sent)
            elif sent.key is not None:
                self.add(Key(queue.vhost, Kind.QUEUE, sent.key), sent)
            elif queue.vhost not in self._everywhere:
                self._everywhere.add(queue.vhost)
                for key in self.router.topology.resources:
                    if key.kind is Kind.QUEUE and key.vhost == queue.vhost:
                        self.add(key, Keys(key.name))


def _through(binding: Binding, kind: str | None, keys: Keys, version: str) -> Keys | None:
    """Return with which of these keys messages come through a binding; None where none does."""
    match kind:
        case "direct" | "topic":
            return keys.narrowed(binding.routing_key, literal=kind == "direct")
        case "headers":
            return keys if _takes_some(binding, version) else None
        case _:
            return keys


def _takes_some(binding: Binding, version: str) -> bool:
    """Say whether a headers binding may take any message at all: the broker takes `BCC` away before it looks."""
    headers = {
        name: 1 if value is None else value
        for name, value in binding.arguments.items()
        if name not in {MATCH, "BCC"} and not (name == "CC" and not isinstance(value, list | tuple | None))
    }
    return takes(binding.arguments, headers, version).takes is not False
