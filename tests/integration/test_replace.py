"""An exchange or an idle queue in the place of another: every binding comes back, or nothing was changed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import amqp
import pytest

from rabbit_topo import Consent, TopoError, connect
from rabbit_topo.broker.lock import Wait
from rabbit_topo.model import Exchange, Kind, temporary_name
from rabbit_topo.plan.journal import journal
from tests.integration.test_drift import command
from tests.proxy import Fault, Proxy
from tests.replacing import REPLACE, Gap, Shop, channel, deletion, notes, reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.brokers import Node
    from tests.proxy import Way
    from tests.replacing import Bound

CHANGES = {
    "direct": "type: direct, durable: false",
    "topic": "type: topic, alternate_exchange: aside",
    "fanout": "type: fanout, internal: true",
    "headers": "type: direct",
}


@pytest.fixture
def shop(node: Node, vhost: str, tmp_path: Path) -> Shop:
    return Shop(node, vhost, tmp_path)


def surround(shop: Shop, kind: str, name: str = "x") -> None:
    """Bind ten ways out of an exchange, and ten into it, by HTTP and by py-amqp."""
    shop.exchange(name, kind)
    shop.exchange("aside", "fanout")
    for number in range(3):
        shop.exchange(f"in{number}", ("topic", "headers", "direct")[number])
        shop.exchange(f"out{number}", "fanout")
        shop.bind(name, f"out{number}", "orders.*", to="e", n=number)
        for key in ("a", "b"):
            shop.bind(f"in{number}", name, key, to="e")
    for number in range(5):
        shop.queue(f"q{number}")
        extra: dict[str, Any] = {"x-match": "any", "n": number} if kind == "headers" else {}
        shop.bind(name, f"q{number}", f"k{number}", **extra)
    shop.bind(name, name, "self", to="e")
    with channel(shop.node, shop.vhost) as their:
        for number in (1, 2**40):
            arguments = {"x-match": "all", "n": number, "deep": {"list": [number, "é"]}}
            their.exchange_bind(name, "in1", "", arguments=arguments)
            shop.bind("in1", name, "", to="e", **arguments)
            their.queue_bind("q0", name, f"wide{number}", arguments={"n": number})
        unnamed = their.queue_declare("", durable=True, exclusive=False, auto_delete=False).queue
        their.queue_bind(unnamed, name, "unnamed")
        their.queue_bind(unnamed, name, "void", arguments={"x-match": "any", "nothing": None})


@pytest.mark.parametrize("kind", CHANGES)
def test_all_bindings_of_an_exchange_come_back(shop: Shop, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    surround(shop, kind)
    before = shop.bindings()
    around = [it for it in before if "x" in (it[0], it[2])]
    assert len([it for it in around if it[0] == "x"]) >= 10
    assert len([it for it in around if it[2] == "x"]) >= 9
    text = f"exchanges: {{x: {{{CHANGES[kind]}, open_bindings: true}}}}"
    report, _ = shop.apply(text)
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    [note] = notes(report)
    assert f"{len(around)} bindings are back" in note
    assert ("404 for" in note, "unroutable for" in note) == (True, True)
    assert shop.bindings() == before
    assert not [name for name in shop.names() if name.startswith("rabbit-topo")]
    report, plan = shop.apply(text)
    assert plan.empty
    with capsys.disabled():
        sys.stdout.write(f"\n    {shop.node.label} {kind}: {note}\n")


def test_over_http_alone_they_come_back_too(shop: Shop) -> None:
    surround(shop, "topic")
    shop.node.http("DELETE", "queues", shop.vhost, next(name for name in _server_named(shop)))
    before = shop.bindings()
    report, _ = shop.apply("exchanges: {x: {type: topic, internal: true, open_bindings: true}}", "http")
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    assert "19 bindings are back" in notes(report)[0]
    assert (shop.bindings(), _temporary(shop)) == (before, set())


@pytest.mark.parametrize("road", ["http", "both"])
def test_exchanges_that_vanish_with_it_come_back(shop: Shop, road: str) -> None:
    shop.exchange("x", "topic")
    shop.exchange("far", "topic")
    for name, after in (("auto1", "x"), ("auto2", "auto1")):
        shop.exchange(name, "topic", auto_delete=True, arguments={"alternate-exchange": "far"})
        shop.bind(name, after, "#", to="e")
    shop.bind("far", "auto2", "far.#", to="e")
    shop.queue("q")
    shop.bind("x", "q", "k")
    before = shop.bindings()
    report, _ = shop.apply("exchanges: {x: {type: fanout, open_bindings: true}}", road)
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    assert (shop.bindings(), _temporary(shop)) == (before, set())
    assert shop.read("exchanges", "auto2")["arguments"] == {"alternate-exchange": "far"}


ARGUMENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "to_quorum": ("classic", {}, "type: quorum"),
    "to_classic": ("quorum", {"x-delivery-limit": 3}, "type: classic"),
    "ttl": ("classic", {}, "type: classic, message_ttl: 1h"),
    "length": ("classic", {"x-max-length": 5}, "type: classic, max_length: 6"),
    "bytes": ("quorum", {}, "type: quorum, max_length_bytes: 1MiB"),
    "overflow": ("classic", {"x-max-length": 5}, "type: classic, max_length: 5, overflow: reject-publish"),
    "dead": ("classic", {}, "type: classic, dead_letter: {exchange: x, routing_key: dead}"),
    "expires": ("classic", {"x-expires": 600_000}, "type: classic, expires: 30m"),
    "priority": ("classic", {}, "type: classic, max_priority: 5"),
    "single": ("quorum", {}, "type: quorum, single_active_consumer: true"),
    "limit": ("quorum", {"x-delivery-limit": 3}, "type: quorum, delivery_limit: 4"),
    "auto": ("classic", {}, "type: classic, auto_delete: true"),
    "unknown": ("classic", {"x-mine": 1}, "type: classic, arguments: {x-mine: 2}"),
}


@pytest.mark.parametrize("road", ["http", "both"])
def test_idle_queues_are_replaced(shop: Shop, road: str) -> None:
    shop.exchange("x", "topic")
    cases = {name: it for name, it in ARGUMENTS.items() if road == "both" or it[0] == "classic"}
    for name, (kind, arguments, _) in cases.items():
        shop.queue(name, kind, **arguments)
        shop.bind("x", name, f"{name}.#")
        shop.bind("x", name, "wide", n=1)
    before = shop.bindings()
    lines = [f"  {name}: {{{text}, open_bindings: true}}" for name, (_, _, text) in cases.items()]
    text = "\n".join(["exchanges: {x: {type: topic}}", "queues:", *lines])
    report, _ = shop.apply(text, road, consent=Consent(allow=REPLACE.allow, max_delete=100))
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    assert all("2 bindings are back" in note for note in notes(report))
    assert (len(notes(report)), shop.bindings(), _temporary(shop)) == (len(cases), before, set())


@pytest.mark.parametrize("kind", ["classic", "quorum"])
@pytest.mark.parametrize("late", ["message", "unacknowledged", "consumer"])
def test_a_queue_that_is_used_since_the_plan_stays(shop: Shop, kind: str, late: str) -> None:
    shop.exchange("x", "topic")
    shop.queue("q", kind)
    shop.bind("x", "q", "k")
    before = shop.bindings(), shop.read("queues", "q")
    with channel(shop.node, shop.vhost) as their:

        def use() -> None:
            if late != "consumer":
                their.basic_publish_confirm(amqp.Message("hello", delivery_mode=2), routing_key="q")
            if late == "unacknowledged":
                assert their.basic_get("q") is not None
            if late == "consumer":
                their.basic_consume("q")

        report, _ = shop.apply("queues: {q: {type: classic, max_length: 3, open_bindings: true}}", between=use)
        assert report.exit_code in (1, 6)
        assert not report.done
        assert (shop.bindings(), shop.read("queues", "q"), _temporary(shop)) == (*before, set())
        words = {"message": "1 ready", "unacknowledged": "1 unack|1 consumer", "consumer": "consumer|in use"}[late]
        assert re.search(words, reasons(report)), reasons(report)


@pytest.mark.parametrize("what", ["binding", "around", "properties", "gone"])
def test_what_changed_since_the_plan_is_not_replaced(shop: Shop, what: str) -> None:
    surround(shop, "topic")
    shop.exchange("auto", "fanout", auto_delete=True)
    shop.bind("auto", "x", to="e")

    def change() -> None:
        if what == "binding":
            shop.bind("x", "q0", "late")
        if what == "around":
            shop.bind("auto", "q1", "late")
        if what in ("properties", "gone"):
            shop.node.http("DELETE", "exchanges", shop.vhost, "x")
        if what == "properties":
            shop.exchange("x", "direct")
        seen.append((shop.bindings(), shop.read("exchanges", "x")))

    seen: list[object] = []
    report, _ = shop.apply("exchanges: {x: {type: fanout, open_bindings: true}}", between=change)
    assert "since the plan" in reasons(report) or "saw it" in reasons(report), reasons(report)
    assert [(shop.bindings(), shop.read("exchanges", "x"))] == seen
    assert _temporary(shop) == set()


def test_a_binding_into_an_exclusive_queue_blocks(shop: Shop) -> None:
    shop.exchange("x", "topic")
    with channel(shop.node, shop.vhost) as their:
        name = their.queue_declare("theirs", exclusive=True).queue
        their.queue_bind(name, "x", "k")
        (shop.folder / "shop.yaml").write_text("version: 1\nexchanges: {x: {type: fanout}}\n")
        words = [str(shop.folder / "shop.yaml"), "--vhost", shop.vhost, "--allow", "replace"]
        urls = ["--broker", shop.node.broker_url, "--amqp", shop.node.amqp_url]
        code, out = command("apply", "--yes", *words, *urls)
    assert (code, "exclusive queue theirs" in out) == (5, True), out
    assert shop.read("exchanges", "x")["type"] == "topic"


@pytest.mark.parametrize("road", ["http", "both"])
@pytest.mark.parametrize(
    "case",
    [
        ("topic", "no.number", {}, "type: x-consistent-hash"),
        ("direct", "", {"x-match": "most"}, "type: headers"),
        ("fanout", "#.a.#.b.#", {}, "type: topic"),
        ("topic", "1", {}, "type: x-consistent-hash, arguments: {hash-header: a, hash-property: message_id}"),
    ],
)
def test_what_the_new_one_would_not_take_is_found_before(
    shop: Shop, road: str, case: tuple[str, str, dict[str, Any], str]
) -> None:
    kind, key, arguments, to = case
    if "topic" in to and shop.node.label != "4.3":
        pytest.skip("takes any number of #")
    surround(shop, kind)
    if road == "http":
        shop.node.http("DELETE", "queues", shop.vhost, next(name for name in _server_named(shop)))
    shop.bind("x", "q0", key, **arguments)
    before = shop.bindings(), shop.read("exchanges", "x")
    report, _ = shop.apply(f"exchanges: {{x: {{{to}, open_bindings: true}}}}", road)
    assert (report.exit_code, "would not take" in reasons(report)) == (1, True), reasons(report)
    assert (shop.bindings(), shop.read("exchanges", "x"), _temporary(shop)) == (*before, set())


@pytest.mark.parametrize(("limit", "words"), [(1, "its journal"), (2, "would not take the new queue")])
def test_a_queue_that_the_broker_would_not_take_stays(shop: Shop, limit: int, words: str) -> None:
    shop.queue("q")
    shop.node.http("PUT", "vhost-limits", shop.vhost, "max-queues", body={"value": limit})
    report, _ = shop.apply("queues: {q: {type: classic, direct: true, max_length: 5}}")
    assert (report.exit_code, words in reasons(report)) == (1, True), reasons(report)
    assert "limit" in reasons(report)
    assert (shop.names(), shop.read("queues", "q")["arguments"].get("x-max-length")) == ({"q"}, None)


def _temporary(shop: Shop) -> set[str]:
    return {name for name in shop.names() if name.startswith("rabbit-topo")}


def _server_named(shop: Shop) -> list[str]:
    listed = shop.node.http("GET", "queues", shop.vhost, query="disable_stats=true&columns=name")
    return [it["name"] for it in listed if it["name"].startswith("amq.")]


@pytest.mark.parametrize("kind", ["exchanges", "queues"])
def test_somebody_makes_the_old_one_again_in_the_gap(shop: Shop, kind: str) -> None:
    surround(shop, "topic")
    before = shop.bindings()
    name, method = ("x", deletion("exchange", "x")) if kind == "exchanges" else ("q0", deletion("queue", "q0"))

    def again() -> None:
        _until(lambda: name not in shop.names())
        while name not in shop.names():  # a declare in the middle of a deletion is answered, and ignored
            shop.exchange("x", "topic") if kind == "exchanges" else shop.queue("q0")

    text = "exchanges: {x: {type: fanout, open_bindings: true}}"
    if kind == "queues":
        text = "queues: {q0: {type: classic, max_length: 3, open_bindings: true}}"
    with Gap(shop.node.amqp_url, method, again) as line:
        report, _ = shop.apply(text, broker=shop.connect(amqp=line.url))
        assert line.strikes == 1
    assert (report.exit_code, "somebody declared it again" in reasons(report)) == (6, True), reasons(report)
    assert "apply again" in reasons(report)
    assert len(_temporary(shop)) == 1
    report, plan = shop.apply(text)
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    assert [len(wave) for wave in plan.waves] == [1, 1]  # what was begun is finished, and then it is replaced
    assert (shop.bindings(), _temporary(shop)) == (before, set())
    assert shop.apply(text)[1].empty


def test_what_others_do_in_the_gap_is_seen(shop: Shop) -> None:
    surround(shop, "topic")
    before = shop.bindings()
    gone = lambda: shop.node.http("DELETE", "queues", shop.vhost, "q1")  # noqa: E731
    with Gap(shop.node.amqp_url, deletion("exchange", "x"), gone) as line:
        report, _ = shop.apply(
            "exchanges: {x: {type: fanout, open_bindings: true}}", broker=shop.connect(amqp=line.url)
        )
        assert line.strikes == 1
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    assert "20 bindings are back; 1 not" in notes(report)[0]
    assert (shop.bindings(), _temporary(shop)) == ({it for it in before if it[2] != "q1"}, set())


def _until(condition: Callable[[], bool], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline


TARGETS = {
    "exchange": "exchanges: {x: {type: fanout, open_bindings: true}}",
    "queue": "queues: {q0: {type: quorum}}",  # bindings of others are stale, and come back all the same
}
DRAWS = int(os.environ.get("RABBIT_TOPO_FAULTS", "2"))


def _surrounded(shop: Shop) -> set[Bound]:
    surround(shop, "topic")
    shop.exchange("auto", "topic", auto_delete=True)
    shop.bind("auto", "x", "#", to="e")
    shop.exchange("lone", "topic", auto_delete=True)
    shop.bind("lone", "q0", "#")
    shop.bind("in0", "lone", "#", to="e")
    return shop.bindings()


@contextmanager
def _measured(shop: Shop, text: str) -> Iterator[dict[tuple[str, Way], int]]:
    """Count the bytes of a whole run on each line and way, then put everything back."""
    with Proxy(shop.node.broker_url) as http, Proxy(shop.node.amqp_url) as amqp_line:
        report, _ = shop.apply(text, broker=shop.connect(http=http.url, amqp=amqp_line.url))
        assert report.exit_code == 0, reasons(report)
    lines = {"http": http, "amqp": amqp_line}
    yield {(name, way): line.passed[way] for name, line in lines.items() for way in ("up", "down")}


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_line_breaks_the_bindings_come_back(shop: Shop, target: str) -> None:
    text = TARGETS[target]
    before = _surrounded(shop)
    dice = random.Random(f"{target} {shop.node.label}")  # noqa: S311 - a test's dice
    with _measured(shop, text) as reach:
        pass
    assert shop.bindings() == before
    for _ in range(DRAWS):
        _put_back(shop, target, before)
        which: Literal["http", "amqp"] = dice.choice(("http", "amqp", "amqp"))
        way: Way = dice.choice(("up", "down"))
        fault = Fault(dice.choice(("reset", "close")), way, dice.randrange(reach[which, way]))
        url = shop.node.broker_url if which == "http" else shop.node.amqp_url
        with Proxy(url, fault) as line:
            broker = shop.connect(**{which: line.url}, timeout=3)
            with suppress(TopoError):
                shop.apply(text, broker=broker)
        _finish(shop, text, before, f"{which} {fault}")


def _put_back(shop: Shop, target: str, before: set[Bound]) -> None:
    undo = {
        "exchange": TARGETS["exchange"].replace("fanout", "topic"),
        "queue": TARGETS["queue"].replace("quorum", "classic"),
    }
    report, _ = shop.apply(undo[target])
    assert report.exit_code == 0, reasons(report)
    assert shop.bindings() == before


def _finish(shop: Shop, text: str, before: set[Bound], told: str) -> None:
    """Apply until nothing is left to do, twice at most; everything is there then."""
    report, _ = shop.apply(text)
    assert report.exit_code == 0, f"{told}: {reasons(report)}"
    assert (shop.bindings(), _temporary(shop)) == (before, set()), told
    assert shop.apply(text)[1].empty, told


def _ended(line: Proxy, process: subprocess.Popen[bytes]) -> bool:
    return bool(line.strikes) or process.poll() is not None


@pytest.mark.parametrize("target", TARGETS)
def test_whenever_it_is_killed_the_next_run_finishes(shop: Shop, target: str) -> None:
    text = TARGETS[target]
    before = _surrounded(shop)
    dice = random.Random(f"{target} {shop.node.label}")  # noqa: S311 - a test's dice
    with _measured(shop, text) as reach:
        pass
    for _ in range(DRAWS):
        _put_back(shop, target, before)
        which = dice.choice(("http", "amqp", "amqp"))
        way: Way = dice.choice(("up", "down"))
        url = shop.node.broker_url if which == "http" else shop.node.amqp_url
        fault = Fault("stall", way, dice.randrange(reach[which, way]))
        with Proxy(url, fault) as line:
            urls = {"http": shop.node.broker_url, "amqp": shop.node.amqp_url, which: line.url}
            words = ["apply", "--yes", "--allow", "replace", "--vhost", shop.vhost, str(shop.folder / "shop.yaml")]
            (shop.folder / "shop.yaml").write_text(f"version: 1\n{text}\n")
            process = subprocess.Popen(
                [sys.executable, "-m", "rabbit_topo", *words, "--broker", urls["http"], "--amqp", urls["amqp"]],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                _until(partial(_ended, line, process))
            finally:
                process.kill()
                process.wait()
        _finish(shop, text, before, f"{which} {fault}")


class Publisher(threading.Thread):
    """Publishes numbered messages with confirms and `mandatory` until it is stopped, and knows what became of each."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.confirmed: set[int] = set()
        self.returned: set[int] = set()
        self.refused: set[int] = set()
        self.over = threading.Event()

    def run(self) -> None:
        with channel(self.shop.node, self.shop.vhost) as first:
            current, number = self._ready(first.connection), 0
            while not self.over.is_set():
                number += 1
                try:
                    current.basic_publish_confirm(amqp.Message(str(number)), "x", "k", mandatory=True)
                except amqp.NotFound:
                    self.refused.add(number)
                    current = self._ready(first.connection)
                else:
                    self.confirmed.add(number)

    def go_on(self) -> None:
        """Wait until some more messages are confirmed."""
        before = len(self.confirmed)
        _until(lambda: len(self.confirmed) > before + 20)

    def _ready(self, connection: amqp.Connection) -> amqp.Channel:
        ready = connection.channel()
        ready.events["basic_return"].add(lambda *told: self.returned.add(int(told[-1].body)))
        return ready


