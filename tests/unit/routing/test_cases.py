from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.load import load
from rabbit_topo.model import Key, Kind, Origin, Queue, RouteTest, Topology, Vhost
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import Case, CaseResult, cases_of, run_case
from rabbit_topo.routing.expectations import Expectation, expectation_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rabbit_topo.model import Plain

    Run = Callable[[str], list[CaseResult]]

TOPOLOGY = """\
version: 1
exchanges:
  shop: {type: topic}
  inner: {type: fanout, internal: true}
  hashed: {type: x-consistent-hash}
  fan: {type: fanout}
  spread: {type: x-consistent-hash}
  odd: {type: x-odd}
  dead: {type: fanout}
queues:
  paid: {dead_letter: {exchange: dead}, bindings: [{exchange: shop, routing_key: order.paid}]}
  all: {max_length: 9, bindings: [{exchange: shop, routing_key: "order.#"}]}
  one: {dead_letter: {exchange: dead}, bindings: [{exchange: hashed, routing_key: "1"}]}
  two: {bindings: [{exchange: hashed, routing_key: "1"}]}
  odd: {bindings: [{exchange: odd, routing_key: "1"}]}
  first: {bindings: [{exchange: fan}, {exchange: spread, routing_key: "1"}]}
  dead:
    message_ttl: 1s
    dead_letter: {exchange: shop, routing_key: order.late}
    bindings: [{exchange: dead}]
bindings:
  - {exchange: spread, to_exchange: fan, routing_key: "1"}
  - {exchange: fan, to_exchange: hashed}
tests:
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Load the topology above with these tests, and run them."""
    monkeypatch.chdir(tmp_path)

    def results(tests: str) -> list[CaseResult]:
        (tmp_path / "a.yaml").write_text(TOPOLOGY + tests, encoding="utf-8")
        topology = load("a.yaml")
        router = Router(topology)
        return [run_case(router, case) for case in cases_of(topology)]

    return results


def _problem(run: Run, publish: str, expect: str) -> str:
    (result,) = run(f"  - {{name: t, publish: {{{publish}}}, {expect}}}\n")
    assert result.passed is not bool(result.problem)
    return result.problem


PAID = "exchange: shop, routing_key: order.paid"


@pytest.mark.parametrize(
    ("publish", "expect"),
    [
        (PAID, "expect: [paid, all, all]"),
        (PAID, "expect_at_least: [paid]"),
        (PAID, "expect_unroutable: false"),
        ("exchange: shop", "expect_unroutable: true"),
        ("exchange: shop", "expect: []"),
        ("exchange: '', routing_key: paid", "expect_one_of: [paid, all]"),
        ("exchange: hashed", "expect_one_of: [one, two]"),
        ("exchange: hashed", "expect_unroutable: false"),
    ],
)
def test_what_holds(run: Run, publish: str, expect: str) -> None:
    assert _problem(run, publish, expect) == ""


@pytest.mark.parametrize(
    ("publish", "expect", "problem"),
    [
        (PAID, "expect: [paid]", "expected paid: it reaches all too"),
        (PAID, "expect: [one, paid]", "expected one, paid: it does not reach one; it reaches all too"),
        (PAID, "expect: []", "expected no queue: it reaches all, paid too"),
        (PAID, "expect_at_least: [one, paid]", "expected at least one, paid: it does not reach one"),
        (PAID, "expect_one_of: [paid, all]", "expected one of all, paid: it reaches more than one: all, paid"),
        (PAID, "expect_one_of: [paid]", "expected one of paid: it reaches all, which is none of these"),
        ("exchange: shop", "expect_one_of: [paid]", "expected one of paid: it reaches none of these"),
        ("exchange: shop", "expect_unroutable: false", "expected at least one queue: it reaches no queue"),
        (
            "exchange: hashed",
            "expect: [one, two]",
            (
                "expected one, two: whether it reaches one, two depends on more than the message "
                "(`expect_one_of` takes that)"
            ),
        ),
        (
            "exchange: hashed",
            "expect_at_least: [one, paid]",
            (
                "expected at least one, paid: it does not reach paid; "
                "whether it reaches one depends on more than the message (`expect_one_of` takes that)"
            ),
        ),
        ("exchange: hashed", "expect_one_of: [one]", "expected one of one: it may reach two, which is none of these"),
        (
            "exchange: odd",
            "expect_one_of: [odd]",
            (
                "expected one of odd: whether it is exactly one cannot be told: "
                "odd may send it to several queues, or to none"
            ),
        ),
        (
            "exchange: spread",
            "expect_one_of: [one, two, first]",
            (
                "expected one of first, one, two: whether it is exactly one cannot be told: "
                "spread, fan, hashed may send it to several queues, or to none"
            ),
        ),
        (
            "exchange: fan",
            "expect_one_of: [one, two, first]",
            "expected one of first, one, two: it reaches more than one: first, one, two",
        ),
        (
            "exchange: inner",
            "expect: []",
            "the broker refuses the message: ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'",
        ),
    ],
)
def test_what_does_not(run: Run, publish: str, expect: str, problem: str) -> None:
    assert _problem(run, publish, expect) == problem


