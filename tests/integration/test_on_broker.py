"""Route tests on real brokers: what agrees, what is told where it does not, and that nothing stays behind."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.http import Http
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.load import load
from rabbit_topo.policies import release
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import CaseResult, cases_of, run_case
from rabbit_topo.testing import on_broker as module
from rabbit_topo.testing import trial
from rabbit_topo.testing.on_broker import on_broker
from rabbit_topo.testing.scratch import PREFIX, scratch_vhost
from tests.integration.test_drift import command

if TYPE_CHECKING:
    from rabbit_topo.report.tests_run import OnBroker
    from tests.brokers import Node

TOPOLOGY = Path(__file__).parents[2] / "topology"
PATIENCE = 60.0
QUEUES = 200
HOLDS = """\
version: 1
vhost: here
exchanges:
  shop: {type: topic, alternate_exchange: lost}
  lost: {type: fanout, internal: true}
  docs: {type: headers}
  dead: {type: fanout}
  retry: {type: direct}
  hash: {type: x-consistent-hash}
  theirs: {type: direct, external: true}
  whose: {external: true}
  odd: {type: x-nobody-has-this}
queues:
  paid: {type: quorum, dead_letter: {exchange: dead}, bindings: [{exchange: shop, routing_key: "*.paid"}]}
  all: {type: stream, bindings: [{exchange: shop, routing_key: "order.#"}]}
  lost: {max_length: 5, dead_letter: {exchange: dead}, bindings: [{exchange: lost}]}
  short: {message_ttl: 0s, max_length: 0, bindings: [{exchange: theirs, routing_key: k}]}
  full: {type: quorum, max_length: 0, overflow: reject-publish, bindings: [{exchange: theirs, routing_key: f}]}
  pdf: {single_active_consumer: true, bindings: [{exchange: docs, match: all, headers: {format: pdf, pages: 3}}]}
  any: {bindings: [{exchange: docs, match: any, headers: {format: png, draft: null}}]}
  dead: {type: quorum, bindings: [{exchange: dead}]}
  work: {type: quorum, dead_letter: {exchange: retry, routing_key: wait}, retry: true, direct: true}
  wait:
    message_ttl: 30s
    dead_letter: {exchange: "", routing_key: work}
    retry: true
    bindings: [{exchange: retry, routing_key: wait}]
  one: {bindings: [{exchange: hash, routing_key: "1"}]}
  two: {bindings: [{exchange: hash, routing_key: "1"}]}
  far: {bindings: [{exchange: whose, routing_key: a}, {exchange: odd, routing_key: a}]}
policies:
  dead: {pattern: "^(pdf|any)$", apply_to: queues, priority: 3, definition: {dead-letter-exchange: dead, max-length: 1}}
"""
TESTS = """\
tests:
  - name: a topic
    publish: {exchange: shop, routing_key: order.paid, payload: hello, properties: {expiration: 1ms, timestamp: 5}}
    expect: [all, paid]
    then:
      - {queue: paid, rejected: true, expect: [dead]}
      - {queue: dead, rejected: true, expect: []}
  - name: an alternate exchange
    publish: {exchange: shop, properties: {delivery_mode: persistent, priority: 3, content_type: text/plain}}
    expect: [lost]
    then: {queue: lost, overflow: true, expect: [dead]}
  - name: headers
    publish: {exchange: docs, headers: {format: pdf, pages: 3, draft: false, sizes: [1, a, {b: 1.5}], nothing: null}}
    expect: [any, pdf]
    then: [{queue: pdf, rejected: true, expect: [dead]}, {queue: any, overflow: true, expect_at_least: [dead]}]
  - name: what stays for no time
    publish: {exchange: theirs, routing_key: k, headers: {CC: [f]}, properties: {user_id: somebody}}
    expect: [full, short]
    then: {queue: short, expired: true, expect_unroutable: true}
  - name: round and round
    publish: {exchange: "", routing_key: work}
    expect: [work]
    then:
      - {queue: work, rejected: true, expect: [wait]}
      - {queue: wait, expired: true, expect: [work]}
      - {queue: work, rejected: true, expect: [wait]}
  - name: one of them
    publish: {exchange: hash, routing_key: a}
    expect_one_of: [one, two]
    then: {queue: one, rejected: true, expect: []}
  - name: nobody takes it
    publish: {exchange: docs}
    expect_unroutable: true
