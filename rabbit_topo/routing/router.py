"""The broker's routing, without the broker: an index of one topology, and a walk over it for each message.

Source: rabbit_exchange:route. From the exchange that a message is published to, each exchange on the way is asked
once; a queue gets one copy, whatever leads there; an exchange that has no way on for a message gives it to its
alternate exchange, if it has one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments.compared import ALTERNATE
from rabbit_topo.arguments.versions import read_release
from rabbit_topo.errors import UsageError
from rabbit_topo.model import PREDECLARED, Exchange, Key, Kind, Policy, Queue
from rabbit_topo.policies import candidates
from rabbit_topo.routing.effective import care_under
from rabbit_topo.routing.headers import amqp_type
from rabbit_topo.routing.kinds import DELAYED, Asked, matcher
from rabbit_topo.routing.types import Message, Route
from rabbit_topo.routing.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rabbit_topo.model import Binding, Observed, Topology
    from rabbit_topo.policies import Candidates
    from rabbit_topo.routing.effective import Care
    from rabbit_topo.routing.kinds import Matcher

LATEST: Final = "4.3"


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

    Raises `UsageError` for a `version` that cannot be read; none, "", is taken for the newest.
    `operator_policies`, `hidden` queues and `hidden_bindings` are what a live broker has beside its topology, and
    `default_queue_types` the types, by vhost, of queues that state none.
    """

    def __init__(
        self,
        topology: Topology,
        version: str = LATEST,
        operator_policies: Iterable[Policy] = (),
        hidden: Iterable[Queue] = (),
        hidden_bindings: Iterable[Binding] = (),
        *,
        default_queue_types: Mapping[str, str] | None = None,
    ) -> None:
        if version and read_release(version) is None:
            raise UsageError(f'"{version}" is no version of RabbitMQ', "say one as 4.3 or 3.13.7")
        self.topology = topology
        self.version = version
        self.operator_policies = tuple(operator_policies)
        self.default_queue_types = default_queue_types or {}
        self._hidden = {queue.key: queue for queue in hidden}
        more: dict[Key, list[Binding]] = {}
        for binding in hidden_bindings:
            more.setdefault(binding.source_key, []).append(binding)
        self._merged = {key: (*topology.bindings_from(key), *bindings) for key, bindings in more.items()}
        self._policies: dict[str, list[Policy]] = {}
        for resource in topology.resources.values():
            if isinstance(resource, Policy):
                self._policies.setdefault(resource.vhost, []).append(resource)
        self._vhosts = topology.vhosts or ("/",)
        self._matchers: dict[Key, Matcher] = {}
        self._alternates: dict[Key, Sequence[tuple[str, str] | None]] = {}
        self._candidates: dict[Key, Candidates] = {}
        self._care: dict[Key, Care] = {}

    @classmethod
    def observed(cls, observed: Observed) -> Router:
        """Route as a broker or a definitions file does, queues that nobody manages included."""
        facts = observed.facts
        version = facts.version if read_release(facts.version) else ""
        return cls(
            observed.topology,
            version,
            facts.operator_policies,
            facts.hidden,
            facts.hidden_bindings,
            default_queue_types=facts.default_queue_types,
        )

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
        merged = self._merged.get(key)
        return self.topology.bindings_from(key) if merged is None else merged

    def kind(self, exchange: Exchange | None) -> str | None:
        """Return by which type's rules an exchange routes, the inner one of a delaying one; None if nobody says."""
        if exchange is not None and exchange.type == DELAYED:
            inner = exchange.arguments.get("x-delayed-type")
            return inner if isinstance(inner, str) else None
        return exchange.type if exchange else None

    def candidates(self, target: Queue | Exchange) -> Candidates:
        """Return the policies that reach an object, or may; worked out once an object."""
        if target.key not in self._candidates:
            typed = self._typed(target) if isinstance(target, Queue) else target
            self._candidates[target.key] = candidates(self.policies(target.vhost), typed, self.version)
        return self._candidates[target.key]

    def care(self, queue: Queue) -> Care:
        """Return what a queue does with its messages; worked out once a queue. Without a type it is a classic one."""
        if queue.key not in self._care:
            self._care[queue.key] = self._care_under(self._typed(queue), self.candidates(queue))
        return self._care[queue.key]

    def care_as(self, queue: Queue) -> Care:
        """Return what a queue would do with its messages if it were this one."""
        return self._care_under(queue, candidates(self.policies(queue.vhost), queue, self.version))

    def _care_under(self, queue: Queue, policies: Candidates) -> Care:
        return care_under(queue, policies, candidates(self.operator_policies, queue, self.version), self.version)

    def has_known_type(self, queue: Queue) -> bool:
        """Say whether a queue states its type, or the broker is known to give it one."""
        return self._typed(queue).type is not None

    def _typed(self, queue: Queue) -> Queue:
        default = self.default_queue_types.get(queue.vhost)
        return replace(queue, type=default) if queue.type is None and default else queue

    def alternate(self, exchange: Exchange) -> tuple[str, str] | None:
        """Return an exchange's alternate exchange, and the policy that names it where no argument does.

        It is the likeliest of `alternates`.
        """
        return self.alternates(exchange)[0]

    def alternates(self, exchange: Exchange) -> Sequence[tuple[str, str] | None]:
        """Return each alternate exchange that an exchange may have, None for no such; the likeliest first.

        There are several where nobody can tell which policy is in effect: a pattern is unread, or priorities tie.
        """
        if exchange.key not in self._alternates:
            self._alternates[exchange.key] = self._find_alternates(exchange)
        return self._alternates[exchange.key]

    def _find_alternates(self, exchange: Exchange) -> Sequence[tuple[str, str] | None]:
        own = exchange.arguments.get(ALTERNATE)
        if isinstance(own, str):
            return [(own, "")]
        found: dict[str | None, tuple[str, str] | None] = {}
        known = self.candidates(exchange)
        for policy in (known.winner, *known.rivals):
            given = policy.definition.get(ALTERNATE) if policy else None
            if policy and isinstance(given, str):
                found.setdefault(given, (given, policy.name))
            else:
                found.setdefault(None, None)
        return list(found.values())

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
        walk = Walk(self, vhost, Asked(tuple(keys), seen))
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

    def matcher(self, exchange: Exchange) -> Matcher:
        """Return the index of an exchange's bindings."""
        if exchange.key not in self._matchers:
            self._matchers[exchange.key] = matcher(self.kind(exchange), self.bindings_from(exchange.key), self.version)
        return self._matchers[exchange.key]


def keys_of(message: Message) -> tuple[str, tuple[str, ...]]:
    """Return why the broker refuses a message's `CC` or `BCC`, or nothing, and all routing keys, each once.

    >>> keys_of(Message("x", "a", {"CC": ["b", "a"], "BCC": ["c"]}))
    ('', ('a', 'b', 'c'))
    """
    keys = [message.routing_key]
    for name in ("CC", "BCC"):
        more = message.headers.get(name, [])
        if not isinstance(more, list | tuple):
            why = f'{{unacceptable_type_in_header,"{name}",{amqp_type(more)}}}'
            return f"PRECONDITION_FAILED - invalid message: {why}", ()
        keys += [key for key in more if isinstance(key, str)]
    return "", tuple(dict.fromkeys(keys))