def test_names_that_no_queue_has_are_told_where_no_file_could_tell() -> None:
    topology = Topology({vhost.key: vhost for vhost in [Vhost("/")]} | {Q.key: Q for Q in [Queue("/", "paid")]})
    tests = (
        RouteTest("a", "/", {"publish": {"exchange": ""}, "expect": ["paids", "x"]}),
        RouteTest("b", "/", {"publish": {"exchange": ""}, "expect_at_least": ["zzz"]}),
        RouteTest("c", "other", {"publish": {"exchange": ""}, "expect": []}),
    )
    router = Router(topology)
    problems = [run_case(router, case).problem for case in cases_of(Topology(tests=tests))]
    assert problems == [
        "expected paids, x: there is no queue paids, x; did you mean paid?",
        "expected at least zzz: there is no queue zzz",
        "the broker refuses the message: NOT_ALLOWED - vhost other not found",
    ]


def test_the_cases_of_a_table(run: Run) -> None:
    results = run("""\
  - name: a table
    publish: {exchange: shop, headers: {a: 1, b: 2}, properties: {priority: 1, expiration: 5s}, payload: x}
    expect: [all]
    then: {queue: all, rejected: true, expect: []}
    cases:
      - {routing_key: order.new}
      - {name: paid, routing_key: order.paid, expect: [all, paid], then: null}
      - {routing_key: "", expect_unroutable: true, then: [], headers: {b: 3}, properties: {priority: 2}, payload: y}
      - {exchange: "", headers: {CC: [all]}, properties: {expiration: 1s}}
""")
    cases = [result.case for result in results]
    assert all(result.passed for result in results)
    assert [case and case.name for case in cases] == [
        "a table [order.new]",
        "a table [paid]",
        'a table [""]',
        "a table [4]",
    ]
    first, _, third, fourth = (case for case in cases if case)
    assert (first.payload, first.properties, first.message.expiration_ms) == ("x", {"priority": 1}, 5000)
    assert first.message.headers == {"a": 1, "b": 2}
    assert (third.payload, third.properties, third.message.headers) == ("y", {"priority": 2}, {"a": 1, "b": 3})
    assert (fourth.message.exchange, fourth.message.expiration_ms) == ("", 1000)
    assert [len(case.then) for case in cases if case] == [1, 1, 0, 1]
    assert [case.origin.line for case in cases if case and case.origin] == [30, 31, 32, 33]


def test_a_table_that_does_not_know_the_places_of_its_cases_has_that_of_the_test() -> None:
    at = Origin("a.yaml", 3, 5)
    body: dict[str, Plain] = {"publish": {"exchange": "e"}, "cases": [{"expect": []}]}
    (case,) = cases_of(Topology(tests=(RouteTest("t", "/", body, at),)))
    assert (case.name, case.origin) == ("t [1]", at)


def test_steps(run: Run) -> None:
    (result,) = run("""\
  - name: it goes round
    publish: {exchange: shop, routing_key: order.paid}
    expect: [all, paid]
    then:
      - {queue: paid, rejected: true, expect: [dead]}
      - {queue: dead, expired: true, expect: [all]}
      - {queue: all, overflow: true, expect_unroutable: true}
""")
    assert result.passed, result.steps
    assert [step.dead.queues if step.dead else None for step in result.steps] == [("dead",), ("all",), ()]


