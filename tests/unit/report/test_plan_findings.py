"""A plan tells what the linter finds about what it changes, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo import diff, make_plan
from rabbit_topo.cli.output import plain
from rabbit_topo.lint import Finding, chosen, lint
from rabbit_topo.model import Binding, Exchange, Facts, Key, Kind, Note, Observed, Origin, Queue, Scope, Topology, Vhost
from rabbit_topo.plan import Consent
from rabbit_topo.report.documents import plan_document
from rabbit_topo.report.markdown import plan_markdown
from rabbit_topo.report.plan_findings import SHOWN, finding_lines, findings_of
from rabbit_topo.report.text import plan_lines

if TYPE_CHECKING:
    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Plan

OLD, NEW, OTHER = (Queue("/", name, "quorum") for name in ("old", "new", "other"))
GONE = Queue("/", "gone", "quorum")


def topology(*resources: Resource) -> Topology:
    held: dict[Key, Resource] = {one.key: one for one in (Vhost("/"), *resources)}
    notes = {key: Note(origin=Origin("a.yaml", line, 3)) for line, key in enumerate(held, 1)}
    return Topology(held, notes, Scope({"/": (".*",)}, {}))


def planned(there: Topology, declared: Topology, consent: Consent | None = None) -> Plan:
    observed = Observed(there, Facts("here", "4.3", vhosts=frozenset({"/"})))
    return make_plan(diff(observed, declared), observed, declared, consent or Consent())


def found_in(plan: Plan, *rules: str) -> tuple[Finding, ...]:
    return findings_of(plan, lint(plan.declared, rules=chosen(rules)).found)


def about(found: tuple[Finding, ...]) -> list[str]:
    return [one.key.name for one in found if one.key]


def test_what_is_created_is_told_of_and_what_stays_is_not() -> None:
    plan = planned(topology(OLD), topology(OLD, NEW, OTHER))
    assert about(found_in(plan, "RT201")) == ["new", "other"]


def test_what_is_blocked_is_told_of_and_what_is_deleted_or_left_alone_is_not() -> None:
    classic = Queue("/", "old", "classic")
    for consent in (Consent(), Consent(prune=True)):
        plan = planned(topology(OLD, GONE), topology(classic), consent)
        assert OLD.key in {row.change.key for row in plan.blocked}
        assert about(found_in(plan, "RT201")) == ["old"]
        gone = Finding("RT201", "queue-unreachable", "warning", "", key=GONE.key)
        assert findings_of(plan, [gone]) == ()


def test_what_concerns_no_object_is_no_part_of_a_plan() -> None:
    plan = planned(topology(), topology(NEW))
    assert findings_of(plan, [Finding("RT901", "unused-suppression", "warning", "")]) == ()


def test_a_binding_is_told_of_by_itself() -> None:
    orders = Exchange("/", "orders", "topic")
    wide, narrow = (Binding("/", "orders", "queue", "old", key) for key in ("order.*", "order.paid"))
    plan = planned(topology(orders, OLD, wide), topology(orders, OLD, wide, narrow))
    assert [one.key for one in found_in(plan)] == [narrow.key]


def test_what_a_change_breaks_is_told_of_where_nothing_changes_itself() -> None:
    orders = Exchange("/", "orders", "topic")
    wide, narrow = (Binding("/", "orders", "queue", "old", key) for key in ("order.*", "order.paid"))
    plan = planned(topology(orders, OLD, OTHER, wide), topology(orders, OLD, OTHER), Consent(prune=True))
    assert about(found_in(plan, "RT201")) == ["old"]
    assert found_in(planned(topology(orders, OLD, OTHER, wide), topology(orders, OLD, OTHER)), "RT201") == ()
    there = topology(Exchange("/", "orders", "direct"), OLD, wide, narrow)
    plan = planned(there, topology(orders, OLD, wide, narrow), Consent(allow=frozenset({"replace"})))
    assert narrow.key in {one.key for one in found_in(plan)}
    gone = planned(topology(orders, OLD, wide), topology(orders), Consent(prune=True))
    assert findings_of(gone, [Finding("RT201", "queue-unreachable", "warning", "", key=OLD.key)]) == ()


def test_every_format_shows_them() -> None:
    plan = planned(topology(OLD), topology(OLD, NEW))
    found = found_in(plan, "RT201")
    text = plain(plan_lines(plan, ["x"], 80, None, found=found))
    assert "  LINT  " in text
    assert "    a.yaml:3:3  info  RT201 queue-unreachable\n" in text
    assert "        hint  " in text
    assert text.index("CREATE") < text.index("LINT") < text.index("Plan: ")
    page = plan_markdown(plan, None, found=found)
    assert "**LINT** (1), " in page
    assert "- info `RT201` " in page
    (document,) = plan_document(plan, None, found=found)["findings"]
    assert (document["code"], document["line"], document["object"]["name"]) == ("RT201", 3, "new")


def test_a_plan_without_findings_has_no_section_for_them() -> None:
    plan = planned(topology(), topology(NEW))
    assert "LINT" not in plain(plan_lines(plan, ["x"], 80, None)) + plan_markdown(plan, None)
    assert plan_document(plan, None)["findings"] == []


def test_text_shows_the_first_few_and_counts_the_rest() -> None:
    one = Finding("RT201", "queue-unreachable", "warning", "nothing leads to it", key=Key("/", Kind.QUEUE, "q"))
    lines = plain(finding_lines([one] * (SHOWN + 3), 80)).splitlines()
    assert sum("RT201" in line for line in lines) == SHOWN
    assert lines[-1].strip() == "and 3 more; `rabbit-topo lint` shows them"
