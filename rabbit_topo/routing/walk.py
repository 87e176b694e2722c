"""One message on its way through the exchanges of a router."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rabbit_topo.model import Key, Kind
from rabbit_topo.routing.kinds import DELAYED, LOCAL_RANDOM, ONE_OF, missed
from rabbit_topo.routing.types import Hop, Missed, Taken

if TYPE_CHECKING:
    from rabbit_topo.model import Binding, Exchange
    from rabbit_topo.routing.kinds import Asked, Found
    from rabbit_topo.routing.router import Router


class Walk:
    """One message on its way. What is reached for certain is followed to its end before what may be reached."""

    def __init__(self, router: Router, vhost: str, asked: Asked) -> None:
        self.router = router
        self.vhost = vhost
        self.asked = asked
        self.hops: list[Hop] = []
        self.notes: list[str] = []
        self.queues: set[str] = set()
        self.perhaps: set[str] = set()
        self._sure: deque[tuple[str, Taken | None]] = deque()
        self._maybe: deque[tuple[str, Taken | None]] = deque()
        self._seen: set[str] = set()

    def by_name(self) -> None:
        """Route on the default exchange: each key is a queue's name."""
        taken = []
        for key in self.asked.keys:
            there = self.router.queue(self.vhost, key) is not None
            reason = "the key is the queue's name" if there else "no queue has this name"
            taken.append(Taken(Key(self.vhost, Kind.QUEUE, key), "default", reason, missing=not there))
            if there:
                self.queues.add(key)
        self.hops.append(Hop("", "direct", None, tuple(taken)))

    def run(self, start: str) -> None:
        """Ask one exchange after the other."""
        self._seen.add(start)
        self._sure.append((start, None))
        while self._sure or self._maybe:
            certain = bool(self._sure)
            name, by = (self._sure or self._maybe).popleft()
            exchange = self.router.exchange(self.vhost, name)
            if exchange is not None and (certain or name not in self._seen):
                self._seen.add(name)
                self._at(exchange, by, certain=certain)

    def _at(self, exchange: Exchange, by: Taken | None, *, certain: bool) -> None:
        kind, note, waits = self._kind(exchange)
        bindings = self.router.bindings_from(exchange.key)
        found = self.router.matcher(exchange)(self.asked)
        taken = [self._binding(bindings[one.number], one, certain=certain) for one in found]
        sure = any(one.certain for one in found) or (bool(found) and kind in ONE_OF)
        if not sure or waits:
            alternates = self.router.alternates(exchange)
            known = len(alternates) == 1
            if not known:
                why = self.router.candidates(exchange).doubt
                note = note or f"{why}: which alternate exchange it has is not certain"
                self.notes.append(f"{exchange.name}: {why}: which alternate exchange it has is not certain")
            taken += [
                self._alternate(*one, certain=certain and known and (waits or not found)) for one in alternates if one
            ]
        if not taken:
            note = note or "no binding takes it, and there is no alternate exchange: dropped here"
        if kind == "headers":
            self.notes += [f"{exchange.name}: {one.reason}" for one in found if not one.certain]
        asked, version, numbers = self.asked, self.router.version, frozenset(one.number for one in found)

        def others() -> tuple[Missed, ...]:
            left = [binding for number, binding in enumerate(bindings) if number not in numbers]
            return tuple(Missed(binding, missed(kind, binding, asked, version)) for binding in left)

        self.hops.append(Hop(exchange.name, exchange.type, by, tuple(taken), note, kind, others))

    def _kind(self, exchange: Exchange) -> tuple[str | None, str, bool]:
        """Return by which type's rules an exchange routes, what is to be said of it, and whether the message waits."""
        kind, delay = self.router.kind(exchange), self.asked.headers.get("x-delay")
        waits = exchange.type == DELAYED and type(delay) is int and delay > 0
        notes = [f"waits {delay} ms first; until then the message counts as unroutable"] if waits else []
        if kind in ONE_OF or kind == LOCAL_RANDOM:
            notes.append(f"{kind} sends it to one of its bindings")
        elif kind is None:
            notes.append("nobody says of which type this exchange is")
        self.notes += [f"{exchange.name}: {note}" for note in notes]
        return kind, "; ".join(notes), waits

    def _binding(self, binding: Binding, found: Found, *, certain: bool) -> Taken:
        return self._go(
            binding.destination_key,
            Taken(binding.destination_key, "binding", found.reason, binding, found.certain and certain),
        )

    def _alternate(self, name: str, policy: str, *, certain: bool) -> Taken:
        key = Key(self.vhost, Kind.EXCHANGE, name)
        reason = "no binding takes it" + (f" (policy {policy})" if policy else "")
        return self._go(key, Taken(key, "alternate", reason, certain=certain))

    def _go(self, key: Key, taken: Taken) -> Taken:
        if key.kind is Kind.QUEUE:
            if self.router.queue(self.vhost, key.name) is None:
                return _with(taken, missing=True)
            (self.queues if taken.certain else self.perhaps).add(key.name)
            return taken
        if self.router.exchange(self.vhost, key.name) is None:
            return _with(taken, missing=True)
        if key.name in self._seen:
            return _with(taken, again=True)
        if taken.certain:
            self._seen.add(key.name)
            self._sure.append((key.name, taken))
        else:
            self._maybe.append((key.name, taken))
        return taken


def _with(taken: Taken, *, again: bool = False, missing: bool = False) -> Taken:
    return Taken(taken.destination, taken.way, taken.reason, taken.binding, taken.certain, again=again, missing=missing)
