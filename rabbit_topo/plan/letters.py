"""Where the dead letters of queues go before a plan and after it, and which route tests it breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

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


def letters(ways: Downstream, changed: Collection[Key], declared: Topology) -> list[Letters]:
    """Return the dead letters that go elsewhere, as the settings of their queues change.

    What a binding takes of them is told with the bindings. Queues of one vhost with one effect are told together.
    """
    groups: dict[tuple[str, Letters], list[Key]] = {}
    for queue in _queues(ways, changed):
        effects: dict[Letters, list[Event]] = {}
        for event in EVENTS:
            if found := _effect(ways, queue, event):
                effects.setdefault(found, []).append(event)
        for effect, events in effects.items():
            groups.setdefault((queue.vhost, replace(effect, events=tuple(events))), []).append(queue.key)
    return [
        replace(effect, queues=tuple(keys), origin=declared.note(keys[0]).origin)
        for (_, effect), keys in groups.items()
    ]


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


def _effect(ways: Downstream, queue: Queue, event: Event) -> Letters | None:
    """Return what changes for one message of a queue: one that loses a queue, if there is one."""
    found: Letters | None = None
    for message in _messages(ways, queue):
        was, will = (dead_letter(router, message, event) for router in ways.routers)
        before, after = ({*one.queues, *one.perhaps} for one in (was, will))
        if before != after and (found is None or before - after):
            later = ways.after.queue(queue.vhost, queue.name)
            stops = not after and later is not None and bool(ways.after.care(later).cannot(event))
            found = Letters((), (), tuple(sorted(before)), tuple(sorted(after)), stops)
            if found.lost:
                break
    return found


def _messages(ways: Downstream, queue: Queue) -> Iterator[Held]:
    """Return messages that may lie in a queue: as its bindings let them in, and as its dead letters are taken."""
    given = islice(ways.before.topology.bindings_into(queue.key), _INTO)
    shapes = [shape for binding in given for shape in ways.own(binding)]
    for shape in (*shapes, Shape((queue.name,))):
        key = OTHERWISE if shape.words is None else keys_of(shape.words, ways.fresh, ways.longest)[0]
        yield Held(queue.name, queue.vhost, (key,), shape.headers)
        for router in ways.routers:
            there = router.queue(queue.vhost, queue.name)
            care = router.care(there) if there else None
            if care and care.exchange and care.routing_key is None:
                at = Key(queue.vhost, Kind.EXCHANGE, care.exchange)
                for one in islice(ways.behind(router, at, shape), _BEHIND):
                    for key in keys_of(one.words, ways.fresh, ways.longest):
                        yield Held(queue.name, queue.vhost, (key,), one.headers)
