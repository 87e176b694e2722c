"""Several addresses of one cluster: which is asked, what is told, and what is never sent twice."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.connect import connect
from rabbit_topo.broker.http import Http, Unanswered
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import LoginRefused, Refusal, Unreachable
from rabbit_topo.model import Exchange, Queue, Topology
from tests.brokers import LABELS, Node, start, why_not
from tests.operations import declare, run
from tests.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "s3cr3t"


@pytest.fixture(scope="module")
def node(_node_of: Callable[[str], Node]) -> Node:
    """One broker: how a list of addresses is read does not depend on its version."""
    return _node_of(next(label for label in LABELS if not why_not(label)))


@pytest.fixture(scope="module")
def other() -> Iterator[Node]:
    label = next(label for label in LABELS if not why_not(label))
    with start(label) as sandbox:
        yield Node(label, sandbox)


def dead(scheme: str) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"


def cluster_by_http(urls: str) -> str:
    return str(Http(Target(urls)).get("/api/overview")["cluster_name"])


def cluster_by_amqp(urls: str) -> str:
    connection = Login(Target(amqp=urls)).open("/")
    name = str(connection.server_properties["cluster_name"])
    connection.close()
    return name


def test_a_dead_address_is_passed_by(node: Node) -> None:
    name = cluster_by_http(node.broker_url)
    assert cluster_by_http(f"{dead('http')};{node.broker_url}") == name
    assert cluster_by_amqp(f"{dead('amqp')};amqp://no-such-host.invalid;{node.amqp_url}") == name


def test_where_all_are_dead_each_is_told() -> None:
    for scheme, ask in (("http", cluster_by_http), ("amqp", cluster_by_amqp)):
        one, two = dead(scheme), dead(scheme).replace("://", f"://me:{SECRET}@")
        with pytest.raises(Unreachable) as caught:
            ask(f"{one.replace('://', '://you:pw@')};{two}")
        told = f"{caught.value.message} {caught.value.hint}"
        assert "none of the 2 addresses answers" in told
        assert f"{one}: no connection: Connection refused" in told
        assert f"{two.replace(f'me:{SECRET}@', '')}: no connection: Connection refused" in told
        assert SECRET not in told


def test_a_refused_login_is_not_tried_elsewhere(node: Node) -> None:
    for url, ask in ((node.broker_url, cluster_by_http), (node.amqp_url, cluster_by_amqp)):
        wrong = url.replace("://", f"://guest:{SECRET}@")
        with pytest.raises(LoginRefused) as caught:
            ask(f"{wrong};{url.replace('://', '://guest:guest@')}")
        assert SECRET not in f"{caught.value.message} {caught.value.hint}"


def test_the_address_that_answered_is_asked_first_from_then_on(node: Node) -> None:
    http = Http(Target(f"{dead('http')};{node.broker_url}"))
    http.get("/api/overview")
    assert http.url == node.broker_url
    login = Login(Target(amqp=f"{dead('amqp')};{node.amqp_url}"))
    login.open("/").close()
    assert login.url == node.amqp_url


def test_another_cluster_is_refused_by_http(node: Node, other: Node) -> None:
    with Relay(node.broker_url) as relay:
        http = Http(Target(f"{relay.url};{other.broker_url}"))
        http.get("/api/overview")
        relay.cut()
        with pytest.raises(Refusal, match="different clusters") as caught:
            http.ask("PUT", "/api/exchanges/%2F/never", {"type": "fanout"})
    assert other.broker_url in caught.value.message
    assert "never" not in [item["name"] for item in other.http("GET", "exchanges", "/")]


def test_another_cluster_is_refused_by_amqp(node: Node, other: Node) -> None:
    with Relay(node.amqp_url) as relay:
        login = Login(Target(amqp=f"{relay.url};{other.amqp_url}"))
        login.open("/").close()
        relay.cut()
        with pytest.raises(Refusal, match="different clusters"):
            login.open("/")


@pytest.mark.parametrize("road", ["management", "both", "amqp"])
def test_a_broker_that_goes_away_is_written_to_at_its_next_address(node: Node, vhost: str, road: str) -> None:
    with Relay(node.broker_url) as http, Relay(node.amqp_url) as amqp:
        broker = connect(
            None if road == "amqp" else f"{http.url};{node.broker_url}",
            amqp=None if road == "management" else f"{amqp.url};{node.amqp_url}",
        )
        declared = Topology.naming(vhost)
        broker.observe(declared)
        http.cut()
        amqp.cut()
        outcomes = run(broker, declare(Exchange(vhost, "x", "fanout")), declare(Queue(vhost, "q", type="classic")))
        broker.close()
    assert outcomes == ["", ""]
    assert [item["name"] for item in node.http("GET", "queues", vhost)] == ["q"]


def test_a_write_that_may_have_arrived_is_repeated_and_a_deletion_is_not(node: Node, vhost: str) -> None:
    path = f"/api/queues/{vhost}/q"
    with Relay(node.broker_url, cut_behind=b"PUT /api/queues") as relay:
        assert Http(Target(f"{relay.url};{node.broker_url}")).ask("PUT", path, {"durable": True}).ok
    with Relay(node.broker_url, cut_behind=b"DELETE /api/queues") as relay:
        http = Http(Target(f"{relay.url};{node.broker_url}"))
        with pytest.raises(Unanswered):
            http.ask("DELETE", path)
        assert http.url == relay.url


@pytest.mark.parametrize(("query", "seconds"), [("", 60), ("?heartbeat=5", 5)])
def test_a_heartbeat_is_agreed_on(node: Node, query: str, seconds: int) -> None:
    connection = Login(Target(amqp=node.amqp_url + query)).open("/")
    connection.close()
    assert connection.heartbeat == seconds
