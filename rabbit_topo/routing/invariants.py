"""What must hold of every topology, without a test that says so."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import PREDECLARED, Exchange, Key, Kind
from rabbit_topo.policies import effective_options
from rabbit_topo.routing.cases import CaseResult
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Publisher, Topology
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
    seen, left = set(starts), deque(starts)
    while left:
        for key in _ways_on(router, left.popleft()):
            if key not in seen:
                seen.add(key)
                left.append(key)
    return seen


def _ways_on(router: Router, key: Key) -> Iterator[Key]:
    """Return where messages go from an exchange, and dead letters from a queue."""
    vhost = key.vhost
    if key.kind is Kind.EXCHANGE:
        exchange = router.exchange(vhost, key.name)
        if exchange is None:
            return
        for binding in router.bindings_from(key):
            yield binding.destination_key
        if alternate := router.alternate(exchange):
            yield Key(vhost, Kind.EXCHANGE, alternate[0])
        return
    queue = router.queue(vhost, key.name)
    if queue is None:
        return
    operators = [policy for policy in router.operator_policies if policy.vhost == vhost]
    options = effective_options(queue, router.policies(vhost), operators, router.version)
    target, routing_key = (
        option.value if (option := options.get(f"dead-letter-{name}")) else None for name in ("exchange", "routing-key")
    )
    if target == "" and isinstance(routing_key, str):
        yield Key(vhost, Kind.QUEUE, routing_key)
    elif isinstance(target, str) and target:
        yield Key(vhost, Kind.EXCHANGE, target)
