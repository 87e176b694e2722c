"""Many requests at once to a real management API: refusals, a lost broker, an interrupt."""

from __future__ import annotations

import threading
from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from bench.topologies import topology
from rabbit_topo import apply, diff, make_plan
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.queue_looks import look
from rabbit_topo.broker.target import Target
from rabbit_topo.model import Arguments, Binding, Exchange, Kind, Queue, Topology
from rabbit_topo.plan.operations import Done, Failed, NotAttempted, Remove
from tests.operations import declare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.plan import Outcome, Plan
    from tests.brokers import Node

WIDTH = 4
MANY = 200


@pytest.fixture
def road(node: Node) -> Iterator[Management]:
    with closing(Management(Target(node.broker_url, channels=WIDTH))) as road:
        yield road


def queues(vhost: str, count: int = MANY) -> list[Queue]:
    return [Queue(vhost, f"q{n:03}", "classic") for n in range(count)]


def names(node: Node, vhost: str) -> set[str]:
    return {item["name"] for item in node.http("GET", "queues", vhost, query="disable_stats=true&columns=name")}


def test_a_refused_object_does_not_stop_its_neighbours(road: Management, node: Node, vhost: str) -> None:
    node.http("PUT", "queues", vhost, "q100", body={"durable": False})
    outcomes = list(road.execute([declare(queue) for queue in queues(vhost)]))
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [outcome.operation.resource.name for outcome in failed] == ["q100"]  # type: ignore[union-attr]
    assert "inequivalent arg 'durable'" in failed[0].reason
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == MANY - 1
    assert len(names(node, vhost)) == MANY


def test_every_kind_is_written_beside_others_and_read_back_beside_others(road: Management, vhost: str) -> None:
    declared = topology(310, vhost)
    for kind in (Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING):
        outcomes = list(road.execute([declare(one) for one in declared.resources.values() if one.key.kind is kind]))
        assert {type(outcome) for outcome in outcomes} == {Done}
    observed = road.observe(declared)
    assert not diff(observed, declared)
    assert len(observed.facts.counts) == sum(key.kind is Kind.QUEUE for key in declared.resources)


def test_a_broker_that_is_killed_leaves_a_few_in_doubt_and_the_rest_unsent(own_node: Node) -> None:
    before = threading.active_count()
    outcomes: list[Outcome] = []
    with closing(Management(Target(own_node.broker_url, channels=WIDTH, timeout=5.0))) as road:
        for outcome in road.execute([declare(queue) for queue in queues("/", 2000)]):
            outcomes.append(outcome)
            if len(outcomes) == MANY:
                own_node.sandbox.kill()
    lost = [outcome for outcome in outcomes if isinstance(outcome, NotAttempted)]
    done = {outcome.operation.resource.name for outcome in outcomes if isinstance(outcome, Done)}  # type: ignore[union-attr]
    assert len(outcomes) == len(done) + len(lost) == 2000
    assert 1 <= sum(outcome.sent for outcome in lost) <= WIDTH
    assert all("lost" in outcome.reason for outcome in lost)
    assert threading.active_count() == before


def test_an_interrupt_ends_every_request_and_is_reported(road: Management, node: Node, vhost: str) -> None:
    before = threading.active_count()
    seen: list[Outcome] = []

    def interrupt(outcome: Outcome) -> None:
        seen.append(outcome)
        if len(seen) == 20:
            raise KeyboardInterrupt

    report = apply(
        _plan(road, Topology(resources={queue.key: queue for queue in queues(vhost)})), road, on_outcome=interrupt
    )
    assert report.exit_code == 130
    assert threading.active_count() == before
    assert len(report.done) == 20
    doubtful = {outcome.operation.key.name for outcome in report.unknown}
    there = names(node, vhost)
    assert {outcome.operation.key.name for outcome in report.done} <= there
    assert there <= {outcome.operation.key.name for outcome in report.done} | doubtful
    assert len(there) < MANY
    # The road still works: it may be asked what became of the rest.
    assert there <= {key.name for key in road.observe(Topology.naming(vhost)).topology.resources}


@pytest.mark.parametrize("addresses", [1, 2])
def test_whoever_stops_listening_leaves_no_thread(node: Node, vhost: str, addresses: int) -> None:
    before = threading.active_count()
    with closing(Management(Target(";".join([node.broker_url] * addresses), channels=WIDTH))) as road:
        outcomes: Any = road.execute([declare(queue) for queue in queues(vhost)])
        assert isinstance(next(outcomes), Done)
        outcomes.close()
        assert threading.active_count() == before
        assert 1 <= len(names(node, vhost)) < MANY
        assert [type(one) for one in road.execute([declare(Exchange(vhost, "after", "topic"))])] == [Done]


def test_one_queue_is_found_among_many_that_are_spelled_alike(node: Node, vhost: str) -> None:
    names = ["".join(letters) for letters in product(*(letter + letter.upper() for letter in "abcdefg"))]
    for name in (*names, "käse.(x)+[1]~#?"):
        node.http("PUT", "queues", vhost, name, body={"durable": True, "auto_delete": False, "arguments": {}})
    with closing(Management(Target(node.broker_url))) as road:
        for name in (names[0], names[-1], "käse.(x)+[1]~#?"):
            assert (look(road.http, Queue(vhost, name)) or {})["name"] == name
        assert look(road.http, Queue(vhost, "abcdef")) is None


def test_a_binding_is_removed_whose_name_on_the_server_is_another_by_now(node: Node, vhost: str) -> None:
    binding = Binding(vhost, "amq.headers", "exchange", "amq.fanout", "%2F", Arguments({"n": {"k": [1], "a": {}}}))
    with closing(Management(Target(node.broker_url))) as road:
        assert isinstance(next(road.execute([declare(binding)])), Done)
        stale = Remove(binding, declare(binding).cause, binding_ids=("%252F~of_before",))
        assert isinstance(next(road.execute([stale])), Done)
        assert binding.key not in road.observe(Topology.naming(vhost)).topology.resources


def _plan(road: Management, declared: Topology) -> Plan:
    observed = road.observe(declared)
    return make_plan(diff(observed, declared), observed, declared)
