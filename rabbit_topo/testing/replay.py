"""One case on a broker: the message itself, and then once more for each step, with what leads up to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.policies import effective
from rabbit_topo.report.tests_run import Compared
from rabbit_topo.routing.dead_letters import NO_STREAM
from rabbit_topo.routing.expectations import unmet
from rabbit_topo.routing.types import Message, Route
from rabbit_topo.testing.rehomed import later
from rabbit_topo.testing.trial import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbit_topo.model import Plain
    from rabbit_topo.routing import Router
    from rabbit_topo.routing.cases import Case, StepResult
    from rabbit_topo.routing.expectations import Expectation
    from rabbit_topo.testing.trial import Counts, Trial

_LIMITS: Final[Mapping[str, Mapping[str, Plain]]] = {"expired": {"message-ttl": 0}, "overflow": {"max-length": 0}}
_ATTEMPTS: Final = 3  # a message that went astray is sent again before anybody calls it a disagreement
_UNSURE: Final = "in which queue the message lies depends on a hash or on chance"


class Replay:
    """A case, and the vhost to publish it in. Rejected is rejected; what expires or is pushed out needs a policy.

    That policy lets nothing stay in its queue, and is there before the message is: it reaches no message that lies in
    the queue already. It is taken away again when the last step of its queue is done.
    """

    def __init__(
        self, trial: Trial, router: Router, case: Case, route: Route, steps: Sequence[StepResult] = ()
    ) -> None:
        """Nothing is sent yet. `route` and `steps` are what the rules say."""
        self.trial = trial
        self.router = router
        self.case = case
        self.route = route
        self.steps = steps
        self._limited: set[str] = set()

    @property
    def named(self) -> frozenset[str]:
        """The queues that the test or the rules speak of: where the message lies if neither is wrong."""
        names = {*self.route.queues, *self.route.perhaps, *_expected(self.case.expectation)}
        for one in self.steps:
            names |= {one.step.queue, *_expected(one.step.expectation)}
            if one.dead:
                names |= {*one.dead.queues, *one.dead.perhaps, *(name for name, _ in one.dead.dropped)}
        return frozenset(names)

    def compare(self) -> Compared:
        """Compare the publish, and then the steps as far as they can be had; leave the vhost as it was found.

        What is interrupted leaves it as it is: nobody knows for which answer the channel waits, and the vhost goes.
        """
        steps = self.steps
        compared = self._published()
        if steps and compared.passed and not self.route.refusal:
            unsure = replace(compared, not_compared=(f"its steps: {_UNSURE}",))
            compared = unsure if self.route.perhaps else self._steps(steps)
        self._unlimit(set(self._limited))
        self.trial.clear()
        return compared

    def _published(self) -> Compared:
        route = self.route
        try:
            self.trial.publish(self.case)
        except Refused as refused:
            said = f"it refuses the message: {refused}"
            return Compared(said, "" if route.refusal else f"{said}, and by the rules it does not")
        if route.refusal:
            return Compared("", f"it takes the message, and by the rules it refuses it: {route.refusal}")
        found = self.trial.counts() if route.perhaps else self.trial.settled(Counter(route.queues))
        self.trial.clear()
        return Compared(_judged(self.case.expectation, found), _differs(found, route.queues, route.perhaps))

    def _steps(self, steps: Sequence[StepResult]) -> Compared:
        lie = [Counter(self.route.queues)]
        for number, one in enumerate(steps, 1):
            if one.dead and one.dead.impossible:
                return Compared(f"step {number}: {one.problem}")
            if why := self._why_not(one):
                return Compared(not_compared=(f"step {number}: {why}",))
            before = lie[-1] - Counter([one.step.queue])
            lie.append(before + Counter(_targets(one)))
            if why := _cannot_wait(steps[:number], lie):
                return Compared(not_compared=(f"step {number}: {why}",))
            found = self._replayed(steps[:number], lie)
            if isinstance(found, str):
                return Compared(not_compared=(f"step {number}: {found}",))
            problem = _judged(one.step.expectation, found - before)
            differs = "" if found == lie[-1] else f"the messages lie in {_listed(found)}, not in {_listed(lie[-1])}"
            if problem or differs:
                where = f"step {number}: "
                return Compared(where + problem if problem else "", where + differs if differs else "")
        return Compared()

    def _why_not(self, one: StepResult) -> str:
        """Say why a step cannot be had on a broker; empty if it can."""
        if one.dead is None:
            return "the message is not there"
        streams = ", ".join(name for name, why in one.dead.dropped if why == NO_STREAM)
        if streams:
            return f"{streams} is a stream, which gets no dead letters before RabbitMQ 3.12, and a classic queue here"
        return _UNSURE if one.dead.kept or one.dead.perhaps else ""

    def _replayed(self, steps: Sequence[StepResult], lie: Sequence[Counts]) -> Counts | str:
        """Send the message again and do these steps; return where the messages lie, or why it cannot be done."""
        last = _last_limits(steps)
        found: Counts = Counter()
        for _ in range(_ATTEMPTS):
            for name, (_, event) in last.items():
                if why := self._limit(name, event):
                    return why
            self.trial.publish(self.case)
            for number, one in enumerate(steps):
                if one.step.event == "rejected":
                    self.trial.reject(one.step.queue)
                done = {name for name, (end, _) in last.items() if end == number}
                if done and number + 1 < len(steps):
                    self.trial.settled(lie[number + 1])
                    self._unlimit(done)
            found = self.trial.settled(lie[-1])
            self._unlimit(set(self._limited))
            self.trial.clear()
            if found == lie[-1]:
                break
        return found

    def _limit(self, name: str, event: str) -> str:
        """Lay a limit over the policy that is in effect on a queue. Returns why the broker does not take it."""
        policies = self.router.policies(self.route.vhost)
        queue = self.router.queue(self.route.vhost, name)
        policy = effective(policies, queue, self.router.version) if queue else None
        definition = {**(later(policy.definition) if policy else {}), **_LIMITS[event]}
        highest = max((int(one.priority) for one in policies), default=0)
        self._limited.add(name)
        return self.trial.limit(name, definition, highest + 1)

    def _unlimit(self, names: set[str]) -> None:
        for name in sorted(names & self._limited):
            self.trial.unlimit(name)
            self._limited.discard(name)


def _expected(expectation: Expectation | None) -> tuple[str, ...]:
    return expectation.queues if expectation else ()


def _targets(one: StepResult) -> tuple[str, ...]:
    return one.dead.queues if one.dead else ()


def _last_limits(steps: Sequence[StepResult]) -> dict[str, tuple[int, str]]:
    """Return the queues that let nothing stay, with the number of the last step that needs it, and its event."""
    return {one.step.queue: (number, one.step.event) for number, one in enumerate(steps) if one.step.event in _LIMITS}


def _cannot_wait(steps: Sequence[StepResult], lie: Sequence[Counts]) -> str:
    """Say which message would have to stay in a queue that lets nothing stay; empty where there is none.

    `lie` says where the messages lie before the first step, and after each.
    """
    last = _last_limits(steps)
    for name, (end, event) in last.items():
        arrived = lie[0][name] + sum(_targets(one).count(name) for one in steps[: end + 1])
        here = [one.step.event for one in steps[: end + 1] if one.step.queue == name]
        if here != [event] * arrived:
            return f"every message in {name} would be {_ENDS[event]} at once, and the test has one that is not"
        others = [other for other, (until, _) in last.items() if until > end and lie[end + 1][other]]
        if end + 1 < len(steps) and others:
            return f"a message in {others[0]} would be {_ENDS[last[others[0]][1]]} before its step"
    return ""


_ENDS: Final = {"expired": "expired", "overflow": "pushed out"}


def _judged(expected: Expectation | None, found: Counts) -> str:
    """Hold an expectation against the queues that hold the message."""
    if expected is None:
        return ""
    wrong = unmet(expected, Route(Message(""), "", tuple(sorted(found))))
    return f"expected {expected}: {wrong}" if wrong else ""


def _differs(found: Counts, sure: Sequence[str], perhaps: Sequence[str]) -> str:
    if set(sure) <= set(found) <= {*sure, *perhaps} and all(count == 1 for count in found.values()):
        return ""
    maybe = f", and perhaps {_listed(Counter(perhaps))}" if perhaps else ""
    return f"the message lies in {_listed(found)}, and by the rules in {_listed(Counter(sure))}{maybe}"


def _listed(counts: Counts) -> str:
    named = [name if count == 1 else f"{name} ({count} times)" for name, count in sorted(counts.items())]
    return ", ".join(named) or "no queue"
