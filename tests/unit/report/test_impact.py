"""The impact of a plan on routing, as people read it at 80 columns, and as programs do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.cli.output import plain
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Key, Kind
from rabbit_topo.plan.impact import Impact, Shift, impact
from rabbit_topo.plan.letters import Letters
from rabbit_topo.plan.probes import OTHERWISE, Probe
from rabbit_topo.report.documents import plan_document
from rabbit_topo.report.impact import SHOWN, impact_lines, stranded_lines
from rabbit_topo.report.markdown import plan_markdown
from rabbit_topo.report.text import plan_lines
from rabbit_topo.routing import Message, Route
from tests.unit.test_cases import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rabbit_topo.plan import Plan
    from rabbit_topo.plan.probes import Sender

OBSERVED = """\
version: 1
exchanges: {shop.x: {type: topic}, docs: {type: headers}, fan: {type: fanout}}
queues:
  old: {type: classic, bindings: [{exchange: shop.x, routing_keys: [order.paid, a, b, c, d, e]}]}
  log: {type: classic, bindings: [{exchange: shop.x, routing_key: order.paid}, {exchange: fan}]}
  pdf: {type: classic, bindings: [{exchange: docs, match: all, headers: {format: pdf}}]}
"""
DECLARED = """\
version: 1
exchanges: {shop.x: {type: topic}, docs: {type: headers}, fan: {type: fanout}}
queues:
  old: {type: classic, direct: true}
  log: {type: classic, bindings: [{exchange: fan}]}
  pdf: {type: classic, direct: true}
  new: {type: classic, bindings: [{exchange: shop.x, routing_keys: [order.new, x]}, {exchange: fan}]}
publishers:
  late: {exchange: shop.x, routing_key: order.paid}
  soon: {exchange: shop.x, routing_key: order.new}
"""


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    def make(observed: str = OBSERVED, declared: str = DECLARED, **more: Any) -> Plan:
        consent = {"prune": True, "max_delete": 100}
        return plan_of({"observed": observed, "declared": declared, "consent": consent, **more}, tmp_path, monkeypatch)

    return make


def test_the_stranded_stand_on_top_and_the_rest_before_the_summary(planned: Callable[..., Plan]) -> None:
    plan = planned()
    sections = plain(plan_lines(plan, ["x"], 80, impact(plan))).split("\n\n")
    assert sections[1].splitlines() == [
        "  NO QUEUE LEFT  what these publishers send will be dropped, or refused",
        "  ! publisher late                                               declared.yaml:9",
        "      shop.x [order.paid]  - log, old  no queue left",
    ]
    assert sections[-2].splitlines() == [
        "  ROUTING  messages that will go elsewhere",
        "    publisher soon                 shop.x [order.new]  + new    declared.yaml:10",
        "    docs [format=pdf]              - pdf  no queue left",
        "    shop.x [a] [b] [c] and 2 more  - old  no queue left",
        "    fan                            + new                         declared.yaml:7",
    ]


def test_a_page_of_markdown_tells_the_same(planned: Callable[..., Plan]) -> None:
    plan = planned()
    page = plan_markdown(plan, impact(plan))
    assert page.index("**NO QUEUE LEFT** (1)") < page.index("**DELETE**")
    assert "- publisher **`late`**, `shop.x [order.paid]`: `- log, old`, no queue left, `declared.yaml:9`" in page
    assert "- `docs [format=pdf]`: `- pdf`, no queue left\n" in page


def test_the_document_holds_everything(planned: Callable[..., Plan]) -> None:
    plan = planned()
    document = plan_document(plan, impact(plan))
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_text("plan")))
    shifts = document["routing"]["shifts"]
    assert [(it["sender"], it["name"], it["no_queue_left"]) for it in shifts[:2]] == [
        ("publisher", "late", True),
        ("publisher", "soon", False),
    ]
    assert {"lost": shifts[0]["lost"], "after": shifts[0]["after"]} == {
        "lost": ["log", "old"],
        "after": {"queues": [], "perhaps": [], "refusal": ""},
    }
    assert shifts[0]["origin"] == {"file": "declared.yaml", "line": 9, "column": 3}
    assert [len(it["also"]) for it in shifts if it["message"]["routing_key"] == "a"] == [4]
    # What a new binding brings to nobody before stands here too, though no person is told.
    assert [it["gained"] for it in shifts if it["message"]["routing_key"] == "x"] == [["new"]]


def test_where_bindings_are_unseen_nothing_is_said(planned: Callable[..., Plan]) -> None:
    plan = planned(alone={})
    assert plan_document(plan, impact(plan))["routing"] is None
    assert list(impact_lines(None, 80)) == []
    assert "ROUTING" not in plain(plan_lines(plan, ["x"], 80, impact(plan)))


DEAD = """\
version: 1
exchanges: {dlx: {type: fanout}}
queues:
  q: {type: classic, direct: true}
  wait: {type: classic, direct: true, message_ttl: 1s%s}
  dead: {type: classic, bindings: [{exchange: dlx}]}
"""
POLICY = """\
policies:
  dl: {pattern: ^q$, apply_to: queues, definition: {dead-letter-exchange: %s, dead-letter-routing-key: %s}}
