"""Where the dead letters of queues go before a plan and after it, and which route tests it breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.model import Key, Kind, Policy, Queue
from rabbit_topo.plan.probes import OTHERWISE
from rabbit_topo.plan.shapes import Shape, keys_of
from rabbit_topo.policies import reaches
from rabbit_topo.routing.cases import cases_of, run_case
from rabbit_topo.routing.dead_letters import Held, dead_letter
from rabbit_topo.routing.effective import EVENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rabbit_topo.model import Origin, Topology
    from rabbit_topo.plan.downstream import Downstream
    from rabbit_topo.routing import Router
    from rabbit_topo.routing.cases import CaseResult
    from rabbit_topo.routing.effective import Event

_STEPS: Final = 20_000  # exchanges to ask, in all
_INTO: Final = 8  # bindings of a queue that tell which keys its messages have
_BEHIND: Final = 16  # bindings of a dead-letter exchange, for each


@dataclass(frozen=True, slots=True)
class Letters:
    """Dead letters that go elsewhere: of these queues, after these events; which queues get them before and after.

    `stops` says that the event itself happens no longer, as where a queue has no message-ttl any more.
    """

    queues: tuple[Key, ...]
    events: tuple[Event, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    stops: bool = False
    origin: Origin | None = None

    @property
    def lost(self) -> tuple[str, ...]:
        """The queues that no longer get them."""
        return tuple(sorted({*self.before} - {*self.after}))

    @property
    def gained(self) -> tuple[str, ...]:
        """The queues that did not get them before."""
        return tuple(sorted({*self.after} - {*self.before}))


@dataclass(frozen=True, slots=True)
class Broken:
    """A case of a route test that passes before a plan and fails after it, and why."""

    name: str
    problem: str
    origin: Origin | None = None


def broken(before: Router, after: Router, declared: Topology) -> Iterator[Broken]:
    """Return the tests that fail from now on, less those of which the route of the message itself tells."""
    for case in cases_of(declared):
        was, will = run_case(before, case), run_case(after, case)
        alike = was.route and will.route and was.route.queues == will.route.queues
        if was.passed and not will.passed and (alike or not will.problem):
            yield Broken(case.name, _problem(will), case.origin)


def _problem(result: CaseResult) -> str:
    steps = (f"{step.step.event} in {step.step.queue}: {step.problem}" for step in result.steps if step.problem)
    return result.problem or next(steps)


def letters(ways: Downstream, changed: Collection[Key], declared: Topology) -> tuple[tuple[Letters, ...], set[Key]]:
    """Return the dead letters that go elsewhere, as the settings of their queues change; and queues not looked at.

    What a binding takes of them is told with the bindings. Queues of one vhost with one effect are told together.
    """
    groups: dict[tuple[str, Letters], list[Key]] = {}
    effects = _Effects(ways)
    left: set[Key] = set()
    for queue in _queues(ways, changed):
        if effects.steps < 0:
            left.add(queue.key)
            continue
        found: dict[Letters, list[Event]] = {}
        for event in EVENTS:
            if effect := effects.of(queue, event):
                found.setdefault(effect, []).append(event)
        for effect, events in found.items():
            groups.setdefault((queue.vhost, replace(effect, events=tuple(events))), []).append(queue.key)
    told = [
        replace(effect, queues=tuple(keys), origin=declared.note(keys[0]).origin)
        for (_, effect), keys in groups.items()
    ]
    return tuple(told), left


def _queues(ways: Downstream, changed: Collection[Key]) -> Iterator[Queue]:
    """Return the queues that stay, and become others or are governed by a policy that does.

    That an exchange is gone which they name does not happen: no plan deletes it.
    """
    before, after = ways.routers
    versions = [router.topology.resources.get(key) for router in ways.routers for key in changed]
    policies = [one for one in versions if isinstance(one, Policy)]
    if not policies and not any(key.kind is Kind.QUEUE for key in changed):
        return
    for key, queue in sorted(before.topology.resources.items()):
        if isinstance(queue, Queue) and after.queue(key.vhost, key.name):
            governed = any(reaches(policy, queue, before.version) is not False for policy in policies)
            if governed or key in changed:
                yield queue


class _Effects:
    """What changes for the dead letters of one queue after the other; `steps` exchanges may still be asked."""

    def __init__(self, ways: Downstream) -> None:
        self._ways = ways
        self.steps = _STEPS
        self._known: dict[tuple[object, ...], Letters | None] = {}

    def of(self, queue: Queue, event: Event) -> Letters | None:
        """Return what changes for one message of a queue: one that loses a queue, if there is one."""
        before, after = (_way(router, queue, event) for router in self._ways.routers)
        if before == after:
            return None
        named = all(way.exchange is None or way.routing_key not in {None, queue.name} for way in (before, after))
        identity = (queue.vhost, queue.type, event, before, after, None if named else queue.name)
        if identity not in self._known:
            self._known[identity] = self._find(queue, event, named=named, stops=not after.happens)
        return self._known[identity]

    def _find(self, queue: Queue, event: Event, *, named: bool, stops: bool) -> Letters | None:
        found: Letters | None = None
        any_key = [Held(queue.name, queue.vhost, (OTHERWISE,))]
        for message in any_key if named else _messages(self._ways, queue):
            letters = [dead_letter(router, message, event) for router in self._ways.routers]
            self.steps -= sum(1 + len(one.route.hops) for one in letters if one.route)
            before, after = ({*one.queues, *one.perhaps} for one in letters)
            if before != after and (found is None or before - after):
                found = Letters((), (), tuple(sorted(before)), tuple(sorted(after)), stops)
            if (found and found.lost) or self.steps < 0:
                break
        return found


class _Way(NamedTuple):
    happens: bool
    exchange: str | None
    routing_key: str | None


def _way(router: Router, queue: Queue, event: Event) -> _Way:
    """Return how a queue gives messages up."""
    there = router.queue(queue.vhost, queue.name)
    care = router.care(there) if there else None
    if care is None or care.cannot(event):
        return _Way(happens=False, exchange=None, routing_key=None)
    return _Way(happens=True, exchange=care.exchange, routing_key=care.routing_key)


def _messages(ways: Downstream, queue: Queue) -> Iterator[Held]:
    """Return messages that may lie in a queue: as its bindings let them in, and as its dead letters are taken."""
    given = islice(ways.before.topology.bindings_into(queue.key), _INTO)
    shapes = [shape for binding in given for shape in ways.own(binding)]
    for shape in (*shapes, Shape((queue.name,))):
        key = OTHERWISE if shape.words is None else keys_of(shape.words, ways.fresh, ways.longest)[0]
        yield Held(queue.name, queue.vhost, (key,), shape.headers)
        for router in ways.routers:
            way = _way(router, queue, "rejected")
            if way.exchange and way.routing_key is None:
                at = Key(queue.vhost, Kind.EXCHANGE, way.exchange)
                for one in islice(ways.behind(router, at, shape), _BEHIND):
                    for key in keys_of(one.words, ways.fresh, ways.longest):
                        yield Held(queue.name, queue.vhost, (key,), one.headers)