"""
OTHERS = """\
tests:
  - {name: wrong, publish: {exchange: shop, routing_key: order.new}, expect: [all, paid]}
  - name: wrong later
    publish: {exchange: shop, routing_key: b.paid}
    expect: [paid]
    then: {queue: paid, rejected: true, expect: [lost]}
  - {name: refused, publish: {exchange: lost}, expect: []}
  - {name: of unknown type, publish: {exchange: whose, routing_key: a}, expect: []}
  - {name: of no type, publish: {exchange: odd, routing_key: a}, expect: []}
  - {name: a stream, publish: {exchange: shop, routing_key: order.x}, then: {queue: all, rejected: true, expect: []}}
  - name: it cannot be full
    publish: {exchange: "", routing_key: work}
    then: [{queue: work, overflow: true, expect: []}]
  - {name: not there, publish: {exchange: "", routing_key: work}, then: {queue: dead, rejected: true, expect: []}}
  - name: twice in a queue that lets nothing stay
    publish: {exchange: retry, routing_key: wait, headers: {CC: [x]}}
    then:
      - {queue: wait, expired: true, expect: [work]}
      - {queue: work, rejected: true, expect: [wait]}
      - {queue: wait, rejected: true, expect: [work]}
"""


def _vhosts(node: Node) -> list[str]:
    return [one["name"] for one in node.http("GET", "vhosts") if one["name"].startswith(PREFIX)]


def _run(node: Node, folder: Path, tests: str) -> tuple[dict[str, CaseResult], OnBroker]:
    (folder / "a.yaml").write_text(HOLDS + tests)
    topology = load(folder / "a.yaml")
    router = Router(topology, node.version)
    results = [run_case(router, case) for case in cases_of(topology)]
    said = on_broker(Target(node.broker_url, node.amqp_url), router, results)
    assert _vhosts(node) == []
    return {result.name: result for result in results}, said


def test_the_broker_agrees(node: Node, tmp_path: Path) -> None:
    results, said = _run(node, tmp_path, TESTS)
    told = dict(zip(results, said.compared.values(), strict=True))
    assert {name: one for name, one in told.items() if not one.passed} == {}
    assert all(result.passed for result in results.values())
    assert {name: one.not_compared for name, one in told.items() if one.not_compared} == {
        "one of them": ("its steps: in which queue the message lies depends on a hash or on chance",)
    }
    assert said.version == node.version
    assert [line.partition(":")[0] for line in said.refused] == ["exchange odd"]
    assert said.left_out == ("exchange whose: nobody says of which type it is",)


def test_what_the_broker_does_not_do_and_what_cannot_be_compared(node: Node, tmp_path: Path) -> None:
    results, said = _run(node, tmp_path, OTHERS)
    told = dict(zip(results, said.compared.values(), strict=True))
    assert all(not one.disagreement for one in told.values())
    assert told["wrong"].problem == "expected all, paid: it does not reach paid"
    assert told["wrong later"].problem == "step 1: expected lost: it does not reach lost; it reaches dead too"
    assert told["refused"].problem.startswith("it refuses the message: ")
    assert "cannot publish to internal exchange 'lost'" in told["refused"].problem
    assert {name: one.not_compared[0] for name, one in told.items() if one.not_compared} == {
        "of unknown type": "it meets what is not on the broker: exchange whose (nobody says of which type it is)",
        "of no type": told["of no type"].not_compared[0],
        "not there": "step 1: the message is not there",
    }
    assert told["of no type"].not_compared[0].startswith("it meets what is not on the broker: exchange odd (")
    assert told["a stream"].problem == "step 1: this cannot happen in all: a stream dead-letters nothing"
    assert told["it cannot be full"].problem == "step 1: this cannot happen in work: the queue has no max-length"
    assert told["twice in a queue that lets nothing stay"].passed


def test_a_disagreement_is_told_as_such(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are made to say something else, as the broker cannot be."""

    def wrong(router: Router, case: Any) -> CaseResult:
        result = run_case(router, case)
        assert result.route
        if case.name == "a topic":
            return replace(result, route=replace(result.route, queues=("all",)))
        if case.name == "round and round":
            first = result.steps[0]
            assert first.dead
            return replace(result, steps=(replace(first, dead=replace(first.dead, queues=("dead",))),))
        if case.name == "nobody takes it":
            return replace(result, route=replace(result.route, refusal="NOT_FOUND"))
        return result

    monkeypatch.setattr(module, "run_case", wrong)
    monkeypatch.setattr(trial, "_PATIENCE", 0.2)
    results, said = _run(node, tmp_path, TESTS)
    told = dict(zip(results, said.compared.values(), strict=True))
    assert told["a topic"].disagreement == "the message lies in all, paid, and by the rules in all"
    assert told["a topic"].problem == ""
    assert told["round and round"].disagreement == "step 1: the messages lie in wait, not in dead"
    assert told["nobody takes it"].disagreement == "it takes the message, and by the rules it refuses it: NOT_FOUND"
    assert Counter(one.passed for one in told.values()) == {True: 4, False: 3}


