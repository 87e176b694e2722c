"""Dead letters that a plan sends elsewhere, and the route tests that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.plan import letters as module
from rabbit_topo.plan.impact import Impact, impact

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.plan import Plan

    Planned = Callable[..., Plan]


def found(plan: Plan) -> Impact:
    it = impact(plan)
    assert it is not None
    return it


def told(plan: Plan) -> list[tuple[list[str], list[str], list[str], list[str]]]:
    """Say of which queues, after which events, what is lost and what is gained."""
    return [
        ([key.name for key in it.queues], list(it.events), list(it.lost), list(it.gained)) for it in found(plan).letters
    ]


THERE = """\
exchanges: {dlx: {type: fanout}, x: {type: topic}}
queues:
  q: {type: classic, direct: true}
  r: {type: classic, direct: true}
  dead: {type: classic, bindings: [{exchange: dlx}]}
  other: {type: classic, direct: true}
"""
OWNS = 'owns: ["dl|high"]\n'
ANY = ["rejected"]


def policy(definition: str, name: str = "dl", priority: int = 1) -> str:
    return f"  {name}: {{pattern: ^q$|^r$, apply_to: queues, priority: {priority}, definition: {{{definition}}}}}\n"


DEAD = "policies:\n" + policy("dead-letter-exchange: dlx")
AWAY = policy("dead-letter-exchange: '', dead-letter-routing-key: other")


@pytest.mark.parametrize(
    ("before", "after", "lost", "gained"),
    [
        (DEAD, OWNS, ["dead"], []),
        (DEAD, DEAD + policy("max-length: 5", "high", 2), ["dead"], []),
        (DEAD, "policies:\n" + AWAY, ["dead"], ["other"]),
        ("", DEAD, [], ["dead"]),
    ],
    ids=["gone", "shadowed", "changed", "new"],
)
def test_a_policy_that_names_a_dead_letter_exchange(
    planned: Planned, before: str, after: str, lost: list[str], gained: list[str]
) -> None:
    plan = planned(THERE + before, THERE + after)
    assert told(plan) == [(["q", "r"], ANY, lost, gained)]
    [letters] = found(plan).letters
    assert not letters.stops
    assert letters.origin


def test_a_policy_that_says_nothing_of_dead_letters_moves_none(planned: Planned) -> None:
    other = policy("max-length: 5").replace("^q$|^r$", "^other$")
    assert told(planned(THERE + DEAD, THERE + DEAD + other.replace("dl:", "ot:"))) == []
    assert told(planned(THERE, THERE + "policies:\n" + other)) == []


def test_a_queue_whose_arguments_change(planned: Planned) -> None:
    def documents(more: str) -> str:
        return THERE.replace("q: {type: classic,", f"q: {{type: classic{more},")

    assert told(planned(documents(", dead_letter: {exchange: dlx}"), documents(""))) == [(["q"], ANY, ["dead"], [])]
    retry = ", message_ttl: 5s, dead_letter: {exchange: '', routing_key: other}"
    plan = planned(documents(retry), documents(retry.replace("message_ttl: 5s, ", "")))
    assert told(plan) == [(["q"], ["expired"], ["other"], [])]
    assert found(plan).letters[0].stops


def test_the_keys_are_those_that_lie_in_the_queue_and_that_the_exchange_takes(planned: Planned) -> None:
    there = """\
exchanges: {x: {type: topic}, d: {type: topic}, f: {type: fanout}}
queues:
  q: {type: classic, bindings: [{exchange: x, routing_key: "order.#"}, {exchange: f}]}
  dead: {type: classic, bindings: [{exchange: d, routing_key: "*.lost"}]}
"""
    plan = planned(there + DEAD.replace("dlx", "d"), OWNS + there)
    assert told(plan) == [(["q"], ANY, ["dead"], [])]


TEST = """\
tests:
  - name: lost
    publish: {exchange: "", routing_key: q}
    expect: [q]
    then: {queue: q, rejected: true, expect: [dead]}
"""


def test_a_test_of_dead_letters_that_fails_from_now_on(planned: Planned) -> None:
    plan = planned(THERE + DEAD, OWNS + THERE + TEST)
    [broken] = found(plan).broken
    assert broken.name == "lost"
    assert broken.problem.startswith("rejected in q: expected")
    assert broken.origin
    assert not found(planned(THERE + DEAD, THERE + DEAD + TEST + "publishers: {}\n")).broken


def test_a_test_that_the_route_itself_breaks_is_told_as_a_shift(planned: Planned) -> None:
    test = "tests: [{name: t, publish: {exchange: x, routing_key: k}, expect: [q]}]\n"
    bound = THERE.replace(
        "q: {type: classic, direct: true}", "q: {type: classic, bindings: [{exchange: x, routing_key: k}]}"
    )
    plan = planned(bound, THERE + test)
    assert [shift.probe.name for shift in found(plan).shifts] == ["t"]
    assert found(plan).broken == ()


def test_queues_in_too_great_number_are_counted(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(THERE + DEAD, OWNS + THERE)
    monkeypatch.setattr(module, "_STEPS", 0)
    assert (len(told(plan)), found(plan).unfollowed) == (1, 1)
