"""What an inventory on a broker keeps alive: protections, and the knowledge of what was ours."""

from __future__ import annotations

import base64
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from rabbit_topo.apply import apply
from rabbit_topo.broker.connect import connect_target
from rabbit_topo.broker.lock import LockLost, Wait
from rabbit_topo.broker.target import Target
from rabbit_topo.diff import Delete, diff
from rabbit_topo.errors import AccessRefused, Refusal
from rabbit_topo.load import load
from rabbit_topo.model import Inventory, Queue, Topology, parameter_name
from rabbit_topo.plan import Consent, make_plan
from tests.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.plan import Plan, Report
    from tests.brokers import Node

ROADS = ("http", "both")


class Shop:
    """One project in one vhost, which writes its file anew and plans and applies it."""

    def __init__(self, target: Target, vhost: str, folder: Path) -> None:
        self.target, self.vhost, self.file = target, vhost, folder / "shop.yaml"

    def plan(self, text: str, **consent: Any) -> Plan:
        return self._run(text, Consent(**consent), writing=False)[0]

    def apply(self, text: str, **consent: Any) -> Report:
        report = self._run(text, Consent(**consent), writing=True)[1]
        assert report is not None
        return report

    def _run(self, text: str, consent: Consent, *, writing: bool) -> tuple[Plan, Report | None]:
        self.file.write_text(f"version: 1\nvhost: {self.vhost}\n{text}", encoding="utf-8")
        declared, broker = load(self.file), connect_target(self.target)
        try:
            observed = broker.observe(declared)
            plan = make_plan(diff(observed, declared), observed, declared, consent)
            return plan, apply(plan, broker, partial=True) if writing else None
        finally:
            broker.close()


@pytest.fixture
def kept(node: Node, vhost: str) -> Iterator[str]:
    """The name of a project whose inventory is gone after the test."""
    yield vhost
    for item in node.http("GET", "global-parameters"):
        if item["name"].endswith(f".{vhost}"):
            node.http("DELETE", "global-parameters", item["name"])


def target(node: Node, road: str, project: str) -> Target:
    return Target(node.broker_url, node.amqp_url if road == "both" else None, project=project)


@pytest.mark.parametrize("road", ROADS)
def test_a_protection_outlives_its_block_until_it_is_lifted(
    node: Node, vhost: str, kept: str, tmp_path: Path, road: str
) -> None:
    shop = Shop(target(node, road, kept), vhost, tmp_path)
    first = shop.apply("queues: {kept: {type: classic, protect: true}, loose: {type: classic}}\n")
    assert (first.exit_code, first.noted and first.noted.status) == (0, "written")
    value = node.http("GET", "global-parameters", parameter_name(kept, vhost))["value"]
    assert (value["owned"], value["protected"]) == ([["queue", "kept"], ["queue", "loose"]], [["queue", "kept"]])
    # Both blocks are gone: both are ours by the inventory alone, and one of them is protected.
    pruned = shop.apply("owns: [nothing]\n", prune=True)
    assert [row.reason for row in pruned.plan.blocked] == [f"protected in the inventory of project {kept}"]
    assert [queue["name"] for queue in node.http("GET", "queues", vhost)] == ["kept"]
    assert node.http("GET", "global-parameters", parameter_name(kept, vhost))["value"]["owned"] == [["queue", "kept"]]
    # Saying nothing of it takes no protection away, from --allow replace neither.
    changed = "queues: {kept: {type: classic, durable: true, max_length: 5 %s}}\n"
    blocked = shop.plan(changed % "", allow=frozenset({"replace"})).blocked
    assert [row.reason.partition(",")[0] for row in blocked] == [f"protected in the inventory of project {kept}"]
    lifted = shop.apply(changed % ", protect: false", allow=frozenset({"replace"}))
    assert lifted.exit_code == 0, lifted
    assert not lifted.plan.blocked
    assert node.http("GET", "global-parameters", parameter_name(kept, vhost))["value"]["protected"] == []
    assert shop.apply("owns: [nothing]\n", prune=True).exit_code == 0
    assert node.http("GET", "queues", vhost) == []


def test_an_apply_with_nothing_else_to_do_still_writes_what_differs(
    node: Node, vhost: str, kept: str, tmp_path: Path
) -> None:
    shop = Shop(target(node, "http", ""), vhost, tmp_path)
    text = "queues: {q: {type: classic}}\n"
    assert shop.apply(text).noted is None
    shop.target = target(node, "http", kept)
    second, third = shop.apply(text), shop.apply(text)
    assert (second.plan.empty, second.noted and second.noted.status) == (True, "written")
    assert (third.plan.empty, third.noted and third.noted.status) == (True, "unchanged")


