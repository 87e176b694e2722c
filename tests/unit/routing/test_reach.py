"""What some message can get to: held against very many messages, and against what is known of patterns."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.load import load
from rabbit_topo.model import Kind
from rabbit_topo.routing import Message, Router, reach
from rabbit_topo.routing.dead_letters import dead_letter, held
from rabbit_topo.routing.invariants import invariants
from rabbit_topo.routing.reach import ANY, Keys, meet, reachable
from rabbit_topo.routing.topic import fits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rabbit_topo.model import Topology
    from rabbit_topo.routing.dead_letters import Held

    Read = Callable[[str], Topology]

WORDS = ("a", "b", "c")
PATTERNS = ("a", "a.#", "#.b", "*", "*.*", "c", "a.b", "#")
ALL_KEYS = ["", *(".".join(words) for length in (1, 2, 3, 4) for words in product(WORDS, repeat=length))]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def topology(text: str) -> Topology:
        (tmp_path / "a.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
        return load(tmp_path / "a.yaml")

    return topology


def _unreached(topology: Topology) -> dict[str, str]:
    results = invariants(Router(topology))
    return {result.name.split()[2]: result.problem.partition(";")[0] for result in results if result.problem}


def test_a_queue_that_no_message_fits_the_way_to_is_not_reached(read: Read) -> None:
    topology = read("""\
exchanges:
  x: {type: topic, alternate_exchange: other}
  y: {type: topic, internal: true, bindings: [{exchange: x, routing_key: "a.#"}]}
  z: {type: direct, internal: true, bindings: [{exchange: y, routing_key: "#.k"}, {exchange: y, routing_key: "#"}]}
  other: {type: direct, internal: true}
  far: {type: fanout, internal: true}
  h: {type: headers}
queues:
  never: {bindings: [{exchange: y, routing_key: "b.#"}]}
  short: {bindings: [{exchange: y, routing_key: "*"}]}
  wrong: {bindings: [{exchange: z, routing_key: b.k}]}
  right: {bindings: [{exchange: z, routing_key: a.k}]}
  else: {bindings: [{exchange: other, routing_key: "*"}]}
  far: {bindings: [{exchange: far}]}
  nothing: {bindings: [{exchange: h, match: any, headers: {x-only: 1}}]}
  bcc: {bindings: [{exchange: h, headers: {BCC: z}}]}
  cc: {bindings: [{exchange: h, headers: {CC: text}}]}
  list: {bindings: [{exchange: h, headers: {CC: null}}]}
  with: {bindings: [{exchange: h, match: any-with-x, headers: {x-only: 1}}]}
  all: {bindings: [{exchange: h, headers: {x-only: 1}}]}
""")
    none, why = (
        "no binding, dead letter or alternate exchange leads there",
        "no message fits every binding on a way there",
    )
    assert _unreached(topology) == {
        "bcc": why,
        "cc": why,
        "far": none,
        "never": why,
        "nothing": why,
        "wrong": why,
    }


def test_messages_come_from_elsewhere_too(read: Read) -> None:
    """By name where a queue says so or a publisher, and somehow where somebody else has a hand in it."""
    text = """\
exchanges:
  dead: {type: direct, internal: true%s}
queues:
  work: {%sdead_letter: {exchange: dead}}
  a: {bindings: [{exchange: dead, routing_key: work}]}
  b: {bindings: [{exchange: dead, routing_key: elsewhere}]}
"""
    assert set(_unreached(read(text % ("", "direct: true, ")))) == {"b"}
    assert set(_unreached(read(text % ("", "") + 'publishers: {p: {exchange: "", routing_key: work}}\n'))) == {"b"}
    assert _unreached(read(text % ("", "open_bindings: true, "))) == {}
    assert set(_unreached(read(text % ("", "")))) == {"work", "a", "b"}
    external = text.replace("type: direct, internal: true%s", "type: direct, internal: true, external: true")
    assert set(_unreached(read(external % "direct: true, "))) == set()


def test_very_many_or_very_long_ways_are_taken_for_any_key(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ", ".join(f"k{number}" for number in range(20))
    many = """\
exchanges:
  x: {type: direct}
  y: {type: direct, internal: true}
queues: {q: {bindings: [{exchange: y, routing_key: none}]}}
bindings: [{exchange: x, to_exchange: y, routing_keys: [%s]}]
"""
    assert set(_unreached(read(many % "k1, k2"))) == {"q"}
    assert _unreached(read(many % keys)) == {}
    monkeypatch.setattr(reach, "_BINDINGS", 0)
    assert _unreached(read(many % "k1, k2")) == {}
    patterns = Keys()
    for pattern in ("#.a", "a.#", "#.b.#", "*.#"):
        patterns = patterns.narrowed(pattern, literal=False) or pytest.fail(pattern)
    assert patterns.narrowed("#.c.#", literal=False) == ANY
    assert meet(["#.a.#.b.#.c.#.d.#", "#.b.#.c.#.a.#.e.#", "#.c.#.a.#.b.#.f.#", "#.z"])  # it gave up


@pytest.mark.parametrize("seed", range(60))
def test_patterns_meet_where_some_key_fits_all(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    for _ in range(10):
        patterns = [".".join(random.choices(("a", "b", "*", "#"), k=random.randrange(4))) for _ in range(3)]
        assert meet(patterns) == any(all(fits(one, key) for one in patterns) for key in ALL_KEYS), patterns


@pytest.mark.parametrize("seed", range(100))
def test_a_queue_is_reached_where_some_message_gets_there(seed: int, read: Read) -> None:
    """Every key of up to three words is published to every exchange that takes it, and every dead letter followed."""
    random = Random(seed)  # noqa: S311 - no secret
    lines = ["exchanges:"]
    for at in range(4):
        kind = random.choice(["topic", "topic", "direct", "fanout"])
        lines.append(f"  x{at}: {{type: {kind}, internal: {str(at > 0).lower()}}}")
    lines.append("queues:")
    for at in range(4):
        key = random.choice(["", ", routing_key: a.b", ", routing_key: c"])
        dead = f"{{dead_letter: {{exchange: x{random.randrange(4)}{key}}}}}" if random.random() < 0.5 else "{}"
        lines.append(f"  q{at}: {dead}")
    lines.append("bindings:")
    ways = {
        (random.randrange(4), random.choice(["queue: q", "to_exchange: x"]) + str(random.randrange(4)), pattern)
        for pattern in random.choices(PATTERNS, k=7)
    }
    lines += [f'  - {{exchange: x{at}, {to}, routing_key: "{pattern}"}}' for at, to, pattern in sorted(ways)]
    topology = read("\n".join(lines) + "\n")
    found = {key.name for key in reachable(Router(topology), topology) if key.kind is Kind.QUEUE}
    assert found == _reached(Router(topology))


def _reached(router: Router) -> set[str]:
    found: set[str] = set()
    been: set[tuple[str, tuple[str, ...]]] = set()
    left: list[Held] = []
    for key in (*ALL_KEYS[:40], *PATTERNS):  # a direct exchange takes a pattern for a word
        route = router.route(Message("x0", key))
        left += [held(route, name) for name in route.queues]
    while left:
        message = left.pop()
        if (message.queue, message.keys) in been:
            continue
        been.add((message.queue, message.keys))
        found.add(message.queue)
        dead = dead_letter(router, message, "rejected")
        left += [dead.held_in(name) for name in dead.queues]
    return found
