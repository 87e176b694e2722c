"""What must hold of every topology, without a test that says so."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import PREDECLARED, Exchange, Key, Kind
from rabbit_topo.routing.cases import CaseResult
from rabbit_topo.routing.incoming import keys_into
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Publisher, Queue, Topology
    from rabbit_topo.routing.router import Router

_NO_WAY: Final = "no binding, dead letter or alternate exchange leads there"
_TRACE: Final = "amq.rabbitmq.trace"  # internal: the broker alone publishes to it


def invariants(router: Router, declared: Topology | None = None) -> tuple[CaseResult, ...]:
    """Say of every publisher whether it reaches a queue, and of every declared queue whether anything reaches it.

    A queue that says `direct: true` is reached under its name, and one with `open_bindings: true` by what consumers
    bind. `declared` is what says so, where another topology than the router's does: of a broker nobody knows more than
    the broker tells. Without it there is then nothing to hold the objects against.
    """
    said = declared or router.topology
    publishers = [_published(router, said.publishers[name]) for name in sorted(said.publishers)]
    return (*publishers, *_reached(router, said))


def _published(router: Router, publisher: Publisher) -> CaseResult:
    headers = publisher.options.get("headers") or {}
    route = router.route(Message(publisher.exchange, publisher.routing_key, headers, publisher.vhost))
    # Bindings of an exchange that is somebody else's may be in nobody's files; a broker shows them all.
    elsewhere = any(router.topology.note(Key(route.vhost, Kind.EXCHANGE, hop.exchange)).external for hop in route.hops)
    problem = ""
    if route.refusal:
        problem = f"the broker refuses its messages: {route.refusal}"
    elif route.unroutable and not elsewhere:
        problem = "its messages reach no queue"
    return CaseResult(f"the publisher {publisher.name} reaches a queue", publisher.note.origin, problem, route)


def _reached(router: Router, said: Topology) -> Iterator[CaseResult]:
    reached = None
    for queue in said.of(Kind.QUEUE):
        note = said.note(queue.key)
        there = queue.key in router.topology.resources
        if note.origin is None or note.external or (there and (note.direct or note.open_bindings)):
            continue
        reached = _reachable(router, said) if reached is None else reached
        problem = ""
        if not there:
            problem = "it is not there"
        elif queue.key not in reached:
            problem = f"{_NO_WAY}; say `direct: true` if it is published to by its name"
        yield CaseResult(f"the queue {queue.key.name} can be reached", note.origin, problem)


def _reachable(router: Router, said: Topology) -> set[Key]:
    """Return what messages can get to: from every exchange that takes publishes, along everything that leads on."""
    topology = router.topology
    starts = [
        resource.key
        for resource in topology.resources.values()
        if isinstance(resource, Exchange) and not resource.internal
    ]
    starts += [Key(vhost, Kind.EXCHANGE, name) for vhost in topology.vhosts for name in PREDECLARED if name != _TRACE]
    starts += [
        Key(publisher.vhost, Kind.QUEUE, publisher.routing_key)
        for publisher in said.publishers.values()
        if not publisher.exchange
    ]
    seen, left, everywhere = set(starts), deque(starts), set[str]()
    while left:
        for key in _ways_on(router, left.popleft(), everywhere):
            if key not in seen:
                seen.add(key)
                left.append(key)
    return seen


def _ways_on(router: Router, key: Key, everywhere: set[str]) -> Iterator[Key]:
    """Return where messages go from an exchange, and dead letters from a queue; `everywhere`, in these vhosts.

    Dead letters go by queues' names with the keys that they came with: to any queue, where nobody knows the keys.
    """
    vhost = key.vhost
    if key.kind is Kind.EXCHANGE:
        exchange = router.exchange(vhost, key.name)
        if exchange is None:
            return
        for binding in router.bindings_from(key):
            yield binding.destination_key
        for alternate in filter(None, router.alternates(exchange)):
            yield Key(vhost, Kind.EXCHANGE, alternate[0])
        return
    if queue := router.queue(vhost, key.name):
        yield from _dead_letters_of(router, queue, everywhere)


def _dead_letters_of(router: Router, queue: Queue, everywhere: set[str]) -> Iterator[Key]:
    vhost = queue.vhost
    for care in router.care(queue).each:
        if care.kind == "stream" or care.exchange is None:
            continue
        if care.exchange:
            yield Key(vhost, Kind.EXCHANGE, care.exchange)
        elif care.routing_key is not None:
            yield Key(vhost, Kind.QUEUE, care.routing_key)
        else:
            keys, whole = keys_into(router, queue)
            yield from (Key(vhost, Kind.QUEUE, name) for name in keys)
            if not whole and vhost not in everywhere:
                everywhere.add(vhost)
                yield from (one for one in router.topology.resources if one.kind is Kind.QUEUE and one.vhost == vhost)
