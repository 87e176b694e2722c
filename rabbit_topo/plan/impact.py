"""What a plan does to routing: which queues a message reaches before it, and which after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import (
    PREDECLARED,
    Arguments,
    Binding,
    Exchange,
    Kind,
    Observed,
    Policy,
    Queue,
    Vhost,
)
from rabbit_topo.plan.downstream import Downstream
from rabbit_topo.plan.letters import Broken, Letters, broken, letters
from rabbit_topo.plan.operations import Declare
from rabbit_topo.plan.outlook import outlook
from rabbit_topo.plan.probes import Changed, publishers, tests
from rabbit_topo.routing import Router

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rabbit_topo.model import Key, Topology
    from rabbit_topo.plan.operations import Operation
    from rabbit_topo.plan.probes import Probe
    from rabbit_topo.plan.types import Plan
    from rabbit_topo.routing import Message, Route

MOST_MESSAGES: Final = 5_000  # to follow for changed bindings; what is left is counted
MOST_WAYS: Final = 200_000  # that they may take in all: one message may be bound to every queue there is
_HOP: Final = 3  # ways that the asking of an exchange costs beside


@dataclass(frozen=True, slots=True)
class Shift:
    """A message that a plan sends elsewhere: its routes before and after.

    `others` are further bindings of the same exchange whose messages go the same other way.
    """

    probe: Probe
    before: Route
    after: Route
    others: tuple[Probe, ...] = ()

    @property
    def message(self) -> Message:
        """The message that shows it."""
        return self.before.message

    @property
    def lost(self) -> tuple[str, ...]:
        """The queues that no longer get it, not even perhaps."""
        return tuple(sorted(_reached(self.before).keys() - _reached(self.after).keys()))

    @property
    def gained(self) -> tuple[str, ...]:
        """The queues that did not get it before."""
        return tuple(sorted(_reached(self.after).keys() - _reached(self.before).keys()))

    @property
    def blurred(self) -> tuple[str, ...]:
        """The queues that get it before and after, once for certain and once perhaps."""
        before, after = _reached(self.before), _reached(self.after)
        return tuple(sorted(queue for queue in before if after.get(queue, before[queue]) != before[queue]))

    @property
    def refused(self) -> bool:
        """Whether the publish itself is refused from now on."""
        return bool(self.after.refusal) and not self.before.refusal

    @property
    def begins(self) -> bool:
        """Whether nothing got it before: what is new takes nothing away."""
        return not (_reached(self.before) or self.refused)

    @property
    def strands(self) -> bool:
        """Whether it reached a queue, or was let in, and then is not."""
        return self.refused or (bool(_reached(self.before)) and not _reached(self.after))

    @property
    def effect(self) -> tuple[object, ...]:
        """What messages of one exchange must have in common to be told of together."""
        message = self.message
        said = (self.before.vhost, message.exchange, self.lost, self.gained, self.blurred)
        return (*said, self.strands, self.refused, self.begins)


@dataclass(frozen=True, slots=True)
class Impact:
    """What a plan does to the messages that were followed: what is not in `shifts` goes where it went.

    First come those of publishers and route tests, then what was there before, then what new bindings bring.
    `unfollowed` counts the changed bindings that were too many to be followed, or to be followed to their last end; the
    new ones first of all. `letters` are dead letters that go elsewhere, as their queues' settings change; `broken` are
    route tests that fail from now on, where no shift says why.
    """

    shifts: tuple[Shift, ...] = ()
    followed: int = 0
    unfollowed: int = 0
    letters: tuple[Letters, ...] = ()
    broken: tuple[Broken, ...] = ()

    @property
    def stranded(self) -> tuple[Shift, ...]:
        """The publishers that lose their last queue, or their exchange."""
        return tuple(shift for shift in self.shifts if shift.probe.sender == "publisher" and shift.strands)


def impact(plan: Plan) -> Impact | None:
    """Follow the publishers, the route tests and a message for each changed binding; None where bindings are unseen.

    What is published to an exchange that is not there yet is left out: there something begins, and nothing changes.

    >>> from rabbit_topo.diff import diff
    >>> from rabbit_topo.model import Binding, Exchange, Facts, Publisher, Queue, Topology
    >>> from rabbit_topo.plan import make_plan
    >>> parts = [Exchange("/", "orders", "fanout"), Queue("/", "q", "classic"), Binding("/", "orders", "queue", "q")]
    >>> there = Observed(Topology({part.key: part for part in parts[:2]}), Facts("here", "4.3", vhosts=frozenset("/")))
    >>> wanted = Topology({part.key: part for part in parts}, publishers={"p": Publisher("p", "/", "orders")})
    >>> found = impact(make_plan(diff(there, wanted), there, wanted))
    >>> [(shift.probe.name, shift.lost, shift.gained) for shift in found.shifts]
    [('p', (), ('q',))]
    """
    if not plan.facts.lists:
        return None
    used = any(key.kind is not Kind.VHOST and key.name not in PREDECLARED for key in plan.there.resources)
    if not any(_matters(operation, plan, used=used) for operation in plan.operations):
        return Impact()
    ahead = outlook(plan)
    return _Follower(plan, ahead.topology).follow(ahead.changed)


def _matters(operation: Operation, plan: Plan, *, used: bool) -> bool:
    """Say whether an operation can change the way of a message that is published already."""
    if not isinstance(operation, Declare):
        return True
    match operation.resource:
        case Binding() as binding:
            return binding.source in PREDECLARED or binding.source_key in plan.there.resources
        case Exchange() | Policy():
            return used
        case Queue() | Vhost():
            return False


def _reached(route: Route) -> dict[str, bool]:
    """Return the queues that a message reaches, and whether for certain."""
    return dict.fromkeys(route.perhaps, False) | dict.fromkeys(route.queues, True)


class _Follower:
    """Follows messages through both topologies, each once."""

    def __init__(self, plan: Plan, ahead: Topology) -> None:
        self._declared = plan.declared
        self._before = Router.observed(Observed(plan.there, plan.facts))
        self._after = Router.observed(Observed(ahead, plan.facts))
        self._routes: dict[tuple[object, ...], tuple[Route, Route]] = {}
        self._ways = 0

    def follow(self, changed: Collection[Key]) -> Impact:
        shifts = [shift for probe in publishers(self._declared) for shift in self._known(probe)]
        for probe in tests(self._declared):
            if _identity(probe.message) not in self._routes:
                shifts += self._known(probe)
        self._ways, most = 0, len(self._routes) + MOST_MESSAGES
        groups: dict[tuple[object, ...], list[Shift]] = {}
        unfollowed: set[Key | None] = set()
        ways = Downstream(self._before, self._after)
        gone, uncounted = letters(ways, changed, self._declared)
        failing = tuple(broken(self._before, self._after, self._declared))
        changes = Changed(ways, changed, self._declared)
        probes = (changes.bindings(new=False), changes.otherwise(), changes.bindings(new=True), changes.behind())
        for probe in chain.from_iterable(probes):
            if self._ways > MOST_WAYS or len(self._routes) > most:
                unfollowed.add(probe.subject)
            else:
                for shift in self._shifts(probe):
                    groups.setdefault(shift.effect, []).append(shift)
        shifts += [replace(first, others=tuple(other.probe for other in others)) for first, *others in groups.values()]
        return Impact(tuple(shifts), len(self._routes), len(unfollowed | changes.cut | uncounted), gone, failing)

    def _known(self, probe: Probe) -> Iterator[Shift]:
        """Follow what somebody is known to publish."""
        before, after = self._both(probe.message, published=True)
        shift = Shift(probe, before, after)
        is_creation = shift.begins and (bool(before.refusal) or not probe.message.exchange)
        if _differ(before, after) and not is_creation:
            yield shift

    def _shifts(self, probe: Probe) -> list[Shift]:
        """Follow the messages of a binding that were not followed yet; the first of each other way shows that."""
        new = [message for message in probe.messages if _identity(message) not in self._routes]
        found = [Shift(probe, *self._both(message, published=False)) for message in new]
        first: dict[tuple[object, ...], Shift] = {}
        for shift in found:
            if _differ(shift.before, shift.after):
                first.setdefault(shift.effect, shift)
        if len(new) == len(probe.messages) and {shift.effect for shift in found} == first.keys() and len(first) == 1:
            return list(first.values())
        return [
            replace(shift, probe=replace(probe, shown=shift.message.routing_key, messages=(shift.message,)))
            for shift in first.values()
        ]

    def _both(self, message: Message, *, published: bool) -> tuple[Route, Route]:
        identity = _identity(message)
        if identity not in self._routes:
            before = self._before.route(message, published=published)
            after = self._after.route(message, published=published)
            self._routes[identity] = before, after
            self._ways += sum(_HOP + len(hop.taken) for route in (before, after) for hop in route.hops)
        return self._routes[identity]


def _identity(message: Message) -> tuple[object, ...]:
    return message.vhost, message.exchange, message.routing_key, Arguments(message.headers)


def _differ(before: Route, after: Route) -> bool:
    return _reached(before) != _reached(after) or bool(before.refusal) != bool(after.refusal)
