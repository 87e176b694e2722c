"""What a plan does to routing: the messages that go elsewhere when it is carried out, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.plan import downstream, shapes
from rabbit_topo.plan import impact as module
from rabbit_topo.plan.impact import Impact, Shift, impact
from rabbit_topo.plan.outlook import outlook
from rabbit_topo.plan.probes import OTHERWISE
from rabbit_topo.report.text import plan_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.plan import Plan


def found(plan: Plan) -> Impact:
    it = impact(plan)
    assert it is not None
    return it


def told(plan: Plan) -> list[tuple[str, str, str, list[str], list[str]]]:
    """Say of every shift whose it is, by which exchange and key, what is lost and what is gained."""
    return [
        (it.probe.sender, it.message.exchange, it.probe.shown, list(it.lost), list(it.gained))
        for it in found(plan).shifts
    ]


X = "exchanges: {shop.x: {type: topic}}\n"


def test_a_publisher_is_followed_through_a_moved_binding(planned: Callable[..., Plan]) -> None:
    plan = planned(
        X + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: old}]}}",
        X
        + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: new}]}}\n"
        + "publishers: {late: {exchange: shop.x, routing_key: old}, soon: {exchange: shop.x, routing_key: new},"
        + " too: {exchange: shop.x, routing_key: old}}\n",
    )
    assert told(plan) == [
        ("publisher", "shop.x", "old", ["q"], []),
        ("publisher", "shop.x", "new", [], ["q"]),
        ("publisher", "shop.x", "old", ["q"], []),
    ]
    assert [shift.probe.name for shift in found(plan).stranded] == ["late", "too"]
    assert [shift.begins for shift in found(plan).shifts] == [False, True, False]


def test_a_route_test_is_followed_where_no_publisher_sends_the_same(planned: Callable[..., Plan]) -> None:
    tests = (
        "tests:\n"
        "  - {name: as the publisher, publish: {exchange: shop.x, routing_key: a}, expect: [q]}\n"
        "  - {name: its own, publish: {exchange: shop.x, routing_key: b}, expect: [q]}\n"
    )
    plan = planned(
        X + "queues: {q: {type: classic}}",
        X
        + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: '#'}]}}\n"
        + "publishers: {p: {exchange: shop.x, routing_key: a}}\n"
        + tests,
    )
    assert [(it.probe.sender, it.probe.name) for it in found(plan).shifts] == [
        ("publisher", "p"),
        ("test", "its own"),
        ("binding", ""),
    ]


def test_what_is_blocked_stays_on_its_way(planned: Callable[..., Plan]) -> None:
    there = X + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: a}]}}"
    gone = 'owns: ["q"]\n' + X + "publishers: {p: {exchange: shop.x, routing_key: a}}"
    assert told(planned(there, gone)) == [("publisher", "shop.x", "a", ["q"], [])]
    assert told(planned(there, gone, counts={"q": [1, 0, 0]})) == []
    assert told(planned(there, gone, consent={"prune": False})) == []


def test_on_an_empty_broker_everything_begins_and_nothing_is_followed(planned: Callable[..., Plan]) -> None:
    plan = planned(
        "",
        X
        + "queues: {q: {type: classic, direct: true, bindings: [{exchange: shop.x, routing_key: a}]}}\n"
        + "publishers: {p: {exchange: shop.x, routing_key: a}, d: {exchange: '', routing_key: q}}",
    )
    assert impact(plan) == Impact()


def test_a_new_exchange_or_queue_beside_others_is_no_change_for_its_publisher(planned: Callable[..., Plan]) -> None:
    other = "other: {type: fanout}"
    plan = planned(
        f"exchanges: {{{other}}}",
        f"exchanges: {{{other}, shop.x: {{type: topic}}}}\n"
        "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: a}, {exchange: other}]}}\n"
        "publishers: {p: {exchange: shop.x, routing_key: a}, d: {exchange: '', routing_key: q}}",
    )
    assert told(plan) == [("binding", "other", "", [], ["q"])]


def test_nothing_is_said_where_amqp_alone_hides_the_bindings(planned: Callable[..., Plan]) -> None:
    assert impact(planned(X, X, alone={})) is None


def test_a_predeclared_exchange_can_be_followed(planned: Callable[..., Plan]) -> None:
    bound = "queues: {q: {type: classic, bindings: [{exchange: amq.topic, routing_key: a}]}}"
    assert told(planned("queues: {q: {type: classic}}", bound)) == [("binding", "amq.topic", "a", [], ["q"])]


@pytest.mark.parametrize(
    ("before", "after", "shown", "key"),
    [
        ("[order.*]", "[]", "order.*", "order.x"),
        ('["order.#"]', "[]", "order.#", "order.x"),
        ('["order.#"]', "[order.*]", "order", "order"),  # a word is still taken, none is not
        ('["#"]', '["*.#"]', "", ""),
        ('["a.#.b.#"]', '["a.*.b.*"]', "a.b", "a.b"),
    ],
)
def test_a_pattern_is_tried_with_one_word_with_none_and_with_two(
    planned: Callable[..., Plan], before: str, after: str, shown: str, key: str
) -> None:
    def bound(keys: str) -> str:
        free = f"bindings: [{{exchange: shop.x, routing_keys: {keys}}}]" if keys != "[]" else "direct: true"
        return X + f"queues: {{q: {{type: classic, {free}}}}}"

    [shift] = found(planned(bound(before), bound(after))).shifts
    assert (shift.probe.shown, shift.message.routing_key, shift.lost) == (shown, key, ("q",))


def test_a_headers_binding_is_tried_with_its_headers(planned: Callable[..., Plan]) -> None:
    def documents(match: str, headers: str) -> str:
        return (
            "exchanges: {docs: {type: headers}}\n"
            f"queues: {{q: {{type: classic, bindings: [{{exchange: docs, match: {match}, headers: {headers}}}]}}}}"
        )

    plan = planned(documents("all", "{format: pdf, page: 1}"), documents("any-with-x", "{x-any: null, CC: 1}"))
    assert [(dict(it.message.headers), it.lost, it.gained) for it in found(plan).shifts] == [
        ({"format": "pdf", "page": 1}, ("q",), ()),
        ({"x-any": "x"}, (), ("q",)),
    ]


def test_bindings_of_one_exchange_with_one_effect_are_told_together(planned: Callable[..., Plan]) -> None:
    plan = planned(
        X + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_keys: [a, b, c]}]}}",
        X + "queues: {q: {type: classic, direct: true}}",
    )
    [shift] = found(plan).shifts
    assert [shift.probe.shown, *(other.shown for other in shift.others)] == ["a", "b", "c"]


def test_bindings_of_a_fanout_exchange_are_one_message(planned: Callable[..., Plan]) -> None:
    fan = "exchanges: {fan: {type: fanout}}\nqueues:\n"
    plan = planned(
        fan + "  q: {type: classic, bindings: [{exchange: fan}]}\n  r: {type: classic, bindings: [{exchange: fan}]}",
        fan + "  q: {type: classic, direct: true}\n  r: {type: classic, direct: true}",
    )
    assert told(plan) == [("binding", "fan", "", ["q", "r"], [])]
    assert found(plan).followed == 1


def test_a_second_destination_makes_a_hash_a_perhaps(planned: Callable[..., Plan]) -> None:
    def hashed(*queues: str) -> str:
        each = ", ".join(
            f'{name}: {{type: classic, bindings: [{{exchange: hash, routing_key: "1"}}]}}' for name in queues
        )
        return f"exchanges: {{hash: {{type: x-consistent-hash}}}}\nqueues: {{{each}}}"

    [shift] = found(planned(hashed("q"), hashed("q", "r"))).shifts
    assert (shift.lost, shift.gained, shift.blurred) == ((), ("r",), ("q",))
    assert not shift.strands


ALTERNATE = "exchanges: {{a: {{type: topic{}}}, spare: {{type: fanout}}}}\n"
SPARE = "queues: {{q: {{type: classic, bindings: [{{exchange: {}}}]}}}}\n"


def test_a_policy_that_gives_an_alternate_exchange_shows_in_what_no_binding_takes(
    planned: Callable[..., Plan],
) -> None:
    there = ALTERNATE.format("") + SPARE.format("spare")
    policy = "policies: {ae: {pattern: ^a$, apply_to: exchanges, definition: {alternate-exchange: spare}}}\n"
    assert told(planned(there, there + policy)) == [("exchange", "a", OTHERWISE, [], ["q"])]
    assert told(planned(there + policy, there + "owns: [ae]\n")) == [("exchange", "a", OTHERWISE, ["q"], [])]
    publisher = "publishers: {p: {exchange: a, routing_key: k}}\n"
    assert told(planned(there, there + policy + publisher))[0] == ("publisher", "a", "k", [], ["q"])


def test_a_policy_that_says_nothing_of_alternates_changes_no_route(planned: Callable[..., Plan]) -> None:
    there = ALTERNATE.format("") + SPARE.format("spare")
    policy = "policies: {p: {pattern: ^q$, apply_to: queues, definition: {max-length: 5}}}\n"
    assert found(planned(there, there + policy)) == Impact()


def test_an_alternate_exchange_that_comes_into_being_catches_what_was_dropped(planned: Callable[..., Plan]) -> None:
    named = ALTERNATE.format(", alternate_exchange: spare")
    without = "exchanges: {a: {type: topic, alternate_exchange: spare}, other: {type: fanout}}\n"
    plan = planned(
        without + SPARE.format("other"), named + "queues: {q: {type: classic, bindings: [{exchange: spare}]}}"
    )
    assert ("exchange", "a", OTHERWISE, [], ["q"]) in told(plan)


def test_a_replaced_exchange_is_followed_by_its_bindings_and_by_any_other_key(planned: Callable[..., Plan]) -> None:
    def of_type(kind: str) -> str:
        return (
            f"exchanges: {{shop.x: {{type: {kind}}}}}\n"
            "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: a}]}}"
        )

    assert told(planned(of_type("fanout"), of_type("direct"))) == [
        ("exchange", "shop.x", OTHERWISE, ["q"], []),
    ]
    assert told(planned(of_type("direct"), of_type("topic"))) == []


def test_an_exchange_that_becomes_internal_refuses_its_publisher(planned: Callable[..., Plan]) -> None:
    def internal(*, is_it: bool) -> str:
        return (
            f"exchanges: {{shop.x: {{type: topic, internal: {str(is_it).lower()}}}}}\n"
            "publishers: {p: {exchange: shop.x, routing_key: a}}"
        )

    [shift] = found(planned(internal(is_it=False), internal(is_it=True))).shifts
    assert shift.refused
    assert shift.strands
    assert not shift.begins
    assert "internal exchange" in shift.after.refusal


AUTO = """\
exchanges:
  up: {type: topic}
  auto: {type: fanout, auto_delete: true, bindings: [{exchange: up, routing_key: a}]}
