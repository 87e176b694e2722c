from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.adopt.selection import (
    EXCLUSIVE,
    LEADS_ELSEWHERE,
    NO_SOURCE,
    OURS_FOR_A_WHILE,
    SERVER_NAMED,
    SERVERS_OWN,
    UNMATCHED,
    UNNAMEABLE,
    UNTOLD,
    may_lack_internal,
    select,
)
from rabbit_topo.model import (
    Arguments,
    Binding,
    Exchange,
    Facts,
    Key,
    Kind,
    Observed,
    Policy,
    Queue,
    Topology,
    Vhost,
)

if TYPE_CHECKING:
    from rabbit_topo.adopt.types import Selection
    from rabbit_topo.model import Resource

LIMIT = Arguments({"max-length": 1})
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def queue(name: str, vhost: str = "/", **options: Any) -> Queue:
    return Queue(vhost, name, "classic", **options)


def exchange(name: str, kind: str = "topic", **options: Any) -> Exchange:
    return Exchange("/", name, kind, **options)


def bound(source: str, destination: str, kind: str = "queue", key: str = "") -> Binding:
    return Binding("/", source, kind, destination, key)  # type: ignore[arg-type]


def policy(name: str, pattern: str = ".*", priority: int = 0) -> Policy:
    return Policy("/", name, pattern, "all", priority, LIMIT)


def seen(*resources: Resource, **facts: Any) -> Observed:
    everything = {one.key: one for one in (Vhost("/"), exchange("amq.topic"), exchange("amq.fanout"), *resources)}
    return Observed(Topology(everything), Facts("here", "4.3", **facts))


def names(found: Selection) -> list[str]:
    return [key.name for key in found.taken if key.kind is not Kind.BINDING]


def reasons(found: Selection) -> dict[str, str]:
    return {row.key.name: row.reason for row in found.skipped if row.key.kind is not Kind.BINDING}


def test_all_that_a_file_can_declare_is_taken_in_order() -> None:
    found = select(seen(policy("p"), bound("x", "q"), queue("q"), queue("a"), exchange("x")))

    assert [(key.kind, key.name) for key in found.taken] == [
        (Kind.EXCHANGE, "x"),
        (Kind.QUEUE, "a"),
        (Kind.QUEUE, "q"),
        (Kind.BINDING, "x"),
        (Kind.POLICY, "p"),
    ]
    assert found.vhosts == ("/",)
    assert reasons(found) == {"amq.topic": SERVERS_OWN, "amq.fanout": SERVERS_OWN}
    assert found.others == {"/": {"amq.topic", "amq.fanout"}}
    assert not found.external
    assert not found.ignored


def test_what_lives_with_a_connection_is_skipped() -> None:
    answer, own, elsewhere = queue("amq.gen-1"), queue("mine"), queue("amq.gen-2", "other")
    into = (bound("amq.topic", "mine"), Binding("other", "x", "queue", "amq.gen-2"))

    found = select(
        seen(hidden=(answer, own, elsewhere), exclusive=frozenset({own.key}), hidden_bindings=into), vhosts=["/"]
    )

    assert reasons(found) | {"amq.topic": "", "amq.fanout": ""} == {
        "amq.gen-1": SERVER_NAMED,
        "mine": EXCLUSIVE,
        "amq.topic": "",
        "amq.fanout": "",
    }
    assert [row.reason for row in found.skipped if row.key == into[0].key] == [LEADS_ELSEWHERE]
    assert {"amq.gen-1", "mine"} <= found.others["/"]


def test_what_this_tool_leaves_for_a_while_is_skipped() -> None:
    left: list[Queue | Exchange | Policy] = [
        queue("rabbit-topo.x"),
        exchange("rabbit-topo.y"),
        policy("rabbit-topo.z", "^nothing"),
    ]

    found = select(seen(*left, queue("q"), bound("rabbit-topo.y", "q")))

    assert names(found) == ["q"]
    assert {reasons(found)[one.name] for one in left} == {OURS_FOR_A_WHILE}
    assert [row.reason for row in found.skipped if row.key.kind is Kind.BINDING] == [OURS_FOR_A_WHILE]


def test_only_whole_names_match() -> None:
    objects: list[Resource] = [
        queue("shop.a"),
        exchange("shop"),
        queue("my.shop.b"),
        policy("shop.p", "^x"),
        policy("all", "^x"),
    ]

    found = select(seen(*objects), match=r"shop(\..*)?")

    assert names(found) == ["shop", "shop.a", "shop.p"]
    assert reasons(found)["my.shop.b"] == reasons(found)["all"] == UNMATCHED


def test_a_binding_from_what_is_not_taken_makes_it_external() -> None:
    partner = exchange("partner", "headers", durable=False)
    objects: list[Resource] = [
        partner,
        queue("shop.q"),
        queue("other.q"),
        bound("partner", "shop.q"),
        bound("partner", "other.q"),
    ]

    found = select(seen(*objects, bound("amq.topic", "shop.q")), match=r"shop\..*")

    assert dict(found.external) == {partner.key: partner}
    assert [key.name for key in found.taken if key.kind is Kind.BINDING] == ["amq.topic", "partner"]
    assert [row.reason for row in found.skipped if row.key.kind is Kind.BINDING] == [LEADS_ELSEWHERE]
    assert {"partner", "other.q"} <= found.others["/"]


