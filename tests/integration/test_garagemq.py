"""A broker that is not RabbitMQ: what it refuses or answers oddly is reported. See docs/other-brokers.md."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rabbit_topo import connect, diff, load, make_plan
from rabbit_topo.apply import apply
from rabbit_topo.broker.diagnosis import diagnose
from rabbit_topo.broker.target import Target
from rabbit_topo.diff import Create, Unseen
from rabbit_topo.errors import LoginRefused, Unreachable
from rabbit_topo.model import Key, Kind, Topology, Vhost
from rabbit_topo.report.doctor_findings import findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.broker import Broker
    from rabbit_topo.plan import Failed, NotAttempted, Plan, Report

CONFIG = """\
proto: amqp-rabbit
users: [{{username: guest, password: 084e0343a0486ff05530df6c705c8bb4}}]
tcp: {{ip: 127.0.0.1, port: {amqp}, nodelay: false, readBufSize: 196608, writeBufSize: 196608}}
admin: {{ip: 127.0.0.1, port: {admin}}}
queue: {{shardSize: 8192, maxMessagesInRam: 131072}}
db: {{defaultPath: {folder}/db, engine: badger}}
vhost: {{defaultPath: /}}
security: {{passwordCheck: md5}}
connection: {{channelsMax: 4096, frameMaxSize: 65536}}
"""
FILES = """\
version: 1
exchanges:
  shop.orders: {type: topic}
  shop.all: {type: fanout, bindings: [{exchange: shop.orders, routing_key: "#"}]}
  shop.documents: {type: headers, internal: true, alternate_exchange: shop.all}
  shop.hashed: {type: x-consistent-hash}
queues:
  shop.created:
    type: classic
    max_length: 5
    bindings:
      - {exchange: shop.orders, routing_key: order.created}
      - {exchange: shop.documents, match: all, headers: {format: pdf, version: 1}}
  shop.quorum: {type: quorum, bindings: [{exchange: shop.hashed, routing_key: "1"}]}
policies:
  shop-limits: {pattern: "^shop", apply_to: queues, definition: {max_length: 9}}
absent: {queues: [shop.old]}
"""
SECONDS = 20.0


@pytest.fixture
def garagemq(tmp_path: Path) -> Iterator[str]:
    """Start one on loopback; its AMQP URL."""
    program = shutil.which("garagemq")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("garagemq is not installed: scripts/brokers does it")
        pytest.skip("garagemq is not installed")
    amqp, admin = _free_ports()
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(amqp=amqp, admin=admin, folder=tmp_path))
    with (tmp_path / "log").open("wb") as log, _running([program, "--config", str(config)], log.fileno(), amqp):
        yield f"amqp://127.0.0.1:{amqp}"


@contextmanager
def _running(command: list[str], log: int, port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
                continue
            yield
            return
        pytest.fail(f"garagemq does not answer (code {process.returncode})")
    finally:
        process.kill()
        process.wait()


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], other.getsockname()[1]]


def _declared(folder: Path, text: str) -> Topology:
    (folder / "topology.yaml").write_text(text)
    return load(folder / "topology.yaml")


def _apply(broker: Broker, declared: Topology) -> tuple[Plan, Report]:
    observed = broker.observe(declared)
    plan = make_plan(diff(observed, declared), observed, declared)
    return plan, apply(plan, broker, partial=bool(plan.blocked))


def test_a_topology_is_declared_and_what_cannot_be_is_told(garagemq: str, tmp_path: Path) -> None:
    declared = _declared(tmp_path, FILES)
    broker = connect(amqp=garagemq)
    plan, report = _apply(broker, declared)
    assert [blocked.change.key.kind for blocked in plan.blocked] == [Kind.POLICY]
    undone: list[Failed | NotAttempted] = [*report.failed, *report.not_attempted]
    told = {(outcome.operation.key.kind, outcome.operation.key.name): outcome.reason for outcome in undone}
    assert told.keys() == {
        (Kind.EXCHANGE, "shop.hashed"),
        (Kind.BINDING, "shop.hashed"),
        (Kind.BINDING, "shop.orders"),  # to an exchange
    }
    assert "x-consistent-hash" in told[Kind.EXCHANGE, "shop.hashed"]
    assert "ExchangeBind" in told[Kind.BINDING, "shop.orders"]
    assert report.exit_code == 6

    observed = broker.observe(declared)
    facts = observed.facts
    assert (facts.product, facts.road, facts.lists) == ("garagemq", "passive", False)
    gone = Key("/", Kind.EXCHANGE, "shop.hashed")
    ends = [key for key in declared.resources if key.kind in {Kind.EXCHANGE, Kind.QUEUE}]
    assert {key for key in ends if key not in observed.topology.resources} == {gone}
    assert all(
        facts.unverified[key].paths == ("*",) and "garagemq" in facts.unverified[key].reason for key in {*ends} - {gone}
    )
    changes = diff(observed, declared)
    assert {type(change) for change in changes} == {Create, Unseen}
    broker.close()


def test_looking_creates_nothing(garagemq: str, tmp_path: Path) -> None:
    declared = _declared(tmp_path, FILES)
    broker = connect(amqp=garagemq)
    for _ in range(2):
        assert set(broker.observe(declared).topology.resources) == {Vhost("/").key}
    broker.close()


def test_a_broker_that_dies_of_an_operation_is_told(garagemq: str, tmp_path: Path) -> None:
    """A list among the arguments ends the whole server (garagemq 0.0~git20200204.15e6a9d)."""
    declared = _declared(
        tmp_path, "version: 1\nqueues: {shop.q: {type: classic, direct: true, arguments: {x-list: [1, a]}}}\n"
    )
    broker = connect(amqp=garagemq, timeout=5)
    _, report = _apply(broker, declared)
    assert report.exit_code in {1, 6}
    assert report.unknown
    assert not report.done
    with pytest.raises(Unreachable):
        broker.observe(declared)
    broker.close()


def test_who_is_not_let_in(garagemq: str) -> None:
    missing = connect(amqp=garagemq)
    assert missing.observe(Topology.naming("shop")).facts.vhosts == frozenset()
    missing.close()
    stranger = connect(amqp=garagemq, password="wrong")
    with pytest.raises(LoginRefused, match="login failure"):
        stranger.observe(Topology.naming("/"))
    stranger.close()


def test_doctor_asks_nothing_that_could_create_something_there(garagemq: str, tmp_path: Path) -> None:
    declared = _declared(tmp_path, FILES)
    found = diagnose(Target(amqp=garagemq), declared)
    assert found.exit_code == 0
    assert found.server is not None
    assert found.server.product == "garagemq"
    (rights,) = found.rights
    assert (rights.amqp, rights.source) == ("entered", "unknown")
    assert all(ability.unknown == ability.total > 0 for ability in rights.abilities)
    (finding,) = findings(found)
    assert "this is no RabbitMQ, but garagemq" in finding.message
    broker = connect(amqp=garagemq)
    assert not [key for key in broker.observe(declared).topology.resources if key.kind is not Kind.VHOST]
    broker.close()
