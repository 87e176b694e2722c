"""Migrations towards limits: what the new queue would drop, and what a lease would take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import amqp
import pytest

from tests.migrating import Scene, ending, in_turn
from tests.traffic import connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers import Node


@pytest.fixture
def scene(node: Node, vhost: str, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    in_turn(request.node.name.replace(node.label, ""), node.label)
    return Scene(node, vhost, tmp_path)


def test_bytes_that_the_statistics_do_not_know_of_yet(scene: Scene) -> None:
    """What was published a moment ago is in no statistics for seconds, and would be dropped on the way back."""
    routes = scene.lay("work")
    scene.declare("work", "type: classic, max_length_bytes: 20000B")
    sent = scene.fill(routes, 200)
    code, said = scene.migrate()
    assert code == 1, said
    assert "max-length-bytes" in said, said
    assert not scene.ours()
    scene.complete("work", sent)


def test_a_queue_that_would_expire_before_its_turn(scene: Scene) -> None:
    """Nobody uses it while others are migrated first, and it goes with its messages."""
    routes = scene.lay("work", expires=59_000)
    scene.declare("work", "type: classic, expires: 1h")
    sent = scene.fill(routes, 100)
    code, said = scene.migrate()
    assert code == 1, said
    assert "the old queue expires after 59,000 ms" in " ".join(said.split()), said
    assert not scene.ours()
    scene.complete("work", sent)


def test_a_lease_that_grows_with_the_messages(scene: Scene) -> None:
    """Publishing is no use of a queue: a new one would expire with all that came back so far."""
    routes = scene.lay("work")
    scene.declare("work", "type: quorum, expires: 65s")
    sent = scene.fill(routes, 1_500)
    code, said = scene.migrate()
    assert code == 1, said
    assert "the new queue expires after 65,000 ms" in " ".join(said.split()), said
    scene.declare("work", "type: quorum, expires: 10m")
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.complete("work", sent)


def test_files_that_the_broker_refuses_when_a_run_goes_on(node: Node, vhost: str, tmp_path: Path) -> None:
    """The old queue stays: consumers still find it."""
    if node.label != "4.3":
        pytest.skip("it is 4.3 that refuses this version")
    scene = Scene(node, vhost, tmp_path)
    routes = scene.lay("work")
    scene.declare("work", "type: quorum")
    sent = scene.fill(routes, 100)
    assert scene.killed("at:before the swap")[0]
    scene.declare("work", "type: classic, arguments: {x-queue-version: 1}")
    code, said = scene.migrate()
    assert code == 6, said
    assert "the broker would not take the new queue" in " ".join(said.split()), said
    assert scene.messages("work") == 0
    scene.declare("work", "type: quorum")
    code, said = scene.migrate()
    assert code == 0, ending(said)
    scene.complete("work", sent)


def test_messages_that_only_a_quorum_queue_keeps_over_a_restart(own_node: Node, tmp_path: Path) -> None:
    """It keeps on disk what is not persistent, too, and so does the queue that they wait in."""
    in_turn("restart", own_node.label)
    scene = Scene(own_node, "/", tmp_path)
    scene.lay("work", "quorum")
    with connected(own_node, "/") as connection:
        channel = connection.channel()
        channel.confirm_select()
        for number in range(100):
            channel.basic_publish_confirm(amqp.Message(f"{number}"), "work.direct", "a")
    scene.declare("work", "type: quorum, max_length: 1000")
    was_killed, said = scene.killed("at:before the swap")
    assert was_killed, said
    own_node.sandbox.stop_node()
    own_node.sandbox.start_node()
    code, said = scene.migrate()
    assert code == 0, ending(said)
    assert scene.messages("work") == 100