"""
TEST = """\
tests: [{name: comes back, publish: {exchange: '', routing_key: q}, then: {queue: q, rejected: true, expect: [dead]}}]
"""


def test_dead_letters_and_the_tests_of_them(planned: Callable[..., Plan]) -> None:
    gone = DEAD % "" + "owns: [dl]\n" + TEST.replace("then:", "expect: [q], then:")
    plan = planned(DEAD % ", dead_letter: {exchange: dlx}" + POLICY % ("dlx", "k"), gone)
    shown = plain(impact_lines(impact(plan), 80))
    assert "    test comes back " in shown
    assert "fails: rejected in q: expected" in shown
    assert "    dead letters of q  (rejected)  - dead  no queue left         declared.yaml:4\n" in shown
    page = plan_markdown(plan, impact(plan))
    assert "- test **`comes back`** fails: rejected in q: expected" in page
    assert "- dead letters of q (rejected): `- dead`, no queue left, `declared.yaml:4`\n" in page
    document = plan_document(plan, impact(plan))
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_text("plan")))
    assert document["routing"]["failing_tests"][0]["name"] == "comes back"
    assert [(it["queues"], it["lost"], it["no_queue_left"]) for it in document["routing"]["dead_letters"]] == [
        (["q"], ["dead"], True)
    ]


def test_dead_letters_of_many_queues_that_go_elsewhere_or_never_leave() -> None:
    keys = tuple(Key("/", Kind.QUEUE, f"q{number}") for number in range(8))
    many = tuple(f"d{number}" for number in range(7))
    found = Impact(
        letters=(
            Letters(keys, ("rejected", "maxlen", "delivery_limit"), many, ("e",)),
            Letters(keys[:1], ("expired",), ("d",), (), stops=True),
            Letters(keys[:1], ("expired",), (), ("d",)),
        )
    )
    why = "(rejected, overflow, delivered too often)"
    assert plain(impact_lines(found, 200)).splitlines()[2:] == [
        f"    dead letters of q0, q1, q2, q3, q4, q5 and 2 more  {why}  + e  - d0, d1, d2, d3, d4, d5 and 1 more",
        "    dead letters of q0  (expired)  - d  this happens no longer",
    ]


def to(*queues: str, perhaps: tuple[str, ...] = (), refusal: str = "") -> Route:
    return Route(Message("x", "k"), "/", queues, perhaps, refusal=refusal)


def shift(before: Route, after: Route, sender: Sender = "binding", shown: str = "k") -> Shift:
    return Shift(Probe(sender, "p", (Message("x", "k"),), shown), before, after)


def lines(*shifts: Shift, unfollowed: int = 0) -> list[str]:
    return plain(impact_lines(Impact(shifts, len(shifts), unfollowed), 80)).splitlines()[2:]


def test_long_lists_are_cut() -> None:
    many = [f"q{number}" for number in range(9)]
    assert lines(shift(to(*many), to("a"))) == ["    x [k]  + a  - q0, q1, q2, q3, q4, q5 and 3 more"]
    shown = lines(*[shift(to("a"), to("b"))] * (SHOWN + 2), unfollowed=1)
    assert len(shown) == SHOWN + 2
    assert shown[-2:] == [
        "        and 2 more; --format json lists them",
        "    ? 1 changed binding more was not followed: too many",
    ]


def test_what_is_perhaps_or_certain_from_now_on_is_said() -> None:
    unsure = to(perhaps=("a", "b"))
    assert lines(shift(to("a"), unsure)) == ["    x [k]  + b (perhaps)  ~ a (perhaps)"]
    assert lines(shift(unsure, to("a"))) == ["    x [k]  - b  ~ a (for certain)"]
    assert lines(shift(to("a"), to(perhaps=("a",)))) == ["    x [k]  ~ a (perhaps)"]


def test_a_message_that_no_binding_names_is_told_in_words() -> None:
    assert lines(shift(to("a"), to("b"), "exchange", OTHERWISE)) == ["    x [any other key]  + b  - a"]


def test_a_refusal_is_quoted() -> None:
    publisher = shift(to(), to(refusal="ACCESS_REFUSED - no"), "publisher")
    assert plain(stranded_lines(Impact((publisher,)), 80)).splitlines()[2:] == [
        "  ! publisher p  x [k]  refused: ACCESS_REFUSED - no"
    ]
    assert lines(publisher) == []


def test_what_a_new_binding_brings_to_nobody_before_tells_itself() -> None:
    assert lines(shift(to(), to("q"))) == []
    assert lines(shift(to(), to("q"), "test")) == ["    test p  x [k]  + q"]


def test_what_was_not_followed_is_told_though_nothing_else_is(planned: Callable[..., Plan]) -> None:
    plan, known = planned(), Impact(unfollowed=7)
    assert plain(plan_lines(plan, ["x"], 80, known)).split("\n\n")[-2].splitlines() == [
        "  ROUTING  messages that will go elsewhere",
        "    ? 7 changed bindings more were not followed: too many",
    ]
    assert "\n\n**Not followed:** 7 changed bindings more were not followed: too many.\n" in plan_markdown(plan, known)


def test_the_impact_is_what_is_given(planned: Callable[..., Plan]) -> None:
    plan = planned()
    assert "ROUTING" not in plain(plan_lines(plan, ["x"], 80, None)) + plan_markdown(plan, None)
    assert plan_document(plan, None)["routing"] is None
    assert plan_document(plan, Impact())["routing"]["shifts"] == []
