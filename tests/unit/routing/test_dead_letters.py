"""What becomes of a message that a queue gives up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Topology
from rabbit_topo.routing import Held, Message, Router, dead_letter, fates, held

if TYPE_CHECKING:
    from rabbit_topo.routing.effective import Event


def _queue(name: str, queue_type: str | None = "classic", **arguments: Any) -> Queue:
    return Queue(
        "/", name, queue_type, arguments=Arguments({f"x-{k.replace('_', '-')}": v for k, v in arguments.items()})
    )


def _policy(name: str, pattern: str, **definition: Any) -> Policy:
    return Policy("/", name, pattern, definition=Arguments({k.replace("_", "-"): v for k, v in definition.items()}))


def _bind(source: str, *queues: str, key: str = "", **arguments: Any) -> list[Binding]:
    return [Binding("/", source, "queue", queue, key, Arguments(arguments)) for queue in queues]


def _router(*resources: Any, version: str = "4.3.6", operator: tuple[Policy, ...] = ()) -> Router:
    return Router(Topology({one.key: one for one in resources}), version, operator)


def _held(queue: str, *keys: str, **more: Any) -> Held:
    return Held(queue, "/", keys or ("k",), **more)


DEAD = Exchange("/", "dead", "fanout")


def test_a_published_message_lies_in_a_queue() -> None:
    router = _router(_queue("a"), _queue("b"))
    message = Message("", "a", {"CC": ["b"], "BCC": ["c"], "h": 1}, expiration_ms=5)
    assert held(router.route(message), "b") == Held("b", "/", ("a", "b", "c"), {"CC": ["b"], "h": 1}, (), 5, "")


def test_the_keys_are_the_queues_own_or_the_messages() -> None:
    router = _router(
        *(_queue(name) for name in "uvw"),
        _queue("a", dead_letter_exchange=""),
        _queue("b", dead_letter_exchange="", dead_letter_routing_key="u"),
        _policy("keyed", "^b$", dead_letter_routing_key="v"),
    )
    letter = dead_letter(router, _held("a", "u", "w"), "rejected")
    assert (letter.queues, letter.keys) == (("u", "w"), ("u", "w"))
    assert letter.reason == "dead-letter-exchange the default exchange (argument)"
    letter = dead_letter(router, _held("b", "v", "w"), "rejected")
    assert (letter.queues, letter.keys) == (("u",), ("u",))
    assert letter.reason.endswith('dead-letter-routing-key "u" (argument)')


def test_the_next_step_has_the_new_keys_and_no_expiration() -> None:
    router = _router(
        _queue("a", dead_letter_exchange="dead", dead_letter_routing_key="k2"), _queue("b"), DEAD, *_bind("dead", "b")
    )
    letter = dead_letter(router, _held("a", "k", expiration_ms=5, exchange="x"), "expired")
    after = letter.held_in("b")
    assert (after.keys, after.expiration_ms, after.exchange, after.deaths) == (
        ("k2",),
        None,
        "dead",
        (("a", "expired"),),
    )
    assert after.headers["x-first-death-exchange"] == after.headers["x-last-death-exchange"] == "x"
    with pytest.raises(KeyError):
        letter.held_in("elsewhere")
    with pytest.raises(KeyError):
        dead_letter(router, _held("b"), "rejected").held_in("b")


def test_an_internal_exchange_takes_dead_letters() -> None:
    inner = Exchange("/", "dead", "fanout", internal=True)
    router = _router(_queue("a", dead_letter_exchange="dead"), _queue("b"), inner, *_bind("dead", "b"))
    assert dead_letter(router, _held("a"), "rejected").queues == ("b",)


@pytest.mark.parametrize(
    ("queue", "event", "version", "why"),
    [
        (_queue("q", "stream"), "rejected", "4.3.6", "a stream dead-letters nothing"),
        (_queue("q"), "rejected", "4.3.6", "the queue has no dead-letter-exchange: dropped"),
        (_queue("q", dead_letter_exchange=5), "rejected", "4.3.6", "the queue has no dead-letter-exchange: dropped"),
        (_queue("q", dead_letter_exchange=""), "expired", "4.3.6", "neither the queue has a message-ttl"),
        (_queue("q", dead_letter_exchange=""), "maxlen", "4.3.6", "the queue has no max-length"),
        (_queue("q", max_length=5, overflow="reject-publish"), "maxlen", "4.3.6", "reject-publish (argument)"),
        (_queue("q", dead_letter_exchange=""), "delivery_limit", "4.3.6", "a classic queue has no delivery limit"),
        (_queue("q", "quorum", delivery_limit=-1), "delivery_limit", "4.3.6", "the queue has no delivery limit"),
        (_queue("q", "quorum"), "delivery_limit", "3.10.8", "the queue has no delivery limit"),
        (_queue("other"), "rejected", "4.3.6", "there is no queue q"),
    ],
)
def test_what_does_not_happen_says_why(queue: Queue, event: Event, version: str, why: str) -> None:
    letter = dead_letter(_router(queue, version=version), _held("q"), event)
    assert why in letter.reason
    assert (letter.exchange, letter.route, letter.queues, letter.kept) == (None, None, (), False)


@pytest.mark.parametrize(
    ("queue", "event", "version"),
    [
        (_queue("q", dead_letter_exchange="dead", message_ttl=5), "expired", "4.3.6"),
        (_queue("q", dead_letter_exchange="dead", max_length_bytes=5), "maxlen", "4.3.6"),
        (_queue("q", dead_letter_exchange="dead", max_length=5, overflow="reject-publish-dlx"), "maxlen", "4.3.6"),
        (
            _queue("q", "quorum", dead_letter_exchange="dead", max_length=5, overflow="reject-publish-dlx"),
            "maxlen",
            "4.3.6",
        ),
        (_queue("q", "quorum", dead_letter_exchange="dead"), "delivery_limit", "4.0.5"),
        (_queue("q", "quorum", dead_letter_exchange="dead", delivery_limit=0), "delivery_limit", "3.10.8"),
        (_queue("q", None, dead_letter_exchange="dead"), "rejected", "3.10.8"),
    ],
)
def test_what_happens(queue: Queue, event: Event, version: str) -> None:
    router = _router(queue, _queue("d"), DEAD, *_bind("dead", "d"), version=version)
    assert dead_letter(router, _held("q"), event).queues == ("d",)


UNTYPED = "; its type is not stated: taken as classic"


@pytest.mark.parametrize(
    ("queue_type", "event", "matters"),
    [
        (None, "rejected", True),  # a stream dead-letters nothing
        (None, "delivery_limit", True),
        ("classic", "rejected", False),
        ("classic", "delivery_limit", False),
    ],
)
def test_a_type_that_nobody_states_is_said_where_it_matters(
    queue_type: str | None,
    event: Event,
    matters: bool,  # noqa: FBT001
) -> None:
    queue = _queue("q", queue_type, dead_letter_exchange="dead")
    letter = dead_letter(_router(queue, _queue("d"), DEAD, *_bind("dead", "d")), _held("q"), event)
    assert letter.reason.endswith(UNTYPED) is matters


def test_a_type_that_changes_nothing_is_not_missed() -> None:
    router = _router(_queue("q", None, dead_letter_exchange="gone"))
    assert UNTYPED not in dead_letter(router, _held("q"), "expired").reason
    assert UNTYPED not in dead_letter(_router(_queue("q", None)), _held("q"), "rejected").reason
    known = Router(router.topology, default_queue_types={"/": "quorum"})
    letter = dead_letter(known, _held("q"), "rejected")
    assert (letter.exchange, UNTYPED in letter.reason) == ("gone", False)


def test_policies_and_operator_policies_count() -> None:
    router = _router(
        _queue("q"),
        _queue("d"),
        DEAD,
        *_bind("dead", "d"),
        _policy("letters", "^q", dead_letter_exchange="dead"),
        operator=(_policy("cap", "^q", message_ttl=9),),
    )
    letter = dead_letter(router, _held("q"), "expired")
    assert letter.queues == ("d",)
    assert letter.reason == "dead-letter-exchange dead (policy letters)"
    assert str(router.care(_queue("q")).options["message-ttl"]) == "operator policy cap"


def test_a_missing_exchange_drops_and_a_careful_queue_keeps() -> None:
    careful = {"dead_letter_strategy": "at-least-once", "overflow": "reject-publish"}
    router = _router(
        _queue("a", dead_letter_exchange="gone"),
        _queue("b", "quorum", dead_letter_exchange="gone", **careful),
        _queue("c", "quorum", dead_letter_exchange="dead", **careful),
        _queue("d", "quorum", dead_letter_exchange="dead", dead_letter_strategy="at-least-once"),
        DEAD,
    )
    letters = {name: dead_letter(router, _held(name), "rejected") for name in "abcd"}
    assert {name: letter.kept for name, letter in letters.items()} == {"a": False, "b": True, "c": True, "d": False}
    assert letters["a"].reason.endswith("there is no such exchange: dropped")
    assert letters["b"].reason.endswith("at least once (argument); there is no such exchange: kept until there is")
    assert letters["a"].exchange == "gone"


@pytest.mark.parametrize(("version", "queues"), [("3.10.8", ()), ("3.13.7", ("s",)), ("4.3.6", ("s",))])
def test_a_stream_once_got_no_dead_letters(version: str, queues: tuple[str, ...]) -> None:
    router = _router(
        _queue("q", dead_letter_exchange="dead"),
        _queue(
            "safe",
            "quorum",
            dead_letter_exchange="dead",
            dead_letter_strategy="at-least-once",
            overflow="reject-publish",
        ),
        _queue("s", "stream"),
        DEAD,
        *_bind("dead", "s"),
        version=version,
    )
    letter = dead_letter(router, _held("q"), "rejected")
    assert letter.queues == queues
    assert not queues or not letter.dropped
    assert queues or "before RabbitMQ 3.12" in letter.dropped[0][1]
    assert dead_letter(router, _held("safe"), "rejected").queues == ("s",)


@pytest.mark.parametrize(
    ("deaths", "event", "back"),
    [
        ((), "expired", False),
        ((), "rejected", True),
        ((("b", "expired"),), "expired", False),
        ((("q", "rejected"),), "expired", False),
        ((("d", "expired"),), "expired", False),
        ((("d", "rejected"),), "expired", True),
        ((("b", "rejected"), ("d", "expired")), "expired", True),
        ((("b", "expired"), ("d", "maxlen")), "rejected", True),
    ],
)
def test_a_cycle_that_nobody_rejects_in_ends(deaths: tuple[tuple[str, str], ...], event: Event, back: bool) -> None:  # noqa: FBT001
    target = "d" if any(queue == "d" for queue, _ in deaths) else "q"
    router = _router(_queue("q", dead_letter_exchange="dead", message_ttl=5), _queue("d"), DEAD, *_bind("dead", target))
    letter = dead_letter(router, _held("q", deaths=deaths), event)
    assert letter.queues == ((target,) if back else ())
    assert [name for name, _ in letter.dropped] == ([] if back else [target])


def test_before_3_13_the_history_is_turned_round_each_time() -> None:
    deaths = (("c", "expired"), ("b", "rejected"), ("a", "expired"))
    resources = (_queue("q", dead_letter_exchange="dead", message_ttl=5), _queue("a"), DEAD, *_bind("dead", "a"))
    newer = dead_letter(_router(*resources), _held("q", deaths=deaths), "expired")
    older = dead_letter(_router(*resources, version="3.10.8"), _held("q", deaths=deaths), "expired")
    assert (newer.queues, newer.deaths[1:]) == (("a",), deaths)
    assert (older.queues, older.deaths[1:]) == ((), deaths[::-1])


@pytest.mark.parametrize(
    ("told", "version", "queues"),
    [
        ([{"queue": "d", "reason": "expired"}], "3.10.8", ()),
        ([{"queue": "d", "reason": "rejected"}], "3.10.8", ("d",)),
        ([{"queue": "d"}, "odd"], "3.10.8", ("d",)),
        ("odd", "3.10.8", ("d",)),
        ([{"queue": "d", "reason": "expired"}], "4.0.5", ("d",)),
    ],
)
def test_older_versions_believe_the_history_that_a_client_sends(
    told: Any, version: str, queues: tuple[str, ...]
) -> None:
    resources = (_queue("q", dead_letter_exchange="dead", message_ttl=5), _queue("d"), DEAD, *_bind("dead", "d"))
    message = _held("q", headers={"x-death": told})
    assert dead_letter(_router(*resources, version=version), message, "expired").queues == queues


@pytest.mark.parametrize(
    ("arguments", "older", "newer"),
    [
        ({"x-first-death-queue": "q"}, True, True),
        ({"x-first-death-reason": "rejected", "x-first-death-exchange": "x"}, True, True),
        ({"x-last-death-queue": "q"}, False, True),
        ({"x-last-death-reason": None}, False, True),
        ({"x-death": None}, True, False),
        ({"CC": None}, False, True),
        ({"h": 1}, True, True),
    ],
)
def test_a_headers_exchange_sees_the_deaths(arguments: dict[str, Any], older: bool, newer: bool) -> None:  # noqa: FBT001
    resources = (
        _queue("q", dead_letter_exchange="h", dead_letter_routing_key="k"),
        _queue("d"),
        Exchange("/", "h", "headers"),
        *_bind("h", "d", **{"x-match": "all-with-x"}, **arguments),
    )
    message = _held("q", headers={"CC": ["k"], "h": 1}, exchange="x")
    for version, reached in (("3.10.8", older), ("4.0.5", newer)):
        assert dead_letter(_router(*resources, version=version), message, "rejected").queues == (
            ("d",) if reached else ()
        )


def test_the_first_death_stays_the_first() -> None:
    for version in ("3.10.8", "4.3.6"):
        router = _router(
            _queue("a", dead_letter_exchange="dead"),
            _queue("b", dead_letter_exchange="dead"),
            DEAD,
            *_bind("dead", "b"),
            version=version,
        )
        second = dead_letter(router, dead_letter(router, _held("a"), "rejected").held_in("b"), "rejected")
        assert second.held_in("b").headers["x-first-death-queue"] == "a"
        assert second.deaths == (("b", "rejected"), ("a", "rejected"))


def test_a_message_without_a_key_is_dead_lettered_too() -> None:
    router = _router(_queue("q", dead_letter_exchange="dead"), _queue("d"), DEAD, *_bind("dead", "d"))
    assert dead_letter(router, Held("q", "/", ()), "rejected").queues == ("d",)


def test_fates_are_followed_to_where_they_end() -> None:
    router = _router(
        _queue("work", dead_letter_exchange="", dead_letter_routing_key="wait", max_length=9),
        _queue("wait", dead_letter_exchange="", dead_letter_routing_key="work", message_ttl=5),
        _queue("full", dead_letter_exchange="dead", max_length=0),
        _queue("end"),
        DEAD,
        *_bind("dead", "full", "end", "wait"),
    )
    told = {fate.letter.event: list(fate.walk()) for fate in fates(router, _held("work"))}
    assert sorted(told) == ["maxlen", "rejected"]
    assert [(depth, one.letter.queue, one.letter.queues) for depth, one in told["rejected"]] == [
        (0, "work", ("wait",)),
        (1, "wait", ("work",)),
    ]
    assert [one.letter.dropped for _, one in told["maxlen"]][1][0][0] == "work"
    told = {fate.letter.event: list(fate.walk()) for fate in fates(router, _held("full"))}
    assert [(depth, one.letter.queue, one.letter.queues, one.again) for depth, one in told["rejected"]] == [
        (0, "full", ("end", "full", "wait"), ()),
        (1, "full", ("end", "wait"), ("wait",)),
        (1, "wait", ("work",), ()),
    ]
    assert fates(router, _held("nowhere")) == ()
    assert fates(_router(_queue("s", "stream")), _held("s")) == ()


def test_fates_stay_small_where_everything_leads_everywhere() -> None:
    names = [f"q{number:03}" for number in range(120)]
    queues = [_queue(name, dead_letter_exchange="dead", message_ttl=5) for name in names]
    router = _router(*queues, DEAD, *_bind("dead", *names))
    rejected, expired = fates(router, _held("q000"))
    assert len(list(rejected.walk())) == len(names) + 1
    assert len(list(expired.walk())) == len(names)


def test_a_long_chain_is_followed_without_recursion_and_in_time() -> None:
    def took(count: int) -> float:
        queues = [
            _queue(f"q{number}", dead_letter_exchange="", dead_letter_routing_key=f"q{number + 1}", message_ttl=5)
            for number in range(count)
        ]
        router = _router(*queues)
        begun = time.perf_counter()
        _, expired = fates(router, _held("q0"))
        assert sum(1 for _ in expired.walk()) == count
        return time.perf_counter() - begun

    assert took(1600) < 40 * max(took(200), 0.002)
