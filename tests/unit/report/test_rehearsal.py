"""What a rehearsal came to, worked out and rendered: every sentence once, as somebody reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.diff import Create
from rabbit_topo.load import load
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import NO_NOTE, Key, Kind, Queue, Vhost
from rabbit_topo.plan import Blocked, Declare, Done, Failed, Migrate, NotAttempted, Recreate, Remove
from rabbit_topo.report.rehearsal import rehearsal_lines, rehearsal_problems
from rabbit_topo.report.rehearsal_document import rehearsal_document
from rabbit_topo.report.rehearsal_run import Copy, NotCopied, Rehearsal, Stage
from rabbit_topo.report.tests_run import Compared, OnBroker, TestRun
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import cases_of, run_case
from tests.unit.test_cases import plan_of

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.plan import Outcome, Plan

STAGE = Stage("http://broker:15672", "4.3", {"/": "rabbit-topo.rehearsal.1"})
OBSERVED = """\
version: 1
exchanges: {e: {type: topic}, odd: {type: fanout}}
queues:
  held: {type: classic, bindings: [{exchange: e, routing_key: "a.#"}]}
  old: {type: classic}
  legacy: {type: classic}
"""
DECLARED = """\
version: 1
owns: [old]
exchanges: {e: {type: topic}, odd: {type: fanout}, new: {type: topic}}
queues:
  held: {type: quorum, bindings: [{exchange: e, routing_key: "a.#"}]}
  made: {type: classic, direct: true, bindings: [{exchange: odd}]}
  legacy: {type: classic, direct: true}