queues:
  old: {type: classic, bindings: [{exchange: auto}]}
"""
UP = 'owns: ["old|auto"]\nexchanges: {up: {type: topic}, other: {type: fanout}}'


def test_an_auto_delete_exchange_goes_with_its_last_binding(planned: Callable[..., Plan]) -> None:
    plan = planned(AUTO, UP)
    assert told(plan) == [("binding", "up", "a", ["old"], [])]
    assert not [key.name for key in outlook(plan).topology.resources if key.name == "auto"]


def test_a_queue_that_nobody_manages_keeps_an_auto_delete_exchange_alive(planned: Callable[..., Plan]) -> None:
    kept = UP.replace("auto", "none")
    plan = planned(AUTO + "  h: {type: classic, bindings: [{exchange: auto}]}\n", kept, hidden=["h"])
    assert told(plan) == [("binding", "auto", "", ["old"], [])]
    assert [shift.after.queues for shift in found(plan).shifts] == [("h",)]


def test_a_migrated_queue_keeps_its_messages_coming(planned: Callable[..., Plan]) -> None:
    def of_type(kind: str) -> str:
        return X + f"queues: {{q: {{type: {kind}, bindings: [{{exchange: shop.x, routing_key: a}}]}}}}"

    plan = planned(of_type("classic"), of_type("quorum"), consent={"migrate": True}, moves=True)
    assert [type(operation).__name__ for operation in plan.operations] == ["Migrate"]
    assert told(plan) == []


def test_too_many_changed_bindings_are_counted(planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "[a, b, c, d]"
    plan = planned(
        X + f"queues: {{q: {{type: classic, bindings: [{{exchange: shop.x, routing_keys: {keys}}}]}}}}",
        X + "queues: {q: {type: classic, direct: true}}",
    )
    assert found(plan).unfollowed == 0
    monkeypatch.setattr(module, "MOST_MESSAGES", 1)
    assert (found(plan).followed, found(plan).unfollowed) == (2, 2)
    assert "2 changed bindings more were not followed" in "".join(
        span.text for line in plan_lines(plan, ["x"], 80, impact(plan)) for span in line
    )


def test_what_goes_is_followed_before_what_comes(planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    both = "exchanges: {a: {type: topic}, m: {type: topic%s}, z: {type: topic}, spill: {type: fanout}}\n"
    plan = planned(
        both % "" + "queues: {q: {type: classic, bindings: [{exchange: z, routing_key: gone}]}}",
        both % ", alternate_exchange: spill"
        + "queues: {q: {type: classic, bindings: [{exchange: a, routing_keys: [b, c, d, e]}, {exchange: spill}]}}",
    )
    monkeypatch.setattr(module, "MOST_MESSAGES", 1)
    assert told(plan) == [("binding", "z", "gone", ["q"], []), ("exchange", "m", OTHERWISE, [], ["q"])]
    assert found(plan).unfollowed == 5


def test_the_effect_tells_shifts_apart(planned: Callable[..., Plan]) -> None:
    plan = planned(
        X + "queues: {q: {type: classic, bindings: [{exchange: shop.x, routing_key: a}]}, r: {type: classic}}",
        X + "queues: {q: {type: classic, direct: true},"
        " r: {type: classic, bindings: [{exchange: shop.x, routing_keys: [a, b]}]}}",
    )
    shifts: list[Shift] = list(found(plan).shifts)
    assert [(it.probe.shown, it.lost, it.gained) for it in shifts] == [("a", ("q",), ("r",)), ("b", (), ("r",))]


def test_what_goes_on_to_another_exchange_is_tried_with_what_that_takes(planned: Callable[..., Plan]) -> None:
    there = (
        "exchanges:\n  x: {type: topic}\n  f: {type: fanout}\n"
        "  y: {type: topic%s}\n  z: {type: direct%s}\n  h: {type: headers%s}\n"
        "queues:\n"
        "  q: {type: classic, bindings: [{exchange: y, routing_key: order.*}]}\n"
        "  r: {type: classic, bindings: [{exchange: z, routing_key: k}]}\n"
        "  s: {type: classic, bindings: [{exchange: h, headers: {a: 1}}]}\n"
    )
    from_x, from_f = ", bindings: [{exchange: x, routing_key: '%s'}]", ", bindings: [{exchange: f}]"
    plan = planned(there % (from_x % "#", from_f, from_f), 'owns: [".*"]\n' + there % ("", "", ""))
    assert sorted(told(plan)) == [
        ("binding", "f", "", ["s"], []),
        ("binding", "f", "k", ["r"], []),
        ("binding", "x", "order.*", ["q"], []),
    ]
    narrowed = planned(there % (from_x % "*.*.a", "", ""), there % (from_x % "*.*.b", "", ""))
    assert told(narrowed) == []
    narrowed = planned(there % (from_x % "#.a", "", ""), there % (from_x % "#.b", "", ""))
    assert [(it.message.routing_key, it.lost, it.gained) for it in found(narrowed).shifts] == [
        ("order.a", ("q",), ()),
        ("order.b", (), ("q",)),
    ]


SELECTIVE = """\
exchanges: {{t: {{type: topic{}}}, u: {{type: topic}}, i: {{type: fanout{}}}}}
queues:
  q1: {{type: classic, bindings: [{{exchange: t, routing_key: "{}"}}]}}
  q2: {{type: classic, bindings: [{{exchange: u, routing_key: "b.*"}}]}}