@pytest.mark.parametrize(
    ("queue", "event", "why"),
    [
        ("paid", "expired", "neither the queue has a message-ttl nor the message an expiration"),
        ("paid", "overflow", "the queue has no max-length"),
        ("log", "rejected", "a stream dead-letters nothing"),
        ("full", "overflow", "a full queue refuses new messages, by overflow reject-publish (argument)"),
    ],
)
@pytest.mark.parametrize("expected", ["expect: []", "expect_unroutable: true", "expect: [dead]"])
def test_what_cannot_happen_is_no_step(tmp_path: Path, queue: str, event: str, why: str, expected: str) -> None:
    (tmp_path / "a.yaml").write_text(f"""\
version: 1
exchanges: {{e: {{type: fanout}}}}
queues:
  paid: {{bindings: [{{exchange: e}}]}}
  log: {{type: stream, bindings: [{{exchange: e}}]}}
  full: {{max_length: 1, overflow: reject-publish, bindings: [{{exchange: e}}]}}
  dead: {{direct: true}}
tests:
  - {{name: t, publish: {{exchange: e}}, then: {{queue: {queue}, {event}: true, {expected}}}}}
""")
    topology = load(tmp_path / "a.yaml")
    (result,) = [run_case(Router(topology), case) for case in cases_of(topology)]
    assert not result.passed
    assert [step.problem for step in result.steps] == [f"this cannot happen in {queue}: {why}"]


def test_a_message_with_an_expiration_of_its_own_expires_anywhere(run: Run) -> None:
    published = "publish: {exchange: shop, routing_key: order.x, properties: {expiration: 1s}}"
    (result,) = run(f"  - {{name: t, {published}, then: {{queue: all, expired: true, expect: []}}}}\n")
    assert result.passed


def test_a_test_that_only_asks_what_then_happens(run: Run) -> None:
    (result,) = run("  - {name: t, publish: {%s}, then: {queue: paid, rejected: true, expect: [dead]}}\n" % PAID)  # noqa: UP031
    assert result.passed


def test_a_step_of_a_message_that_is_not_there(run: Run) -> None:
    (result,) = run("""\
  - name: t
    publish: {exchange: shop, routing_key: order.paid}
    then:
      - {queue: dead, expired: true, expect: []}
      - {queue: paid, rejected: true, expect: [dead]}
      - {queue: paid, rejected: true, expect: [dead]}
      - {queue: all, rejected: true, expect: [dead]}
""")
    assert not result.passed
    assert not result.problem
    first, second, third, fourth = result.steps
    assert first.problem == "the message is not in dead then; it is in all, paid"
    assert second.problem == ""
    assert third.problem == "the message is not in paid then; it is in all, dead"
    assert fourth.problem.startswith("expected dead: it does not reach dead (")


def test_a_step_in_one_of_several_queues(run: Run) -> None:
    (result,) = run("""\
  - name: t
    publish: {exchange: hashed}
    expect_one_of: [one, two]
    then:
      - {queue: one, rejected: true, expect: [dead]}
      - {queue: two, rejected: true, expect_unroutable: false}
""")
    assert [bool(step.problem) for step in result.steps] == [False, True]


def test_steps_of_nowhere(run: Run) -> None:
    results = run("""\
  - {name: a, publish: {exchange: shop}, expect: [], then: {queue: paid, rejected: true, expect: [dead]}}
  - {name: b, publish: {exchange: inner}, then: {queue: paid, rejected: true, expect: [dead]}}
""")
    assert results[0].steps[0].problem == "the message is not in paid then; it is in no queue"
    assert not results[0].passed
    assert results[1].problem.startswith("the broker refuses the message")
    assert results[1].steps == ()


def test_a_step_in_a_queue_that_is_not_there() -> None:
    queue = Queue("/", "paid")
    body: dict[str, Plain] = {
        "publish": {"exchange": "", "routing_key": "paid"},
        "then": [{"queue": "paids", "rejected": True}, {"queue": "paid", "rejected": True}],
    }
    topology = Topology({Key("/", Kind.VHOST, "/"): Vhost("/"), queue.key: queue}, tests=(RouteTest("t", "/", body),))
    (case,) = cases_of(topology)
    first, second = run_case(Router(topology), case).steps
    assert first.problem == "there is no queue paids; did you mean paid?"
    assert second.problem == ""


_EXPECTATIONS: list[dict[str, Plain]] = [
    {"expect": ["b", "a"]},
    {"expect": []},
    {"expect_at_least": ["a"]},
    {"expect_one_of": ["a", "b"]},
    {"expect_unroutable": True},
    {"expect_unroutable": False},
    {},
]


def test_expectations_in_words() -> None:
    assert [str(expectation_of(written)) for written in _EXPECTATIONS] == [
        "a, b",
        "no queue",
        "at least a",
        "one of a, b",
        "no queue",
        "at least one queue",
        "None",
    ]
    assert Case("t", "t", cases_of(Topology(tests=(RouteTest("t", "/", {"expect": []}),)))[0].message, None).then == ()
    assert Expectation("some").queues == ()