def test_publishers_hear_of_every_message_that_finds_no_way(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    surround(shop, "topic")
    shop.queue("target")
    shop.bind("x", "target", "k")
    publisher = Publisher(shop)
    publisher.start()
    told = []
    try:
        for kind in ("direct", "topic", "direct"):
            publisher.go_on()
            report, _ = shop.apply(f"exchanges: {{x: {{type: {kind}, open_bindings: true}}}}")
            assert report.exit_code == 0, reasons(report)
            told += notes(report)
        publisher.go_on()
    finally:
        publisher.over.set()
        publisher.join()
    with channel(shop.node, shop.vhost) as reader:
        arrived = set()
        while message := reader.basic_get("target", no_ack=True):
            arrived.add(int(message.body))
    assert arrived == publisher.confirmed - publisher.returned
    assert not arrived & publisher.refused
    with capsys.disabled():
        lost = f"{len(publisher.refused)} times 404, {len(publisher.returned)} returned of {len(publisher.confirmed)}"
        sys.stdout.write(f"\n    {shop.node.label} publishing meanwhile: {lost}; {told}\n")


@contextmanager
def _user(shop: Shop, rights: dict[str, str]) -> Iterator[str]:
    name = f"u{shop.vhost}"
    shop.node.http("PUT", "users", name, body={"password": "secret", "tags": "management"})
    shop.node.http("PUT", "permissions", shop.vhost, name, body=rights)
    try:
        yield name
    finally:
        shop.node.http("DELETE", "users", name)


MAY = {"configure": ".*", "write": ".*", "read": ".*"}


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"configure": "^x$"}, "configure, write and read on names"),
        ({"configure": "^rabbit-topo"}, "configure on exchange 'x'"),
        ({"write": "^(?!q3$)"}, "write on queue 'q3'"),
        ({"read": "^(?!in1$)"}, "read on exchange 'in1'"),
    ],
)
def test_who_may_not_do_it_changes_nothing(shop: Shop, rights: dict[str, str], words: str) -> None:
    before = _surrounded(shop), shop.read("exchanges", "x")
    with _user(shop, MAY | rights) as name:
        http, line = (url.replace("guest:guest@", "") for url in (shop.node.broker_url, shop.node.amqp_url))
        broker = connect(http, amqp=line, username=name, password="secret")
        report, _ = shop.apply("exchanges: {x: {type: fanout, open_bindings: true}}", broker=broker)
    assert (report.exit_code, words in reasons(report)) == (1, True), reasons(report)
    assert (shop.bindings(), shop.read("exchanges", "x"), _temporary(shop)) == (*before, set())