"""
TESTS = """\
tests:
  - {name: it arrives, publish: {exchange: e, routing_key: a}, expect: [held]}
  - {name: it does not, publish: {exchange: e, routing_key: b}, expect: [held]}
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Four operations, and a queue that cannot be replaced as it holds messages."""
    case = {"observed": OBSERVED, "declared": DECLARED, "prune": True, "counts": {"held": [3, 0, 0]}}
    return plan_of({**case, "consent": {"allow": ["replace"]}}, tmp_path, monkeypatch)


def _run(plan: Plan, said: dict[str, Any] | None = None, **more: Any) -> Rehearsal:
    """Say of each operation what came of it, by its name: done where nothing is said, None where it was not tried."""
    outcomes: list[Outcome] = []
    for operation in plan.operations:
        key = operation.key
        kind = (said or {}).get(key.destination or key.name, Done)
        if kind is not None:
            outcomes.append(kind(operation))
    given = {"stage": STAGE, "copy": Copy(), "outcomes": outcomes, "blocked": (), "partial": True, **more}
    return Rehearsal(plan=plan, **given)


def _text(run: Rehearsal, **how: Any) -> str:
    lines = [
        "".join(span.text for span in line).rstrip() for line in rehearsal_lines(run, ["declared.yaml"], 80, **how)
    ]
    assert all(len(line) <= 80 for line in lines), lines
    document = json.dumps(rehearsal_document(run), allow_nan=False)
    jsonschema.Draft202012Validator(json.loads(schema_text("rehearse"))).validate(json.loads(document))
    return "\n".join(lines)


def test_everything_goes_through(plan: Plan) -> None:
    run = _run(plan)
    assert (run.exit_code, run.problems, run.whole, run.not_tried) == (0, False, True, [])
    text = _text(run)
    assert text.startswith("  target    http://broker:15672  RabbitMQ 4.3.6  cluster")
    assert "  rehearsed on this broker, in a vhost made for it\n" in text
    assert "WENT THROUGH" not in text
    assert "  Rehearsed: 4 of 4 operations went through, 1 blocked.\n" in text
    assert "  Went through: 1 exchange, 2 queues, 1 binding.\n" in text
    assert text.endswith("What was made for it is gone; nothing else of the broker was written.")
    assert "  + exchange new" in _text(run, verbose=True)
    assert list(rehearsal_problems(run, 80)) == []


def test_what_is_blocked_is_a_finding_unless_it_was_agreed_to(plan: Plan) -> None:
    assert _run(plan, partial=False).exit_code == 4
    assert "BLOCKED  apply leaves these out\n" in _text(_run(plan))
    text = _text(_run(plan, partial=False))
    assert "BLOCKED  apply does nothing at all before this is settled\n" in text
    assert "-/+ queue held" in text
    assert "ON COPY" not in text


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Done, "ON COPY  it went through, as nothing blocks it there"),
        (lambda one: Failed(one, "no quorum"), "ON COPY  refused, though nothing blocks it there: no quorum"),
        (lambda one: NotAttempted(one, "later"), ""),
        (lambda one: NotAttempted(one, "lost", sent=True), ""),
    ],
)
def test_a_blocked_row_tells_how_it_fares_where_nothing_blocks_it(plan: Plan, kind: Any, told: str) -> None:
    [row] = plan.blocked
    outcome = kind(Declare(Queue("/", "held", "quorum"), row.change))
    run = _run(plan, outcomes=[outcome], partial=False)
    assert run.beside == []
    text = _text(run)
    assert ("ON COPY" in text) == bool(told)
    assert told in text
    assert run.there(row)[0] in {"done", "failed", "not_attempted", "unknown"}
    assert run.there(Blocked(Create(Queue("/", "no"), NO_NOTE), "", ""))[0] == "blocked"


def test_what_is_refused_stands_on_top_with_the_words_of_the_broker(plan: Plan) -> None:
    said = {
        "new": lambda one: Failed(one, "PRECONDITION_FAILED - invalid arg", "correct the file"),
        "made": lambda one: NotAttempted(one, "needs exchange new, which could not be declared"),
        "old": lambda one: NotAttempted(one, "the line broke", sent=True),
    }
    run = _run(plan, said)
    assert (run.exit_code, run.whole) == (4, False)
    text = _text(run)
    assert text.index("REFUSED  an apply would come no further than this") < text.index("UNKNOWN  sent")
    assert "  + exchange new" in text
    assert "declared.yaml:3\n        PRECONDITION_FAILED - invalid arg\n        correct the file\n" in text
    assert "NOT ATTEMPTED  because of what went before\n        needs exchange new, which" in text  # once for both
    assert "0 of 4 operations went through, 1 refused, 1 unknown, 2 not attempted, 1 blocked." in " ".join(text.split())
    assert "Went through:" not in text
    assert "REFUSED" in "".join(span.text for line in rehearsal_problems(run, 80) for span in line)


def test_what_did_not_come_to_its_end_is_no_success(plan: Plan) -> None:
    lost = {"old": lambda one: NotAttempted(one, "the line broke", sent=True)}
    assert (_run(plan, lost).exit_code, _run(plan, lost).problems) == (1, False)
    away = _run(plan, unverified="nobody answers")
    assert away.exit_code == 1
    assert "NOT SEEN the result could not be verified: nobody answers" in _text(away)
    assert _run(plan, interrupted=130).exit_code == 130
    stays = _run(plan, stays=("the vhost x was made for this rehearsal and stays: away", "delete it: rabbitmqctl"))
    assert stays.exit_code == 1
    text = _text(stays)
    assert "STAYS    the vhost x was made for this rehearsal and stays: away" in text
    assert "is gone" not in text


def test_a_surprise_is_a_finding_but_not_told_twice(plan: Plan) -> None:
    changes = {one.key.destination or one.key.name: one.cause for one in plan.operations}
    run = _run(plan, surprises=[changes["new"]])
    assert run.exit_code == 4
    assert "STILL DIFFERENT  the broker took it, and holds something else\n  + exchange new" in _text(run)
    run = _run(plan, {"new": lambda one: Failed(one, "no")}, surprises=[changes["new"]])
    assert "STILL DIFFERENT" not in _text(run)


def test_what_could_not_be_copied_is_told_and_is_no_refusal(plan: Plan) -> None:
    odd = plan.there.resources[Key("/", Kind.EXCHANGE, "odd")]
    [row] = plan.blocked
    beside = Done(Declare(Queue("/", "legacy", "classic"), row.change))
    copied = Copy((NotCopied(odd, "no such type"),), 2, ("max-queues 5 of vhost /",), ("max-connections 9: no",))
    why = Blocked(plan.blocked[0].change, "x", "")
    removal = next(one for one in plan.operations if isinstance(one, Remove))
    other = Blocked(removal.cause, "its policy is not there", "")
    run = _run(plan, {"made": None, "old": None, "new": None}, copy=copied, outcomes=[beside], blocked=[why, other])
    reasons = {one.operation.key.destination or one.operation.key.name: one.reason for one in run.not_tried}
    assert reasons == {
        "new": "the copy differs from the broker in it",
        "made": "exchange odd could not be copied",
        "old": "its policy is not there",
    }
    assert run.exit_code == 0
    text = _text(run)
    assert "NOT TRIED  part of the plan, and the copy had no place for it\n" in text
    assert "BESIDE THE PLAN  done on the copy alone, which is not in all the broker\n  -/+" not in text
    assert "NOT COPIED  there, and it would not be taken again\n  . exchange odd\n        no such type\n" in text
    told = " ".join(text.split())
    assert "2 exclusive or server-named queues, and what is bound to them: not in the copy" in told
    assert "limits, which the copy has too: max-queues 5 of vhost /" in text
    assert "not in the copy: max-connections 9: no" in text
    assert "0 of 4 operations went through, 4 not tried, 1 blocked." in text
    one = _text(_run(plan, copy=Copy(hidden=1)))
    assert "1 exclusive or server-named queue, and what is bound to it: not in the copy" in " ".join(one.split())
    many = Copy(tuple(NotCopied(Queue("/", f"q{n}"), "no") for n in range(30)))
    assert "NOT COPIED  there, and it would not be taken again\n        no\n  . queue q0\n" in _text(
        _run(plan, copy=many)
    )
    assert "and 10 more; -v shows all" in _text(_run(plan, copy=many))
    assert "more; -v" not in _text(_run(plan, copy=many), verbose=True)


def test_what_is_done_in_another_way_is_told(plan: Plan) -> None:
    queues = [Queue("/", name, "classic") for name in ("a", "b", "c", "d")]
    a, b, c, d = queues
    cause = plan.blocked[0].change
    operations = (Recreate(a, a, (), cause), Migrate(b, b, b, cause), Remove(c, cause), Declare(d, cause))
    tried = (Migrate(a, a, a, cause), Recreate(b, b, (), cause), Declare(c, cause), Declare(d, cause))
    given = replace(plan, waves=(operations,), blocked=())
    run = _run(given, outcomes=[Done(one, "0.1 s") for one in tried])
    text = " ".join(_text(run).split())
    assert "IN ANOTHER WAY the copy is not in all the broker -/+ queue a" in text
    assert "replaced with its messages moved on the copy, and replaced while it is empty on the broker" in text
    assert "replaced while it is empty on the copy, and replaced with its messages moved on the broker" in text
    assert "declared on the copy, and removed on the broker" in text
    assert [one.planned.key.name for one in run.other_ways] == ["a", "b", "c"]


def test_what_the_copy_alone_did_is_told(plan: Plan) -> None:
    stray = Queue("/", "stray")
    run = _run(plan, outcomes=[Done(Declare(stray, Create(stray, NO_NOTE)))])
    assert [one.operation.key.name for one in run.beside] == ["stray"]
    assert "BESIDE THE PLAN  done on the copy alone, which is not in all the broker\n  + queue stray" in _text(run)


def test_where_it_was_rehearsed(plan: Plan) -> None:
    node = Stage("http://127.0.0.1:20000", "4.3.6", {"/": "x"}, sandbox=True)
    text = _text(_run(plan, stage=node))
    assert "  rehearsed on a throwaway node, RabbitMQ 4.3.6\n" in text
    assert "NOT ITS VERSION" not in text
    assert text.endswith("The node is gone with all that was on it; the broker was only read.")
    text = _text(_run(plan, stage=replace(node, version="3.10.8")))
    assert "NOT ITS VERSION the broker is 4.3.6: what 3.10.8 takes or refuses says" in " ".join(text.split())
    two = _text(_run(plan, {"new": lambda one: Failed(one, "no")}, stage=replace(STAGE, vhosts={"/": "x", "b": "y"})))
    assert "  rehearsed on this broker, in 2 vhosts made for it\n" in two
    assert "  + exchange new  (vhost /)" in two


def test_nothing_to_do_and_a_vhost_that_is_not_there_yet(plan: Plan) -> None:
    assert "  Rehearsed: nothing to do, 4 objects as declared.\n" in _text(_run(replace(plan, waves=(), blocked=())))
    new = Declare(Vhost("new"), Create(Vhost("new"), NO_NOTE))
    run = _run(replace(plan, waves=((new,),), blocked=()), outcomes=())
    assert run.not_tried == []
    assert "NEW VHOST  new is not on the broker: apply would make it" in _text(run)
    assert replace(run, untested="--no-tests").exit_code == 0
    assert "route tests: none were run: --no-tests" in _text(replace(run, untested="--no-tests"))


def test_route_tests_that_fail_are_findings(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(DECLARED + TESTS)
    topology = load("shop.yaml")
    router = Router(topology)
    results = [run_case(router, case) for case in cases_of(topology)]
    agrees = TestRun(topology, "shop.yaml", "4.3", results[:1], on_broker=OnBroker("x", "4.3", {0: Compared()}))
    good = _run(plan, tests=agrees)
    assert good.exit_code == 0
    assert "4 of 4 operations went through, 1 blocked, 1 route test passed." in _text(good)
    assert "ROUTE TESTS" not in _text(good)
    said = OnBroker("x", "4.3", {0: Compared(nothing=True), 1: Compared(nothing=True)})
    bad = _run(plan, tests=TestRun(topology, "shop.yaml", "4.3", results, on_broker=said))
    assert bad.exit_code == 4
    text = _text(bad)
    assert "ROUTE TESTS  published in a vhost of their own\n  it does not" in text
    assert "! nothing was compared: the broker said nothing about any test" in text
    assert "1 of 2 route tests failed." in " ".join(text.split())
    partly = OnBroker(
        "x", "4.3", {0: Compared(), 1: Compared(not_compared=("a stream",))}, ("exchange odd: no such type",)
    )
    half = _run(plan, tests=TestRun(topology, "shop.yaml", "4.3", [results[0], results[0]], on_broker=partly))
    assert half.exit_code == 0, "what the vhost of the tests refuses is told with the plan, or was there before it"
    assert "route tests: 1 of 2 could be compared in full" in _text(half)
    alone = _run(plan, tests=TestRun(topology, "shop.yaml", "4.3", results))
    assert "nothing was compared" not in _text(alone)