def test_what_two_projects_own_is_no_stray_of_either(node: Node, vhost: str, kept: str, tmp_path: Path) -> None:
    one, other = (Shop(target(node, "http", name), vhost, tmp_path) for name in (kept, f"{kept}-two"))
    one.apply("queues: {shared: {type: classic}, own: {type: classic}, tmp: {type: classic}}\n")
    other.apply("queues: {shared: {type: classic}}\n")
    strays = [row.change for row in one.plan("ignore: [tmp]\n").left_alone]
    assert [stray.key.name for stray in strays if isinstance(stray, Delete)] == ["own"]
    assert other.plan("queues: {shared: {type: classic}}\n").left_alone == ()


def test_who_may_not_read_it_is_told_and_writes_nothing(node: Node, vhost: str, kept: str, tmp_path: Path) -> None:
    login = {"Authorization": "Basic " + base64.b64encode(f"{kept}:{kept}".encode()).decode()}
    node.http("PUT", "users", kept, body={"password": kept, "tags": "management"})
    node.http("PUT", "permissions", vhost, kept, body={"configure": ".*", "write": ".*", "read": ".*"})
    try:
        for road in ROADS:
            plain = target(node, road, kept)
            shop = Shop(Target(plain.broker, plain.amqp, kept, kept, project=kept), vhost, tmp_path)
            gap = shop.plan("queues: {q: {type: classic}}\n").facts.inventory
            assert gap is not None
            assert "policymaker" in gap.gap
            with pytest.raises(Refusal, match="policymaker"):
                shop.apply("queues: {q: {type: classic}}\n")
            assert node.http("GET", "queues", vhost) == []
        broker = connect_target(Target(node.broker_url, username=kept, password=kept, project=kept))
        with pytest.raises(AccessRefused, match="could not be written"):
            broker.remember(Inventory(kept), [vhost])
        broker.close()
        # The tag policymaker is what it takes, and no permission on a vhost.
        node.http("PUT", "users", kept, body={"password": kept, "tags": "policymaker"})
        node.http("DELETE", "permissions", vhost, kept)
        line = HTTPConnection(urlsplit(node.broker_url).netloc, timeout=30)
        path = "/api/global-parameters/" + quote(parameter_name(kept, vhost), safe="")
        line.request("PUT", path, json.dumps({"value": {}}), login)
        assert line.getresponse().status == 201
        line.close()
    finally:
        node.http("DELETE", "users", kept)


def test_over_amqp_alone_it_is_neither_seen_nor_written(node: Node, vhost: str, kept: str, tmp_path: Path) -> None:
    shop = Shop(Target(amqp=node.amqp_url, project=kept), vhost, tmp_path)
    report = shop.apply("queues: {q: {type: classic}}\n")
    assert report.exit_code == 0
    assert report.noted is not None
    assert (report.noted.status, report.noted.reason) == ("unseen", "AMQP alone does not show it")
    names = [item["name"] for item in node.http("GET", "global-parameters")]
    assert parameter_name(kept, vhost) not in names


def test_what_is_no_inventory_is_overlooked_by_no_apply(node: Node, vhost: str, kept: str, tmp_path: Path) -> None:
    node.http("PUT", "global-parameters", parameter_name(kept, vhost), body={"value": {"format": 2}})
    shop = Shop(target(node, "http", kept), vhost, tmp_path)
    with pytest.raises(Refusal, match="is no inventory that this version can read"):
        shop.apply("queues: {q: {type: classic}}\n")


def test_who_lost_the_lock_writes_no_inventory(node: Node, vhost: str, kept: str) -> None:
    noted = Inventory(kept, frozenset({Queue(vhost, "q").key}))
    with Relay(node.amqp_url) as line:
        broker = connect_target(Target(node.broker_url, line.url, project=kept))
        broker.observe(Topology.naming(vhost))
        assert broker.lock([vhost], Wait(5.0)) == ""
        line.cut()
        with pytest.raises(LockLost):
            broker.remember(noted, [vhost])
        broker.close()
    assert parameter_name(kept, vhost) not in [item["name"] for item in node.http("GET", "global-parameters")]