def test_an_external_exchange_without_a_type_has_none() -> None:
    found = select(seen(exchange("odd", ""), queue("q"), bound("odd", "q")))

    assert [one.type for one in found.external.values()] == [None]
    assert reasons(found)["odd"] == "without a type"


def test_exchanges_of_plugins_in_amq_are_mentioned() -> None:
    events = exchange("amq.rabbitmq.event")

    found = select(seen(events, queue("q"), bound("amq.rabbitmq.event", "q")))

    assert [*found.external] == [events.key]


@pytest.mark.parametrize(
    ("binding", "match", "taken"),
    [
        (bound("x", "amq.fanout", "exchange"), None, True),
        (bound("x", "amq.fanout", "exchange"), "x", True),
        (bound("x", "amq.fanout", "exchange"), "y", False),
        (bound("amq.topic", "amq.fanout", "exchange"), None, True),
        (bound("amq.topic", "amq.fanout", "exchange"), "x", False),
        (bound("odd", "amq.fanout", "exchange"), None, False),
        (bound("x", "odd", "exchange"), None, False),
        (bound("x", "gone"), None, False),
        (bound("x", "amq.gone", "exchange"), None, False),
    ],
)
def test_a_binding_to_what_is_not_ours_is_taken_into_the_servers_own_alone(
    binding: Binding,
    match: str | None,
    taken: bool,  # noqa: FBT001 - a column of a table
) -> None:
    found = select(seen(exchange("x"), exchange("odd", ""), binding), match=match)

    assert (binding.key in found.taken) is taken
    assert not found.external
    assert taken or [row.reason for row in found.skipped if row.key == binding.key] == [LEADS_ELSEWHERE]


def test_a_binding_whose_exchange_cannot_be_named_is_skipped() -> None:
    broken, missing = bound("a\nb", "q"), bound("gone", "q")
    weight = bound("hash", "q", key="much")

    found = select(seen(exchange("a\nb"), queue("q"), exchange("hash", "x-consistent-hash"), broken, missing, weight))

    told = {row.key: row.reason for row in found.skipped}
    assert told[broken.key] == UNNAMEABLE
    assert told[missing.key] == NO_SOURCE
    assert told[weight.key] == "the routing key on an x-consistent-hash exchange is a weight, at least 1"


def test_what_comes_and_goes_is_ignored_and_what_it_is_bound_to_stays() -> None:
    fanout = exchange("celery.pidbox", "fanout", durable=False)
    box = queue("celery@host.celery.pidbox", durable=False, auto_delete=True)

    found = select(seen(queue("celery"), fanout, box, bound("celery.pidbox", box.name)))

    assert names(found) == ["celery"]
    [row] = found.ignored["/"]
    assert row.names == ("celery.pidbox", "celery@host.celery.pidbox")
    assert box.name not in reasons(found)
    assert {row.reason for row in found.skipped if row.key.kind is Kind.BINDING} == {LEADS_ELSEWHERE}


def test_what_comes_and_goes_under_a_name_that_is_taken_is_skipped() -> None:
    found = select(seen(exchange(UUID), queue(UUID, auto_delete=True)))

    assert names(found) == [UUID]
    assert "cannot be ignored" in reasons(found)[UUID]
    assert not found.ignored
    assert UUID in found.others["/"]


def test_vhosts_are_looked_at_as_asked() -> None:
    observed = Observed(
        Topology({one.key: one for one in (Vhost("/"), Vhost("b"), queue("q"), queue("r", "b"))}), Facts("here", "4.3")
    )

    assert select(observed).vhosts == ("/", "b")
    assert [key.name for key in select(observed, ["b", "gone"]).taken] == ["r"]
    assert select(observed, []).vhosts == ()


def test_a_vhost_that_no_file_can_name_is_skipped_whole() -> None:
    odd = Vhost("a\nb")
    observed = Observed(Topology({one.key: one for one in (odd, queue("q", "a\nb"))}), Facts("here", "4.3"))

    found = select(observed)

    assert found.vhosts == ()
    assert not found.taken
    assert not found.others
    assert [row.key for row in found.skipped] == [Key("a\nb", Kind.VHOST, "a\nb")]


def test_a_policy_that_is_in_effect_in_place_of_ours_is_taken_too() -> None:
    high, equal, low = policy("high", priority=2), policy("equal", priority=1), policy("low")
    elsewhere = policy("elsewhere", "^other", 9)
    objects: list[Resource] = [queue("shop.q"), policy("shop.p", priority=1), high, equal, low, elsewhere]

    found = select(seen(*objects), match=r"shop\..*")

    assert names(found) == ["shop.q", "equal", "high", "shop.p"]
    assert {name: reasons(found)[name] for name in ("low", "elsewhere")} == dict.fromkeys(
        ("low", "elsewhere"), UNMATCHED
    )