STREAM = """\
version: 1
vhost: here
exchanges: {dead: {type: fanout}}
queues:
  work: {type: classic, direct: true, dead_letter: {exchange: dead}}
  log: {type: stream, bindings: [{exchange: dead}]}
tests:
  - name: dead
    publish: {exchange: "", routing_key: work}
    then: {queue: work, rejected: true, expect_unroutable: OLD}
"""


def test_dead_letters_to_a_stream_are_compared_where_streams_take_them(node: Node, tmp_path: Path) -> None:
    old = release(node.version) < (3, 12)
    (tmp_path / "a.yaml").write_text(STREAM.replace("OLD", str(old).lower()))
    router = Router(load(tmp_path / "a.yaml"), node.version)
    results = [run_case(router, case) for case in cases_of(router.topology)]
    (said,) = on_broker(Target(node.broker_url, node.amqp_url), router, results).compared.values()
    assert results[0].passed
    assert said.passed, said
    assert [why.partition(",")[0] for why in said.not_compared] == (["step 1: log is a stream"] if old else [])


def test_queues_that_no_case_names_are_looked_at_in_the_end(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules forget a queue in one case; and that takes no look at every queue in every case."""
    text = "version: 1\nexchanges: {e: {type: direct}}\nqueues:\n  other: {bindings: [{exchange: e, routing_key: b}]}\n"
    text += "".join(f"  q{n}: {{bindings: [{{exchange: e, routing_key: a}}]}}\n" for n in range(2))
    text += "".join(f"  r{n}: {{direct: true}}\n" for n in range(40)) + "tests:\n"
    tests = [("other", "b", "other"), *((f"a{n}", "a", "q0") for n in range(10)), ("last", "b", "other")]
    for name, key, queue in tests:
        text += f"  - {{name: {name}, publish: {{exchange: e, routing_key: {key}}}, expect_at_least: [{queue}]}}\n"
    (tmp_path / "a.yaml").write_text(text)
    router = Router(load(tmp_path / "a.yaml"), node.version)
    results = [run_case(router, case) for case in cases_of(router.topology)]
    asked: list[str] = []
    count = trial.Trial._count

    def counted(self: trial.Trial, queue: str) -> int:
        asked.append(queue)
        return count(self, queue)

    monkeypatch.setattr(trial.Trial, "_count", counted)
    target = Target(node.broker_url, node.amqp_url)
    assert all(one.passed for one in on_broker(target, router, results).compared.values())
    assert asked.count("r7") <= 2  # of 12 cases

    def forgets(router: Router, case: Any) -> CaseResult:
        result = run_case(router, case)
        assert result.route
        return replace(result, route=replace(result.route, queues=("q0",))) if case.name == "a4" else result

    monkeypatch.setattr(module, "run_case", forgets)
    monkeypatch.setattr(trial, "_PATIENCE", 0.2)
    said = on_broker(target, router, results).compared
    assert {results[number].name: one.disagreement for number, one in said.items() if one.disagreement} == {
        "a4": "the message lies in q0, q1, and by the rules in q0"
    }


def test_the_example_on_the_command_line(node: Node, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    urls = ["--broker", node.broker_url, "--amqp", node.amqp_url]
    code, said = command("test", str(TOPOLOGY), "--on-broker", *urls, "--format", "text", "--format", f"json={report}")
    assert code == 0, said
    assert "the broker agrees" in said
    document = json.loads(report.read_text())
    assert document["broker"]["version"] == node.version
    assert all(test["broker"]["passed"] and not test["broker"]["not_compared"] for test in document["tests"])
    assert _vhosts(node) == []


def test_a_broker_that_refuses_an_object_or_compares_nothing_does_not_agree(node: Node, tmp_path: Path) -> None:
    urls = ["--broker", node.broker_url, "--amqp", node.amqp_url]
    text = """\
version: 1
exchanges: {e: {type: direct}, odd: {type: x-nobody-has-this}}
queues: {q: {bindings: [{exchange: e, routing_key: k}, {exchange: odd, routing_key: k}]}}
tests:
  - {name: odd, publish: {exchange: odd, routing_key: k}, expect_one_of: [q]}
"""
    (tmp_path / "a.yaml").write_text(text)
    code, said = command("test", str(tmp_path), "--on-broker", *urls)
    assert code == 4
    assert "  refused   exchange odd: " in said
    assert " ".join(said.split()).endswith("; the broker refuses 1 object; nothing was compared on the broker.")
    (tmp_path / "a.yaml").write_text(text + "  - {name: k, publish: {exchange: e, routing_key: k}, expect: [q]}\n")
    code, said = command("test", str(tmp_path), "--on-broker", *urls)
    assert code == 4
    assert " ".join(said.split()).endswith("; the broker refuses 1 object; 1 of 2 compared on the broker.")
    (tmp_path / "a.yaml").write_text(text.replace("x-nobody-has-this", "direct").partition("tests:")[0])
    code, said = command("test", str(tmp_path), "--on-broker", *urls)
    assert code == 4
    assert " ".join(said.split()).endswith("; nothing was compared on the broker.")
    assert _vhosts(node) == []


@pytest.mark.parametrize(("number", "code", "when"), [(signal.SIGINT, 130, "bound"), (signal.SIGTERM, 143, "made")])
def test_an_interrupt_leaves_no_vhost(node: Node, tmp_path: Path, number: signal.Signals, code: int, when: str) -> None:
    """In the middle of making the vhost, and while messages are published there."""
    queues = "".join(f"  q{n}: {{bindings: [{{exchange: e, routing_key: k}}]}}\n" for n in range(QUEUES))
    cases = "".join("      - {routing_key: k, expect_at_least: [q1]}\n" for _ in range(500))
    text = f"version: 1\nexchanges: {{e: {{type: direct}}}}\nqueues:\n{queues}tests:\n"
    (tmp_path / "a.yaml").write_text(f"{text}  - name: many\n    publish: {{exchange: e}}\n    cases:\n{cases}")
    words = [sys.executable, "-m", "rabbit_topo", "test", "a.yaml", "--on-broker"]
    words += ["--broker", node.broker_url, "--amqp", node.amqp_url]

    def reached(made: list[str]) -> bool:
        if not made or when == "made":
            return bool(made)
        with contextlib.suppress(AssertionError):  # it is not quite there yet
            return len(node.http("GET", "exchanges", made[0], "e", "bindings", "source")) == QUEUES
        return False

    def heed() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heed)  # noqa: PLW1509
    try:
        deadline = time.monotonic() + PATIENCE
        while not reached(_vhosts(node)):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(number)
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, told
    assert _vhosts(node) == []


def test_an_interrupted_deletion_is_done_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http(Target(node.broker_url))
    ask, left = http.ask, ["interrupt"]

    def interrupted(method: str, path: str, body: Any = None) -> Any:
        if method == "DELETE" and left:
            left.pop()
            raise KeyboardInterrupt
        return ask(method, path, body)

    monkeypatch.setattr(http, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt), scratch_vhost(http, "guest") as name:
        assert _vhosts(node) == [name]
    assert left == _vhosts(node) == []


def test_a_vhost_that_stays_is_named(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http(Target(node.broker_url))
    ask = http.ask

    def never(method: str, path: str, body: Any = None) -> Any:
        if method == "DELETE":
            raise KeyboardInterrupt
        return ask(method, path, body)

    monkeypatch.setattr(http, "ask", never)
    stays = pytest.raises(BrokerError, match=f"the vhost {PREFIX}.* was made for these tests and stays")
    with stays as caught, scratch_vhost(http, "guest"):
        pass
    (name,) = _vhosts(node)
    assert caught.value.hint == f"delete it: rabbitmqctl delete_vhost {name}"
    node.http("DELETE", "vhosts", name)


def test_a_vhost_of_that_name_is_never_touched(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "0000")
    node.http("PUT", "vhosts", f"{PREFIX}0000", body={})
    try:
        with pytest.raises(Refusal, match="is there already"), scratch_vhost(Http(Target(node.broker_url)), "guest"):
            pytest.fail("it went in")
        assert _vhosts(node) == [f"{PREFIX}0000"]
    finally:
        node.http("DELETE", "vhosts", f"{PREFIX}0000")


def test_what_a_killed_run_left_is_named_and_stays(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.http("PUT", "vhosts", f"{PREFIX}old", body={})
    node.http("PUT", "vhosts", "rabbit-topo.tests", body={})
    try:
        code, _ = command("test", str(TOPOLOGY), "--on-broker", "--broker", node.broker_url, "--amqp", node.amqp_url)
        assert code == 0
        told = capsys.readouterr().err
        assert f"{PREFIX}old is there already" in told
        assert f"delete it: rabbitmqctl delete_vhost {PREFIX}old\n" in told
        assert "rabbit-topo.tests is" not in told
        assert _vhosts(node) == [f"{PREFIX}old"]
    finally:
        node.http("DELETE", "vhosts", f"{PREFIX}old")
        node.http("DELETE", "vhosts", "rabbit-topo.tests")


def test_who_is_no_administrator_is_told_so(node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node.http("PUT", "users", "tester", body={"password": "t", "tags": "monitoring"})
    try:
        (tmp_path / "p").write_text("t")
        login = ["--username", "tester", "--password-file", str(tmp_path / "p")]
        urls = ["--broker", node.broker_url, "--amqp", node.amqp_url]
        code, _ = command("test", str(TOPOLOGY), "--on-broker", *urls, *login)
    finally:
        node.http("DELETE", "users", "tester")
    assert code == 1
    assert "that takes the tag administrator" in capsys.readouterr().err
    assert _vhosts(node) == []


def test_both_urls_are_needed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = command("test", str(TOPOLOGY), "--on-broker", "--broker", node.broker_url)
    assert code == 2
    assert "needs the management URL and the AMQP URL" in capsys.readouterr().err
