"""A migration is killed with SIGKILL, at each stage and at random moments: the next run finishes it, nothing is lost.

A sample here, other stages on each broker; RABBIT_TOPO_LONG=1 takes all stages and fifty random moments on each
(`docs/migrating.md`).
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.brokers import LABELS
from tests.ctl import quick_statistics
from tests.migrating import LONG, Scene, ending, in_turn
from tests.traffic import Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.brokers import Node

# Points of tests/killer.py, and whether a migration is under way for everybody to see then.
STAGES: dict[str, bool] = {
    "behind declare trial": False,
    "before declare holding": False,
    "behind declare holding": True,
    "before moving from queue": True,
    "while moving from queue": True,
    "behind moving from queue": True,
    "behind declare binding of holding": True,
    "behind remove binding of queue": True,
    "before moving from queue#2": True,
    "behind moving from queue#2": True,
    "before the swap": True,
    "behind the swap": True,
    "while moving from holding": True,
    "behind moving from holding": True,
    "behind declare binding of queue": True,
    "behind remove binding of holding": True,
    "behind moving from holding#2": True,
    "before remove holding": True,
    "behind remove holding": False,
}
MESSAGES = 2000 if LONG else 500
AT_ONCE = 5  # migrations in vhosts of their own; a run mostly waits for the broker's first statistics
BATCHES = 10 if LONG else 1  # of random moments, AT_ONCE each
LONGEST = 1.5 if LONG else 0.8  # seconds that messages move, about


@pytest.fixture(scope="module", autouse=True)
def _quick(node: Node) -> Iterator[None]:
    with quick_statistics(node):
        yield


@pytest.fixture
def scene(node: Node, vhost: str, tmp_path: Path) -> Scene:
    return Scene(node, vhost, tmp_path)


@pytest.fixture
def here(label: str, request: pytest.FixtureRequest) -> None:
    """Try a test on one of the brokers, in turn, and on all of them in a long run."""
    in_turn(request.node.originalname, label)


class Run:
    """A queue in a vhost of its own whose migration is killed, and then let through, while a publisher sends."""

    def __init__(self, scene: Scene, whens: Sequence[str], kind: str = "classic", then: str = "quorum") -> None:
        self.scene, self.whens = scene, whens
        self.about = f"{kind} -> {then} killed {', '.join(whens)}"
        self.routes = scene.lay("work", kind)
        scene.declare("work", f"type: {then}, message_ttl: 7d")
        self.bound = scene.bindings()
        self.sent = scene.fill(self.routes, MESSAGES)
        self.publisher = Publisher(scene.node, scene.vhost, self.routes, first=10_000_000, rate=100, seconds=120)
        self.killed: list[bool] = []

    def kill(self) -> Run:
        for when in self.whens:
            self.killed.append(self.scene.killed(when)[0])
        return self

    def finish(self) -> Run:
        code, said = self.scene.migrate()
        assert code == 0, f"{self.about}: {ending(said)}"
        return self

    def whole(self) -> None:
        """See that all is as it is to be, and nothing was lost."""
        assert not self.publisher.returned, self.about
        assert not self.publisher.unknown, self.about
        self.scene.settled(self.bound)
        tally = self.scene.complete("work", self.sent | self.publisher.confirmed)
        told = f"{len(tally.came)} messages, {tally.twice} came twice"
        print(f"{self.about}{'' if all(self.killed) else ' (too late)'}: {told}")


def _unfinished(scene: Scene) -> None:
    """See that every command tells of the migration, and that none but `apply --migrate` goes on with it."""
    code, said = scene.run("check")
    assert code == 3, said
    assert "UNFINISHED" in said, said
    code, said = scene.run("plan")
    assert code == 0, said
    headings = [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line[2:3].isupper()]
    assert headings[0] == "UNFINISHED", said
    before = scene.ours(), scene.bindings(())
    code, said = scene.run("apply", "--yes")
    assert code == 5, said
    assert "--migrate" in said, said
    assert (scene.ours(), scene.bindings(())) == before


def test_killed_at_each_stage_it_is_finished_by_the_next_run(scene: Scene, label: str) -> None:
    stages = [stage for number, stage in enumerate(STAGES) if LONG or number % len(LABELS) == LABELS.index(label)]
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        scenes = [stack.enter_context(scene.beside(number)) for number in range(len(stages))]
        runs = [Run(each, [f"at:{stage}"]) for each, stage in zip(scenes, stages, strict=True)]
        with ExitStack() as busy:
            for run in runs:
                busy.enter_context(run.publisher)
            for run, stage in zip(pool.map(Run.kill, runs), stages, strict=True):
                assert all(run.killed), stage
                if STAGES[stage]:
                    _unfinished(run.scene)
            list(pool.map(Run.finish, runs))
        for run in runs:
            run.whole()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_killed_at_any_moment_nothing_is_lost(scene: Scene, batch: int) -> None:
    dice = random.Random(f"{scene.node.label} {batch}")  # noqa: S311 - a test's dice
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        runs = []
        for number in range(AT_ONCE):
            ways = dice.choice([("classic", "quorum"), ("quorum", "classic"), ("classic", "classic")])
            # every other one is killed twice
            moments = [f"after:{dice.uniform(0, LONGEST):.3f}" for _ in range(1 + number % 2)]
            runs.append(Run(stack.enter_context(scene.beside(number)), moments, *ways))
        with ExitStack() as busy:
            for run in runs:
                busy.enter_context(run.publisher)
            list(pool.map(Run.finish, pool.map(Run.kill, runs)))
        for run in runs:
            run.whole()
        assert any(all(run.killed) for run in runs)


@pytest.mark.usefixtures("here")
def test_a_file_that_is_changed_back_rolls_it_back(scene: Scene) -> None:
    routes = scene.lay("work")
    bound = scene.bindings()
    sent = scene.fill(routes, MESSAGES)
    scene.declare("work")
    assert scene.killed("at:behind moving from queue#2")[0]
    scene.declare("work", "type: classic")
    _unfinished(scene)
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.settled(bound)
    assert scene.node.http("GET", "queues", scene.vhost, "work")["type"] == "classic"
    assert scene.complete("work", sent).twice == 0


@pytest.mark.usefixtures("here")
def test_a_file_that_is_changed_again_goes_on_to_the_newest(scene: Scene) -> None:
    routes = scene.lay("work")
    bound = scene.bindings()
    sent = scene.fill(routes, MESSAGES)
    scene.declare("work")
    assert scene.killed("at:while moving from holding")[0]
    scene.declare("work", "type: classic, max_priority: 3")
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.settled(bound)
    scene.complete("work", sent)


def _declare_other(scene: Scene) -> None:
    scene.queues.clear()
    scene.owns.append("work")  # else nobody could tell whose it is
    scene.declare("other", "type: classic")


@pytest.mark.usefixtures("here")
def test_a_queue_that_is_declared_no_more_gets_its_messages_back(scene: Scene) -> None:
    routes = scene.lay("work")
    scene.lay("other")
    bound = scene.bindings()
    sent = scene.fill(routes, MESSAGES)
    scene.declare("work")
    assert scene.killed("at:before the swap")[0]
    _declare_other(scene)
    code, said = scene.run("check")
    assert (code, "UNFINISHED" in said) == (3, True), said
    code, said = scene.migrate()
    assert code in {0, 6}, ending(said)  # it is a stray afterwards
    assert not scene.ours()
    assert scene.bindings() == bound
    assert scene.complete("work", sent).twice == 0


@pytest.mark.usefixtures("here")
def test_a_queue_that_is_neither_declared_nor_there_keeps_its_messages_in_holding(scene: Scene) -> None:
    routes = scene.lay("work")
    scene.lay("other")
    bound = scene.bindings()
    sent = scene.fill(routes, MESSAGES)
    scene.declare("work")
    assert scene.killed("at:before the swap")[0]
    scene.node.http("DELETE", "queues", scene.vhost, "work", query="if-empty=true")  # killed between delete and declare
    declared = dict(scene.queues)
    _declare_other(scene)
    code, said = scene.run("check")
    assert (code, "UNFINISHED" in said) == (3, True), said
    code, said = scene.migrate()
    assert (code, "neither declared nor there" in said, "declare it again" in said) == (5, True, True), said
    [holding] = [name for name in scene.ours() if name.startswith("rabbit-topo.migrate.")]
    assert scene.messages(holding) == MESSAGES
    scene.queues.clear()
    scene.queues.update(declared)
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.settled(bound)
    assert scene.complete("work", sent).twice == 0
