"""Coverage: held against what happens when each binding is really taken away."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.load import load
from rabbit_topo.model import Binding, Kind, RouteTest, Topology, Vhost
from rabbit_topo.routing import Message, Router
from rabbit_topo.routing.cases import Case, cases_of, run_case
from rabbit_topo.routing.coverage import coverage
from rabbit_topo.routing.invariants import invariants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rabbit_topo.model import Plain

    Read = Callable[[str], Topology]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def topology(text: str) -> Topology:
        (tmp_path / "a.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
        return load("a.yaml")

    return topology


def _spelled(bindings: Iterable[Binding]) -> set[str]:
    return {f"{one.source} {one.routing_key}" for one in bindings}


def _exercised(topology: Topology) -> set[str]:
    router = Router(topology)
    return _spelled(coverage(router, [run_case(router, case) for case in cases_of(topology)]).exercised)


COVERED = """\
exchanges:
  e: {type: direct}
  f: {type: fanout}
  dead: {type: fanout}
queues:
  q: {dead_letter: {exchange: dead}, bindings: [{exchange: e, routing_keys: [a, b]}]}
  d: {bindings: [{exchange: dead}, {exchange: f}]}
publishers:
  p: {exchange: f}
tests:
  - name: t
    publish: {exchange: e, routing_key: a}
    expect: [q]
"""


def test_coverage_counts_what_the_messages_of_tests_need(read: Read) -> None:
    topology = read(COVERED)
    router = Router(topology)
    results = [*(run_case(router, case) for case in cases_of(topology)), *invariants(router)]
    found = coverage(router, results)
    assert [(one.source, one.routing_key) for one in found.exercised] == [("e", "a")]
    assert [(one.source, one.routing_key) for one in found.missed] == [("dead", ""), ("e", "b"), ("f", "")]
    assert (found.total, found.percent) == (4, 25)


def test_dead_letters_exercise_bindings_too(read: Read) -> None:
    then = """\
    then:
      - {queue: q, rejected: true, expect: [d]}
      - {queue: d, rejected: true, expect: []}
"""
    topology = read(COVERED + then)
    assert _exercised(topology) == {"e a", "dead "}


def test_ways_without_a_binding_are_no_bindings(read: Read) -> None:
    topology = read("""\
exchanges: {e: {type: direct, alternate_exchange: f}, f: {type: fanout}}
queues: {q: {bindings: [{exchange: f}]}}
tests: [{name: t, publish: {exchange: e}, expect: [q]}]
""")
    assert _exercised(topology) == {"f "}


def test_nothing_to_cover_is_covered() -> None:
    vhost = Vhost("/")
    router = Router(Topology({vhost.key: vhost}))
    found = coverage(router, [run_case(router, Case("t", "t", Message("nope"), None))])
    assert (found.total, found.percent) == (0, 100)


SHAPE = """\
exchanges:
  e: {type: topic, alternate_exchange: lost}
  inner: {type: fanout, internal: true}
  lost: {type: fanout}
  nowhere: {type: fanout}
  hash: {type: x-consistent-hash}
  dead: {type: fanout}
queues:
  a: {dead_letter: {exchange: dead}, bindings: [{exchange: e, routing_key: a}]}
  b: {bindings: [{exchange: e, routing_key: "#.b"}, {exchange: e, routing_key: "b.#"}]}
  far: {bindings: [{exchange: inner}]}
  lost: {bindings: [{exchange: lost}, {exchange: e, routing_key: lost}]}
  one: {bindings: [{exchange: hash, routing_key: "1"}]}
  two: {bindings: [{exchange: hash, routing_key: "2"}]}
  d: {bindings: [{exchange: dead}]}
  e: {bindings: [{exchange: dead}]}
bindings:
  - {exchange: e, to_exchange: inner, routing_key: "a"}
  - {exchange: e, to_exchange: nowhere, routing_key: void}
tests:
"""


@pytest.mark.parametrize(
    ("test", "exercised"),
    [
        ("publish: {exchange: e, routing_key: a}, expect: [a, far]", {"e a", "inner "}),
        ("publish: {exchange: e, routing_key: a}, expect_at_least: [far]", {"e a", "inner "}),
        ("publish: {exchange: e, routing_key: a}, expect_unroutable: false", set()),
        ("publish: {exchange: inner}, expect_unroutable: false", set()),  # it fails
        ("publish: {exchange: dead}, expect_unroutable: false", set()),  # one of two is enough
        ("publish: {exchange: lost}, expect_unroutable: false", {"lost "}),
        ("publish: {exchange: e, routing_key: x.b}, expect_unroutable: false", set()),  # the alternate exchange
        ("publish: {exchange: e, routing_key: x.b}, expect: [b]", {"e #.b"}),
        ("publish: {exchange: e, routing_key: b}, expect: [b]", set()),  # each does without the other
        ("publish: {exchange: e, routing_key: lost}, expect: [lost]", set()),  # it gets there without
        ("publish: {exchange: e, routing_key: void}, expect: []", {"e void"}),  # it would get to lost
        ("publish: {exchange: hash}, expect_one_of: [one, two]", {"hash 1", "hash 2"}),
        (
            "publish: {exchange: e, routing_key: a}, then: {queue: a, rejected: true, expect_at_least: [d]}",
            {"e a", "dead "},
        ),
    ],
)
def test_only_what_a_test_would_miss_is_exercised(read: Read, test: str, exercised: set[str]) -> None:
    assert _exercised(read(f"{SHAPE}  - {{name: t, {test}}}\n")) == exercised


def test_of_two_copies_in_a_queue_a_step_needs_neither_alone(read: Read) -> None:
    topology = read("""\
