"""What the roads read and write on real brokers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from kombu.connection import Connection

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.both import Both
from rabbit_topo.broker.connect import connect
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import AccessRefused, LoginRefused, Refusal, Unreachable
from rabbit_topo.model import Arguments, Binding, Counts, Exchange, Policy, Queue, Topology, Vhost
from rabbit_topo.plan.operations import Done, Failed
from tests.operations import declare, remove, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker import Broker
    from tests.brokers import Node

ROADS = ("management", "both")
TYPED = Arguments(
    {
        "i": 1,
        "big": 2**40,
        "f": 1.0,
        "b": True,
        "s": "1",
        "l": [1, {"a": 2}, []],
        "d": {"e": 3, "g": {}},
        "x-match": "any",
    }
)


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, node: Node) -> Iterator[Broker]:
    broker = open_road(request.param, node)
    yield broker
    broker.close()


@pytest.fixture
def both(node: Node) -> Iterator[Broker]:
    broker = open_road("both", node)
    yield broker
    broker.close()


def open_road(name: str, node: Node, **options: Any) -> Broker:
    return connect(node.broker_url, amqp=node.amqp_url if name == "both" else None, **options)


def channel(node: Node, vhost: str) -> Any:
    make: Any = Connection
    return make(node.amqp_url, virtual_host=vhost, transport="pyamqp")


def resources(vhost: str) -> list[Any]:
    return [
        Exchange(vhost, "in", "topic", arguments=Arguments({"alternate-exchange": "rest"})),
        Exchange(vhost, "rest", "fanout", durable=False, internal=True),
        Exchange(vhost, "docs / ü", "headers", auto_delete=True),
        Queue(vhost, "classic", "classic", arguments=Arguments({"x-max-length": 7, "x-unknown": [1, 2.5]})),
        Queue(vhost, "temp", "classic", durable=False, auto_delete=True),
        Queue(vhost, "quorum/1", "quorum", arguments=Arguments({"x-delivery-limit": 3})),
        Queue(vhost, "stream", "stream", arguments=Arguments({"x-max-age": "7D"})),
    ]


def bindings(vhost: str) -> list[Any]:
    return [
        Binding(vhost, "in", "queue", "classic", "a.#"),
        Binding(vhost, "in", "queue", "classic", ""),
        Binding(vhost, "in", "exchange", "rest", "é/%+ ~ &"),
        Binding(vhost, "amq.topic", "queue", "quorum/1", "k"),
        Binding(vhost, "docs / ü", "queue", "stream", "k/ &", TYPED),
        Binding(vhost, "docs / ü", "queue", "stream", "", Arguments({"x-match": "all"})),
    ]


def test_what_is_written_is_read_back(road: Broker, vhost: str) -> None:
    policy = Policy(vhost, "limit/1", "^classic$", "queues", 3, Arguments({"max-length": 9}))
    for wave in ([*resources(vhost), policy], bindings(vhost)):
        assert set(run(road, *(declare(resource) for resource in wave))) == {""}
    observed = road.observe(Topology.naming(vhost, "no such vhost"))
    expected = [Vhost(vhost), *resources(vhost), *bindings(vhost), policy]
    ours = {
        key: value
        for key, value in observed.topology.resources.items()
        if not key.name.startswith("amq.") or key.destination
    }
    assert ours == {resource.key: resource for resource in expected}
    assert observed.facts.counts[Queue(vhost, "classic").key] == Counts(0, 0, 0)
    assert vhost in observed.facts.vhosts
    assert "no such vhost" not in observed.facts.vhosts
    assert Exchange(vhost, "amq.topic", "topic") == observed.topology.resources[Exchange(vhost, "amq.topic", "").key]
    for wave in (bindings(vhost), [policy, *(r for r in resources(vhost) if r.name in {"in", "rest", "classic"})]):
        operations = [remove(r, *observed.facts.binding_ids.get(r.key, ())) for r in wave]
        assert set(run(road, *operations)) == {""}
        assert set(run(road, *operations)) == {""}
    left = {key.name for key in road.observe(Topology.naming(vhost)).topology.resources} - {vhost}
    assert {name for name in left if not name.startswith("amq.")} == {"quorum/1", "stream", "temp"}


def test_facts(road: Broker, node: Node, vhost: str) -> None:
    facts = road.observe(Topology.naming(vhost)).facts
    assert facts.target == node.broker_url
    assert (facts.version, facts.product) == (node.version, "RabbitMQ")
    assert facts.cluster_name
    assert {"direct", "topic", "fanout", "headers", "x-consistent-hash"} <= facts.exchange_types
    assert facts.default_queue_types[vhost] == "classic"


def test_the_roads_write_the_same_classes(node: Node, vhost: str) -> None:
    for name in (*ROADS, *reversed(ROADS)):
        road = open_road(name, node)
        for wave in (resources(vhost), bindings(vhost)):
            assert set(run(road, *(declare(resource) for resource in wave))) == {""}
        ids = road.observe(Topology.naming(vhost)).facts.binding_ids
        assert {len(ids[binding.key]) for binding in bindings(vhost)} == {1}
        road.close()


def test_twins_of_integer_width_are_one_binding_and_go_together(both: Broker, node: Node, vhost: str) -> None:
    binding = Binding(vhost, "amq.headers", "queue", "q", "", Arguments({"n": 1}))
    assert run(both, declare(Queue(vhost, "q"))) == [""]
    assert run(both, declare(binding)) == [""]
    with channel(node, vhost) as connection:
        connection.default_channel.queue_bind("q", "amq.headers", "", arguments={"n": 1})
    ids = both.observe(Topology.naming(vhost)).facts.binding_ids[binding.key]
    assert len(ids) == 2
    assert run(both, remove(binding, *ids)) == [""]
    assert binding.key not in both.observe(Topology.naming(vhost)).topology.resources


def test_a_null_needs_amqp_and_is_read_as_null(node: Node, vhost: str) -> None:
    binding = Binding(vhost, "amq.headers", "queue", "q", "", Arguments({"n": None}))
    http, both = open_road("management", node), open_road("both", node)
    assert run(both, declare(Queue(vhost, "q"))) == [""]
    assert "null" in run(http, declare(binding))[0]
    assert run(both, declare(binding)) == [""]
    observed = http.observe(Topology.naming(vhost))
    assert observed.topology.resources[binding.key] == binding
    assert run(http, remove(binding, *observed.facts.binding_ids[binding.key])) == [""]
    assert binding.key not in http.observe(Topology.naming(vhost)).topology.resources
    both.close()
    http.close()


def test_a_binding_that_would_blind_the_management_plugin_is_refused(road: Broker, node: Node, vhost: str) -> None:
    binding = Binding(vhost, "amq.headers", "queue", "q", "a~b", Arguments({"n": "1"}))
    assert run(road, declare(Queue(vhost, "q"))) == [""]
    assert "'~'" in run(road, declare(binding))[0]
    with channel(node, vhost) as connection:
        connection.default_channel.queue_bind("q", "amq.headers", "a~b", arguments={"n": "1"})
        with pytest.raises(Exception, match="fails to list the bindings"):
            road.observe(Topology.naming(vhost))


def test_what_is_nobodys_to_manage_is_left_out(road: Broker, node: Node, vhost: str) -> None:
    with channel(node, vhost) as connection:
        connection.default_channel.queue_declare("mine", exclusive=True, auto_delete=False)
        connection.default_channel.queue_bind("mine", "amq.topic", "k")
        connection.default_channel.queue_declare("", exclusive=False, durable=True, auto_delete=False)
        observed = road.observe(Topology.naming(vhost))
        assert observed.facts.exclusive == {Queue(vhost, "mine").key}
    assert {key.kind.value for key in observed.topology.resources} == {"vhost", "exchange"}


def test_one_refused_operation_does_not_stop_its_neighbours(road: Broker, vhost: str) -> None:
    assert run(road, declare(Queue(vhost, "taken", "classic")), declare(Exchange(vhost, "x", "direct"))) == ["", ""]
    operations = [
        declare(Exchange(vhost, "odd", "x-no-such-type")),
        declare(Queue(vhost, "taken", "classic", durable=False)),
        declare(Binding(vhost, "x", "queue", "nowhere", "k")),
        declare(Queue(vhost, "bad", "classic", arguments=Arguments({"x-message-ttl": -1}))),
        declare(Queue(vhost, "amq.mine", "classic")),
        *(declare(Queue(vhost, f"q{number}", "classic")) for number in range(20)),
        declare(Exchange(vhost, "odd2", "x-no-such-type")),
        *(declare(Exchange(vhost, f"x{number}", "fanout")) for number in range(20)),
    ]
    told = run(road, *operations)
    assert "exchange type" in told[0]
    assert "inequivalent arg 'durable'" in told[1]
    assert "no queue 'nowhere'" in told[2]
    assert "x-message-ttl" in told[3]
    assert "reserved prefix" in told[4] or "Access refused" in told[4]
    assert set(told[5:25]) == {""}
    assert "exchange type" in told[25]
    assert set(told[26:]) == {""}


def test_a_queue_with_a_message_is_kept(road: Broker, node: Node, vhost: str) -> None:
    queues = [Queue(vhost, name, "classic") for name in ("ready", "unacknowledged", "consumed", "free")]
    assert set(run(road, *map(declare, queues))) == {""}
    with channel(node, vhost) as connection:
        taken = connection.default_channel
        for name in ("ready", "unacknowledged"):
            node.http("POST", "exchanges", vhost, "amq.default", "publish", body=message(name))
        assert taken.basic_get("unacknowledged") is not None
        taken.basic_consume("consumed", callback=print)
        told = run(road, *map(remove, queues))
    assert "1 ready" in told[0]
    assert "1 unacknowledged" in told[1]
    assert "in use" in told[2]
    assert told[3] == ""


def message(queue: str) -> dict[str, Any]:
    return {"properties": {}, "routing_key": queue, "payload": "x", "payload_encoding": "string"}


def test_quorum_queues_go_by_amqp_and_only_idle(both: Broker, node: Node, vhost: str) -> None:
    queues = [Queue(vhost, name, "quorum") for name in ("ready", "unacknowledged", "consumed", "free")]
    assert set(run(both, *map(declare, queues))) == {""}
    with channel(node, vhost) as connection:
        taken = connection.default_channel
        for name in ("ready", "unacknowledged"):
            node.http("POST", "exchanges", vhost, "amq.default", "publish", body=message(name))
        while taken.basic_get("unacknowledged") is None:
            pass
        taken.basic_consume("consumed", callback=print)
        told = run(both, *map(remove, queues))
    assert "1 ready" in told[0]
    assert "1 consumers" in told[1]
    assert "1 consumers" in told[2]
    assert told[3] == ""


def test_http_alone_deletes_no_quorum_queue_and_no_stream(node: Node, vhost: str) -> None:
    road = open_road("management", node)
    assert road.observe(Topology.naming(vhost)).facts.deletes == {"classic"}
    queues = [Queue(vhost, name, name) for name in ("quorum", "stream")]
    assert run(road, *map(declare, queues)) == ["", ""]
    assert ["give the AMQP URL too" in told for told in run(road, *map(remove, queues))] == [True, True]
    road.close()


def test_an_exchange_that_is_bound_from_is_kept(road: Broker, vhost: str) -> None:
    exchange, other = Exchange(vhost, "x", "fanout"), Exchange(vhost, "y", "fanout")
    run(road, declare(exchange), declare(other))
    run(road, declare(Binding(vhost, "x", "exchange", "y")))
    assert "in use" in run(road, remove(exchange))[0]
    assert run(road, remove(other)) == [""]
    assert run(road, remove(exchange)) == [""]


def test_a_vhost_that_we_create_is_ours_to_fill(road: Broker, node: Node, vhost: str) -> None:
    name = f"{vhost}/new ~"
    try:
        assert run(road, declare(Vhost(name))) == [""]
        assert run(road, declare(Queue(name, "q"))) == [""]
        assert Queue(name, "q", "classic") in road.observe(Topology.naming(name)).topology.resources.values()
    finally:
        node.http("DELETE", "vhosts", name)


@pytest.fixture
def small_user(node: Node, vhost: str) -> Iterator[str]:
    name = f"small-{vhost}"
    node.http("PUT", "users", name, body={"password": "pässwörd", "tags": "management"})
    node.http("PUT", "permissions", vhost, name, body={"configure": "^app", "write": "^app", "read": "^app"})
    yield name
    node.http("DELETE", "users", name)


@pytest.mark.parametrize("name", ROADS)
def test_least_privilege(name: str, node: Node, vhost: str, small_user: str) -> None:
    road = open_road(name, node, username=small_user, password="pässwörd")
    assert road.observe(Topology.naming(vhost)).facts.vhosts == {vhost}
    assert run(road, declare(Queue(vhost, "app.q")), declare(Exchange(vhost, "app.x", "fanout"))) == ["", ""]
    told = run(
        road,
        declare(Binding(vhost, "app.x", "queue", "app.q")),
        declare(Queue(vhost, "other")),
        declare(Binding(vhost, "amq.topic", "queue", "app.q", "k")),
        declare(Policy(vhost, "p", "^app", "all", 0, Arguments({"max-length": 1}))),
        declare(Vhost(f"{vhost}-new")),
    )
    assert told[0] == ""
    assert "configure on queue 'other'" in told[1]
    assert "write on queue 'app.q', read on exchange 'amq.topic'" in told[2]
    assert "policymaker" in told[3]
    assert "administrator" in told[4]
    assert not [text for text in told if "pässwörd" in text]
    road.close()


def test_refused_logins(node: Node, vhost: str) -> None:
    with pytest.raises(LoginRefused, match="'guest'") as caught:
        connect(node.broker_url, password="wr0ng").observe(Topology.naming(vhost))
    assert "wr0ng" not in f"{caught.value}{caught.value.hint}"
    with pytest.raises(LoginRefused, match="'joe'") as nothing:
        connect(node.broker_url.replace("guest:guest@", ""), username="joe").observe(Topology.naming(vhost))
    assert "no password was given" in nothing.value.hint
    node.http("PUT", "users", "untagged", body={"password": "p", "tags": ""})
    with pytest.raises(AccessRefused, match="management") as refused:
        connect(node.broker_url, username="untagged", password="p").observe(Topology.naming(vhost))
    assert "set_user_tags untagged management" in refused.value.hint


def test_a_hidden_vhost(node: Node, vhost: str, small_user: str) -> None:
    road = connect(node.broker_url, username=small_user, password="pässwörd")
    if node.label == "4.3":
        assert "/" not in road.observe(Topology.naming(vhost, "/")).facts.vhosts
    else:
        with pytest.raises(AccessRefused, match="may not see vhost '/'"):
            road.observe(Topology.naming(vhost, "/"))
    road.close()


def test_two_clusters_are_refused(node: Node, vhost: str) -> None:
    node.http("PUT", "cluster-name", body={"name": "one"})
    road = connect(node.broker_url, amqp=node.amqp_url)
    road.observe(Topology.naming(vhost))
    road.close()
    node.http("PUT", "cluster-name", body={"name": "two"})
    amqp = Amqp(Target(amqp=node.amqp_url))
    amqp.expected_cluster = "one"
    with pytest.raises(Refusal, match=r"'one'.*'two'"):
        amqp.cluster_name(vhost)
    amqp.close()


def test_a_lost_connection_is_made_again_and_nothing_is_left_out(node: Node, vhost: str) -> None:
    road = Both(Target(node.broker_url, node.amqp_url))
    operations = [declare(Queue(vhost, f"q{number}", "classic")) for number in range(60)]
    outcomes = []
    for outcome in road.execute(operations):
        outcomes.append(outcome)
        if len(outcomes) == 10:
            road.amqp._links[vhost]._connection.sock.shutdown(socket.SHUT_RDWR)
    assert [type(outcome) for outcome in outcomes] == [Done] * 60
    assert {outcome.operation.key for outcome in outcomes} == {operation.key for operation in operations}
    road.close()


def test_nobody_waits_for_the_answers_of_an_interrupted_wave(road: Broker, vhost: str) -> None:
    first = iter(road.execute([declare(Queue(vhost, f"q{number}", "classic")) for number in range(60)]))
    next(first)
    first.close()  # type: ignore[attr-defined]
    assert run(road, *(declare(Queue(vhost, f"r{number}", "classic")) for number in range(60))) == [""] * 60


@pytest.mark.parametrize("name", ROADS)
def test_a_killed_broker_leaves_the_rest_not_attempted(name: str, own_node: Node) -> None:
    road = open_road(name, own_node, timeout=5.0)
    assert run(road, declare(Queue("/", "first"))) == [""]
    operations = [declare(Queue("/", f"q{number}")) for number in range(400)]
    outcomes = []
    for outcome in road.execute(operations):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            own_node.sandbox.kill()
    assert len({id(outcome.operation) for outcome in outcomes}) == len(operations)
    done = sum(isinstance(outcome, Done) for outcome in outcomes)
    assert 20 <= done < len(operations)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    with pytest.raises(Unreachable):
        road.observe(Topology.naming("/"))
    road.close()
