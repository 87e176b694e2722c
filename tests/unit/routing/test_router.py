"""What of the router neither the kept cases nor the laws say: several vhosts, what is hidden, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from rabbit_topo.errors import UsageError
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Observed, Policy, Queue, Resource, Topology
from rabbit_topo.routing import Message, Route, Router, keys_of
from rabbit_topo.routing.expectations import not_one
from rabbit_topo.routing.headers import amqp_type, spelled, takes


def topology(*resources: Resource) -> Topology:
    return Topology({one.key: one for one in resources})


def bound(kind: str | None, **arguments: str) -> tuple[Resource, ...]:
    """One exchange x of this type with two queues, each bound once."""
    return (
        Exchange("/", "x", kind, arguments=Arguments(arguments)),
        Queue("/", "q"),
        Queue("/", "r"),
        Binding("/", "x", "queue", "q", "1"),
        Binding("/", "x", "queue", "r", "2"),
    )


def said(message: Message, *resources: Resource, version: str = "4.3") -> Route:
    return Router(topology(*resources), version).route(message)


def test_a_message_needs_a_vhost_where_there_are_several() -> None:
    router = Router(topology(Exchange("a", "x", "fanout"), Exchange("b", "x", "fanout")))
    with pytest.raises(UsageError, match="several vhosts: a, b"):
        router.route(Message("x"))
    assert router.route(Message("x", vhost="b")).unroutable


def test_an_empty_topology_has_the_vhost_that_every_broker_has() -> None:
    assert said(Message("amq.fanout")).vhost == "/"
    assert said(Message("amq.fanout")).unroutable


def test_a_broker_routes_to_queues_that_nobody_manages() -> None:
    hidden = Binding("/", "x", "queue", "amq.gen-1", "k")
    seen = topology(Exchange("/", "x", "direct"), Queue("/", "q"), Binding("/", "x", "queue", "q", "k"))
    operators = Policy("/", "o", ".*")
    facts = Facts("here", "3.10.8", hidden=(Queue("/", "amq.gen-1"),), hidden_bindings=(hidden,))
    router = Router.observed(Observed(seen, facts))
    assert router.route(Message("x", "k")).queues == ("amq.gen-1", "q")
    assert router.version == "3.10.8"
    assert Router(seen, operator_policies=[operators]).operator_policies == (operators,)


@pytest.mark.parametrize("kind", [None, "topic"])
def test_a_predeclared_exchange_has_its_type_whoever_names_it(kind: str | None) -> None:
    named = Exchange("/", "amq.topic", kind)
    reached = said(Message("amq.topic", "a.b"), named, Queue("/", "q"), Binding("/", "amq.topic", "queue", "q", "a.*"))
    assert reached.queues == ("q",)


def test_only_what_is_published_is_barred_from_an_internal_exchange() -> None:
    inside = Exchange("/", "x", "fanout", internal=True)
    router = Router(topology(inside, Queue("/", "q"), Binding("/", "x", "queue", "q")))
    assert router.route(Message("x")).refusal.startswith("ACCESS_REFUSED")
    assert router.route(Message("x", headers={"CC": 5}), keys=["k"], published=False).queues == ("q",)


@pytest.mark.parametrize(
    "kind", ["x-consistent-hash", "x-modulus-hash", "x-random", "x-local-random", "x-made-up", None]
)
def test_it_does_not_guess(kind: str | None) -> None:
    reached = said(Message("x", "k"), *bound(kind))
    assert (reached.queues, reached.perhaps) == ((), ("q", "r"))
    assert not reached.unroutable
    assert all(way.reason for hop in reached.hops for way in hop.taken)


@pytest.mark.parametrize("kind", ["x-consistent-hash", "x-modulus-hash", "x-random"])
def test_the_only_way_of_a_hash_is_certain(kind: str) -> None:
    assert said(Message("x", "k"), *bound(kind)[:2], bound(kind)[3]).queues == ("q",)


@pytest.mark.parametrize(("kind", "perhaps"), [("x-random", ("q", "r")), ("x-local-random", ("q", "r", "spared"))])
def test_an_alternate_exchange_waits_for_chance_only_where_it_can_find_nothing(
    kind: str, perhaps: tuple[str, ...]
) -> None:
    spare = (Exchange("/", "spare", "fanout"), Queue("/", "spared"), Binding("/", "spare", "queue", "spared"))
    reached = said(Message("x", "k"), *bound(kind, **{"alternate-exchange": "spare"}), *spare)
    assert (reached.queues, reached.perhaps) == ((), perhaps)


def test_what_may_be_reached_is_followed_to_its_end() -> None:
    beyond = (
        Exchange("/", "y", "fanout"),
        Queue("/", "s"),
        Binding("/", "x", "exchange", "y", "3"),
        Binding("/", "y", "queue", "s"),
        Binding("/", "y", "exchange", "x"),
    )
    reached = said(Message("x", "k"), *bound("x-random"), *beyond)
    assert reached.perhaps == ("q", "r", "s")
    assert [(hop.exchange, hop.by and hop.by.certain) for hop in reached.hops] == [("x", None), ("y", False)]


def test_what_is_certain_elsewhere_is_not_perhaps() -> None:
    front = (
        Exchange("/", "front", "fanout"),
        Binding("/", "front", "exchange", "x"),
        Binding("/", "front", "exchange", "y"),
        Exchange("/", "y", "fanout"),
        Binding("/", "y", "queue", "q"),
        Binding("/", "x", "exchange", "y", "3"),
    )
    reached = said(Message("front"), *bound("x-random"), *front)
    assert (reached.queues, reached.perhaps) == (("q",), ("r",))


def test_ends_that_no_file_declares_are_missing() -> None:
    reached = said(
        Message("x"),
        Exchange("/", "x", "fanout", arguments=Arguments({"alternate-exchange": "gone"})),
        Binding("/", "x", "queue", "gone"),
        Binding("/", "x", "exchange", "gone"),
    )
    assert reached.unroutable
    assert [way.missing for hop in reached.hops for way in hop.taken] == [True, True]


@pytest.mark.parametrize(("given", "queues"), [("direct", ("q",)), (None, ())])
def test_a_delayed_message_goes_by_the_inner_type(given: str | None, queues: tuple[str, ...]) -> None:
    exchange = bound("x-delayed-message", **({"x-delayed-type": given} if given else {}))
    reached = said(Message("x", "1"), *exchange)
    assert reached.queues == queues
    assert reached.perhaps == (() if given else ("q", "r"))


def test_what_waits_for_a_hash_is_said_too() -> None:
    delayed = bound("x-delayed-message", **{"x-delayed-type": "x-consistent-hash"})
    one_of = "x: x-consistent-hash sends it to one of its bindings"
    at_once = said(Message("x", "k"), *delayed)
    assert (at_once.perhaps, at_once.notes, not_one(at_once)) == (("q", "r"), (one_of,), "")
    later = said(Message("x", "k", {"x-delay": 5}), *delayed)
    assert later.notes == ("x: waits 5 ms first; until then the message counts as unroutable", one_of)
    assert [(hop.type, hop.kind) for hop in later.hops] == [("x-delayed-message", "x-consistent-hash")]


def test_one_place_says_by_which_type_an_exchange_routes() -> None:
    inner = Arguments({"x-delayed-type": "topic"})
    given = [Exchange("/", "x", "x-delayed-message", arguments=inner), Exchange("/", "y", "x-delayed-message")]
    assert [Router(topology()).kind(one) for one in (*given, Exchange("/", "z", "fanout"), None)] == [
        "topic",
        None,
        "fanout",
        None,
    ]


def test_what_a_queue_does_is_worked_out_once_for_a_router() -> None:
    queue = Queue("/", "q", "classic", arguments=Arguments({"x-message-ttl": 5}))
    router = Router(topology(queue))
    assert router.care(queue) is router.care(queue)
    assert router.care(queue).ttl_ms == 5
    assert (
        Router(topology(queue), operator_policies=[Policy("/", "o", "q", definition=Arguments({"message-ttl": 3}))])
        .care(queue)
        .ttl_ms
        == 3
    )


def test_a_message_that_waits_goes_to_the_alternate_exchange_at_once() -> None:
    exchange = bound("x-delayed-message", **{"x-delayed-type": "direct", "alternate-exchange": "amq.fanout"})
    spared = (Queue("/", "spared"), Binding("/", "amq.fanout", "queue", "spared"))
    reached = said(Message("x", "1", {"x-delay": 500}), *exchange, *spared)
    assert reached.queues == ("q", "spared")
    assert reached.notes == ("x: waits 500 ms first; until then the message counts as unroutable",)


@pytest.mark.parametrize("match", ["some", 5, None])
def test_a_match_that_no_broker_accepts_compares_all(match: object) -> None:
    assert takes({"x-match": match, "a": 1, "b": 1}, {"a": 1}, "4.3").takes is False


def test_the_sign_of_a_zero_is_not_certain_since_three_thirteen() -> None:
    assert takes({"a": 0.0}, {"a": -0.0}, "3.12").takes
    assert takes({"a": 0.0}, {"a": -0.0}, "3.13").takes is None
    assert takes({"a": [0.0]}, {"a": [-0.0]}, "3.13").takes is None
    assert takes({"a": -0.0}, {"a": -0.0}, "3.13").takes


def test_an_unsure_header_does_not_outweigh_a_sure_one() -> None:
    assert takes({"x-match": "any", "a": [1], "b": 1}, {"a": [1], "b": 1}, "4.3").takes
    assert takes({"x-match": "all", "a": [1], "b": 1}, {"a": [1], "b": 2}, "4.3").takes is False
    assert takes({"x-match": "any", "a": [1], "b": 1}, {"a": [1], "b": 2}, "4.3").takes is None


MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
LATER = datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "found", "older", "newer"),
    [
        (MOMENT, MOMENT, True, False),  # since 3.13 the message's counts in milliseconds
        (MOMENT, LATER, False, False),
        ([MOMENT], [MOMENT], None, None),
        ([MOMENT], [LATER], False, False),
        ([b"a"], [b"a"], True, True),
        ([b"a"], [b"b"], False, False),
        ([Decimal("1.5")], [Decimal("1.50")], None, None),
        (Decimal("1.5"), Decimal("1.5"), None, None),
        (b"a", b"a", True, True),
        (["a"], ("a",), True, True),
        (("a", ("b",)), ["a", ["b"]], True, True),
        ({"t": ("a",)}, {"t": ["a"]}, True, True),
        ((), {}, True, True),
    ],
)
def test_values_that_python_gives_and_no_file(asked: object, found: object, older: object, newer: object) -> None:
    assert takes({"a": asked}, {"a": found}, "3.10.8").takes is older
    assert takes({"a": asked}, {"a": found}, "4.3").takes is newer


def test_a_tuple_gives_routing_keys_as_a_list_does() -> None:
    message = Message("amq.direct", "a", {"CC": ("b",), "BCC": ("c",)})
    assert keys_of(message) == ("", ("a", "b", "c"))
    assert not said(message).refusal


def test_a_live_broker_gives_a_queue_without_a_type_its_default_one() -> None:
    queue, other = Queue("/", "q", None), Queue("elsewhere", "q", None)
    facts = Facts("here", "4.3.6", default_queue_types={"/": "quorum"})
    policy = Policy("/", "p", "q", apply_to="quorum_queues", definition=Arguments({"message-ttl": 5}))
    router = Router.observed(Observed(topology(queue, other, policy), facts))
    assert [router.care(one).kind for one in (queue, other)] == ["quorum", "classic"]
    assert (router.care(queue).ttl_ms, router.candidates(queue).winner) == (5, policy)
    assert [router.has_known_type(one) for one in (queue, other)] == [True, False]


def test_a_version_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match='"banana" is no version of RabbitMQ'):
        Router(topology(), "banana")
    assert Router(topology(), "").version == ""
    assert Router.observed(Observed(topology(), Facts("here", "dev"))).version == ""


def test_values_are_named_as_the_broker_names_them() -> None:
    values: list[object] = [None, True, 1, 2**31, -(2**31), 1.0, "a", [], (), {}, MOMENT, b"", Decimal(1)]
    named = ["void", "bool", "signedint", "long", "long", "double", "longstr", "array", "array", "table", "timestamp"]
    named += ["binary", "decimal"]
    assert [amqp_type(value) for value in values] == named
    assert spelled([1]) == "[1]"


@pytest.mark.parametrize(("other", "queues", "perhaps"), [("u2", (), ("q1", "q2")), ("u1", ("q1",), ())])
def test_of_policies_that_tie_nobody_knows_which_takes_effect(
    other: str, queues: tuple[str, ...], perhaps: tuple[str, ...]
) -> None:
    resources: list[Any] = [
        *(Exchange("/", name, "fanout") for name in ("x", "u1", "u2")),
        *(Queue("/", f"q{number}", "classic") for number in (1, 2)),
        *(Binding("/", f"u{number}", "queue", f"q{number}") for number in (1, 2)),
        *(
            Policy("/", name, "^x$", "exchanges", 0, Arguments({"alternate-exchange": target}))
            for name, target in (("a", "u1"), ("b", other))
        ),
    ]
    route = Router(Topology({one.key: one for one in resources})).route(Message("x", "k"))
    assert (route.queues, route.perhaps) == (queues, perhaps)
    assert bool(route.notes) == bool(perhaps)