def test_a_journal_that_a_policy_would_expire_is_none(shop: Shop) -> None:
    surround(shop, "topic")
    body = {"pattern": ".*", "apply-to": "queues", "definition": {"expires": 60_000}}
    shop.node.http("PUT", "policies", shop.vhost, "short", body=body)
    report, _ = shop.apply("exchanges: {x: {type: fanout, open_bindings: true}}")
    assert (report.exit_code, "'short' would let its journal" in reasons(report)) == (1, True), reasons(report)
    assert (shop.read("exchanges", "x")["type"], _temporary(shop)) == ("topic", set())


def test_another_journal_is_not_overwritten(shop: Shop) -> None:
    surround(shop, "topic")

    def lay() -> None:
        other = journal(Exchange(shop.vhost, "x", "headers"), [])
        shop.queue(other.name, **other.arguments)

    report, _ = shop.apply("exchanges: {x: {type: fanout, open_bindings: true}}", between=lay)
    assert (report.exit_code, "journal of another" in reasons(report)) == (6, True), reasons(report)
    assert (shop.read("exchanges", "x")["type"], len(_temporary(shop))) == ("topic", 1)


def test_a_large_journal(shop: Shop) -> None:
    shop.exchange("x", "topic")
    shop.queue("q")
    with channel(shop.node, shop.vhost) as their:
        for number in range(500):
            their.queue_bind("q", "x", f"{number}.{'k' * 220}", nowait=True)
        their.queue_bind("q", "x", "last")
    before = shop.bindings()
    report, _ = shop.apply("exchanges: {x: {type: direct, open_bindings: true}}")
    assert report.exit_code == 0, reasons(report)
    assert (len(before), shop.bindings(), _temporary(shop)) == (501, before, set())


