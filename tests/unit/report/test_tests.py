from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from rabbit_topo.load import load
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import RouteTest, Topology
from rabbit_topo.report.tests import Compared, OnBroker, TestRun, problem_lines, run_lines
from rabbit_topo.report.tests_document import run_document, run_junit
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import cases_of, run_case
from rabbit_topo.routing.coverage import coverage
from rabbit_topo.routing.invariants import invariants

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from rabbit_topo.report.layout import Line

TEXT = """\
version: 1
exchanges: {shop: {type: direct}, dead: {type: fanout}, inner: {type: fanout, internal: true}}
queues:
  paid: {dead_letter: {exchange: dead}, bindings: [{exchange: shop, routing_keys: [paid, late]}]}
  dead: {bindings: [{exchange: dead}]}
  lost: {}
tests:
  - {name: it is paid, publish: {exchange: shop, routing_key: paid}, expect: [paid]}
"""
FAILING = """\
  - {name: "<it> & \\e[1m", publish: {exchange: shop, routing_key: paid}, expect: [dead]}
  - {name: refused, publish: {exchange: inner}, expect: []}
  - name: steps
    publish: {exchange: shop, routing_key: paid}
    expect: [paid]
    then:
      - {queue: paid, rejected: true, expect: [dead]}
      - {queue: dead, rejected: true, expect: [paid]}
      - {queue: dead, rejected: true, expect: [paid]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(folder: Path, text: str = TEXT, **more: Any) -> TestRun:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    topology = load("a.yaml")
    router = Router(topology)
    results = [run_case(router, case) for case in cases_of(topology)]
    if more.pop("covering", False):
        more["coverage"] = coverage(router, results)
    if more.pop("invariants", False):
        more["invariants"] = invariants(router)
    return TestRun(topology, "a.yaml", "4.3", results, **more)


def _text(lines: Iterable[Line]) -> str:
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def _document(run: TestRun) -> dict[str, Any]:
    document = json.loads(json.dumps(run_document(run)))
    jsonschema.validate(document, json.loads(schema_text("test")))
    return dict(document)


def test_everything_passed(folder: Path) -> None:
    run = _run(folder)
    assert run.passed
    assert (
        _text(run_lines(run, 80))
        == """\
  source    a.yaml, by the rules of RabbitMQ 4.3

  a.yaml  .

  1 test passed.
"""
    )
    document = _document(run)
    assert (document["passed"], document["coverage"], document["broker"]) == (True, None, None)
    suites = ET.fromstring(run_junit(run))  # noqa: S314 - our own
    assert suites.attrib == {"name": "rabbit-topo test", "tests": "1", "failures": "0", "errors": "0"}
    assert [case.attrib for case in suites.iter("testcase")] == [
        {"classname": "a.yaml", "name": "it is paid", "file": "a.yaml", "line": "8"}
    ]


def test_failures_tell_the_route(folder: Path) -> None:
    run = _run(folder, TEXT + FAILING, deselected=3)
    assert not run.passed
    assert (
        _text(run_lines(run, 90))
        == """\
  source    a.yaml, by the rules of RabbitMQ 4.3

  a.yaml  .FFF

