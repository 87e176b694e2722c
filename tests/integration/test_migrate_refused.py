"""What is no queue to migrate is refused with the reason and the way out; what was not begun leaves nothing behind."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from tests.between import QUEUE_BIND, QUEUE_DELETE, Between
from tests.ctl import ctl, quick_statistics
from tests.migrating import LONG, Scene, ending, finished, in_turn
from tests.traffic import Consumer, Publisher, Route, connected, drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.brokers import Node

MESSAGES = 300
# What the brokers do differently; the others are tried on one of them each.
EVERYWHERE = (
    *("test_a_message_that_somebody_holds", "test_messages_close_to_their_delivery_limit"),
    *("test_a_policy_over_the_holding_queue", "test_a_queue_that_is_declared_again_in_between"),
)


@pytest.fixture(scope="module", autouse=True)
def _quick(node: Node) -> Iterator[None]:
    with quick_statistics(node):
        yield


@pytest.fixture
def scene(node: Node, vhost: str, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    if request.node.originalname not in EVERYWHERE:
        in_turn(request.node.name.replace(node.label, ""), node.label)
    return Scene(node, vhost, tmp_path)


def refused(scene: Scene, *words: str, flags: tuple[str, ...] = (), codes: tuple[int, ...] = (1, 5)) -> str:
    """Migrate, and see that it is refused in these words, and that nothing is there that was not there before."""
    before = scene.bindings(()), scene.ours()
    code, said = scene.run("apply", "--yes", "--migrate", "--max-delete", "100", *flags)
    assert code in codes, (code, said)
    flat = " ".join(said.split())
    for word in words:
        assert word in flat, (word, said)
    assert (scene.bindings(()), scene.ours()) == before
    return said


def migrated(scene: Scene, *flags: str) -> None:
    code, said = scene.run("apply", "--yes", "--migrate", "--max-delete", "100", *flags)
    assert code == 0, ending(said)


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def channel(scene: Scene, user: str = "guest") -> Iterator[Any]:
    with connected(scene.node, scene.vhost, user) as connection:
        opened = connection.channel()
        opened.confirm_select()
        yield opened


def test_a_stream(scene: Scene) -> None:
    scene.queue("work", "stream")
    scene.declare("work", "type: classic")
    for suffix, type_ in (("direct", "direct"), ("topic", "topic")):
        scene.node.http("PUT", "exchanges", scene.vhost, f"work.{suffix}", body={"type": type_, "durable": True})
    refused(scene, "a stream cannot be emptied", "under another name", codes=(5,))


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_consumers_that_stay(scene: Scene, kind: str) -> None:
    routes = scene.lay("work", kind)
    scene.declare("work", f"type: {kind}, message_ttl: 1h")
    sent = scene.fill(routes, MESSAGES)
    with Consumer(scene.node, scene.vhost, "work", routes, prefetch=1) as consumer:
        refused(scene, "1 consumer would take its messages", "--wait-consumers 60s")
        refused(scene, "1 consumer would take its messages", flags=("--wait-consumers", "300ms"))
    assert not drain(scene.node, scene.vhost, "work", routes).lost(sent - consumer.tally.came.keys())


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_message_that_somebody_holds(scene: Scene, kind: str) -> None:
    routes = scene.lay("work", kind)
    scene.declare("work", f"type: {kind}, message_ttl: 1h")
    sent = scene.fill(routes, MESSAGES)
    with channel(scene) as holder:
        until(lambda: (holder.basic_get("work")) is not None)
        refused(scene, "1 unacknowledged" if kind == "classic" else "1 consumer", "--wait-consumers")
    migrated(scene, "--wait-consumers", "10s")
    assert scene.complete("work", sent).twice == 0


@pytest.mark.parametrize("place", [0, MESSAGES])
def test_messages_of_another_user(scene: Scene, place: int) -> None:
    """The first messages are looked at; one that lies deeper stops the move, and stays where it is."""
    scene.node.http("PUT", "users", "alien", body={"password": "alien", "tags": ""})
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    scene.node.http("PUT", "permissions", scene.vhost, "alien", body=rights)
    routes = scene.lay("work")
    bound = scene.bindings()
    scene.declare("work")
    sent = scene.fill(routes, place)
    with channel(scene, "alien") as others:
        others.basic_publish(amqp.Message("x", user_id="alien", message_id="alien"), "work.direct", "a")
    sent |= scene.fill(routes, 10, first=1000)
    until(lambda: scene.messages("work") == place + 11)
    if place:
        code, said = scene.run("apply", "--yes", "--migrate", "--max-delete", "100")
        assert code in {1, 6}, said
        assert "alien" in said, said
        assert "--drop-user-id" in said, said
    else:
        refused(scene, "user_id of alien", "--drop-user-id")
    migrated(scene, "--drop-user-id")
    scene.settled(bound)
    found = None
    with channel(scene) as reader:
        while (one := reader.basic_get("work", no_ack=True)) is not None:
            if one.properties["message_id"] == "alien":
                found = one
            else:
                sent.discard(int(one.properties["message_id"]))
    assert found is not None
    assert "user_id" not in found.properties
    assert not sent
    scene.node.http("DELETE", "users", "alien")


@pytest.mark.parametrize("returned", [1, 2])
def test_messages_close_to_their_delivery_limit(scene: Scene, returned: int) -> None:
    routes = scene.lay("work", "quorum", delivery_limit=2)
    scene.declare("work", "type: quorum, delivery_limit: 5")
    sent = scene.fill(routes, 5)
    for _ in range(returned):
        with channel(scene) as reader:
            until(partial(reader.basic_get, "work"))
        until(lambda: scene.messages("work") == 5)
    for _ in range(4):
        refused(scene, "the delivery limit is 2", "let consumers take such messages")
    until(lambda: scene.messages("work") == 5)
    assert not drain(scene.node, scene.vhost, "work", routes).lost(sent)


def test_kills_do_not_add_up_to_the_delivery_limit(scene: Scene) -> None:
    routes = scene.lay("work", "quorum", delivery_limit=3)
    scene.declare("work", "type: classic")
    sent = scene.fill(routes, 2000)
    said = ""
    for _ in range(8):
        code, said = finished(scene.start(when="after:0.02"), 60)
        if code in {1, 6}:
            break
    assert "the delivery limit is 3" in said, said
    assert "lies in rabbit-topo.migrate" in " ".join(said.split()), said
    holding = next(name for name in scene.ours() if name.startswith("rabbit-topo.migrate."))
    came = drain(scene.node, scene.vhost, "work", routes).came + drain(scene.node, scene.vhost, holding, routes).came
    assert sent <= came.keys(), len(sent - came.keys())


@pytest.mark.parametrize("kind", ["classic", "quorum"])
@pytest.mark.parametrize("limit", ["max_length: 10", "max_length_bytes: 10kB"])
def test_no_room(scene: Scene, kind: str, limit: str) -> None:
    routes = scene.lay("work", kind)
    scene.declare("work", f"type: {kind}, {limit}")
    sent = scene.fill(routes, 20)
    if "bytes" in limit:
        if kind == "quorum" and not LONG:
            pytest.skip("the broker tells a quorum queue's bytes seconds later")
        until(lambda: scene.node.http("GET", "queues", scene.vhost, "work").get("message_bytes", 0) >= 20 * 1024)
    refused(scene, "max-length", "raise", "drain the queue first")
    assert scene.complete("work", sent).twice == 0


def test_an_alarm(scene: Scene) -> None:
    routes = scene.lay("work")
    scene.declare("work")
    sent = scene.fill(routes, 20)
    alarm = "{resource_limit, memory, node()}"
    ctl(scene.node, "eval", f"rabbit_alarm:set_alarm({{{alarm}, []}}).")
    try:
        until(lambda: any(it.get("mem_alarm") for it in scene.node.http("GET", "nodes")))
        refused(scene, "an alarm is on", "wait until it is over")
    finally:
        ctl(scene.node, "eval", f"rabbit_alarm:clear_alarm({alarm}).")
    until(lambda: not any(it.get("mem_alarm") for it in scene.node.http("GET", "nodes")))
    migrated(scene)
    scene.complete("work", sent)


@pytest.mark.parametrize("kind", ["policies", "operator-policies"])
@pytest.mark.parametrize("pattern", [".*", "^(?>rabbit)-topo"])
def test_a_policy_over_the_holding_queue(scene: Scene, kind: str, pattern: str) -> None:
    """The second pattern is one that only the broker reads: it is asked what is in effect."""
    routes = scene.lay("work")
    scene.declare("work")
    sent = scene.fill(routes, 20)
    body = {"pattern": pattern, "apply-to": "queues", "definition": {"max-length": 1000}}
    scene.node.http("PUT", kind, scene.vhost, "all", body=body)
    refused(scene, "policy all", "max-length", "out of its pattern")
    scene.complete("work", sent)


def test_a_queue_that_is_fed_through_the_default_exchange(scene: Scene) -> None:
    routes = scene.lay("work")
    scene.declare("work", "type: quorum, direct: true")
    refused(scene, "direct: true", "--allow default-exchange-gap", codes=(5,))
    scene.declare("work", "type: quorum")
    scene.queue("others", dead_letter_exchange="", dead_letter_routing_key="work")
    refused(scene, "dead letters of queue others", "--allow default-exchange-gap", codes=(5,))
    scene.node.http("DELETE", "queues", scene.vhost, "others")
    with Publisher(scene.node, scene.vhost, [Route("", ("work",))], rate=50, seconds=60) as direct:
        until(lambda: scene.node.http("GET", "queues", scene.vhost, "work").get("incoming"))
        refused(scene, "somebody publishes to it through the default exchange", "--allow default-exchange-gap")
    sent = scene.fill(routes, 20, first=1_000_000)
    migrated(scene, "--allow", "default-exchange-gap")
    tally = drain(scene.node, scene.vhost, "work", routes)
    assert not tally.lost(sent | direct.confirmed)


def test_a_publisher_that_nobody_knew_of(scene: Scene) -> None:
    """What the statistics did not show is seen when the queue is bound to nothing and still gets messages."""
    routes = scene.lay("work")
    bound = scene.bindings()
    scene.declare("work")
    sent = scene.fill(routes, MESSAGES)
    direct = Publisher(scene.node, scene.vhost, [Route("", ("work",))], first=1_000_000, rate=50, seconds=60)
    with ExitStack() as stack:
        began = partial(stack.enter_context, direct)
        with Between(scene.node.amqp_url, QUEUE_BIND, b"rabbit-topo.migrate.", began) as line:
            code, said = scene.run("apply", "--yes", "--migrate", "--amqp", line.url)
        assert line.did, said
        assert code == 6, said
        assert "publishes to it through the default exchange" in " ".join(said.split()), said
        assert scene.run("check")[0] == 3
        migrated(scene, "--allow", "default-exchange-gap")
    scene.settled(bound)
    lost = drain(scene.node, scene.vhost, "work", [*routes]).lost(sent)
    assert not lost, lost[:20]


def test_a_queue_that_is_declared_again_in_between(scene: Scene) -> None:
    routes = scene.lay("work")
    bound = scene.bindings()
    scene.declare("work")
    sent = scene.fill(routes, MESSAGES)

    def declare() -> None:
        until(lambda: not any(it["name"] == "work" for it in scene.node.http("GET", "queues", scene.vhost)))
        scene.queue("work")

    with Between(scene.node.amqp_url, QUEUE_DELETE, b"\x04work", declare) as line:
        code, said = scene.run("apply", "--yes", "--migrate", "--amqp", line.url)
    assert line.did, said
    assert code == 6, said
    assert "declared it again" in said, said
    [holding] = [name for name in scene.ours() if name.startswith("rabbit-topo.migrate.")]
    assert scene.messages(holding) == MESSAGES
    assert scene.run("check")[0] == 3
    migrated(scene)
    scene.settled(bound)
    assert scene.complete("work", sent).twice == 0


def test_a_right_that_was_never_there(scene: Scene) -> None:
    rights = {"configure": ".*", "write": ".*", "read": r"^(work|work\.direct|rabbit-topo\..*)$"}
    login = {"password": "deployer", "tags": "management,monitoring,policymaker,impersonator"}
    scene.node.http("PUT", "users", "deployer", body=login)
    scene.node.http("PUT", "permissions", scene.vhost, "deployer", body=rights)
    routes = scene.lay("work")
    bound = scene.bindings()
    scene.declare("work")
    sent = scene.fill(routes, MESSAGES)
    secret = scene.folder / "secret"
    secret.write_text("deployer")
    secret.chmod(0o600)
    refused(
        scene,
        "could not be moved along",
        "nothing was changed",
        flags=("--partial", "--username", "deployer", "--password-file", str(secret)),
        codes=(1, 5),
    )
    migrated(scene)
    scene.settled(bound)
    scene.complete("work", sent)
    scene.node.http("DELETE", "users", "deployer")


@pytest.mark.parametrize("lost", ["configure", "write", "read"])
def test_rights_that_are_lost_in_the_middle(scene: Scene, lost: str) -> None:
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    scene.node.http(
        "PUT",
        "users",
        "deployer",
        body={"password": "deployer", "tags": "management,monitoring,policymaker,impersonator"},
    )
    scene.node.http("PUT", "permissions", scene.vhost, "deployer", body=rights)
    routes = scene.lay("work")
    bound = scene.bindings()
    scene.declare("work")
    sent = scene.fill(routes, MESSAGES)

    def revoke() -> None:
        scene.node.http("PUT", "permissions", scene.vhost, "deployer", body=rights | {lost: "^$"})

    secret = scene.folder / "secret"
    secret.write_text("deployer")
    secret.chmod(0o600)
    login = ("--username", "deployer", "--password-file", str(secret))
    with Between(scene.node.amqp_url, QUEUE_BIND, b"rabbit-topo.migrate.", revoke) as line:
        code, said = scene.run("apply", "--yes", "--migrate", "--amqp", line.url, *login)
    assert line.did, said
    assert code in {0, 1, 6}, said  # a channel remembers for a while what it may do
    if code:
        assert "access" in said.lower(), said
        migrated(scene)
    scene.settled(bound)
    scene.complete("work", sent)
    scene.node.http("DELETE", "users", "deployer")
