"""A world of `tests/routing_worlds.py` on a real broker: declared, published to, read back, and compared.

played = play(node, world, road="both")
assert not disagreements(world, Router(world.topology, node.version), played)
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import amqp

from rabbit_topo.broker.connect import connect
from rabbit_topo.model import Binding, Observed, Queue, Topology, holds_null
from rabbit_topo.routing import Router
from tests.laws import law
from tests.traffic import connected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.model import Key
    from rabbit_topo.routing import Message, Route
    from tests.brokers import Node
    from tests.routing_worlds import World

Road: TypeAlias = Literal["both", "http"]
WINDOW = 300  # messages sent and not yet confirmed
END = "end"


@dataclass
class Played:
    """What became of the messages, by their numbers; `reached` names a queue as often as it got a copy."""

    observed: Observed
    reached: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    returned: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)


@contextmanager
def fresh_vhost(node: Node, name: str) -> Iterator[str]:
    """Make a vhost, and delete it in the end, whatever it holds."""
    node.http("PUT", "vhosts", name, body={})
    node.http("PUT", "permissions", name, "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    try:
        yield name
    finally:
        node.http("DELETE", "vhosts", name)


def play(node: Node, world: World, road: Road = "both") -> Played:
    """Declare a world in its vhost, which is there and empty, publish all of its messages, and read every queue."""
    with connected(node, world.vhost) as connection:
        observed = declare(node, world, connection, road)
        router, played = Router(world.topology, world.version), Played(observed)
        bad = {number for number, one in enumerate(world.messages) if router.route(one).refusal}
        _publish(connection, {n: one for n, one in enumerate(world.messages) if n not in bad}, played)
        _publish_one_by_one(connection, {number: world.messages[number] for number in sorted(bad)}, played)
        _read(connection, [one for one in world.topology.resources.values() if isinstance(one, Queue)], played)
    return played


def declare(node: Node, world: World, connection: Any, road: Road = "both") -> Observed:
    """Declare a world as the tool does, and by hand what the tool cannot; return what the broker then holds."""
    late = {
        key: world.moments.get(key, one.arguments)
        for key, one in world.topology.resources.items()
        if isinstance(one, Binding) and (key in world.moments or (road == "http" and holds_null(dict(one.arguments))))
    }
    soon = Topology({key: one for key, one in world.topology.resources.items() if key not in late})
    broker = connect(node.broker_url, amqp=node.amqp_url if road == "both" else None)
    try:
        law.fill(broker, soon)
        with connection.channel() as channel:
            for key, arguments in late.items():
                _bind(channel, key, arguments)
        return broker.observe(world.topology)
    finally:
        broker.close()


def _bind(channel: Any, key: Key, arguments: Mapping[str, Any]) -> None:
    bind = channel.queue_bind if key.destination_kind == "queue" else channel.exchange_bind
    bind(key.destination, key.name, key.routing_key, arguments=dict(arguments))


def _sent(number: int, message: Message) -> amqp.Message:
    return amqp.Message(str(number), application_headers=dict(message.headers))


def _publish(connection: Any, messages: Mapping[int, Message], played: Played) -> None:
    channel = connection.channel()
    channel.confirm_select()
    waiting: dict[int, int] = {}
    channel.events["basic_return"].add(lambda _e, _x, _k, back: played.returned.add(int(back.body)))
    channel.events["basic_ack"].add(partial(_answered, waiting))
    channel.events["basic_nack"].add(lambda tag, _: waiting.update({-tag: tag}))  # never empty: the wait fails
    for tag, (number, one) in zip(count(1), messages.items(), strict=False):
        waiting[tag] = number
        channel.basic_publish(_sent(number, one), one.exchange, one.routing_key, mandatory=True)
        while len(waiting) >= WINDOW:
            connection.drain_events(timeout=20)
    while waiting:
        connection.drain_events(timeout=20)
    channel.close()


def _answered(waiting: dict[int, int], tag: int, multiple: bool) -> None:  # noqa: FBT001 - what the event gives
    for each in [each for each in waiting if each <= tag] if multiple else [tag]:
        del waiting[each]


def _publish_one_by_one(connection: Any, messages: Mapping[int, Message], played: Played) -> None:
    channel = connection.channel()
    for number, one in messages.items():
        channel.confirm_select()
        waiting = {1: number}
        channel.events["basic_ack"].add(partial(_answered, waiting))
        channel.basic_publish(_sent(number, one), one.exchange, one.routing_key, mandatory=True)
        try:
            while waiting:
                connection.drain_events(timeout=20)
        except amqp.ChannelError as error:
            played.refused[number] = error.reply_text
        else:
            channel.close()
        channel = connection.channel()


def _read(connection: Any, queues: Sequence[Queue], played: Played) -> None:
    """Read all queues at once: each is empty when its last message comes, sent when all others were there."""
    channel = connection.channel()
    left, streams = {queue.name for queue in queues}, {queue.name for queue in queues if queue.type == "stream"}
    channel.basic_qos(0, 10_000, a_global=False)

    def take(name: str, one: amqp.Message) -> None:
        if one.body == END:
            left.discard(name)
        else:
            played.reached[int(one.body)].append(name)
        if name in streams:
            channel.basic_ack(one.delivery_tag)

    for name in sorted(left):
        channel.basic_publish(amqp.Message(END), "", name)
    for queue in queues:
        name, stream = queue.name, queue.name in streams
        offset = {"x-stream-offset": "first"} if stream else {}
        channel.basic_consume(name, no_ack=not stream, callback=partial(take, name), arguments=offset)
    while left:
        connection.drain_events(timeout=20)
    channel.close()


def disagreements(world: World, router: Router, played: Played) -> list[str]:
    """Say, message by message, where a router and the broker do not agree."""
    outcomes = world.outcomes()
    found = []
    for number, message in enumerate(world.messages):
        said, real = router.route(message), sorted(played.reached.get(number, ()))
        problem = _problem(said, real, number in played.returned, played.refused.get(number, ""))
        if not problem and not said.refusal:
            possible = [one.route(message) for one in outcomes]
            if not any(_fits(one, real) for one in possible):
                problem = f"reached {real}; possible were {sorted({(*one.queues, *one.perhaps) for one in possible})}"
        if problem:
            found.append(f"{world.version} message {number}, {message}: {problem}")
    return found


def _problem(said: Route, real: list[str], returned: bool, refused: str) -> str:  # noqa: FBT001
    if not _same_words(said.refusal, refused):
        return f"the router says {said.refusal or 'no refusal'!r}, the broker {refused or 'no refusal'!r}"
    if refused:
        return ""
    if returned == bool(real):
        return f"returned: {returned}, and it reached {real}"
    if not _fits(said, real):
        return f"reached {real}; the router says {list(said.queues)} and perhaps {list(said.perhaps)}"
    return ""


def _same_words(said: str, real: str) -> bool:
    """Compare a refusal's words; the broker shortens those that are longer than 255 bytes, each version in its way."""
    return real == said or (len(said.encode()) > 255 and real[:50] == said[:50])


def _fits(said: Route, real: list[str]) -> bool:
    queues = set(said.queues)
    return len(set(real)) == len(real) and queues <= set(real) <= queues | set(said.perhaps)


def same_routes(world: World, one: Router, other: Router) -> list[str]:
    """Say where two routers differ: one of what was declared, one of what the broker shows of it."""
    found = []
    for message in world.messages:
        first, second = one.route(message), other.route(message)
        if (first.queues, first.perhaps, first.refusal) != (second.queues, second.perhaps, second.refusal):
            found.append(f"{message}: declared {first.queues} {first.perhaps}, shown {second.queues} {second.perhaps}")
    return found