exchanges: {e: {type: direct}}
queues:
  a: {dead_letter: {exchange: e, routing_key: b}, bindings: [{exchange: e, routing_key: a}]}
  b: {bindings: [{exchange: e, routing_key: b}]}
tests:
  - name: t
    publish: {exchange: e, routing_key: a, headers: {CC: [b]}}
    then:
      - {queue: a, rejected: true, expect_unroutable: false}
      - {queue: b, rejected: true, expect: []}
""")
    (result,) = [run_case(Router(topology), case) for case in cases_of(topology)]
    alone = replace(
        result, steps=(replace(result.steps[0], step=replace(result.steps[0].step, expectation=None)), result.steps[1])
    )
    assert _spelled(coverage(Router(topology), [result]).exercised) == {"e a", "e b"}
    assert _spelled(coverage(Router(topology), [alone]).exercised) == {"e a"}


@pytest.mark.parametrize("seed", range(150))
def test_coverage_is_what_happens_when_each_binding_is_taken_away(seed: int, read: Read) -> None:
    """Small worlds of exchanges that lead to each other, with alternate exchanges and dead letters, at random."""
    random = Random(seed)  # noqa: S311 - no secret
    keys = ["a", "b", "a.b"]
    patterns = ["a", "#", "a.*", "b"]
    lines = ["exchanges:"]
    for at in range(4):
        kind = random.choice(["topic", "fanout", "direct"])
        other = f", alternate_exchange: x{random.randrange(4)}" if random.random() < 0.5 else ""
        lines.append(f"  x{at}: {{type: {kind}{other}}}")
    lines.append("queues:")
    for at in range(3):
        dead = f"dead_letter: {{exchange: x{random.randrange(4)}}}, " if random.random() < 0.6 else ""
        lines.append(f"  q{at}: {{{dead}direct: true}}")
    lines.append("bindings:")
    bindings = {
        (random.randrange(4), random.choice(["queue: q", "to_exchange: x"]) + str(random.randrange(3)), key)
        for key in random.choices(patterns, k=6)
    }
    lines += [f'  - {{exchange: x{at}, {to}, routing_key: "{key}"}}' for at, to, key in sorted(bindings)]
    topology = read("\n".join(lines) + "\n")
    tests = tuple(_test(Router(topology), random, keys) for _ in range(3))
    topology = Topology(topology.resources, notes=topology.notes, tests=tests)
    cases = cases_of(topology)
    router = Router(topology)
    results = [run_case(router, case) for case in cases]
    kept = [result for result in results if result.passed]
    missed = set()
    for key in [key for key in topology.resources if key.kind is Kind.BINDING]:
        less = Router(Topology({one: value for one, value in topology.resources.items() if one != key}))
        if any(not run_case(less, result.case).passed for result in kept if result.case):
            missed.add(key)
    assert {one.key for one in coverage(router, results).exercised} == missed


def _test(router: Router, random: Random, keys: list[str]) -> RouteTest:
    """Publish a message and expect, in one way or another, what it reaches."""
    message = Message(f"x{random.randrange(4)}", random.choice(keys))
    body: dict[str, Plain] = {
        "publish": {"exchange": message.exchange, "routing_key": message.routing_key},
        **_expected(random, router.route(message).queues),
    }
    queues = router.route(message).queues
    if queues and random.random() < 0.5:
        step = {"queue": random.choice(queues), "rejected": True}
        result = run_case(router, cases_of(Topology(tests=(RouteTest("t", "/", {**body, "then": step}),)))[0])
        dead = result.steps[0].dead
        body["then"] = step | _expected(random, dead.queues if dead else ())
    return RouteTest("t", "/", body)


def _expected(random: Random, queues: tuple[str, ...]) -> dict[str, Plain]:
    ways: list[dict[str, Plain]] = [{}, {"expect": list(queues)}]
    if queues:
        ways += [{"expect_at_least": [queues[0]]}, {"expect_unroutable": False}]
    return random.choice(ways)
