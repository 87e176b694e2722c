"""Policies whose patterns Python cannot read: what they may do is never certain, and never left out."""

from __future__ import annotations

from typing import Any

import pytest

from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Resource, Topology
from rabbit_topo.routing import Message, Router
from rabbit_topo.routing.cases import Case, Step, run_case
from rabbit_topo.routing.dead_letters import Held, dead_letter, fates
from rabbit_topo.routing.expectations import Expectation

UNREAD = "(?R)"  # PCRE's alone
ENDS: tuple[Resource, ...] = (
    *(Exchange("/", name, "fanout") for name in ("dead", "spare")),
    *(Queue("/", name, "classic") for name in ("d", "s")),
    Binding("/", "dead", "queue", "d"),
    Binding("/", "spare", "queue", "s"),
)


def policy(name: str, pattern: str = UNREAD, *, priority: float = 0, apply_to: str = "all", **given: Any) -> Policy:
    definition = Arguments({key.replace("_", "-"): value for key, value in given.items()})
    return Policy("/", name, pattern, priority=priority, apply_to=apply_to, definition=definition)


def router(*more: Resource, operators: tuple[Policy, ...] = ()) -> Router:
    return Router(Topology({one.key: one for one in (*ENDS, *more)}), operator_policies=operators)


def queue(**arguments: Any) -> Queue:
    return Queue(
        "/", "q", "classic", arguments=Arguments({f"x-{k.replace('_', '-')}": v for k, v in arguments.items()})
    )


TOPIC = Exchange("/", "x", "topic")
HELD = Held("q", "/", ("k",))


def test_an_alternate_exchange_that_such_a_policy_may_give_is_not_certain() -> None:
    reached = router(TOPIC, policy("p", alternate_exchange="dead")).route(Message("x", "k"))
    assert (reached.queues, reached.perhaps, reached.unroutable) == ((), ("d",), False)
    said = 'the pattern "(?R)" of the policy p cannot be read here: which alternate exchange it has is not certain'
    assert reached.notes == (f"x: {said}",)
    assert reached.hops[0].note == said


def test_nor_is_one_that_such_a_policy_may_take_away() -> None:
    read = policy("read", ".", alternate_exchange="spare")
    for other, perhaps in ((policy("p"), ("s",)), (policy("p", alternate_exchange="dead"), ("d", "s"))):
        reached = router(TOPIC, read, other).route(Message("x", "k"))
        assert (reached.queues, reached.perhaps) == ((), perhaps)


@pytest.mark.parametrize(
    "policies",
    [
        [policy("read", ".", priority=1, alternate_exchange="spare"), policy("p", alternate_exchange="dead")],
        [policy("read", ".", alternate_exchange="spare"), policy("p", priority=1, alternate_exchange="spare")],
        [policy("read", ".", alternate_exchange="spare"), policy("p", apply_to="queues", alternate_exchange="dead")],
    ],
    ids=["of less priority", "of the same effect", "of queues"],
)
def test_what_it_cannot_change_is_certain(policies: list[Policy]) -> None:
    reached = router(TOPIC, *policies).route(Message("x", "k"))
    assert (reached.queues, reached.perhaps, reached.notes) == (("s",), (), ())


def test_an_argument_and_a_binding_are_certain_whatever_it_says() -> None:
    own = Exchange("/", "x", "topic", arguments=Arguments({"alternate-exchange": "spare"}))
    other = policy("p", priority=5, alternate_exchange="dead")
    assert router(own, other).route(Message("x", "k")).queues == ("s",)
    taken = router(TOPIC, other, Binding("/", "x", "queue", "s", "k")).route(Message("x", "k"))
    assert (taken.queues, taken.perhaps, taken.notes) == (("s",), (), ())


@pytest.mark.parametrize("operator", [False, True])
def test_dead_letters_that_may_go_elsewhere_are_not_certain(operator: bool) -> None:  # noqa: FBT001
    other = policy("p", dead_letter_exchange="dead")
    among = router(queue(), *([] if operator else [other]), operators=(other,) if operator else ())
    letter = dead_letter(among, HELD, "rejected")
    assert (letter.exchange, letter.queues, letter.perhaps, letter.dropped) == ("dead", (), ("d",), ())
    assert 'the pattern "(?R)" of the policy p cannot be read here' in letter.reason
    assert "the queue has no dead-letter-exchange: dropped; or else dead-letter-exchange dead" in letter.reason
    assert letter.held_in("d").deaths == (("q", "rejected"),)


def test_each_way_has_its_own_keys() -> None:
    one = queue(dead_letter_exchange="dead")
    among = router(one, policy("p", dead_letter_routing_key="other"))
    letter = dead_letter(among, HELD, "rejected")
    assert (letter.queues, letter.perhaps) == ((), ("d",))
    assert {way.keys for way in letter.either} == {("k",), ("other",)}
    with pytest.raises(KeyError):
        letter.held_in("s")


def test_what_it_cannot_change_of_dead_letters_is_certain() -> None:
    one = queue(dead_letter_exchange="dead")
    letter = dead_letter(router(one, policy("p", dead_letter_exchange="spare", max_length=5)), HELD, "rejected")
    assert (letter.queues, letter.perhaps, letter.either) == (("d",), (), ())


def test_fates_tell_what_may_happen() -> None:
    one = queue(dead_letter_exchange="dead")
    trees = fates(router(one, policy("p", "^(?R)?[dq]", message_ttl=5)), HELD)
    assert [tree.letter.event for tree in trees] == ["rejected", "expired"]
    expired = trees[1]
    assert (expired.letter.impossible, expired.letter.perhaps) == ("", ("d",))
    assert [(fate.letter.queue, fate.letter.event, fate.letter.exchange) for fate in expired.then] == [
        ("d", "expired", None)
    ]
    assert "or else the queue has no dead-letter-exchange: dropped" in expired.then[0].letter.reason


def test_a_copy_that_is_told_of_already_is_not_followed_again() -> None:
    one = queue(message_ttl=5)
    into = [policy(f"p{name}", dead_letter_exchange=name) for name in ("dead", "spare")]
    more = (
        Queue("/", "d", "classic", arguments=Arguments({"x-message-ttl": 5})),
        Binding("/", "spare", "queue", "d"),
    )
    tree = fates(router(*more, one, *into), HELD)[1]
    assert tree.letter.perhaps == ("d", "s")
    assert [fate.letter.queue for fate in tree.then] == ["d"]


def test_a_route_test_takes_nothing_of_it_for_certain() -> None:
    hashed = (Exchange("/", "dead", "x-random"), Binding("/", "dead", "queue", "s", "1"))
    among = router(*hashed, queue(), policy("p", "(?R)", apply_to="queues", dead_letter_exchange="dead"))
    for expected, problem in (
        (Expectation("exactly", ("d",)), "depends on more than the message"),
        (Expectation("exactly"), "depends on more than the message"),
        (Expectation("one of", ("d", "s")), "whether it is exactly one cannot be told"),
    ):
        case = Case("t", "t", Message("", "q"), None, (Step("q", "rejected", expected),))
        assert problem in run_case(among, case).steps[0].problem