@pytest.mark.parametrize("method", ["exchange", "trial"])
def test_a_signal_lets_the_replacement_end(shop: Shop, method: str) -> None:
    surround(shop, "topic")
    before = shop.bindings()
    (shop.folder / "shop.yaml").write_text("version: 1\nexchanges: {x: {type: fanout, open_bindings: true}}\n")
    names = {"exchange": "x", "trial": temporary_name("trial", Kind.EXCHANGE, "x")}
    running: list[subprocess.Popen[bytes]] = []

    def stop() -> None:
        running[0].send_signal(signal.SIGTERM)
        time.sleep(0.2)  # it is not known when a signal is heard

    with Gap(shop.node.amqp_url, deletion("exchange", names[method]), stop) as line:
        words = ["apply", "--yes", "--allow", "replace", "--vhost", shop.vhost, "shop.yaml"]
        urls = ["--broker", shop.node.broker_url, "--amqp", line.url]
        command = [sys.executable, "-m", "rabbit_topo", *words, *urls, "--format", "json=report.json", "--quiet"]
        running.append(subprocess.Popen(command, cwd=shop.folder, stderr=subprocess.DEVNULL))
        try:
            assert running[0].wait(60) == 143
        finally:
            running[0].kill()
            running[0].wait()
    [outcome] = json.loads((shop.folder / "report.json").read_text())["outcomes"]
    expected = ("done", "fanout") if method == "exchange" else ("not_attempted", "topic")
    assert (outcome["outcome"], shop.read("exchanges", "x")["type"]) == expected, outcome
    assert (shop.bindings(), _temporary(shop)) == (before, set())


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_a_line_that_breaks_behind_the_deletion_is_made_anew(shop: Shop, target: str, *, locked: bool) -> None:
    before = _surrounded(shop)
    start = deletion("exchange", "x") if target == "exchange" else deletion("queue", "q0")
    with Gap(shop.node.amqp_url, start, None) as line:
        broker = shop.connect(amqp=line.url)
        if locked:
            broker.lock([shop.vhost], Wait())
        report, _ = shop.apply(TARGETS[target], broker=broker)
        assert line.strikes == 1
    assert (report.exit_code, shop.bindings(), _temporary(shop)) == (0, before, set()), reasons(report)
    assert shop.apply(TARGETS[target])[1].empty


def test_over_http_alone_a_line_that_breaks_loses_nothing(shop: Shop) -> None:
    _surrounded(shop)
    shop.node.http("DELETE", "queues", shop.vhost, _server_named(shop)[0])
    before = shop.bindings()
    text, undo = TARGETS["exchange"], TARGETS["exchange"].replace("fanout", "topic")
    dice = random.Random(shop.node.label)  # noqa: S311 - a test's dice
    with Proxy(shop.node.broker_url) as line:
        assert shop.apply(text, broker=shop.connect("http", line.url))[0].exit_code == 0
    for _ in range(DRAWS):
        assert shop.apply(undo, "http")[0].exit_code == 0
        way: Way = dice.choice(("up", "down"))
        fault = Fault(dice.choice(("reset", "close")), way, dice.randrange(line.passed[way]), gone=True)
        with Proxy(shop.node.broker_url, fault) as broken, suppress(TopoError):
            shop.apply(text, broker=shop.connect("http", broken.url, timeout=3))
        _finish(shop, text, before, f"http {fault}")
