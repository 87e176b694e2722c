"""What is refused, in topologies that no file was read for: brokers, definitions files, programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import refused
from rabbit_topo.lint.names import is_server_own
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Note, Policy, Queue, Topology, Vhost
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import DestinationKind, Resource


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(refused.RULES, tmp_path)


def _of(*resources: Resource, external: tuple[Key, ...] = ()) -> Topology:
    return Topology({one.key: one for one in resources}, {key: Note(external=True) for key in external})


def _bound(source: str, destination: str, key: str = "k", to: DestinationKind = "queue", match: Any = None) -> Binding:
    return Binding("/", source, to, destination, key, Arguments({"x-match": match} if match else {}))


def _messages(find: Finder, code: str, *resources: Resource, **context: Any) -> list[str]:
    return [hit.message for hit in find.topology(code, _of(*resources), Context(**context))]


def test_each_missing_end_of_a_binding_is_found_and_the_nearest_name(find: Finder) -> None:
    hits = find.observed("RT101", Exchange("/", "shop", "direct"), _bound("shp", "q"), _bound("shop", "q", "l"))
    assert [(hit.message, hit.hint) for hit in hits] == [
        (
            'the binding from "shop" to the queue "q" with "l": the queue "q" is not declared in the vhost "/"',
            "declare it, or take the binding out",
        ),
        (
            'the binding from "shp" to the queue "q" with "k": the exchange "shp" is not declared in the vhost "/"',
            "did you mean `shop`?",
        ),
        (
            'the binding from "shp" to the queue "q" with "k": the queue "q" is not declared in the vhost "/"',
            "declare it, or take the binding out",
        ),
    ]


def test_ends_in_another_vhost_are_missing(find: Finder) -> None:
    there = Binding("other", "shop", "queue", "q")
    topology = _of(Vhost("/"), Vhost("other"), Exchange("/", "shop", "fanout"), Queue("other", "q"), there)
    assert [hit.key for hit in find.topology("RT101", topology)] == [there.key]


def test_ends_that_are_external_or_the_servers_own_are_there(find: Finder) -> None:
    outside = Exchange("/", "theirs", None)
    ends = (Queue("/", "q", "classic"), outside)
    bindings = (
        _bound("theirs", "q"),
        _bound("amq.topic", "q"),
        _bound("theirs", "amq.rabbitmq.log", to="exchange"),
        _bound("", "q"),
    )
    assert find.topology("RT101", _of(*ends, *bindings, external=(outside.key,))) == []


def test_names_are_not_compared_for_ever(find: Finder) -> None:
    bindings = [_bound("shp", f"q{number}") for number in range(60)]
    hits = find.observed("RT101", Exchange("/", "shop", "direct"), *bindings)
    assert len(hits) == 120
    assert (
        sum(hit.hint.startswith("did you mean") for hit in hits) == 25
    )  # of the first fifty, every other is the exchange's


def test_reserved_names(find: Finder) -> None:
    resources = (
        Exchange("/", "amq.mine", "direct"),
        Exchange("/", "amq.topic", "direct"),
        Exchange("/", "amq.fanout", "fanout"),
        Exchange("/", "amq.direct", "direct", durable=False),
        Exchange("/", "amq.match", "headers", auto_delete=True),
        Exchange("/", "amq.rabbitmq.log", "topic", internal=True),
        Queue("/", "amq.gen-x"),
        Queue("/", "AMQ.x"),
        _bound("", "AMQ.x"),
        _bound("amq.default", "AMQ.x"),
        _bound("amq.fanout", "", to="exchange"),
        _bound("amq.fanout", "AMQ.x"),
    )
    assert sorted(hit.key.name + hit.key.destination for hit in find.observed("RT102", *resources)) == [
        *("AMQ.x", "amq.defaultAMQ.x", "amq.direct", "amq.fanout", "amq.gen-x", "amq.match", "amq.mine", "amq.topic"),
    ]


def test_a_mention_of_the_servers_own_is_no_declaration(find: Finder) -> None:
    mentioned = (Exchange("/", "amq.topic", None), Queue("/", "amq.theirs"))
    assert find.topology("RT102", _of(*mentioned, external=tuple(one.key for one in mentioned))) == []


def test_only_exchanges_are_the_servers_own() -> None:
    assert is_server_own(Key("/", Kind.EXCHANGE, "amq.topic"))
    assert not is_server_own(Key("/", Kind.QUEUE, "amq.topic"))


@pytest.mark.parametrize("code", ["RT103", "RT104", "RT105"])
def test_queues_of_others_are_not_judged(find: Finder, code: str) -> None:
    queue = Queue("/", "q", "quorum", auto_delete=True, arguments=Arguments({"x-max-age": 5, "x-max-length": "5"}))
    assert len(find.observed(code, queue)) == 1
    assert find.topology(code, _of(queue, external=(queue.key,))) == []


def test_what_a_dead_letter_key_lacks_is_for_another_rule(find: Finder) -> None:
    queue = Queue("/", "q", "quorum", arguments=Arguments({"x-dead-letter-routing-key": "k"}))
    assert [len(find.observed(code, queue)) for code in ("RT103", "RT104", "RT105")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "arguments", "wrong"),
    [
        ("direct", {"alternate-exchange": 5}, True),
        ("direct", {"alternate-exchange": ""}, False),
        ("x-consistent-hash", {"hash-header": "h", "hash-property": "message_id"}, True),
        ("x-consistent-hash", {"hash-header": 5}, True),
        ("x-consistent-hash", {"hash-property": "size"}, True),
        ("x-consistent-hash", {"hash-property": "timestamp"}, False),
        ("x-consistent-hash", {}, False),
        ("x-recent-history", {"x-recent-history-length": 0}, True),
        ("x-recent-history", {"x-recent-history-length": True}, True),
        ("x-recent-history", {}, False),
        ("x-delayed-message", {}, True),
        ("x-delayed-message", {"x-delayed-type": "topic"}, False),
    ],
)
def test_arguments_of_exchanges(find: Finder, kind: str, arguments: dict[str, Any], *, wrong: bool) -> None:
    hits = find.observed("RT105", Exchange("/", "x", kind, arguments=Arguments(arguments)))
    assert bool(hits) == wrong


@pytest.mark.parametrize(
    ("kind", "binding", "version", "wrong"),
    [
        ("headers", _bound("x", "classic", "", match="both"), "4.3", True),
        ("headers", _bound("x", "classic", "", match=["all"]), "4.3", True),
        ("headers", _bound("x", "classic", ""), "4.3", False),
        ("topic", _bound("x", "classic", "a", match="both"), "4.3", False),
        ("topic", _bound("x", "classic", "#.#.#"), "4.3", True),
        ("topic", _bound("x", "classic", "#.#.#"), "4.2", False),
        ("topic", _bound("x", "classic", "#.a#.#"), "4.3", False),
        ("x-consistent-hash", _bound("x", "classic", ""), "4.3", True),
        ("x-consistent-hash", _bound("x", "classic", "0"), "4.3", True),
        ("x-consistent-hash", _bound("x", "classic", "10001"), "4.3", True),
        ("x-consistent-hash", _bound("x", "classic", "10001"), "4.0", False),
        ("x-consistent-hash", _bound("x", "classic", "+1"), "4.3", False),
        ("x-local-random", _bound("x", "classic", "k"), "4.3", True),
        ("x-local-random", _bound("x", "quorum", ""), "4.3", True),
        ("x-local-random", _bound("x", "x", "", to="exchange"), "4.3", True),
        ("x-local-random", _bound("x", "classic", ""), "4.3", False),
        ("x-local-random", _bound("x", "unstated", ""), "4.3", False),
        ("x-local-random", _bound("x", "missing", ""), "4.3", False),
        (None, _bound("x", "classic", "#.#.#"), "4.3", False),
        ("direct", _bound("amq.headers", "classic", "", match="both"), "4.3", True),
    ],
)
def test_bindings(find: Finder, kind: str | None, binding: Binding, version: str, *, wrong: bool) -> None:
    queues = (Queue("/", "classic", "classic"), Queue("/", "quorum", "quorum"), Queue("/", "unstated"))
    topology = _of(Exchange("/", "x", kind), *queues, binding)
    assert bool(find.topology("RT106", topology, Context(version))) == wrong


@pytest.mark.parametrize(
    ("kind", "context", "said"),
    [
        ("direct", {"exchange_types": frozenset()}, ""),
        ("topik", {}, "has no exchange type `topik`"),
        ("x-consistent-hash", {}, ""),
        ("x-consistent-hash", {"exchange_types": frozenset()}, "without the plugin rabbitmq_consistent_hash_exchange"),
        ("x-consistent-hash", {"exchange_types": frozenset({"x-consistent-hash"})}, ""),
        ("x-other", {}, ""),
        ("x-other", {"exchange_types": frozenset()}, "has no exchange type"),
        ("x-local-random", {}, ""),
        ("x-local-random", {"version": "3.13"}, "it came with 4.0"),
        ("x-local-random", {"exchange_types": frozenset()}, ""),
        ("x-modulus-hash", {"version": "4.3", "exchange_types": frozenset()}, ""),
        ("x-modulus-hash", {"version": "4.0", "exchange_types": frozenset()}, "without the plugin rabbitmq_sharding"),
        ("x-modulus-hash", {"version": "4.0"}, ""),
        (None, {"exchange_types": frozenset()}, ""),
    ],
)
def test_types_of_exchanges(find: Finder, kind: str | None, context: dict[str, Any], said: str) -> None:
    messages = _messages(find, "RT107", Exchange("/", "x", kind), **context)
    assert len(messages) == bool(said)
    assert all(said in message for message in messages)


def test_a_type_that_is_nearly_right(find: Finder) -> None:
    assert [hit.hint for hit in find.observed("RT107", Exchange("/", "x", "topics"))] == ["did you mean `topic`?"]


def test_hints_fit_what_was_looked_at(find: Finder) -> None:
    hashing = Exchange("/", "x", "x-random")
    (hit,) = find.topology("RT107", Topology({hashing.key: hashing}), Context(exchange_types=frozenset()))
    assert not hit.hint
    asked = Context(exchange_types=frozenset(), denied=frozenset())
    (hit,) = find.topology("RT107", Topology({hashing.key: hashing}), asked)
    assert hit.hint.startswith("enable it on every node of the broker")
    loose = Binding("/", "x", "queue", "q")
    for code, one in (
        ("RT101", loose),
        ("RT102", Queue("/", "amq.q")),
        ("RT102", Exchange("/", "amq.topic", "direct")),
    ):
        assert all(hit.hint and "external" not in hit.hint for hit in find.observed(code, one))
        assert find.observed(code, one)


def test_capital_letters_alone_are_a_slip(find: Finder) -> None:
    (hit,) = find.observed("RT109", Queue("/", "q", arguments=Arguments({"X-MESSAGE-TTL": 1})))
    assert hit.hint == "did you mean `x-message-ttl`?"


def test_a_topology_holds_nothing_twice(find: Finder) -> None:
    assert find.observed("RT108", Queue("/", "q"), Queue("/", "q", "quorum")) == []


def test_arguments_that_nobody_knows(find: Finder) -> None:
    arguments = {"x-mesage-ttl": 5, "max-length": 5, "x-rabbit-topo": "m", "x-delayed-retry-type": "all", "x-my-own": 1}
    hits = find.observed("RT109", Queue("/", "q", "quorum", arguments=Arguments(arguments)))
    assert sorted((hit.message.split("`")[1], hit.hint) for hit in hits) == [
        ("max-length", "did you mean `x-max-length`?"),
        ("x-mesage-ttl", "did you mean `x-message-ttl`?"),
        ("x-my-own", ""),
    ]


def test_arguments_of_exchanges_that_nobody_knows(find: Finder) -> None:
    near, foreign = Arguments({"alternate_exchange": "a", "alternate-exchange": "a"}), Arguments({"x-of-plugin": 1})
    exchanges = (Exchange("/", "x", "topic", arguments=near), Exchange("/", "y", "x-other", arguments=foreign))
    assert [hit.hint for hit in find.observed("RT109", *exchanges)] == ["did you mean `alternate-exchange`?"]


def test_policies(find: Finder) -> None:
    policy = Policy("/", "p", "^q", "streams", definition=Arguments({"max-lenght": 5, "max-priority": 5}))
    hits = find.topology("RT110", _of(policy), Context("3.10"))
    assert [(hit.message.partition(":")[0], bool(hit.hint)) for hit in hits] == [
        ('`apply_to` of the policy "p"', True),
        ('`max-lenght` of the policy "p"', True),
        ('`max-priority` of the policy "p"', False),
    ]
    assert hits[1].hint == "did you mean `max-length`?"


def test_several_vhosts_are_told_apart(find: Finder) -> None:
    wrong = [Exchange(vhost, "amq.topic", "fanout") for vhost in ("a", "b")]
    hits = find.topology("RT102", _of(*map(Vhost, "ab"), *wrong, Exchange("b", "x", "fanout")))
    assert [hit.key.vhost for hit in hits] == ["a", "b"]


def test_of_very_many_names_a_few_are_compared(find: Finder) -> None:
    exchanges = [Exchange("/", f"shop.{number}", "direct") for number in range(400)]
    hits = find.observed("RT101", *exchanges, Queue("/", "q"), _bound("shop.7x", "q"))
    assert hits[0].hint.startswith("did you mean `shop.")
