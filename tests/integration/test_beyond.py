"""What a real broker holds beside its topology, told by name, and what a user may not see of it."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.beyond import beyond
from rabbit_topo.broker.connect import connect
from rabbit_topo.cli import run
from rabbit_topo.model import Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.adopt.types import Beyond
    from tests.brokers import Node

SECRET = "s3cr3t-7Jk"


def _told(node: Node, user: str, vhost: str) -> tuple[Beyond, ...]:
    password = "guest" if user == "guest" else SECRET
    with closing(connect(node.broker_url, username=user, password=password)) as broker:
        return beyond(broker, broker.observe(Topology.naming(vhost)).facts, (vhost,))


@pytest.fixture
def user(node: Node, vhost: str) -> Iterator[str]:
    """A user who may read the vhost and use the management API, and no more; the vhost is full of other things."""
    name = f"{vhost}-user"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    node.http("PUT", "users", name, body={"password": SECRET, "tags": "management"})
    node.http("PUT", "permissions", vhost, name, body=everything)
    node.http("PUT", "topic-permissions", vhost, name, body={"exchange": "amq.topic", "write": ".*", "read": ".*"})
    node.http("PUT", "vhost-limits", vhost, "max-queues", body={"value": 50})
    cap = {"pattern": ".*", "definition": {"max-length": 10}, "apply-to": "queues"}
    node.http("PUT", "operator-policies", vhost, "cap", body=cap)
    node.http("PUT", "global-parameters", f"{vhost}-note", body={"name": f"{vhost}-note", "value": SECRET})
    yield name
    with suppress(AssertionError):
        node.http("DELETE", "global-parameters", f"{vhost}-note")
    node.http("DELETE", "users", name)


def test_an_administrator_is_told_everything_by_name(node: Node, vhost: str, user: str) -> None:
    told = _told(node, "guest", vhost)
    found = {one.kind: set(one.names) for one in told}
    assert {one.kind: one.unseen for one in told if one.unseen} == {}
    assert found["users"] >= {"guest", user}
    assert found["permissions"] == {"guest", user}
    assert found["topic permissions"] == {f"{user} on amq.topic"}
    assert found["vhost limits"] == {vhost}
    assert found["operator policies"] == {"cap"}
    assert found["global parameters"] >= {f"{vhost}-note"}
    assert SECRET not in repr(told)


def test_what_a_user_may_not_see_is_told_and_nothing_fails(node: Node, vhost: str, user: str) -> None:
    told = {one.kind: one for one in _told(node, user, vhost)}
    for kind, tag in (
        ("users", "administrator"),
        ("permissions", "administrator"),
        ("global parameters", "policymaker"),
    ):
        assert told[kind].names == ()
        assert told[kind].unseen == f"user {user!r} may not see them: that takes the tag {tag}"
    assert told["operator policies"].names == ("cap",)


@pytest.fixture
def clerk(node: Node, vhost: str) -> Iterator[Callable[[str], tuple[str, ...]]]:
    """Make a user with this tag who may enter `vhost` and touch nothing; return the options to log in."""

    def make(tag: str) -> tuple[str, ...]:
        node.http("PUT", "users", "clerk", body={"password": "clerk", "tags": tag})
        node.http("PUT", "permissions", vhost, "clerk", body={"configure": "", "write": "", "read": ""})
        return (node.broker_url.replace("://", "://clerk:clerk@"),)

    yield make
    node.http("DELETE", "users", "clerk")


def test_a_user_who_may_enter_one_vhost_is_told_so(
    node: Node, vhost: str, clerk: Callable[[str], tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    node.http("PUT", "queues", vhost, "q", body={"durable": True})
    source = clerk("management")

    assert run(["import", *source, "-o", "-"]) == 0
    said = capsys.readouterr()
    assert "only vhosts that clerk may enter are seen" in said.err
    assert "q:" in said.out

    assert run(["import", *source, "-o", "-", "--vhost", "nowhere"]) == 2
    assert "has no vhost 'nowhere' that clerk may enter" in capsys.readouterr().err


def test_a_user_who_may_not_enter_a_vhost_is_told_which(
    vhost: str, clerk: Callable[[str], tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    source = clerk("monitoring")

    assert run(["import", *source, "-o", "-"]) == 1
    said = capsys.readouterr().err
    assert "user 'clerk' may not enter vhost '/'" in said
    assert "set_permissions -p / clerk '' '' ''; or name another with --vhost" in said
    assert run(["import", *source, "-o", "-", "--vhost", vhost]) == 0
    assert "only vhosts" not in capsys.readouterr().err
