"""What becomes of talks when channels and connections end under them: laws over a scripted line."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.broker.amqp_answers import Closed
from rabbit_topo.broker.amqp_run import MAX_LOSSES, MAX_SILENT, Run
from rabbit_topo.broker.amqp_talk import Job, Lost, Method, Ok, Refused
from rabbit_topo.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.amqp_talk import Answer, Talk

LARGEST = 9
ENDLESS = 1000


@dataclass
class World:
    """Which names are refused, and how; how often the line is cut; what was sent."""

    soft: frozenset[str] = frozenset()
    hard: frozenset[str] = frozenset()
    cuts: float = 0.0
    away: float = 0.0
    snaps: set[tuple[str, int]] = field(default_factory=set)
    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - a test's dice
    puts: Counter[tuple[str, int]] = field(default_factory=Counter)
    lines: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    connections: int = 0

    def connect(self) -> Any:
        if self.dice.random() < self.away:
            raise Unreachable("nobody answers")
        self.connections += 1
        assert self.connections < ENDLESS
        return ScriptedLink(self)


class ScriptedLink:
    """Answers in any order, as channels do."""

    largest = LARGEST

    def __init__(self, world: World, room: int = 4) -> None:
        self.world = world
        self.room = room
        self.flight: list[Job[Any]] = []
        self.heard: list[tuple[Job[Any], Answer]] = []
        self.answered = 0

    has_room = property(lambda self: len(self.flight) < self.room)
    in_flight = property(lambda self: len(self.flight))

    def put(self, job: Job[Any]) -> None:
        job.sent = True
        self.flight.append(job)
        self.world.puts[job.about, job.awaited.number[1]] += 1
        self.world.lines[job.about].add(self.world.connections)

    def flush(self) -> None:
        self._cut(0.1)

    def read(self) -> None:
        for _ in range(self.world.dice.randint(1, 3)):
            if not self.flight:
                return
            self._cut(1.0)
            job = self.world.dice.choice(self.flight)
            if (snap := (job.about, job.awaited.number[1])) in self.world.snaps:
                self.world.snaps.remove(snap)
                raise OSError("cut")
            if job.about in self.world.hard:
                raise Closed(503, "COMMAND_INVALID")
            self.flight.remove(job)
            self.answered += 1
            self.heard.append((job, Refused(404, "NOT_FOUND") if job.about in self.world.soft else Ok()))

    def drop(self) -> list[Job[Any]]:
        lost, self.flight = self.flight, []
        return lost

    def _cut(self, share: float) -> None:
        if self.world.dice.random() < self.world.cuts * share:
            raise self.world.dice.choice([OSError("cut"), Closed(320, "CONNECTION_FORCED")])


def talk(methods: int, size: int = 1) -> Talk[list[int]]:
    told = []
    for number in range(methods):
        answer = yield Method((50, number), bytes(size))
        told.append(answer.code if isinstance(answer, Refused) else 0)
    return told


def jobs(count: int, *, once: bool = False) -> list[Job[Any]]:
    return [Job(f"job {n}", talk(n % 3), once=once and n % 2 == 0) for n in range(count)]


def run(world: World, given: list[Job[Any]]) -> dict[str, Any]:
    results = list(Run(given, world.connect, lambda _error: None).results())
    assert sorted(job.about for job, _ in results) == sorted(job.about for job in given)
    return {job.about: result for job, result in results}


# An endless run must not be taken for an example that hypothesis finds too long: the dice are none of its own.
dices = st.integers(0, 2**32).map(random.Random)
names = st.sets(st.integers(0, 19).map("job {}".format)).map(frozenset)


@given(names, names, st.integers(0, 20), dices)
def test_a_refusal_stays_with_its_talk(
    soft: frozenset[str], hard: frozenset[str], count: int, dice: random.Random
) -> None:
    world = World(soft - hard, hard, dice=dice)
    told = run(world, jobs(count))
    for number in range(count):
        name = f"job {number}"
        code = 503 if name in hard else 404 if name in soft else 0
        assert told[name] == [code] * (number % 3)


@given(names, names, st.integers(0, 20), st.sampled_from([0.05, 0.3, 0.9]), dices)
def test_a_line_that_is_cut(
    soft: frozenset[str], hard: frozenset[str], count: int, cuts: float, dice: random.Random
) -> None:
    world = World(soft - hard, hard, cuts, away=0.02, dice=dice)
    for name, result in run(world, jobs(count, once=True)).items():
        number = int(name.split()[1])
        puts = [world.puts[name, at] for at in range(number % 3)]
        if isinstance(result, Lost):
            assert result.sent == any(puts)
        else:
            code = 503 if name in hard else 404 if name in soft else 0
            assert result == [code] * (number % 3)
            assert all(puts)
        if number % 2 == 0:
            assert max(puts, default=0) <= 1
            assert len(world.lines[name]) <= 1  # what was looked at over one line is never done over the next
        assert max(puts, default=0) <= MAX_LOSSES + 1  # once more for a connection that was closed over a neighbour


def test_a_talk_may_lose_the_line_once_a_method() -> None:
    world = World(snaps={("a", 0), ("a", 1), ("a", 2)})
    assert run(world, [Job("a", talk(3)), Job("b", talk(1))]) == {"a": [0, 0, 0], "b": [0]}
    assert world.connections == 4


def test_a_broker_that_never_answers_is_given_up() -> None:
    world = World(cuts=1.0)
    told = run(world, jobs(50))
    assert world.connections == MAX_SILENT
    assert sum(isinstance(result, Lost) and result.sent for result in told.values()) <= 4 * MAX_SILENT
    assert {result.reason for result in told.values() if isinstance(result, Lost)} <= {"cut", "CONNECTION_FORCED"}


def test_nobody_is_asked_where_nothing_is_to_be_said() -> None:
    world = World(away=1.0)
    assert run(world, [Job("a", talk(0))]) == {"a": []}
    assert run(world, [Job("a", talk(0)), Job("b", talk(1))]) == {"a": [], "b": Lost("nobody answers", sent=False)}


def test_nothing_is_sent_on_the_strength_of_an_old_look() -> None:
    world = World()
    given: list[Job[Any]] = [Job("old", talk(1), once=True, until=0.0), Job("new", talk(1), once=True)]
    told = run(world, given)
    assert isinstance(told["old"], Lost)
    assert (told["old"].sent, told["new"]) == (False, [0])
    assert ("old", 0) not in world.puts


def test_what_fits_into_no_frame_is_not_sent() -> None:
    world = World()
    assert run(world, [Job("long", talk(2, LARGEST + 1)), Job("b", talk(1))]) == {"long": [501, 501], "b": [0]}
    assert list(world.puts) == [("b", 0)]


def test_jobs_are_taken_as_channels_are_free() -> None:
    taken = []

    def lazily() -> Iterator[Job[Any]]:
        for job in jobs(30):
            taken.append(job)
            yield job

    results = Run(lazily(), World().connect, lambda _error: None).results()
    next(results)
    assert len(taken) < 30


def test_who_leaves_early_drops_the_connection() -> None:
    forgotten = []
    results = Run(jobs(30), World().connect, lambda _error: forgotten.append(True)).results()
    next(results)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert forgotten == [True]


def test_a_talk_that_fails_is_no_answer() -> None:
    def broken() -> Talk[None]:
        yield Method((50, 0), b"")
        raise ZeroDivisionError

    forgotten = []
    with pytest.raises(ZeroDivisionError):
        list(Run([Job("a", broken())], World().connect, lambda _error: forgotten.append(True)).results())
    assert forgotten == [True]
