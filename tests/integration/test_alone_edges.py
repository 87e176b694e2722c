"""Reading over AMQP alone: what is seldom, and must not be guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.arguments import QUEUE_ARGUMENTS, QUEUE_TYPES, compared_arguments
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.target import Target
from rabbit_topo.diff import Create, Replace, Unseen, diff
from rabbit_topo.errors import AccessRefused, Unreachable
from rabbit_topo.model import EVERYTHING, Arguments, Binding, Exchange, Kind, Note, Policy, Queue, Unverified, Vhost
from rabbit_topo.plan import Done, Failed
from tests.alone import HASH, connection, look, make, one, state, topology, user_of
from tests.operations import declare, remove
from tests.proxy import Fault, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers import Node


@pytest.fixture
def alone(node: Node) -> Iterator[AmqpAlone]:
    road = AmqpAlone(Target(amqp=node.amqp_url))
    yield road
    road.close()


@pytest.fixture
def passive(node: Node) -> Iterator[AmqpAlone]:
    road = AmqpAlone(Target(amqp=node.amqp_url, probe="passive"))
    yield road
    road.close()


def test_each_argument_is_compared_where_the_table_says_so(node: Node, vhost: str, alone: AmqpAlone) -> None:
    samples: dict[str, Any] = {"x-queue-version": 2, "x-queue-master-locator": "min-masters", "x-max-age": "7D"}
    samples |= {"x-dead-letter-routing-key": "k", "x-overflow": "drop-head", "x-dead-letter-exchange": "dead"}
    samples |= {"x-single-active-consumer": True, "x-queue-mode": "lazy", "x-delayed-retry-type": "all"}
    samples |= {"x-dead-letter-strategy": "at-most-once", "x-queue-leader-locator": "client-local"}
    wrong, asked = [], set()
    for kind in QUEUE_TYPES:
        for name, known in QUEUE_ARGUMENTS.items():
            if known.claimed and kind not in known.types:
                continue
            arguments = {name: samples.get(name, 100)}
            if name == "x-dead-letter-routing-key":
                arguments["x-dead-letter-exchange"] = "dead"
            there = Queue(vhost, f"{kind}.{name}", kind, arguments=Arguments(arguments))
            try:
                make(node, there)
            except AssertionError:
                continue  # this version has no such argument for this type
            asked.add((kind, name))
            seen, _ = one(alone, replace(there, arguments=there.arguments.without(name)))
            if (name in seen.arguments) != (name in compared_arguments(kind, node.version)):
                wrong.append((kind, name))
    assert not wrong
    compared = {(kind, name) for kind in QUEUE_TYPES for name in compared_arguments(kind, node.version)}
    assert compared - asked <= {("classic", "x-queue-master-locator")}  # 4.3 refuses it


def test_a_number_and_its_text_are_told_apart(node: Node, vhost: str, alone: AmqpAlone) -> None:
    there = Queue(vhost, "q", "quorum", arguments=Arguments({"x-delivery-limit": "5"}))
    make(node, there)
    seen, gap = one(alone, replace(there, arguments=Arguments({"x-delivery-limit": 5})))
    assert (seen, gap) == (there, None)
    seen, gap = one(alone, replace(there, arguments=Arguments({"x-delivery-limit": [5]})))
    assert (seen, gap) == (there, None)


def test_a_value_without_a_scalar_class_is_told_as_different(node: Node, vhost: str, alone: AmqpAlone) -> None:
    there = Queue(vhost, "q", "quorum", arguments=Arguments({"x-delivery-limit": [5], "x-max-length": 3}))
    make(node, there)
    seen, gap = one(alone, Queue(vhost, "q", "quorum", arguments=Arguments({"x-delivery-limit": 5})))
    assert "of class array" in seen.arguments["x-delivery-limit"]
    assert gap is not None
    assert "arguments.x-max-length" in gap.paths or "x-max-length" in seen.arguments
    assert "arguments.x-delivery-limit" not in gap.paths


@pytest.mark.parametrize("name", ["q", "l" * 150, "l" * 200, "l" * 255])
def test_what_the_message_has_no_room_for_is_never_green(node: Node, vhost: str, alone: AmqpAlone, name: str) -> None:
    there = Queue(vhost, name, "classic", arguments=Arguments({"x-dead-letter-exchange": "D" * 200}))
    make(node, there)
    assert one(alone, there) == (there, None)
    seen, gap = one(alone, replace(there, arguments=Arguments({"x-dead-letter-exchange": "E" * 200})))
    assert "broker" in seen.arguments["x-dead-letter-exchange"]
    assert gap is not None
    assert {"type", "arguments.x-max-length"} <= set(gap.paths)
    seen, gap = one(alone, replace(there, durable=False, auto_delete=True))
    assert (seen, gap) == (there, None)
    for kind in ("quorum", "stream"):
        seen, gap = one(alone, replace(there, type=kind, arguments=Arguments()))
        assert seen.type in {"classic", kind}
        assert seen != replace(there, type=kind, arguments=Arguments())
    absent = replace(there, name="m" * len(name))
    assert one(alone, absent) == (None, None)


def test_a_message_that_is_cut_within_a_character(node: Node, vhost: str, alone: AmqpAlone) -> None:
    there = [
        Queue(vhost, f"{'-' * n}{'ä' * 60}", "classic", arguments=Arguments({"x-dead-letter-exchange": "ä" * 90}))
        for n in range(4)
    ]
    make(node, *there)
    declared = [replace(it, arguments=Arguments({"x-dead-letter-exchange": "é"})) for it in there]
    observed = look(alone, *declared)
    for it in declared:
        seen, gap = observed.topology.resources[it.key], observed.facts.unverified[it.key]
        assert seen != it or gap.paths == EVERYTHING


@pytest.mark.parametrize("length", [*range(80, 170, 15), 200, 255])
def test_a_long_name_of_an_exchange(node: Node, vhost: str, alone: AmqpAlone, length: int) -> None:
    name = "n" * length
    there = Exchange(vhost, name, "topic", durable=False, internal=True)
    path = "arguments.alternate-exchange"
    make(node, there)
    for declared in (there, replace(there, type="fanout", durable=True), replace(there, internal=False)):
        seen, gap = one(alone, declared)
        assert seen == there
        assert gap is None or (length > 80 and gap.paths == (path,))
    with_alternate = replace(there, arguments=Arguments({"alternate-exchange": "fan"}))
    seen, gap = one(alone, with_alternate)
    assert seen != with_alternate
    assert gap is None

    fan = replace(with_alternate, name="f" * length, type=HASH)
    make(node, fan)
    assert one(alone, replace(fan, type="x-unknown" if length < 100 else "topic"))[0].type != "topic"
    seen, gap = one(alone, replace(fan, arguments=Arguments()))
    assert seen.arguments or (gap and path in gap.paths)


@pytest.mark.parametrize("alternate", ["A" * 60, "A" * 250, "ä" * 100])
def test_a_long_alternate_exchange(node: Node, vhost: str, alone: AmqpAlone, alternate: str) -> None:
    there = Exchange(vhost, "x", "topic", arguments=Arguments({"alternate-exchange": alternate}))
    make(node, there)
    seen, gap = one(alone, there)
    assert seen == there
    assert gap is None or gap.paths == EVERYTHING
    for other in (Arguments(), Arguments({"alternate-exchange": "B" * 250})):
        seen, gap = one(alone, replace(there, arguments=other))
        assert seen.arguments != other or (gap and gap.paths == EVERYTHING)


@pytest.mark.parametrize("default", ["quorum", "stream"])
def test_a_vhost_with_a_default_queue_type(node: Node, vhost: str, alone: AmqpAlone, default: str) -> None:
    node.http("PUT", "vhosts", vhost, body={"default_queue_type": default, "defaultqueuetype": default})
    node.http("PUT", "queues", vhost, "classic", body={"durable": True, "arguments": {"x-queue-type": "classic"}})
    node.http("PUT", "queues", vhost, "default", body={"durable": True})
    before = state(node, vhost)
    names = ("classic", "default", "absent", "x-max-age", "x-max-priority")
    untyped = [Queue(vhost, name, arguments=Arguments({name: 5} if name.startswith("x-") else {})) for name in names]
    observed = look(alone, *untyped)
    assert state(node, vhost) == before
    truth = Management(Target(node.broker_url)).observe(topology(vhost, *untyped)).topology.resources
    queues = {it.name: it for key, it in observed.topology.resources.items() if isinstance(it, Queue)}
    assert set(queues) == {"classic", "default"}
    assert all(truth[it.key] == it for it in queues.values())
    assert not observed.facts.unverified


def test_an_exclusive_queue_exists(node: Node, vhost: str, alone: AmqpAlone, passive: AmqpAlone) -> None:
    queue = Queue(vhost, "held", "classic", durable=False)
    with connection(node, vhost) as holder:
        holder.channel().queue_declare("held", exclusive=True, auto_delete=False)
        for road in (alone, passive):
            observed = look(road, queue)
            assert queue.key not in observed.topology.resources
            assert observed.facts.exclusive == {queue.key}


def test_passive_sees_existence_and_nothing_else(node: Node, vhost: str, passive: AmqpAlone) -> None:
    there = Queue(vhost, "there", "classic"), Exchange(vhost, "there", "topic")
    make(node, *there)
    other = replace(there[0], type="stream", durable=False), replace(there[1], type="x-unknown", internal=True)
    gone = Queue(vhost, "gone"), Exchange(vhost, "gone", "x-unknown")
    observed = look(passive, *other, *gone)
    assert {key for key in observed.topology.resources if key.kind is not Kind.VHOST} == {it.key for it in there}
    assert observed.facts.road == "passive"
    assert {gap.paths for gap in observed.facts.unverified.values()} == {EVERYTHING}
    assert observed.facts.unverified.keys() == {it.key for it in there}
    assert diff(observed, topology(vhost, *other, *gone))[0].key.name == "gone"


def test_a_user_without_configure_is_told_what_is_there(node: Node, vhost: str) -> None:
    there = Queue(vhost, "mine.q", "classic"), Queue(vhost, "q", "classic"), Exchange(vhost, "x", "topic")
    make(node, *there)
    gone = Queue(vhost, "gone", "classic"), Exchange(vhost, "none", "x-unknown")
    with user_of(node, vhost, "^mine", ".*", ".*") as user:
        road = AmqpAlone(Target(amqp=node.amqp_url, username=user, password=user))
        observed = look(road, *(replace(it, durable=False) for it in (*there, *gone)))
        road.close()
    assert observed.topology.resources[there[0].key] == there[0]
    assert {key for key in observed.topology.resources if key.kind is not Kind.VHOST} == {it.key for it in there}
    assert observed.facts.unverified.keys() == {it.key for it in there[1:]}
    for gap in observed.facts.unverified.values():
        assert "lacks the configure permission" in gap.reason
        assert gap.paths == EVERYTHING


def test_a_user_without_any_permission_on_an_object(node: Node, vhost: str) -> None:
    there, gone = Queue(vhost, "q", "classic"), Exchange(vhost, "gone", "topic")
    make(node, there)
    with user_of(node, vhost, "^$", "^$", "^$") as user:
        road = AmqpAlone(Target(amqp=node.amqp_url, username=user, password=user, probe="passive"))
        observed = look(road, there, gone)
        road.close()
    changes = {type(change) for change in diff(observed, topology(vhost, there, gone))}
    if there.key in observed.topology.resources:
        assert changes == {Create}
    else:  # a permission is needed since 4.2.6
        assert changes == {Unseen}
        assert all(not gap.paths and "has no permission" in gap.reason for gap in observed.facts.unverified.values())


def test_a_type_of_a_plugin_is_sent_only_where_the_broker_named_it(node: Node, vhost: str) -> None:
    """A broker ends the whole connection where it does not know a type: a second one would show that."""
    make(node, Exchange(vhost, "hash", HASH), Exchange(vhost, "topic", "topic"))
    with Proxy(node.amqp_url) as line:
        road = AmqpAlone(Target(amqp=line.url))
        assert one(road, Exchange(vhost, "topic", "x-unknown"))[0].type == "topic"
        assert one(road, Exchange(vhost, "hash", "x-unknown"))[0].type == HASH
        assert one(road, Exchange(vhost, "hash", HASH)) == (Exchange(vhost, "hash", HASH), None)
        assert one(road, Exchange(vhost, "gone", "x-unknown")) == (None, None)
        assert line.connections == 1
        road.close()


def test_what_is_external_is_verified_for_what_is_stated(node: Node, vhost: str, alone: AmqpAlone) -> None:
    make(node, Exchange(vhost, "theirs", HASH, durable=False, internal=True, arguments=Arguments({"x-own": 1})))
    theirs = Exchange(vhost, "theirs", None, arguments=Arguments({"x-own": 2, "x-other": 3}))
    server = Exchange(vhost, "amq.topic", "direct")
    notes = {
        theirs.key: Note(external=True, stated=frozenset({"internal", "arguments.x-own"})),
        server.key: Note(external=True, stated=frozenset({"type"})),
    }
    declared = topology(vhost, theirs, server, notes=notes)
    observed = alone.observe(declared)
    fields = {change.key.name: change.fields for change in diff(observed, declared) if isinstance(change, Replace)}
    assert {name: [(it.path, it.observed) for it in found] for name, found in fields.items()} == {
        "amq.topic": [("type", "topic")],
        "theirs": [("internal", True)],
    }
    assert observed.facts.unverified[theirs.key].paths == ("arguments.x-own",)


def test_what_is_to_be_absent_is_asked_for(node: Node, vhost: str, alone: AmqpAlone) -> None:
    make(node, Queue(vhost, "old", "quorum"), Exchange(vhost, "old", "fanout"))
    absent = [Queue(vhost, "old").key, Exchange(vhost, "old", None).key, Queue(vhost, "long gone").key]
    observed = alone.observe(topology(vhost, absent={key: Note() for key in absent}))
    assert observed.topology.resources.keys() - {Vhost(vhost).key} == set(absent[:2])
    assert not observed.facts.unverified


def test_the_facts(node: Node, vhost: str, alone: AmqpAlone) -> None:
    binding = Binding(vhost, "amq.topic", "queue", "q", "#")
    policy = Policy(vhost, "limits", "^q")
    gone = Binding("no such vhost", "amq.topic", "queue", "q", "#")
    declared = topology(vhost, Vhost("no such vhost"), gone, Queue(vhost, "q"), binding, policy)
    facts = alone.observe(declared).facts
    assert (facts.product, facts.version, facts.target) == ("RabbitMQ", node.version, node.amqp_url)
    assert facts.cluster_name == node.http("GET", "overview")["cluster_name"]
    assert (facts.road, facts.lists) == ("active", False)
    assert facts.deletes == frozenset()
    assert facts.vhosts == {vhost}
    assert facts.unverified == {
        binding.key: Unverified("AMQP shows no bindings"),
        policy.key: Unverified("AMQP shows no policies"),
    }
    missing = alone.observe(topology("no such vhost")).facts
    assert (missing.vhosts, missing.version) == (frozenset(), node.version)


def test_who_may_not_enter_the_vhost(node: Node, vhost: str) -> None:
    with user_of(node, vhost, ".*", ".*", ".*") as user:
        node.http("DELETE", "permissions", vhost, user)
        road = AmqpAlone(Target(amqp=node.amqp_url, username=user, password=user))
        with pytest.raises(AccessRefused, match=user):
            road.observe(topology(vhost))
        road.close()


def test_it_removes_nothing_and_writes_no_policy(node: Node, vhost: str, alone: AmqpAlone) -> None:
    queue, exchange = Queue(vhost, "q", "quorum"), Exchange(vhost, "x", "fanout", internal=True)
    binding = Binding(vhost, "amq.topic", "queue", "q", "a.*")
    made = [*alone.execute([declare(it) for it in (queue, exchange)]), *alone.execute([declare(binding)])]
    assert all(isinstance(outcome, Done) for outcome in made)
    before = state(node, vhost)
    refused: list[Any] = [remove(queue), remove(binding), declare(Policy(vhost, "p", ".*"))]
    outcomes = list(alone.execute(refused))
    assert [outcome.operation for outcome in outcomes] == refused
    assert all(isinstance(outcome, Failed) and "--broker" in outcome.reason for outcome in outcomes)
    assert state(node, vhost) == before


def test_each_vhost_is_asked_on_its_own(node: Node, vhost: str, alone: AmqpAlone) -> None:
    here, there = Queue(vhost, "q", "classic"), Queue("/", f"{vhost}.q", "classic")
    make(node, here)
    declared = topology(vhost, here, there, Vhost("/"))
    observed = alone.observe(declared)
    assert observed.facts.vhosts == {vhost, "/"}
    assert [change.key for change in diff(observed, declared)] == [there.key]


@pytest.mark.parametrize("part", range(3))
def test_a_line_that_breaks_makes_no_false_answer(node: Node, vhost: str, alone: AmqpAlone, part: int) -> None:
    there = [Queue(vhost, f"q{n}", "classic", arguments=Arguments({"x-max-length": n})) for n in range(20)]
    make(node, *there)
    declared = [
        replace(it, arguments=Arguments({"x-max-length": 3})) for it in [*there, Queue(vhost, "gone", "quorum")]
    ]
    whole, before = look(alone, *declared), state(node, vhost)
    with Proxy(node.amqp_url) as line:
        road = AmqpAlone(Target(amqp=line.url))
        look(road, *declared)
        road.close()
        passed = line.passed["down"]
    with Proxy(node.amqp_url, Fault("reset", "down", passed * (part + 2) // 5)) as line:
        road = AmqpAlone(Target(amqp=line.url, timeout=5))
        observed = look(road, *declared)
        road.close()
        assert line.strikes == 1
    assert observed.topology == whole.topology
    assert observed.facts.unverified == whole.facts.unverified
    assert state(node, vhost) == before


def test_nobody_there(node: Node, vhost: str) -> None:
    with Proxy(node.amqp_url) as line:
        url = line.url
    road = AmqpAlone(Target(amqp=url, timeout=2))
    with pytest.raises(Unreachable):
        look(road, Queue(vhost, "q"))
    road.close()
