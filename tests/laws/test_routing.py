"""Laws of routing, against references that are slow and plain: one pattern, one key, one value at a time."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Queue, Topology
from rabbit_topo.routing import Message, Router, keys_of
from rabbit_topo.routing.headers import amqp_type, takes
from rabbit_topo.routing.topic import Trie, fits
from tests.routing_worlds import HEADERS, MATCHES, VALUES, World, make_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Resource

VERSIONS = ("3.10.8", "3.12", "3.13", "4.0.5", "4.3.6")
versions = st.sampled_from(VERSIONS)
words = st.sampled_from(["a", "b", "", "*", "#", "a*", "ü"])
keys = st.lists(words, max_size=6).map(".".join) | st.text(st.characters(codec="utf-8"), max_size=9)
values = st.sampled_from([one for one in VALUES if one is not None]) | st.none()
tables = st.dictionaries(st.sampled_from(HEADERS), values, max_size=4)
matches = st.sampled_from([{"x-match": match} if match else {} for match in MATCHES])
worlds = st.builds(
    lambda seed, version: make_world(Random(seed), "v", version, 12),  # noqa: S311 - the same every time
    st.integers(0, 2**32),
    versions,
)


def plainly_fits(pattern: list[str], key: list[str]) -> bool:
    """What the manual says of topic patterns, word by word."""
    if not pattern:
        return not key
    word, rest = pattern[0], pattern[1:]
    if word == "#":
        return any(plainly_fits(rest, key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and word in ("*", key[0]) and plainly_fits(rest, key[1:])


def split(text: str) -> list[str]:
    return text.split(".") if text else []


@given(keys, keys)
@example("#", "")
@example("*", "")
@example("a.*", "a.")
@example("#.#.#.a", "a")
def test_a_pattern_fits_as_the_manual_says(pattern: str, key: str) -> None:
    assert fits(pattern, key) == plainly_fits(split(pattern), split(key))


@given(st.lists(keys, max_size=12), keys)
def test_all_patterns_at_once_are_each_on_its_own(patterns: list[str], key: str) -> None:
    found = list(Trie((pattern, number) for number, pattern in enumerate(patterns)).find(key))
    assert sorted(found) == [number for number, pattern in enumerate(patterns) if fits(pattern, key)]


@given(keys)
def test_a_key_fits_itself_and_hash(key: str) -> None:
    assert fits("#", key)
    assert fits(key, key)
    assert fits(".".join("*" for _ in split(key)), key)


def term(value: Any) -> Any:
    """Write a value as the broker holds it inside of lists and tables, sent by a client that this one could be."""
    match value:
        case list():
            return amqp_type(value), [term(one) for one in value]
        case dict():
            return amqp_type(value), [(name, term(one)) for name, one in value.items()]
        case bool() | None:
            return amqp_type(value), ("atom", str(value))
        case _:
            return amqp_type(value), value


def plainly_equal(one: Any, other: Any, version: str) -> bool:
    """Compare two values as Erlang compares two terms without their AMQP types."""
    (kind, left), (other_kind, right) = term(one), term(other)
    if {kind, other_kind} <= {"signedint", "long", "double"}:
        loose = version < "3.13"  # the versions here are all of the same length before the dot
        return left == right and (loose or (kind == "double") == (other_kind == "double"))
    return bool(left == right)


def plainly_takes(arguments: Mapping[str, Any], headers: Mapping[str, Any], version: str) -> bool:
    match = arguments.get("x-match", "all")
    names = [name for name in arguments if name != "x-match" and ("with-x" in match or not name.startswith("x-"))]
    each = [
        name in headers and (arguments[name] is None or plainly_equal(arguments[name], headers[name], version))
        for name in names
    ]
    return all(each) if match.startswith("all") else any(each)


@given(matches, tables, tables, versions)
def test_a_headers_binding_takes_what_the_manual_says(
    match: dict[str, Any], arguments: dict[str, Any], headers: dict[str, Any], version: str
) -> None:
    verdict = takes({**match, **arguments}, headers, version)
    assert verdict.takes in (None, plainly_takes({**match, **arguments}, headers, version))
    assert "match " in verdict.reason
    assert takes(dict(reversed({**match, **arguments}.items())), headers, version) == verdict


@given(matches, tables, tables, versions)
def test_it_is_not_certain_only_of_what_lists_and_tables_hold_and_of_zeros(
    match: dict[str, Any], arguments: dict[str, Any], headers: dict[str, Any], version: str
) -> None:
    simple = {
        name: value for name, value in arguments.items() if not isinstance(value, list | dict) and value not in (0, 0.0)
    }
    assert takes({**match, **simple}, headers, version).takes is not None


@given(matches, tables, st.dictionaries(st.sampled_from(HEADERS), values), versions)
def test_more_headers_never_stop_a_match_of_those_that_were_there(
    match: dict[str, Any], headers: dict[str, Any], more: dict[str, Any], version: str
) -> None:
    arguments = {**match, **headers}
    before = takes(arguments, headers, version).takes
    assert before is not True or takes(arguments, {**more, **headers}, version).takes


def plain_route(world: World, router: Router, message: Message) -> set[str]:
    """Where a message goes in a world without chance, by asking every binding of every exchange on the way."""
    _, sent = keys_of(message)
    if not message.exchange:
        return {key for key in sent if router.queue(world.vhost, key)}
    headers = {name: value for name, value in message.headers.items() if name != "BCC"}
    queues: set[str] = set()
    asked: list[str] = []
    left = [message.exchange]
    while left:
        name = left.pop()
        exchange = router.exchange(world.vhost, name)
        if name in asked or exchange is None:
            continue
        asked.append(name)
        ways = [one for one in router.topology.resources.values() if isinstance(one, Binding) and one.source == name]
        ways = [one for one in ways if plainly_leads(exchange, one, sent, headers, world.version)]
        queues |= {one.destination for one in ways if one.destination_kind == "queue"}
        left += [one.destination for one in ways if one.destination_kind == "exchange"]
        if not ways and (alternate := router.alternate(exchange)):
            left.append(alternate[0])
    return queues


def plainly_leads(
    exchange: Exchange, binding: Binding, sent: tuple[str, ...], headers: Mapping[str, Any], version: str
) -> bool:
    if exchange.type == "direct":
        return binding.routing_key in sent
    if exchange.type == "topic":
        return any(plainly_fits(split(binding.routing_key), split(key)) for key in sent)
    return exchange.type != "headers" or plainly_takes(binding.arguments, headers, version)


def timeless(message: Message) -> bool:
    return not any(hasattr(value, "timestamp") for value in message.headers.values())


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_the_router_is_a_plain_walk(world: World) -> None:
    for router in world.outcomes():
        for message in filter(timeless, world.messages):
            said = router.route(message)
            if said.perhaps or said.refusal:
                assert not (said.queues and said.refusal)
            else:
                assert set(said.queues) == plain_route(world, router, message)


@settings(max_examples=40, deadline=None)
@given(worlds, st.randoms(use_true_random=False))
def test_the_same_topology_in_another_order_routes_the_same_way(world: World, random: Random) -> None:
    shuffled = list(world.topology.resources.items())
    random.shuffle(shuffled)
    one, other = Router(world.topology, world.version), Router(Topology(dict(shuffled)), world.version)
    for message in world.messages:
        assert one.route(message) == other.route(message) == one.route(message)


@settings(max_examples=40, deadline=None)
@given(worlds)
def test_no_exchange_is_asked_twice_for_certain_and_every_way_is_told(world: World) -> None:
    router = Router(world.topology, world.version)
    for message in world.messages:
        said = router.route(message)
        names = [hop.exchange for hop in said.hops]
        assert len(set(names)) == len(names)
        assert not set(said.queues) & set(said.perhaps)
        told = {way.destination.name for hop in said.hops for way in hop.taken if way.destination.kind is Kind.QUEUE}
        assert told >= {*said.queues, *said.perhaps}
        for hop in said.hops:
            ways = [way.binding for way in hop.taken if way.binding] + [one.binding for one in hop.missed]
            assert sorted(one.key for one in ways) == sorted(one.key for one in from_exchange(router, hop.exchange))
            assert all(way.reason for way in hop.taken)
            assert all(one.reason for one in hop.missed)


def from_exchange(router: Router, name: str) -> list[Binding]:
    return list(router.bindings_from(Key("v", Kind.EXCHANGE, name)))


@settings(max_examples=40, deadline=None)
@given(worlds, st.data())
def test_a_binding_more_takes_no_queue_away_except_by_alternate_exchanges_and_chance(
    world: World, data: st.DataObject
) -> None:
    resources = {key: one for key, one in world.topology.resources.items() if key.kind is not Kind.POLICY}
    for key, one in resources.items():
        if isinstance(one, Exchange):
            kind = one.type if one.type in ("direct", "fanout", "topic", "headers") else "fanout"
            resources[key] = Exchange("v", one.name, kind, internal=one.internal)
    bindings = sorted(key for key in resources if key.kind is Kind.BINDING)
    assume(bindings)
    gone = data.draw(st.sampled_from(bindings))
    fewer = Router(Topology({key: one for key, one in resources.items() if key != gone}), world.version)
    more = Router(Topology(resources), world.version)
    for message in world.messages:
        before, after = fewer.route(message), more.route(message)
        assert set(before.queues) <= set(after.queues)
        assert {*before.queues, *before.perhaps} <= {*after.queues, *after.perhaps}


@given(keys, keys)
def test_the_default_exchange_knows_queues_by_name(name: str, key: str) -> None:
    queue = Queue("/", name)
    said = Router(Topology({queue.key: queue})).route(Message("", key, {"CC": [name]}))
    assert said.queues == (name,)
    assert [way.missing for hop in said.hops for way in hop.taken] == [
        one != name for one in dict.fromkeys((key, name))
    ]


def test_alternate_exchanges_can_take_a_queue_away() -> None:
    spare, q, r = Exchange("/", "spare", "fanout"), Queue("/", "q"), Queue("/", "r")
    front = Exchange("/", "front", "direct", arguments=Arguments({"alternate-exchange": "spare"}))
    spared, taken = Binding("/", "spare", "queue", "q"), Binding("/", "front", "queue", "r", "k")
    fewer: dict[Key, Resource] = {spare.key: spare, q.key: q, r.key: r, front.key: front, spared.key: spared}
    reached = [Router(Topology(held)).route(Message("front", "k")) for held in (fewer, {**fewer, taken.key: taken})]
    assert [said.queues for said in reached] == [("q",), ("r",)]