FAILED

  <it> & \\x1b[1m                                                                  a.yaml:9
    expected dead: it does not reach dead; it reaches paid too
    published  shop [paid]
    shop (direct)
      + queue paid  the key is "paid"                                             a.yaml:4
      . queue paid  "paid" is not "late"                                          a.yaml:4

  refused                                                                        a.yaml:10
    the broker refuses the message: ACCESS_REFUSED - cannot publish to internal exchange
    'inner' in vhost '/'
    published  inner

  steps                                                                          a.yaml:11
    step 2: expected paid: it does not reach paid (the queue has no dead-letter-exchange:
    dropped)
    step 3: the message is not in dead then; it is in no queue
    published  shop [paid]
    shop (direct)
      + queue paid  the key is "paid"                                             a.yaml:4
      . queue paid  "paid" is not "late"                                          a.yaml:4
    step 1: rejected in paid
      dead-letter-exchange dead (argument); its type is not stated: taken as classic
      dead (fanout)
        + queue dead  takes every message                                         a.yaml:5
    step 2: rejected in dead
      the queue has no dead-letter-exchange: dropped
    step 3: rejected in dead

  4 tests, 3 failed (3 not selected).
"""
    )
    document = _document(run)
    assert [len(test["problems"]) for test in document["tests"]] == [0, 1, 1, 2]
    assert document["tests"][3]["steps"][0]["queues"] == ["dead"]
    suites = ET.fromstring(run_junit(run))  # noqa: S314 - our own
    failure = suites.findall("testsuite/testcase/failure")[0]
    assert failure.attrib["message"] == "expected dead: it does not reach dead; it reaches paid too"
    assert failure.text
    assert failure.text.startswith(
        "expected dead: it does not reach dead; it reaches paid too\npublished  shop [paid]\n"
    )
    assert "  + queue paid" in failure.text


def test_tests_of_one_name_are_told_apart_in_junit(folder: Path) -> None:
    again = TEXT[TEXT.index("  - {name: it is paid") :]
    cases = ET.fromstring(run_junit(_run(folder, TEXT + again))).iter("testcase")  # noqa: S314 - our own
    assert [case.attrib["name"] for case in cases] == ["it is paid", "it is paid (2)"]


def test_verbose_gives_each_test_a_line(folder: Path) -> None:
    text = _text(run_lines(_run(folder, TEXT + FAILING), 90, verbose=True))
    assert "  a.yaml\n    . it is paid\n    F <it> & \\x1b[1m\n    F refused\n    F steps\n\n" in text


def test_many_tests_of_a_file_take_several_rows(folder: Path) -> None:
    cases = "".join(f"      - {{routing_key: paid, expect: [{'paid'}]}}\n" for _ in range(70))
    text = TEXT + "  - name: many\n    publish: {exchange: shop}\n    cases:\n" + cases
    lines = _text(run_lines(_run(folder, text), 60)).splitlines()[2:5]
    assert lines == ["  a.yaml  " + "." * 48, " " * 10 + "." * 23, ""]


def test_coverage_and_invariants(folder: Path) -> None:
    run = _run(folder, covering=True, invariants=True, fail_under=34)
    assert not run.covered
    assert (
        _text(run_lines(run, 80))
        == """\
  source    a.yaml, by the rules of RabbitMQ 4.3

  a.yaml  .

FAILED

  the queue lost should be reachable                                    a.yaml:6
    no binding, dead letter or alternate exchange leads there; say `direct:
    true` if it is published to by its name

NOT EXERCISED  no test would fail if one of these were lost

  dead --[]--> queue dead                                               a.yaml:5
  shop --[late]--> queue paid                                           a.yaml:4

  coverage  33 % of 3 bindings (1 exercised), and 34 % is wanted
  1 test passed; 2 invariants hold, 1 not.
"""
    )
    document = _document(run)
    assert document["coverage"]["percent"] == 33
    assert document["coverage"]["not_exercised"][1]["routing_key"] == "late"
    assert document["summary"]["invariants_failed"] == 1
    suites = ET.fromstring(run_junit(run))  # noqa: S314 - our own
    assert {suite.attrib["name"]: suite.attrib["failures"] for suite in suites} == {
        "a.yaml": "0",
        "invariants": "1",
        "coverage": "1",
    }
    assert suites.attrib["failures"] == "2"


def test_coverage_that_is_good_enough(folder: Path) -> None:
    run = _run(folder, covering=True, fail_under=33)
    assert run.passed
    text = _text(run_lines(run, 80))
    assert "  coverage  33 % of 3 bindings (1 exercised)\n  1 test passed.\n" in text
    suites = ET.fromstring(run_junit(run))  # noqa: S314 - our own
    assert suites.findall("testsuite[@name='coverage']/testcase/failure") == []
    whole = _run(
        folder, TEXT.replace("[paid, late]", "[paid]").replace("bindings: [{exchange: dead}]", ""), covering=True
    )
    assert "NOT EXERCISED" not in _text(run_lines(whole, 80))


def test_of_many_bindings_that_no_test_exercises_some_are_shown(folder: Path) -> None:
    keys = ", ".join(f"k{number:02}" for number in range(25))
    run = _run(folder, TEXT.replace("[paid, late]", f"[paid, {keys}]"), covering=True)
    text = _text(run_lines(run, 80))
    assert "  and 6 more; -v shows all\n" in text
    assert "k24" not in text
    assert "k24" in _text(run_lines(run, 80, verbose=True))


def test_no_tests(folder: Path) -> None:
    text = TEXT.partition("tests:")[0].replace("lost: {}", "lost: {direct: true}")
    run = _run(folder, text, invariants=True)
    assert run.passed
    assert _text(run_lines(run, 80)).splitlines()[-1] == "  no tests; 2 invariants hold."
    assert _document(run)["tests"] == []
    one = TestRun(Topology(), "a.yaml", "4.3", (), run.invariants[:1], on_broker=OnBroker("there", "4.3.6", {}))
    assert not one.passed
    assert _text(run_lines(one, 80)).splitlines()[-1] == (
        "  no tests; 1 invariant holds; nothing was compared on the broker."
    )


def test_what_a_broker_said(folder: Path) -> None:
    text = TEXT + FAILING
    said = OnBroker(
        "http://there",
        "4.0.5",
        {
            0: Compared("expected paid: it reaches no queue", "the message lies in no queue, and by the rules in paid"),
            1: Compared("it refuses the message"),
            2: Compared(not_compared=("it meets what is not on the broker",), nothing=True),
        },
        ("exchange odd: unknown type",),
        ("exchange whose: nobody says of which type it is",),
    )
    run = _run(folder, text, on_broker=said)
    shown = _text(run_lines(run, 100))
    assert "  broker    http://there, RabbitMQ 4.0.5\n  refused   exchange odd: unknown type\n" in shown
    assert "\n  left out  exchange whose: nobody says of which type it is\n" in shown
    assert "    on the broker: expected paid: it reaches no queue\n" in shown
    assert "    the broker and the rules disagree: the message lies in no queue, and by the rules in paid\n" in shown
    assert "  broker    1 thing could not be compared; -v says which\n" in shown
    said_last = (
        "4 tests, 4 failed; the broker refuses 1 object; 2 of 3 compared on the broker; the broker disagrees in 1."
    )
    assert " ".join(shown.split()).endswith(said_last)
    assert "    . refused: it meets what is not on the broker\n" in _text(run_lines(run, 100, verbose=True))
    document = _document(run)
    assert document["broker"] == {
        "target": "http://there",
        "version": "4.0.5",
        "refused": ["exchange odd: unknown type"],
        "left_out": ["exchange whose: nobody says of which type it is"],
        "compared_in_full": 2,
        "problems": ["the broker refuses the exchange odd: unknown type"],
    }
    assert document["tests"][0]["broker"]["passed"] is False
    assert document["tests"][3]["broker"] is None
    good = OnBroker("http://there", "4.0.5", {0: Compared()})
    assert _text(run_lines(_run(folder, on_broker=good), 80)).endswith("  1 test passed; the broker agrees.\n")


@pytest.mark.parametrize(
    ("compared", "refused", "said"),
    [
        (Compared(), ("exchange odd: unknown type",), "the broker refuses 1 object"),
        (Compared(not_compared=("why",), nothing=True), (), "nothing was compared on the broker"),
        (
            Compared(not_compared=("why",), nothing=True),
            ("queue q: why",),
            "the broker refuses 1 object; nothing was compared on the broker",
        ),
    ],
)
def test_a_broker_that_refuses_an_object_or_says_nothing_does_not_agree(
    folder: Path, compared: Compared, refused: tuple[str, ...], said: str
) -> None:
    run = _run(folder, on_broker=OnBroker("http://there", "4.0.5", {0: compared}, refused))
    assert not run.passed
    assert _text(run_lines(run, 100)).endswith(f"  1 test passed; {said}.\n")
    told = "".join(f"  refused   {one}\n" for one in refused)
    assert _text(problem_lines(run, 100)) == f"{told}  1 test passed; {said}.\n"
    suites = ET.fromstring(run_junit(run))  # noqa: S314 - our own
    assert suites.get("failures") == "1"
    (failure,) = suites.findall("testsuite[@name='broker']/testcase/failure")
    assert failure.get("message") == "; ".join(run.on_broker.problems if run.on_broker else ())
    assert "problems" in _document(run)["broker"]


def test_what_is_compared_in_part_is_counted(folder: Path) -> None:
    text = TEXT + TEXT.splitlines()[-1].replace("it is", "again") + "\n"
    said = {0: Compared(), 1: Compared(not_compared=("step 1: why",))}
    run = _run(folder, text, on_broker=OnBroker("http://there", "4.0.5", said))
    assert run.passed
    assert _text(run_lines(run, 80)).endswith("  2 tests passed; 1 of 2 compared on the broker.\n")
    assert ET.fromstring(run_junit(run)).get("failures") == "0"  # noqa: S314 - our own


def test_several_vhosts_are_told_apart(folder: Path) -> None:
    text = TEXT.replace("expect: [paid]", "expect: []") + "---\nversion: 1\nvhost: other\nqueues: {q: {}}\n"
    assert "    published  shop [paid] (vhost /)\n" in _text(run_lines(_run(folder, text), 80))


def test_tests_without_a_place() -> None:
    topology = Topology(tests=(RouteTest("t", "/", {"publish": {"exchange": "e"}, "expect": []}),))
    router = Router(topology)
    run = TestRun(topology, "here", "4.3", [run_case(router, case) for case in cases_of(topology)])
    assert "  tests  F\n" in _text(run_lines(run, 80))
    assert 'name="t">' in run_junit(run)
    assert _document(run)["tests"][0]["origin"] is None
