"""Lines that no scenario of a plan shows: several vhosts, reports, drift of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.diff import ABSENT, Create, Delete, Displaced, Field, Update
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Note, Origin, Policy, Queue, Topology, Vhost
from rabbit_topo.plan import Consent, Declare, Done, Failed, NotAttempted, Plan, Report
from rabbit_topo.report import words
from rabbit_topo.report.applied import report_lines
from rabbit_topo.report.text import check_lines, plan_lines, validation_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.plan import Blocked
    from rabbit_topo.report.layout import Line

FACTS = Facts("here", "4.3.6")
ORDERS = Queue("/", "orders", "classic")
BILLS = Queue("two", "bills", None)
POLICY = Policy("/", "p", "orders", definition=Arguments({"max-length": 5}))


def text(lines: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def _plan(*declares: Queue | Exchange | Binding | Vhost | Policy, blocked: tuple[Blocked, ...] = ()) -> Plan:
    operations = tuple(Declare(item, Create(item, Note(Origin("a.yaml", 3, 1)))) for item in declares)
    declared = Topology({item.key: item for item in declares}, files=("a.yaml",))
    return Plan(
        (operations,) if operations else (), blocked, (), {}, 0, "f", consent=Consent(), declared=declared, facts=FACTS
    )


def test_several_vhosts_are_told_apart() -> None:
    shown = text(plan_lines(_plan(ORDERS, BILLS), ["a.yaml"], 80, None))
    assert "queue orders  (vhost /)" in shown
    assert "queue bills  (vhost two)" in shown
    assert "the broker's default type, durable" in shown


def test_a_report_lists_what_failed_in_the_brokers_words() -> None:
    plan = _plan(ORDERS, BILLS, Vhost("v"))
    one, two, three = plan.operations
    reason = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'bills' in vhost 'two'"
    report = Report(plan, (Done(one), Failed(two, reason, "ask somebody"), NotAttempted(three, "later")), None, "gone")
    shown = text(report_lines(report, 80))
    for part in ("DONE", "FAILED", "NOT ATTEMPTED", "PRECONDITION_FAILED", "ask somebody", "later", "NOT SEEN", "gone"):
        assert part in shown
    assert "Incomplete: 1 done, 1 failed, 1 not attempted." in shown
    assert "Looked again" not in shown


def test_what_many_have_in_common_is_said_once() -> None:
    plan = _plan(ORDERS, BILLS)
    one, two = plan.operations
    report = Report(
        plan, (NotAttempted(one, "interrupted", sent=True), NotAttempted(two, "interrupted", sent=True)), None
    )
    shown = text(report_lines(report, 80))
    assert "UNKNOWN" in shown
    assert shown.count("interrupted") == 1
    assert "0 not attempted, 2 unknown." in shown
    assert "Run the same command again: it goes on from what is there." in shown


def test_surprises_are_shown_with_their_properties() -> None:
    plan = _plan(POLICY)
    before = Policy("/", "p", "orders", definition=Arguments({"max-length": 4}))
    changes = (
        Update(before, POLICY, (Field("definition.max-length", 4, 5), Field("definition.x", ABSENT, "5")), Note()),
        Displaced(ORDERS, POLICY, before, Note()),
        Delete(ORDERS, "stray", Note()),
    )
    report = Report(plan, tuple(Done(operation) for operation in plan.operations), changes)
    assert report.exit_code == 6
    shown = text(report_lines(report, 80))
    assert "STILL DIFFERENT" in shown
    assert "definition.max-length: declared 5, broker 4" in shown
    assert 'definition.x: declared "5", broker none' in shown


def test_an_update_is_marked_in_a_report() -> None:
    change = Update(POLICY, POLICY, (), Note())
    plan = Plan(
        ((Declare(POLICY, change),),),
        (),
        (),
        {},
        0,
        "f",
        consent=Consent(),
        declared=Topology({POLICY.key: POLICY}),
        facts=FACTS,
    )
    report = Report(plan, (Failed(Declare(POLICY, change), "no"),), ())
    assert "  ~ policy p" in text(report_lines(report, 80))


def test_a_moved_binding_names_what_differs() -> None:
    wanted = Binding("/", "x", "queue", "q", "new", Arguments({"n": 1}))
    near = Binding("/", "x", "queue", "q", "old", Arguments({"n": "1"}))
    plan = _plan()
    operation = Declare(wanted, Create(wanted, Note(), near))
    plan = Plan(((operation,),), (), (), {}, 0, "f", consent=Consent(), declared=plan.declared, facts=FACTS)
    shown = text(check_lines(plan, ["a.yaml"], 80))
    assert "routing_key: declared new, broker old" in shown
    assert 'arguments: declared n=1, broker n="1"' in shown


def test_valid_files_in_one_line() -> None:
    topology = Topology({item.key: item for item in (ORDERS, POLICY)}, files=("a.yaml", "b.yaml"))
    assert text([validation_line(["shop/"], topology)]) == "shop/: valid   2 files: 1 queue, 1 policy"
    assert "nothing declared" in text([validation_line(["x"], Topology())])


@pytest.mark.parametrize(
    ("plain", "spelled"),
    [
        ("", '""'),
        ("lazy", "lazy"),
        ("none", '"none"'),
        ("true", '"true"'),
        ("1.0", '"1.0"'),
        (1, "1"),
        (1.0, "1.0"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        ({"b": True, "a": {}}, '{"a": {}, "b": true}'),
        ("\x1b[2J", "\\x1b[2J"),
        (ABSENT, "none"),
    ],
)
def test_values_keep_their_class(plain: object, spelled: str) -> None:
    assert words.value(plain) == spelled
