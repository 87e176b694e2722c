"""Route tests: which message must reach which queues, and what a route says to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.arguments import parse_duration
from rabbit_topo.routing.dead_letters import dead_letter, held
from rabbit_topo.routing.expectations import Expectation, expectation_of, not_one, strangers, unmet
from rabbit_topo.routing.types import Message, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Origin, Plain, RouteTest, Topology
    from rabbit_topo.routing.dead_letters import DeadLetter, Held
    from rabbit_topo.routing.router import Router

Event: TypeAlias = Literal["rejected", "expired", "overflow"]
EVENTS: Final[Mapping[Event, str]] = {
    "rejected": "is rejected",
    "expired": "expires",
    "overflow": "is pushed out of the full queue",
}
_MESSAGE: Final = ("exchange", "routing_key", "headers", "properties", "payload")
_DELIVERED: Final = ("expect", "expect_at_least", "expect_one_of", "expect_unroutable")


@dataclass(frozen=True, slots=True)
class Step:
    """What then happens to the message in one queue, and where it must go from there."""

    queue: str
    event: Event
    expectation: Expectation | None


@dataclass(frozen=True, slots=True)
class Case:
    """One message of a route test, and what is expected of it.

    `name` is the test's, with the case's own after it in a table of cases. `payload` and `properties` matter on a
    broker only; an `expiration` is in the message.
    """

    test: str
    name: str
    message: Message
    expectation: Expectation | None
    then: tuple[Step, ...] = ()
    origin: Origin | None = None
    payload: str = ""
    properties: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step: why it is not as expected, empty where it is, and where the dead letter went.

    `dead` is None where the message was not in the queue.
    """

    step: Step
    problem: str = ""
    dead: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case, or an invariant (then `case` is None), came to; `problem` is empty where it holds.

    The problem of a step is a problem of its case, told with the step's place in the table of steps.
    """

    name: str
    origin: Origin | None
    problem: str = ""
    route: Route | None = None
    steps: tuple[StepResult, ...] = ()
    case: Case | None = None

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.problem and not any(step.problem for step in self.steps)


def cases_of(topology: Topology) -> tuple[Case, ...]:
    """Return every case of the route tests of a topology, in the order of the files."""
    return tuple(case for test in topology.tests for case in _cases(test))


def _cases(test: RouteTest) -> Iterator[Case]:
    body = test.body
    base = _stated(body.get("publish") or {})
    rows = body.get("cases") or ()
    if not rows:
        yield _case(test, test.name, base, body, test.origin)
    for number, row in enumerate(rows, 1):
        own = _stated({key: row[key] for key in _MESSAGE if key in row})
        said = own.get("routing_key")
        name = row.get("name") or (str(number) if said is None else said or '""')
        inherited = {key: body[key] for key in ("then", *_DELIVERED) if key in body}
        if any(row.get(key) is not None for key in _DELIVERED):
            inherited = {key: value for key, value in inherited.items() if key == "then"}
        origin = test.case_origins[number - 1] if number <= len(test.case_origins) else test.origin
        yield _case(test, f"{test.name} [{name}]", _merged(base, own), inherited | _stated(row), origin)


def _stated(written: Mapping[str, Plain]) -> dict[str, Plain]:
    return {key: value for key, value in written.items() if value is not None}


def _merged(base: Mapping[str, Plain], own: Mapping[str, Plain]) -> dict[str, Plain]:
    """Lay a case over the test's own message: headers and properties merge, the rest is replaced."""
    both = {key: {**base[key], **own[key]} for key in ("headers", "properties") if key in base and key in own}
    return {**base, **own, **both}


def _case(test: RouteTest, name: str, sent: Mapping[str, Plain], body: Mapping[str, Plain], at: Origin | None) -> Case:
    properties = dict(sent.get("properties") or {})
    expiration = properties.pop("expiration", None)
    message = Message(
        sent.get("exchange", ""),
        sent.get("routing_key", ""),
        sent.get("headers") or {},
        test.vhost,
        None if expiration is None else parse_duration(expiration),
    )
    then = body.get("then") or ()
    steps = tuple(_step(step) for step in ([then] if isinstance(then, Mapping) else then))
    return Case(
        test.name,
        name,
        message,
        expectation_of(body),
        steps,
        at,
        payload=sent.get("payload", ""),
        properties=properties,
    )


def _step(written: Mapping[str, Plain]) -> Step:
    event = next(event for event in EVENTS if written.get(event))
    return Step(written["queue"], event, expectation_of(written))


def run_case(router: Router, case: Case) -> CaseResult:
    """Route the message of a case, and carry it through its steps. Raises `UsageError` where the vhost is not clear."""
    route = router.route(case.message)
    result = CaseResult(case.name, case.origin, _problem(router, case, route), route, case=case)
    if route.refusal or not case.then:
        return result
    return replace(result, steps=tuple(_steps(router, case, route)))


def _problem(router: Router, case: Case, route: Route) -> str:
    if route.refusal:
        return f"the broker refuses the message: {route.refusal}"
    if case.expectation is None:
        return ""
    return _judged(router, route.vhost, case.expectation, route)


def _judged(router: Router, vhost: str, expected: Expectation, route: Route | None) -> str:
    reached = Route(Message(""), vhost, ()) if route is None else route
    wrong = strangers(router, vhost, expected.queues) or unmet(expected, reached)
    if not wrong and expected.way == "one of":
        wrong = not_one(reached)
    return f"expected {expected}: {wrong}" if wrong else ""


def _steps(router: Router, case: Case, route: Route) -> Iterator[StepResult]:
    """Carry the message on, copy by copy: a step takes the copy that has been in its queue for longest."""
    lie: dict[str, list[Held]] = {name: [held(route, name)] for name in (*route.queues, *route.perhaps)}
    for step in case.then:
        copies = lie.get(step.queue)
        if not copies:
            known = strangers(router, route.vhost, (step.queue,))
            where = ", ".join(sorted(name for name, left in lie.items() if left)) or "no queue"
            yield StepResult(step, known or f"the message is not in {step.queue} then; it is in {where}")
            continue
        dead = dead_letter(router, copies.pop(0), "maxlen" if step.event == "overflow" else step.event)
        for name in (*dead.queues, *dead.perhaps):
            lie.setdefault(name, []).append(dead.held_in(name))
        problem = dead.impossible and f"this cannot happen in {step.queue}: {dead.impossible}"
        yield StepResult(step, problem or _after(router, route.vhost, step, dead), dead)


def _after(router: Router, vhost: str, step: Step, dead: DeadLetter) -> str:
    if step.expectation is None:
        return ""
    reached = None
    if dead.route is not None:
        hops = () if dead.either else dead.route.hops  # of several ways none shows what all of them may reach
        reached = replace(dead.route, queues=dead.queues, perhaps=dead.perhaps, hops=hops)
    wrong = _judged(router, vhost, step.expectation, reached)
    return f"{wrong} ({dead.reason})" if wrong and dead.route is None else wrong


__all__ = ["EVENTS", "Case", "CaseResult", "Event", "Expectation", "Step", "StepResult", "cases_of", "run_case"]
