"""What must hold of every topology, without a test that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Key, Kind
from rabbit_topo.routing.cases import CaseResult
from rabbit_topo.routing.reach import reachable
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Publisher, Topology
    from rabbit_topo.routing.router import Router

_NO_WAY: Final = "no binding, dead letter or alternate exchange leads there"
_NO_KEY: Final = "no message fits every binding on a way there"


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
    return CaseResult(f"the publisher {publisher.name} should reach a queue", publisher.note.origin, problem, route)


def _reached(router: Router, said: Topology) -> Iterator[CaseResult]:
    reached = None
    for queue in said.of(Kind.QUEUE):
        note = said.note(queue.key)
        there = queue.key in router.topology.resources
        if note.origin is None or note.external or (there and (note.direct or note.open_bindings)):
            continue
        reached = reachable(router, said) if reached is None else reached
        problem = ""
        if not there:
            problem = "it is not there"
        elif queue.key not in reached:
            near = any(binding.source_key in reached for binding in router.topology.bindings_into(queue.key))
            why = _NO_KEY if near else _NO_WAY
            problem = f"{why}; say `direct: true` if it is published to by its name"
        yield CaseResult(f"the queue {queue.key.name} should be reachable", note.origin, problem)
