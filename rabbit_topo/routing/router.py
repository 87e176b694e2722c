"""The broker's routing, without the broker: an index of one topology, and a walk over it for each message.

Source: rabbit_exchange:route. From the exchange that a message is published to, each exchange on the way is asked
once; a queue gets one copy, whatever leads there; an exchange that has no way on for a message gives it to its
alternate exchange, if it has one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from rabbit_topo.errors import UsageError
from rabbit_topo.model import PREDECLARED, Exchange, Key, Kind, Policy, Queue
from rabbit_topo.policies import effective
from rabbit_topo.routing.headers import amqp_type
from rabbit_topo.routing.kinds import DELAYED, LOCAL_RANDOM, ONE_OF, Asked, matcher, missed
from rabbit_topo.routing.types import Hop, Message, Missed, Route, Taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rabbit_topo.model import Binding, Observed, Topology
    from rabbit_topo.routing.kinds import Found, Matcher

LATEST: Final = "4.3"
_ALTERNATE: Final = "alternate-exchange"


def route(topology: Topology, message: Message, version: str = LATEST) -> Route:
    """Return which queues a message reaches, and why.

    `version` is RabbitMQ's. For many messages make one `Router`. Raises `UsageError` where the vhost is not clear.

    >>> from rabbit_topo import load
    >>> route(load("topology"), Message("mcard", "mcard.mint")).queues
    ('mcard.mint',)
    """
    return Router(topology, version).route(message)


class Router:
    """Routes messages through one topology; what an exchange needs is indexed when a message first comes there.

    `operator_policies`, `hidden` queues and `hidden_bindings` are what a live broker has beside its topology.
    """

    def __init__(
        self,
        topology: Topology,
        version: str = LATEST,
        operator_policies: Iterable[Policy] = (),
        hidden: Iterable[Queue] = (),
        hidden_bindings: Iterable[Binding] = (),
    ) -> None:
        self.topology = topology
        self.version = version
        self.operator_policies = tuple(operator_policies)
        self._hidden = {queue.key: queue for queue in hidden}
        self._more: dict[Key, list[Binding]] = {}
        for binding in hidden_bindings:
            self._more.setdefault(binding.source_key, []).append(binding)
        self._policies: dict[str, list[Policy]] = {}
        for resource in topology.resources.values():
            if isinstance(resource, Policy):
                self._policies.setdefault(resource.vhost, []).append(resource)
        self._vhosts = topology.vhosts or ("/",)
        self._matchers: dict[Key, Matcher] = {}
        self._alternates: dict[Key, tuple[str, str] | None] = {}

    @classmethod
    def observed(cls, observed: Observed) -> Router:
        """Route as a broker or a definitions file does, queues that nobody manages included."""
        facts = observed.facts
        return cls(observed.topology, facts.version, facts.operator_policies, facts.hidden, facts.hidden_bindings)

    def vhost_of(self, message: Message) -> str:
        """Return the vhost that a message is published in. Raises `UsageError` where that is not clear."""
        if message.vhost is not None:
            return message.vhost
        if len(self._vhosts) > 1:
            raise UsageError(
                f"the topology has several vhosts: {', '.join(self._vhosts)}",
                "say which one the message is published in",
            )
        return self._vhosts[0]

    def exchange(self, vhost: str, name: str) -> Exchange | None:
        """Return an exchange, one that every vhost has from its first moment included."""
        found = self.topology.resources.get(Key(vhost, Kind.EXCHANGE, name))
        kind = PREDECLARED.get(name)
        if found is None and kind:
            return Exchange(vhost, name, kind, internal=name == "amq.rabbitmq.trace")
        if isinstance(found, Exchange) and found.type is None and kind:
            return Exchange(vhost, name, kind, internal=name == "amq.rabbitmq.trace", arguments=found.arguments)
        return found if isinstance(found, Exchange) else None

    def queue(self, vhost: str, name: str) -> Queue | None:
        """Return a queue, one that is hidden included."""
        key = Key(vhost, Kind.QUEUE, name)
        found = self.topology.resources.get(key) or self._hidden.get(key)
        return found if isinstance(found, Queue) else None

    @property
    def hidden(self) -> Sequence[Queue]:
        """The queues of a live broker that are nobody's to manage: exclusive ones, and those that the server named."""
        return tuple(self._hidden.values())

    def policies(self, vhost: str) -> Sequence[Policy]:
        """Return the policies of a vhost."""
        return self._policies.get(vhost, ())

    def bindings_from(self, key: Key) -> Sequence[Binding]:
        """Return the bindings that leave an exchange."""
        more = self._more.get(key)
        found = self.topology.bindings_from(key)
        return [*found, *more] if more else found

    def alternate(self, exchange: Exchange) -> tuple[str, str] | None:
        """Return an exchange's alternate exchange, and the policy that names it where no argument does."""
        if exchange.key not in self._alternates:
            self._alternates[exchange.key] = self._find_alternate(exchange)
        return self._alternates[exchange.key]

    def _find_alternate(self, exchange: Exchange) -> tuple[str, str] | None:
        own = exchange.arguments.get(_ALTERNATE)
        if isinstance(own, str):
            return own, ""
        policy = effective(self.policies(exchange.vhost), exchange, self.version)
        given = policy.definition.get(_ALTERNATE) if policy else None
        return (given, policy.name) if policy and isinstance(given, str) else None

    def route(self, message: Message, *, keys: Sequence[str] | None = None, published: bool = True) -> Route:
        """Return where a message goes. Raises `UsageError` where the vhost is not clear.

        `keys` stand in place of its routing key, `CC` and `BCC`. What the broker itself sends on is not `published`: an
        internal exchange takes it.
        """
        vhost = self.vhost_of(message)
        refusal, keys = ("", keys) if keys is not None else keys_of(message)
        start = self.exchange(vhost, message.exchange)
        if vhost not in self._vhosts:
            refusal = f"NOT_ALLOWED - vhost {vhost} not found"
        elif message.exchange and start is None:
            refusal = f"NOT_FOUND - no exchange '{message.exchange}' in vhost '{vhost}'"
        elif start and start.internal and published:
            refusal = f"ACCESS_REFUSED - cannot publish to internal exchange '{message.exchange}' in vhost '{vhost}'"
        if refusal:
            return Route(message, vhost, (), refusal=refusal)
        seen = {name: value for name, value in message.headers.items() if name != "BCC"}  # the broker takes it away
        walk = _Walk(self, vhost, Asked(tuple(keys), seen))
        if message.exchange:
            walk.run(message.exchange)
        else:
            walk.by_name()
        perhaps = walk.perhaps - walk.queues
        return Route(
            message,
            vhost,
            tuple(sorted(walk.queues)),
            tuple(sorted(perhaps)),
            tuple(walk.hops),
            notes=tuple(walk.notes),
        )

    def matcher(self, exchange: Exchange, kind: str | None) -> Matcher:
        """Return the index of an exchange's bindings."""
        if exchange.key not in self._matchers:
            self._matchers[exchange.key] = matcher(kind, self.bindings_from(exchange.key), self.version)
        return self._matchers[exchange.key]


