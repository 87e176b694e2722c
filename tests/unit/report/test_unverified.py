"""What a road does not show: how a check, a plan and a report say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.diff import diff
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Note, Observed, Policy, Queue, Topology, Unverified
from rabbit_topo.plan import Done, Plan, Report, make_plan
from rabbit_topo.report.applied import report_lines
from rabbit_topo.report.documents import check_document
from rabbit_topo.report.text import check_lines, plan_lines
from rabbit_topo.report.unverified import gaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.model import Resource
    from rabbit_topo.report.layout import Line

NO_BINDINGS = Unverified("AMQP shows no bindings")
EXISTS = Unverified("a passive declare shows only that it is there", ("*",))
FACTS = Facts("amqp://broker", "4.3.6", vhosts=frozenset({"/"}), road="active", lists=False)


def text(lines: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def queues(number: int) -> list[Queue]:
    return [Queue("/", f"q{n}", "classic") for n in range(number)]


def plan_of(there: Iterable[Resource], declared: Topology, **facts: Any) -> Plan:
    observed = Observed(Topology({item.key: item for item in there}), replace(FACTS, **facts))
    return make_plan(diff(observed, declared), observed, declared)


def topology(*resources: Resource, **notes: Note) -> Topology:
    noted = {item.key: notes[item.key.name] for item in resources if item.key.name in notes}
    return Topology({item.key: item for item in resources}, notes=noted, files=("a.yaml",))


def test_alike_objects_share_a_line() -> None:
    many = queues(4)
    bindings = [Binding("/", "amq.topic", "queue", item.name, "k") for item in many]
    unverified = {item.key: EXISTS for item in many} | {item.key: NO_BINDINGS for item in bindings}
    plan = plan_of(many, topology(*many, *bindings), unverified=unverified, road="passive")
    shown = text(check_lines(plan, ["a.yaml"], 80))
    assert "read by   AMQP, by passive declares" in shown
    assert "? 4 queues                a passive declare shows only that it is there" in shown
    assert "? 4 bindings              AMQP shows no bindings" in shown
    assert "? undeclared objects      AMQP lists nothing" in shown
    assert "No drift seen: 4 objects are there; 8 not verified." in shown


def test_a_difference_is_drift_beside_what_was_not_verified() -> None:
    one, two, three = queues(3)
    there = [one, replace(two, durable=False)]
    unverified = {two.key: Unverified("the broker does not compare it", ("arguments.x-custom",))}
    plan = plan_of(there, topology(one, two, three), unverified=unverified)
    shown = text(check_lines(plan, ["a.yaml"], 80, strict=True))
    assert "durable: declared true, broker false" in shown
    assert "? queue q1                arguments.x-custom: the broker does not compare it" in shown
    assert "Drift: 2 differences; 1 unchanged; 1 not verified." in shown
    assert "--strict" not in shown


def test_only_what_an_external_mention_states_is_missed() -> None:
    stated, bare, noted = queues(3)
    declared = topology(
        stated,
        bare,
        noted,
        q0=Note(external=True, stated=frozenset({"durable", "type"})),
        q1=Note(external=True),
        q2=Note(external=True, stated=frozenset({"arguments.x-a"})),
    )
    unverified = {
        stated.key: EXISTS,
        bare.key: EXISTS,
        noted.key: Unverified("not compared", ("arguments.x-a", "arguments.x-b")),
    }
    found = gaps(plan_of([stated, bare, noted], declared, unverified=unverified))
    assert [(gap.resource.key.name, gap.paths) for gap in found] == [
        ("q0", ("durable", "type")),
        ("q2", ("arguments.x-a",)),
    ]


def test_what_is_unseen_and_external_is_never_declared() -> None:
    theirs = Exchange("/", "theirs", None)
    unverified = {theirs.key: Unverified("ACCESS_REFUSED - no")}
    plan = plan_of([], topology(theirs, theirs=Note(external=True)), unverified=unverified)
    assert plan.empty
    assert [change.key.name for change in plan.unseen] == ["theirs"]
    assert "? exchange theirs         ACCESS_REFUSED - no" in text(plan_lines(plan, ["a.yaml"], 80, None))


def test_a_vhost_that_amqp_cannot_create_blocks_what_is_in_it() -> None:
    from rabbit_topo.model import Vhost

    queue = Queue("new", "q", "classic")
    plan = plan_of([], topology(Vhost("new"), queue))
    assert [(row.change.key.name, row.reason) for row in plan.blocked] == [
        ("new", "AMQP cannot create a vhost"),
        ("q", "vhost new is blocked"),
    ]


def test_a_policy_is_never_taken_for_missing() -> None:
    policy = Policy("/", "p", "^q")
    plan = plan_of([], topology(policy), unverified={policy.key: Unverified("AMQP shows no policies")})
    document = check_document(plan)
    assert (document["drift"], document["not_verified"]["count"], document["road"]) == (False, 1, "active")
    assert "No drift seen" in text(check_lines(plan, ["a.yaml"], 80))


def test_what_is_to_be_absent_may_be_unseen_too() -> None:
    binding = Binding("/", "x", "queue", "q", "a")
    keys = [Exchange("/", "x", "direct").key, Queue("/", "q").key, binding.key, Policy("/", "p", "").key]
    declared = Topology(absent=dict.fromkeys(keys, Note()), files=("a.yaml",))
    plan = plan_of([], declared, unverified=dict.fromkeys(keys, Unverified("unseen")))
    assert [gap.resource.key for gap in gaps(plan)] == keys
    assert check_document(plan)["not_verified"]["count"] == 4


def test_a_road_that_lists_may_still_miss_something() -> None:
    [queue] = queues(1)
    plan = plan_of([queue], topology(queue), unverified={queue.key: EXISTS}, lists=True)
    shown = text(check_lines(plan, ["a.yaml"], 80))
    assert "? queue q0 " in shown
    assert "undeclared" not in shown


def test_renewed_leases_are_named() -> None:
    five = [replace(queue, arguments=Arguments({"x-expires": 60_000})) for queue in queues(5)]
    plan = plan_of(five, topology(*five), renewed=tuple(queue.key for queue in five))
    assert "Asking renewed the x-expires lease of 5 queues: q0, q1, q2 and 2 more." in text(
        check_lines(plan, ["a.yaml"], 80)
    )
    assert check_document(plan)["not_verified"]["leases_renewed"] == ["q0", "q1", "q2", "q3", "q4"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "of 1 object the broker does not tell whether it is there"),
        (2, "of 2 objects the broker does not tell whether they are there"),
    ],
)
def test_a_check_that_was_refused_is_not_green(number: int, said: str) -> None:
    many = queues(number)
    plan = plan_of([], topology(*many), unverified={queue.key: Unverified("no permission") for queue in many})
    assert f"Not checked: {said}; {number} not verified." in text(check_lines(plan, ["a.yaml"], 80))
    assert check_document(plan)["drift"]


def test_strict_says_why_it_is_not_content() -> None:
    [queue] = queues(1)
    plan = plan_of([queue], topology(queue), unverified={queue.key: EXISTS})
    shown = text(check_lines(plan, ["a.yaml"], 80, strict=True))
    assert "Not all verified (--strict): 1 object is there; 1 not verified." in shown


def test_a_long_name_has_a_line_of_its_own() -> None:
    queue = Queue("/", "q" * 40, "classic")
    shown = text(check_lines(plan_of([queue], topology(queue), unverified={queue.key: EXISTS}), ["a.yaml"], 80))
    assert f"  ? queue {'q' * 40}\n{' ' * 28}a passive declare" in shown


def test_an_exclusive_queue_says_what_stands_in_the_way() -> None:
    queue = Queue("/", "q", "classic")
    shown = text(check_lines(plan_of([], topology(queue), exclusive=frozenset({queue.key})), ["a.yaml"], 80))
    assert "a connection holds an exclusive queue of this name" in shown


def test_many_unseen_bindings_are_counted_and_dangers_still_shown() -> None:
    queue = Queue("/", "q", "classic")
    plain = [Binding("/", "amq.topic", "queue", "q", f"key.{n:02}") for n in range(30)]
    typed = Binding("/", "amq.topic", "queue", "q", "zzz", Arguments({"n": 1}))
    unverified = {item.key: NO_BINDINGS for item in [*plain, typed]}
    plan = plan_of([queue], topology(queue, *plain, typed), unverified=unverified)
    shown = text(plan_lines(plan, ["a.yaml"], 80, None))
    assert "[key.19]" in shown
    assert "[key.20]" not in shown
    assert "and 10 more; --format json lists them" in shown
    assert "HAZARD   an integer argument" in shown
    assert "31 again" in shown


@pytest.mark.parametrize(("number", "said"), [(1, "1 object is unseen"), (2, "2 objects are unseen")])
def test_a_report_says_what_its_second_look_could_not_see(number: int, said: str) -> None:
    queue = Queue("/", "q", "classic")
    bindings = [Binding("/", "amq.topic", "queue", "q", str(n)) for n in range(number)]
    declared = topology(queue, *bindings)
    plan = plan_of([queue], declared, unverified={item.key: NO_BINDINGS for item in bindings})
    report = Report(plan, tuple(Done(operation) for operation in plan.operations), plan.unseen)
    assert (report.exit_code, report.surprises) == (0, ())
    assert f"Looked again: what AMQP shows is as declared; {said}." in text(report_lines(report, 80))