"""
GIVES = "policies: {ae: {pattern: ^t$, apply_to: exchanges, definition: {alternate-exchange: u}}}\n"
BY_ITSELF = ", alternate_exchange: u"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SELECTIVE.format(BY_ITSELF, "", "a.#"), SELECTIVE.format("", "", "a.#")),
        (SELECTIVE.format("", "", "a.#") + GIVES, 'owns: ["ae"]\n' + SELECTIVE.format("", "", "a.#")),
        (
            SELECTIVE.format(BY_ITSELF, "", "a.#"),
            SELECTIVE.format(BY_ITSELF, ", bindings: [{exchange: t, routing_key: '#'}]", "a.#"),
        ),
        (SELECTIVE.format(BY_ITSELF, "", "a.#"), SELECTIVE.format(BY_ITSELF, "", "#")),
    ],
    ids=["argument", "policy", "swallowed by an exchange", "swallowed by a queue"],
)
def test_a_selective_alternate_exchange_is_tried_with_what_it_takes(
    planned: Callable[..., Plan], before: str, after: str
) -> None:
    lost = [(it.message.routing_key, it.lost) for it in found(planned(before, after)).shifts if it.lost]
    assert lost == [("b.x", ("q2",))]


def test_a_key_that_another_binding_keeps_from_the_alternate_exchange(planned: Callable[..., Plan]) -> None:
    def documents(*keys: str) -> str:
        return (
            "exchanges: {t: {type: topic, alternate_exchange: u}, u: {type: fanout}}\nqueues:\n"
            f"  q: {{type: classic, bindings: [{{exchange: u}}, {{exchange: t, routing_keys: [{', '.join(keys)}]}}]}}\n"
            "  r: {type: classic, bindings: [{exchange: t, routing_key: a}]}\n"
        )

    assert told(planned(documents("'#'", "c"), documents("c"))) == [("binding", "t", "a", ["q"], [])]


def test_a_policy_on_a_predeclared_exchange_is_followed(planned: Callable[..., Plan]) -> None:
    there = "queues: {q: {type: classic, bindings: [{exchange: amq.direct, routing_key: k}]}}\n"
    gives = (
        "policies: {ae: {pattern: ^amq.topic$, apply_to: exchanges, definition: {alternate-exchange: amq.direct}}}\n"
    )
    assert told(planned(there + gives, 'owns: ["ae"]\n' + there)) == [("exchange", "amq.topic", "k", ["q"], [])]
    assert told(planned(there, there + gives)) == [("exchange", "amq.topic", "k", [], ["q"])]


def test_headers_of_which_any_will_do_are_tried_each_alone(planned: Callable[..., Plan]) -> None:
    def documents(headers: str) -> str:
        return (
            "exchanges: {docs: {type: headers}}\n"
            f"queues: {{q: {{type: classic, bindings: [{{exchange: docs, match: any, headers: {headers}}}]}}}}"
        )

    plan = planned(documents("{a: 1, b: 2}"), documents("{a: 1}"))
    assert [(dict(it.message.headers), it.lost) for it in found(plan).shifts] == [({"b": 2}, ("q",))]
    assert [dict(it.probe.message.headers) for it in found(plan).shifts] == [{"b": 2}]


def test_a_wildcard_is_tried_with_more_words_than_any_pattern_has(planned: Callable[..., Plan]) -> None:
    def documents(keys: str) -> str:
        return X + f"queues: {{q: {{type: classic, bindings: [{{exchange: shop.x, routing_keys: {keys}}}]}}}}"

    for left, lost in (
        ("[a, a.*, a.*.*]", "a.xx.xx.xx"),
        ("[a, a.*, a.*.*, a.*.*.*, 'a.x.#']", "a.xx.xx.xx.xx.xx"),
    ):
        plan = planned(documents("['a.#', x, " + left[1:]), documents("[x, " + left[1:]))
        assert [(it.message.routing_key, it.lost) for it in found(plan).shifts] == [(lost, ("q",))]
    plan = planned(documents("['a.#.b.#']"), documents("['a.b.#', a.*.b]"))
    assert [it.message.routing_key for it in found(plan).shifts] == ["a.x.b.x"]


def test_each_other_way_of_what_a_binding_takes_is_shown(planned: Callable[..., Plan]) -> None:
    there = X + "queues:\n  q: {type: classic, bindings: [{exchange: shop.x, routing_key: 'a.b.#'}]}\n"
    there += "  r: {type: classic, bindings: [{exchange: shop.x, routing_key: a.b}]}\n"
    plan = planned(there, X + "queues: {q: {type: classic, direct: true}, r: {type: classic, direct: true}}")
    assert sorted(told(plan)) == [
        ("binding", "shop.x", "a.b", ["q", "r"], []),
        ("binding", "shop.x", "a.b.x", ["q"], []),
    ]


def test_a_fanout_that_leads_on_is_tried_with_a_key_too(planned: Callable[..., Plan]) -> None:
    there = "exchanges: {w: {type: fanout}, y: {type: topic%s}}\nqueues:\n  q: {type: classic, bindings: [%s]}\n"
    bound = "{exchange: y, routing_key: ''}"
    plan = planned(there % ("", "{exchange: w}, " + bound), there % (", bindings: [{exchange: w}]", bound))
    assert [(it.message.routing_key, it.lost) for it in found(plan).shifts] == [(OTHERWISE, ("q",))]


def test_what_lies_behind_in_too_great_number_is_counted(
    planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = "exchanges: {x: {type: topic}, y: {type: topic%s}}\n"
    there += "queues: {q: {type: classic, bindings: [{exchange: y, routing_keys: [a, b.*]}]}}\n"
    plan = planned(there % ", bindings: [{exchange: x, routing_key: '#'}]", there % "")
    assert found(plan).unfollowed == 0
    monkeypatch.setattr(downstream, "_STEPS", 1)
    assert found(plan).unfollowed == 1


def test_what_two_patterns_have_in_common_is_not_looked_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (shapes.Wild.MANY, "a"), ("a", shapes.Wild.MANY)
    assert shapes.common(one, other)
    monkeypatch.setattr(shapes, "_STEPS", 1)
    assert shapes.common(one, other) == ()