def keys_of(message: Message) -> tuple[str, tuple[str, ...]]:
    """Return why the broker refuses a message's `CC` or `BCC`, or nothing, and all routing keys, each once.

    >>> keys_of(Message("x", "a", {"CC": ["b", "a"], "BCC": ["c"]}))
    ('', ('a', 'b', 'c'))
    """
    keys = [message.routing_key]
    for name in ("CC", "BCC"):
        more = message.headers.get(name, [])
        if not isinstance(more, list):
            why = f'{{unacceptable_type_in_header,"{name}",{amqp_type(more)}}}'
            return f"PRECONDITION_FAILED - invalid message: {why}", ()
        keys += [key for key in more if isinstance(key, str)]
    return "", tuple(dict.fromkeys(keys))


class _Walk:
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
        found = self.router.matcher(exchange, kind)(self.asked)
        taken = [self._binding(bindings[one.number], one, certain=certain) for one in found]
        sure = any(one.certain for one in found) or (bool(found) and kind in ONE_OF)
        if alternate := self.router.alternate(exchange):
            if not found or waits:
                taken.append(self._alternate(*alternate, certain=certain))
            elif not sure:
                taken.append(self._alternate(*alternate, certain=False))
        if not taken:
            note = note or "no binding takes it, and there is no alternate exchange: dropped here"
        if kind == "headers":
            self.notes += [f"{exchange.name}: {one.reason}" for one in found if not one.certain]
        asked, version, numbers = self.asked, self.router.version, frozenset(one.number for one in found)

        def others() -> tuple[Missed, ...]:
            left = [binding for number, binding in enumerate(bindings) if number not in numbers]
            return tuple(Missed(binding, missed(kind, binding, asked, version)) for binding in left)

        self.hops.append(Hop(exchange.name, exchange.type, by, tuple(taken), note, others))

    def _kind(self, exchange: Exchange) -> tuple[str | None, str, bool]:
        """Return by which type's rules an exchange routes, what is to be said of it, and whether the message waits."""
        kind, note, waits = exchange.type, "", False
        if kind == DELAYED:
            inner = exchange.arguments.get("x-delayed-type")
            delay = self.asked.headers.get("x-delay")
            kind = inner if isinstance(inner, str) else None
            waits = type(delay) is int and delay > 0
            if waits:
                note = f"waits {delay} ms first; until then the message counts as unroutable"
        elif kind in ONE_OF or kind == LOCAL_RANDOM:
            note = f"{kind} sends it to one of its bindings"
        elif kind is None:
            note = "nobody says of which type this exchange is"
        if note:
            self.notes.append(f"{exchange.name}: {note}")
        return kind, note, waits

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
