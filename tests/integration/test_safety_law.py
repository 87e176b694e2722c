"""No run takes a message, or an object of others, that nobody allowed it to take.

Random topologies with random messages, consumers, holders of unacknowledged messages, notes and consent; what was
there before is held against what is there afterwards.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import amqp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rabbit_topo import Consent, apply, connect, diff, make_plan
from rabbit_topo.model import Binding, Exchange, Key, Kind, Note, Policy, Queue, Scope, Topology
from rabbit_topo.policies import reaches
from tests.integration.test_laws import empty
from tests.laws import law
from tests.laws.strategies import exchanges, pairs, queues, topologies

if TYPE_CHECKING:
    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Observed, Resource
    from rabbit_topo.plan import Allowance, Plan
    from tests.brokers import Node

CASES = int(os.environ.get("RABBIT_TOPO_CASES", "12"))  # a version
PATIENCE = 10.0  # seconds that requeued messages may take to be there again
MOST = 4  # messages a queue; no limit of the strategies is smaller


@dataclass(frozen=True)
class Case:
    """What is there, what is declared, what lies in which queue, and what was agreed to."""

    observed: Topology
    declared: Topology
    messages: dict[str, int]
    held: frozenset[str]
    consumed: frozenset[str]
    consent: Consent


@st.composite
def cases(draw: st.DrawFn, vhost: str) -> Case:
    observed, declared = draw(pairs(vhost))
    more = draw(topologies(vhost)).resources
    observed = replace(observed, resources={**more, **observed.resources})
    declared = replace(declared, resources={**declared.resources, **_changed(draw, observed, vhost)})
    keys = sorted(key for key in declared.resources if key.kind in (Kind.EXCHANGE, Kind.QUEUE))
    notes = dict(declared.notes)
    for key in keys:
        notes[key] = Note(
            protect=draw(st.sampled_from([False, False, False, True])),
            open_bindings=draw(st.sampled_from([False, False, True])),
            direct=draw(st.sampled_from([False, False, True])),
        )
    resources = dict(declared.resources)
    external = draw(st.sampled_from([None, *keys])) if keys else None
    if external is not None:
        resource = resources[external]
        stated = frozenset(draw(st.sampled_from([["durable"], ["type"], []])))
        assert isinstance(resource, Queue | Exchange)
        notes[external] = Note(external=True, stated=stated)
        resources = {  # an external object has no bindings of ours into it
            key: it for key, it in resources.items() if not (isinstance(it, Binding) and external == it.destination_key)
        }
    ignored = draw(st.sampled_from([(), (), ("shop\\.c", "shop\\.s")]))
    resources = {key: it for key, it in resources.items() if not any(name in ignored for name in _names(key))}
    owned = draw(st.sampled_from([("shop\\..*",), ("shop\\.[a-c]",), ()]))
    there = [key for key in observed.resources if key.kind in (Kind.EXCHANGE, Kind.QUEUE) and key not in resources]
    absent = {key: Note() for key in draw(st.sets(st.sampled_from(sorted(there)), max_size=2))} if there else {}
    absent = {key: note for key, note in absent.items() if f"{key.name}".replace(".", "\\.") not in ignored}
    queues = [key.name for key in observed.resources if key.kind is Kind.QUEUE]
    some = st.sets(st.sampled_from(queues), max_size=2) if queues else st.just(set())
    allowances: list[Allowance] = ["replace", "policy-limits", "policy-foreign", "default-exchange-gap"]
    scope = Scope({vhost: owned}, {vhost: ignored})
    return Case(
        observed,
        replace(declared, resources=resources, notes=notes, scope=scope, absent=absent),
        {name: draw(st.integers(0, MOST)) for name in queues},
        frozenset(draw(some)),
        frozenset(draw(some)),
        Consent(
            prune=draw(st.booleans()),
            allow=frozenset(draw(st.just(allowances) | st.lists(st.sampled_from(allowances)))),
            migrate=draw(st.booleans()),
            max_delete=100,
        ),
    )


def _changed(draw: st.DrawFn, observed: Topology, vhost: str) -> dict[Key, Resource]:
    """Declare some of what is there with other properties, and some bindings of it as they are."""
    found: dict[Key, Resource] = {}
    for key, resource in observed.resources.items():
        fate = draw(st.sampled_from(["keep", "change", "leave"]))
        match resource:
            case Queue() if fate == "change":
                found[key] = replace(draw(queues(vhost)), name=key.name)
            case Exchange() if fate == "change":
                found[key] = replace(draw(exchanges(vhost)), name=key.name)
            case Queue() | Exchange() if fate == "keep":
                found[key] = resource
            case _:
                pass
    bound = [it for it in observed.resources.values() if isinstance(it, Binding)]
    kept = {it.key: it for it in bound if it.destination_key in found and it.source_key in found}
    return {**found, **kept}


def _names(key: Key) -> list[str]:
    ends = (key.name, key.destination) if key.kind is Kind.BINDING else (key.name,)
    return [name.replace(".", "\\.") for name in ends]


def line(node: Node, vhost: str) -> amqp.Connection:
    url = urlsplit(node.amqp_url)
    connection = amqp.Connection(f"{url.hostname}:{url.port}", virtual_host=vhost, confirm_publish=True)
    connection.connect()
    return connection


def fill(node: Node, case: Case, vhost: str) -> dict[str, Counter[str]]:
    """Publish what the case wants to be there; return it by queue."""
    there: dict[str, Counter[str]] = {}
    with line(node, vhost) as connection:
        channel = connection.channel()
        for name, number in case.messages.items():
            there[name] = Counter()
            for n in range(number):
                body = f"{name} {n}"
                channel.basic_publish(amqp.Message(body, delivery_mode=2), routing_key=name)
                there[name][body] += 1
    return there


def hold(case: Case, connection: amqp.Connection) -> None:
    """Take messages and keep them, and consume, as the case says."""
    channel = connection.channel()
    channel.basic_qos(prefetch_size=0, prefetch_count=1, a_global=False)
    auto_deleted = {q.name for q in case.observed.of(Kind.QUEUE) if isinstance(q, Queue) and q.auto_delete}
    for name in case.held:
        channel.basic_get(name)
    for name in case.consumed - auto_deleted:  # it would go with the consumer, by nobody's fault
        channel.basic_consume(name, callback=lambda _: None)


def found(node: Node, vhost: str, expected: Counter[str]) -> Counter[str]:
    """Read every queue of the vhost empty; wait for what is still on its way back."""
    seen: Counter[str] = Counter()
    deadline = time.monotonic() + PATIENCE
    with line(node, vhost) as connection:
        channel = connection.channel()
        while expected - seen and time.monotonic() < deadline:
            for queue in node.http("GET", "queues", vhost):
                while (message := channel.basic_get(queue["name"], no_ack=True)) is not None:
                    seen[str(message.body)] += 1
    return seen


def kept(observed: Observed, case: Case) -> dict[Key, Any]:
    """Return what must stay exactly as it is, whatever happens to the rest."""
    declared, scope = case.declared, case.declared.scope
    found: dict[Key, Any] = {}
    for key, resource in observed.topology.resources.items():
        note = declared.note(key)
        if isinstance(resource, Binding):
            ours = resource.destination_key in declared.resources and not note.external
            owned = scope.owns(key.vhost, key.destination) or scope.owns(key.vhost, key.name)
            named = {resource.source_key, resource.destination_key} & declared.absent.keys()
            if key in declared.resources or not (ours or owned or named):
                found[key] = resource
        elif isinstance(resource, Exchange | Queue | Policy):
            mine = key in declared.resources and not note.external
            theirs = not mine and key not in declared.absent and not scope.owns(key.vhost, key.name)
            if note.protect or note.external or theirs or scope.ignores(key.vhost, key.name):
                found[key] = resource
    return found


def may_drop(plan: Plan, name: str, vhost: str, observed: Observed) -> bool:
    """Say whether a policy was changed with consent that may drop messages of a queue."""
    queue = observed.topology.resources[Key(vhost, Kind.QUEUE, name)]
    assert isinstance(queue, Queue)
    touched = [o for o in plan.operations if isinstance(o.resource, Policy)]
    return "policy-limits" in plan.consent.allow and any(
        reaches(policy, queue, plan.facts.version) is not False
        for operation in touched
        for policy in (operation.resource, observed.topology.resources.get(operation.key))
        if isinstance(policy, Policy)
    )


def obeys(node: Node, broker: Broker, vhost: str, case: Case, tally: Counter[str]) -> None:
    empty(node, vhost)
    law.fill(broker, case.observed)
    messages = fill(node, case, vhost)
    with closing(line(node, vhost)) as holder:
        hold(case, holder)
        before = broker.observe(case.declared)
        plan = make_plan(diff(before, case.declared), before, case.declared, case.consent)
        report = apply(plan, broker, partial=True)
        after = broker.observe(case.declared)
    assert not report.surprises or report.failed, (report.surprises, report.failed)
    must = kept(before, case)
    assert {key: after.topology.resources.get(key) for key in must} == must
    safe = Counter[str]()
    for name, bodies in messages.items():
        if not may_drop(plan, name, vhost, before):
            safe += bodies
    lost = safe - found(node, vhost, safe)
    assert not lost, (lost, report.outcomes)
    tally["messages"] += safe.total()
    for operation in plan.operations:
        tally[type(operation).__name__] += 1
    tally["blocked"] += len(plan.blocked)


def test_no_run_takes_what_it_was_not_allowed_to(node: Node, vhost: str) -> None:
    broker = connect(node.broker_url, amqp=node.amqp_url)
    tally: Counter[str] = Counter()

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(vhost))
    def obeyed(case: Case) -> None:
        obeys(node, broker, vhost, case, tally)

    try:
        obeyed()
    finally:
        broker.close()
    assert tally["messages"] >= CASES, tally
    assert tally["blocked"], tally
    print(dict(tally))
