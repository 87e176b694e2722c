"""The router and real brokers agree, message by message, on random topologies and on the kept ones.

Each world is declared as the tool declares, by HTTP and AMQP or by HTTP alone; what neither can say (timestamps, and
nulls by HTTP) is bound by hand. Every message is published with `mandatory`, every queue is read out, and what the
broker did is compared with what `Router` says of the declared topology and of the observed one. CI asks 1,000 messages
a version. The long run, whose figures docs/routing.md gives, asks 20,000:

    RABBIT_TOPO_ROUTES=20000 RABBIT_TOPO_ROUTE_SEED=2026 pytest tests/integration/test_routing.py

A disagreement names its seed and its message; it is kept under tests/cases/routing once it is understood.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import amqp
import pytest

from rabbit_topo.model import Arguments, Binding, Exchange, Queue, Topology
from rabbit_topo.routing import Message, Router
from tests.routing_cases import CASES, read_case
from tests.routing_play import Road, disagreements, fresh_vhost, play, same_routes
from tests.routing_worlds import ONE_OF, World, make_world
from tests.traffic import connected

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Resource
    from tests.brokers import Node

ROUTES = int(os.environ.get("RABBIT_TOPO_ROUTES", "1000"))  # messages a version
SEED = os.environ.get("RABBIT_TOPO_ROUTE_SEED", "1")
IN_A_WORLD = 120


def tell(world: World, router: Router) -> Counter[str]:
    """Count what the messages of a world are about."""
    found: Counter[str] = Counter()
    for message in world.messages:
        said = router.route(message)
        kinds = {hop.type for hop in said.hops}
        found["refused"] += bool(said.refusal)
        found["unroutable"] += said.unroutable
        found["reaches several"] += len(said.queues) > 1
        found["not certain"] += bool(said.perhaps)
        found["one of"] += bool(kinds & ONE_OF)
        found["by headers"] += "headers" in kinds
        found["by topic"] += "topic" in kinds
        found["alternate"] += any(hop.by and hop.by.way == "alternate" for hop in said.hops)
        found["round again"] += any(taken.again for hop in said.hops for taken in hop.taken)
        found["CC or BCC"] += not said.refusal and bool(message.headers.keys() & {"CC", "BCC"})
    return found


def test_random_worlds(node: Node) -> None:
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(-(-ROUTES // IN_A_WORLD)):
        seed = f"{SEED} {node.label} {number}"
        road: Road = "http" if number % 3 == 0 else "both"
        with fresh_vhost(node, f"world-{number}") as vhost:
            world = make_world(Random(seed), vhost, node.version, IN_A_WORLD)  # noqa: S311 - the same every time
            played = play(node, world, road)
        router = Router(world.topology, node.version)
        seen += Counter(messages=len(world.messages)) + tell(world, router)
        found = disagreements(world, router, played) + same_routes(world, router, Router.observed(played.observed))
        wrong += [f"seed {seed!r}: {one}" for one in found]
    print(node.version, dict(seen))
    assert not wrong, "\n".join(wrong[:20])
    assert seen["messages"] >= ROUTES
    assert all(seen[name] > ROUTES // 200 for name in ("refused", "unroutable", "one of", "alternate", "CC or BCC"))
    assert all(seen[name] > ROUTES // 20 for name in ("by topic", "by headers", "reaches several", "round again"))
    assert seen["not certain"] < ROUTES // 2


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_kept_cases(node: Node, path: Path) -> None:
    with fresh_vhost(node, f"case-{path.stem}"[:100]) as vhost:
        case = read_case(path, vhost, node.version)
        if not case.holds:
            return
        played = play(node, case.world)
    assert not disagreements(case.world, Router(case.world.topology, node.version), played)
    real = {number: sorted(played.reached.get(number, ())) for number in case.expected}
    assert real == case.expected


def test_integers_in_lists_match_if_client_and_binder_wrote_them_alike(node: Node, vhost: str) -> None:
    """HTTP writes long, this client signedint: alone they are one value, in a list two, and the router says perhaps."""
    held: list[Resource] = [Exchange(vhost, "x", "headers")]
    for name in ("http", "amqp"):
        held += [Queue(vhost, name), Binding(vhost, "x", "queue", name, arguments=Arguments({"list": [1]}))]
        held += [Queue(vhost, f"{name}-alone"), Binding(vhost, "x", "queue", f"{name}-alone", "", Arguments({"n": 1}))]
    messages = (Message("x", headers={"list": [1]}, vhost=vhost), Message("x", headers={"n": 1}, vhost=vhost))
    by_hand = {one.key: dict(one.arguments) for one in held if isinstance(one, Binding) and "amqp" in one.destination}
    world = World(vhost, node.version, Topology({one.key: one for one in held}), messages, by_hand)
    played = play(node, world, road="http")
    assert [sorted(played.reached[number]) for number in range(2)] == [["amqp"], ["amqp-alone", "http-alone"]]
    first, second = (Router(world.topology, node.version).route(message) for message in messages)
    assert (first.queues, first.perhaps) == ((), ("amqp", "http"))
    assert [note for note in first.notes if "AMQP types" in note]
    assert (second.queues, second.perhaps) == (("amqp-alone", "http-alone"), ())


def test_a_vhost_that_is_not_there(node: Node) -> None:
    with pytest.raises(amqp.NotAllowed) as refused, connected(node, "gone"):
        pass
    said = Router(Topology.naming("/")).route(Message("amq.fanout", vhost="gone"))
    assert said.refusal == refused.value.reply_text
