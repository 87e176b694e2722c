"""Limits that come from an argument, a policy and an operator policy at once, seen in what queues do with messages.

Each queue gets the numbers 0 to 5. What it keeps of them, and which dead-letter exchange gets the others, is held
against what its options come to. RABBIT_TOPO_SEED, 1 if it is not set, begins another series.
"""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING, Any

import amqp

from rabbit_topo.model import Arguments, Policy, Queue
from rabbit_topo.policies import effective_options, release
from tests.traffic import connected

if TYPE_CHECKING:
    from tests.brokers import Node

SEED = os.environ.get("RABBIT_TOPO_SEED", "1")
QUEUES = 40
BODIES = [str(number) for number in range(6)]
MORE = "some more"  # how many a quorum queue takes that refuses messages is its own affair
DEAD = ("dead0", "dead1")
_SHORT, _LONG = 1, 3_600_000
_Kept = dict[str, list[str]]


def test_queues_do_what_their_options_come_to(node: Node, vhost: str) -> None:
    random = Random(f"{SEED} {node.label}")  # noqa: S311 - a series that can be had again
    expected: _Kept = {}
    with connected(node, vhost) as connection:
        channel = connection.channel()
        for name in DEAD:
            channel.exchange_declare(name, "direct", durable=True, auto_delete=False)
        made = [_queue(random, vhost, number, release(node.version)) for number in range(QUEUES)]
        for queue, policy, operator in made:
            for road, one in (("policies", policy), ("operator-policies", operator)):
                if one.definition:
                    body = {"pattern": one.pattern, "apply-to": "queues", "definition": dict(one.definition)}
                    node.http("PUT", road, vhost, one.name, body=body)
            arguments = {**queue.arguments, "x-queue-type": queue.type}
            channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=arguments)
            for name in DEAD:
                channel.queue_declare(f"{queue.name}.{name}", durable=True, auto_delete=False)
                channel.queue_bind(f"{queue.name}.{name}", name, queue.name)
            ours, theirs = ([one] if one.definition else [] for one in (policy, operator))
            merged = effective_options(queue, ours, theirs, node.version)
            expected |= _foretold(queue, {key: option.value for key, option in merged.items()})
        for queue, _, _ in made:
            for number in BODIES:
                channel.basic_publish(amqp.Message(number), "", queue.name)
        found = _found(channel, expected)
    wrong = {name: (expected[name], bodies) for name, bodies in found.items() if bodies != expected[name]}
    assert not wrong, [one for one in made if any(name.split(".")[0] == one[0].name for name in wrong)]


def _queue(random: Random, vhost: str, number: int, version: tuple[int, int]) -> tuple[Queue, Policy, Policy]:
    kind = random.choice(("classic", "classic", "quorum"))
    sides: list[dict[str, Any]] = [{}, {}, {}]
    options: list[tuple[str, list[Any], bool]] = [("max-length", [1, 2, 3, 4], True)]
    if random.random() < 0.3:
        options.append(("message-ttl", [_SHORT, _LONG], True))
    elif kind == "quorum":
        options.append(("overflow", ["drop-head", "reject-publish"], False))
    else:
        options.append(("overflow", ["drop-head", "reject-publish", "reject-publish-dlx"], version >= (4, 0)))
    options.append(("dead-letter-exchange", list(DEAD), False))
    for key, values, by_operator in options:
        for side, likely in zip(sides, (0.6, 0.6, 0.4 if by_operator else 0), strict=True):
            if random.random() < likely:
                side[key] = random.choice(values)
    name = f"q{number}"
    policy, operator = (
        Policy(vhost, f"{name}{end}", f"^{name}$", "queues", 0, Arguments(side))
        for end, side in zip("po", sides[1:], strict=True)
    )
    return Queue(vhost, name, kind, arguments=Arguments({f"x-{k}": v for k, v in sides[0].items()})), policy, operator


def _foretold(queue: Queue, values: dict[str, Any]) -> _Kept:
    room = values.get("max-length", len(BODIES))
    overflow = values.get("overflow", "drop-head")
    first = overflow != "drop-head"
    kept, left = (BODIES[:room], BODIES[room:]) if first else (BODIES[-room:], BODIES[:-room])
    if values.get("message-ttl") == _SHORT:
        kept, left = [], BODIES
    if overflow == "reject-publish":
        left = []
    if queue.type == "quorum" and first and room < len(BODIES):
        kept = [BODIES[0], MORE]
    return {queue.name: kept} | {
        f"{queue.name}.{name}": left if values.get("dead-letter-exchange") == name else [] for name in DEAD
    }


def _found(channel: Any, expected: _Kept) -> _Kept:
    """Wait until every queue holds as much as it should, and read them all."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        counts = {name: channel.queue_declare(name, passive=True).message_count for name in expected}
        if all(count >= len([one for one in expected[name] if one != MORE]) for name, count in counts.items()):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    found: _Kept = {}
    for name, bodies in expected.items():
        found[name] = []
        while message := channel.basic_get(name, no_ack=True):
            found[name].append(message.body)
        found[name].sort()
        if MORE in bodies:
            found[name][1:] = [MORE]
    return found