def test_a_policy_in_whose_place_another_stays_is_not_taken() -> None:
    odd = Policy("/", "odd", "^q", "all", 5, Arguments({"queue-type": "quorum"}))
    objects: list[Resource] = [
        queue("q"),
        queue("r"),
        policy("p", "^q", 1),
        policy("s", "^q", 9),
        policy("t", "^r"),
        odd,
    ]

    kept = select(seen(*objects))
    assert names(kept) == ["q", "r", "p", "s", "t"]

    left = select(seen(*(one for one in objects if one.key.name != "s")))
    assert names(left) == ["q", "r", "t"]
    assert reasons(left)["p"] == "the policy odd, which is not taken, is in effect in its place"
    assert reasons(left)["odd"] == "a policy cannot set queue-type"


def test_one_policy_left_out_may_take_others_with_it() -> None:
    odd = Policy("/", "odd", "^q", "all", 5, Arguments({"queue-type": "quorum"}))
    wide, narrow = policy("wide", "^[qr]", 3), policy("narrow", "^r", 2)

    found = select(seen(queue("q"), queue("r"), odd, wide, narrow))

    assert names(found) == ["q", "r"]
    assert reasons(found)["narrow"] == "the policy wide, which is not taken, is in effect in its place"


def test_a_policy_that_cannot_be_read_here_may_be_in_effect() -> None:
    unread = Policy("/", "rabbit-topo.unread", "(?R)?x", "all", 5, LIMIT)

    found = select(seen(queue("q"), policy("p"), unread))

    assert names(found) == ["q"]


def test_vhosts_where_nothing_matches_are_left_out() -> None:
    box = Queue("d", "celery@h.celery.pidbox", "classic", durable=False, auto_delete=True)
    objects: list[Resource] = [Vhost("b"), Vhost("c"), Vhost("d"), queue("q"), queue("r", "b"), box]

    assert select(seen(*objects)).vhosts == ("/", "b", "c", "d")
    assert select(seen(*objects), match="r").vhosts == ("b",)
    assert select(seen(*objects), match="r|celery.*").vhosts == ("b", "d")
    assert select(seen(*objects), match="none").vhosts == ("/",)


def test_an_export_may_lack_internal_exchanges() -> None:
    assert not may_lack_internal(seen())
    assert may_lack_internal(seen(tells_internal=False))
    assert select(seen()).complete
    assert not select(seen(tells_internal=False)).complete


def test_what_only_a_binding_names_is_somebody_elses() -> None:
    """An export of RabbitMQ 4.3.6 has the bindings of internal exchanges, and not the exchanges."""
    into, out_of = bound("s.in", "s.inner", "exchange", "#"), bound("s.inner", "s.q")
    answers = Binding("/", "s.deeper", "queue", "amq.gen-1")
    known: list[Resource] = [
        exchange("s.in"),
        queue("s.q"),
        into,
        out_of,
        bound("s.in", "s.gone"),
        bound("amq.topic", "s.q"),
    ]

    found = select(seen(*known, hidden=(queue("amq.gen-1"),), hidden_bindings=(answers,)))

    assert {"s.inner", "s.gone", "s.deeper"} <= found.others["/"]
    assert {name: reasons(found)[name] for name in ("s.inner", "s.gone", "s.deeper")} == dict.fromkeys(
        ("s.inner", "s.gone", "s.deeper"), UNTOLD
    )
    told = {row.key: row.reason for row in found.skipped}
    assert (told[into.key], told[out_of.key]) == (LEADS_ELSEWHERE, NO_SOURCE)
    assert reasons(select(seen(*known), match=r"s\.q"))["s.inner"] == UNMATCHED


def test_what_arguments_name_may_be_internal_and_untold() -> None:
    objects: list[Resource] = [
        exchange("s.x", arguments=Arguments({"alternate-exchange": "s.a"})),
        queue("s.q", arguments=Arguments({"x-dead-letter-exchange": "s.b"})),
        queue("s.r", arguments=Arguments({"x-dead-letter-exchange": ""})),
        Policy("/", "s.p", "^q", definition=Arguments({"dead-letter-exchange": "s.c", "alternate-exchange": "s.x"})),
    ]

    told = select(seen(*objects))
    untold = select(seen(*objects, tells_internal=False))

    assert not {"s.a", "s.b", "s.c"} & told.others["/"]
    assert {name for name, reason in reasons(untold).items() if reason == UNTOLD} == {"s.a", "s.b", "s.c"}
    assert {"s.a", "s.b", "s.c"} <= untold.others["/"]


def test_a_refused_queue_may_have_the_name_of_an_exchange_that_comes_and_goes() -> None:
    name = "celery@host.celery.pidbox"
    broken = queue(name, arguments=Arguments({"x-max-length": -5}))

    found = select(seen(exchange(name, "fanout", durable=False), broken, queue("q")))

    assert names(found) == ["q"]
    assert [row.names for row in found.ignored["/"]] == [(name,)]
    assert [row.key for row in found.skipped if row.key.kind is Kind.QUEUE] == [broken.key]
