"""Which bindings the route tests exercise, and which ones could go without any test noticing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.model import Binding, Key, Kind
from rabbit_topo.routing.expectations import Expectation
from rabbit_topo.routing.router import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.routing.cases import Case, CaseResult, StepResult
    from rabbit_topo.routing.router import Router
    from rabbit_topo.routing.types import Route


@dataclass(frozen=True, slots=True)
class Coverage:
    """The bindings of a topology, sorted: those that some test needs, and those that none does."""

    exercised: tuple[Binding, ...]
    missed: tuple[Binding, ...]

    @property
    def total(self) -> int:
        """How many bindings there are."""
        return len(self.exercised) + len(self.missed)

    @property
    def percent(self) -> int:
        """Whole per cent, rounded down, so that 100 means all of them; 100 where there is no binding."""
        return 100 * len(self.exercised) // self.total if self.total else 100


def coverage(router: Router, results: Iterable[CaseResult]) -> Coverage:
    """Say without which bindings a test that passes would fail: each of them alone, all others in place.

    Of an exchange that chooses by a hash or by chance each binding to a queue that `expect_one_of` names counts, though
    the others would do.
    """
    needed: set[Key] = set()
    for result in results:
        if result.case and result.route and result.passed:
            for sent in list(_sent(result.case, result.route, result.steps)):
                needed.update(_needed(router, sent))
    bindings = [binding for binding in router.topology.of(Kind.BINDING) if isinstance(binding, Binding)]
    return Coverage(
        tuple(binding for binding in bindings if binding.key in needed),
        tuple(binding for binding in bindings if binding.key not in needed),
    )


class _Sent(NamedTuple):
    """A message on its way, published or as a dead letter: what it reaches there, and what a test says to that.

    `next` are queues in which a later step needs just this copy.
    """

    route: Route
    keys: Sequence[str]
    reached: frozenset[str]
    expectation: Expectation | None
    next: set[str]


def _sent(case: Case, route: Route, steps: Iterable[StepResult]) -> Iterator[_Sent]:
    reached = frozenset((*route.queues, *route.perhaps))
    first = _Sent(route, keys_of(route.message)[1], reached, case.expectation, set())
    yield first
    lie = {name: [first] for name in reached}
    for step, dead in [(one.step, one.dead) for one in steps if one.dead]:
        copies = lie[step.queue]
        if len(copies) == 1:
            copies[0].next.add(step.queue)
        del copies[0]
        if dead.route is not None:
            names = frozenset((*dead.queues, *dead.perhaps))
            here = _Sent(dead.route, dead.keys, names, step.expectation, set())
            for name in names:
                lie.setdefault(name, []).append(here)
            yield here


def _needed(router: Router, sent: _Sent) -> Iterator[Key]:
    """Return the bindings that this message cannot lose one of, or the test would tell."""
    lost: dict[Key, set[str]] = {}
    for name, needs in _needs(sent).items():
        for key in needs:
            lost.setdefault(key, set()).add(name)
    spare = dict(_spare(router, sent))
    for key in lost.keys() | spare.keys():
        gained = spare.get(key, frozenset())
        if _tells(sent, frozenset(lost.get(key, ())) - gained, gained - sent.reached, all_lost=not gained):
            yield key


def _tells(sent: _Sent, lost: frozenset[str], more: frozenset[str], *, all_lost: bool) -> bool:
    """Say whether a test notices that these queues no longer get a message, and more do."""
    if lost & sent.next:
        return True
    match sent.expectation:
        case None:
            return False
        case Expectation(way="exactly"):
            return bool(lost or more)
        case Expectation(way="some"):
            return all_lost and len(lost) == len(sent.reached)
        case Expectation(queues=names):
            return not lost.isdisjoint(names)


def _needs(sent: _Sent) -> dict[str, frozenset[Key]]:
    """Return, by queue, the bindings that are on every way to it."""
    into: dict[Key, list[tuple[str, Key | None]]] = {}
    for hop in sent.route.hops:
        for one in hop.taken:
            into.setdefault(one.destination, []).append((hop.exchange, one.binding.key if one.binding else None))
    start, vhost = sent.route.message.exchange, sent.route.vhost
    found: dict[str, frozenset[Key]] = {start: frozenset()}
    changed = True
    while changed:
        changed = False
        for hop in sent.route.hops:
            now = _common(found, into.get(Key(vhost, Kind.EXCHANGE, hop.exchange), ()))
            if hop.exchange != start and found.get(hop.exchange) != now:
                found[hop.exchange] = now
                changed = True
    return {name: _common(found, into.get(Key(vhost, Kind.QUEUE, name), ())) for name in sent.reached}


def _common(found: Mapping[str, frozenset[Key]], ways: Sequence[tuple[str, Key | None]]) -> frozenset[Key]:
    """Return the bindings that all these ways need, as far as they are known; none where there is no way."""
    needs = [found[name] | ({key} if key else frozenset()) for name, key in ways if name in found]
    return frozenset.intersection(*needs) if needs else frozenset()


def _spare(router: Router, sent: _Sent) -> Iterator[tuple[Key, frozenset[str]]]:
    """Return bindings whose place an alternate exchange takes, and the queues that the message then reaches by it."""
    route = sent.route
    for hop in route.hops:
        exchange = router.exchange(route.vhost, hop.exchange)
        alternate = router.alternate(exchange) if exchange else None
        if alternate and len(hop.taken) == 1 and (binding := hop.taken[0].binding):
            message = replace(route.message, exchange=alternate[0], vhost=route.vhost)
            there = router.route(message, keys=sent.keys, published=False)
            other = _Sent(there, sent.keys, frozenset((*there.queues, *there.perhaps)), None, set())
            yield binding.key, frozenset(name for name, needs in _needs(other).items() if binding.key not in needs)


__all__ = ["Coverage", "coverage"]
