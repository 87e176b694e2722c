"""What becomes of messages that queues give up: our walk beside real brokers.

CI tries 30 random chains of queues on each version. The long run tries as many as it is told to:

    RABBIT_TOPO_CHAINS=500 pytest tests/integration/test_dead_letters.py

RABBIT_TOPO_SEED, 1 if it is not set, begins another series.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import amqp

from rabbit_topo.model import Binding
from rabbit_topo.policies import release
from tests.dead_letter_chains import EVENTS, Chain, chain
from tests.traffic import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Policy
    from rabbit_topo.routing import Message
    from tests.brokers import Node

CHAINS = int(os.environ.get("RABBIT_TOPO_CHAINS", "30"))
SEED = os.environ.get("RABBIT_TOPO_SEED", "1")
_AT_ONCE = 100
_ENOUGH = 30  # chains in which every way to be dead-lettered occurs
_PATIENCE = 15.0
_COUNTS_ON = (4, 3)


def test_random_chains_end_as_on_the_broker(node: Node) -> None:
    random = Random(f"{SEED} {node.label}")  # noqa: S311 - a series that can be had again
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    for start in range(0, CHAINS, _AT_ONCE):
        vhost = f"chains-{start}"
        chains = [chain(random, number, vhost, node.version) for number in range(start, min(start + _AT_ONCE, CHAINS))]
        seen += sum((one.letters for one in chains), Counter())
        node.http("PUT", "vhosts", vhost, body={})
        node.http("PUT", "permissions", vhost, "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
        with connected(node, vhost) as connection:
            wrong += _play(node, connection, chains)
        node.http("DELETE", "vhosts", vhost)
    assert not wrong, f"{len(wrong)} of {CHAINS}:\n" + "\n".join(wrong[:5])
    assert seen.keys() == set(EVENTS) or CHAINS < _ENOUGH, f"these chains prove nothing of some events: {dict(seen)}"


def _play(node: Node, connection: Any, chains: list[Chain]) -> Iterator[str]:
    channel = connection.channel()
    for one in chains:
        _declare(node, channel, one)
    for one in chains:
        _publish(channel, one.message, "m")
    done: list[Chain] = []
    for index in range(max(len(one.states) for one in chains)):
        going = [one for one in chains if index < len(one.states)]
        for one in going if index else ():
            if one not in done and (why := _step(node, channel, one, index)):
                done.append(one)
                yield f"chain {one.number} at {one.steps[index - 1]}: {why}\n{_spelled(one)}"
        for one, told in _unlike(channel, [one for one in going if one not in done], index):
            done.append(one)
            yield f"chain {one.number} after {one.steps[:index]}: {told}\n{_spelled(one)}"


def _declare(node: Node, channel: Any, one: Chain) -> None:
    for policy in (*one.policies, *one.operators):
        road = "operator-policies" if policy in one.operators else "policies"
        node.http("PUT", road, policy.vhost, policy.name, body=_body(policy))
    for exchange in one.exchanges:
        # `internal` is the sixth: py-amqp's own method has no word for it
        flags = (False, True, False, exchange.internal, False, dict(exchange.arguments))
        channel.send_method(
            amqp.spec.Exchange.Declare,
            "BssbbbbbF",
            (0, exchange.name, exchange.type, *flags),
            wait=amqp.spec.Exchange.DeclareOk,
        )
    for queue in one.queues:
        arguments = {**queue.arguments, "x-queue-type": queue.type}
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=arguments)
    for binding in one.resources:
        if isinstance(binding, Binding):
            bind = channel.queue_bind if binding.destination_kind == "queue" else channel.exchange_bind
            bind(binding.destination, binding.source, binding.routing_key, arguments=dict(binding.arguments))


def _body(policy: Policy) -> dict[str, Any]:
    return {
        "pattern": policy.pattern,
        "priority": policy.priority,
        "apply-to": policy.apply_to,
        "definition": dict(policy.definition),
    }


def _publish(channel: Any, message: Message, body: str) -> None:
    expiration = {} if message.expiration_ms is None else {"expiration": str(message.expiration_ms)}
    sent = amqp.Message(body, application_headers=dict(message.headers), **expiration)
    channel.basic_publish(sent, message.exchange, message.routing_key)


def _step(node: Node, channel: Any, one: Chain, index: int) -> str:
    """Do one step; return what the broker does not let us do."""
    step = one.steps[index - 1]
    if step.message is not None:
        _publish(channel, step.message, f"f{index - 1}")
        return ""
    router = one.router(node.version)
    queue = router.queue(one.message.vhost or "", step.queue)
    assert queue is not None
    limit = router.care(queue).delivery_limit or 0
    taken = [_get(channel, step.queue) for _ in one.states[index - 1][step.queue]]
    turn = 0
    while all(taken):
        for message in taken:
            channel.basic_reject(message.delivery_tag, requeue=step.event != "rejected")
        # 4.3 goes on counting where a message has been dead-lettered before; 4.0 shows that count, and begins anew
        told = taken[0].headers.get("x-delivery-count", 0) if release(node.version) >= _COUNTS_ON else turn
        if step.event == "rejected" or told >= limit:
            return ""
        taken, turn = [_get(channel, step.queue)], turn + 1
    return f"a message is missing in {step.queue}"


def _get(channel: Any, queue: str) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if message := channel.basic_get(queue):
            return message
    return None


def _unlike(channel: Any, chains: list[Chain], index: int) -> list[tuple[Chain, dict[str, Any]]]:
    """Wait until the queues hold what is foretold, and look twice. Return the chains whose queues do not."""
    deadline = time.monotonic() + _PATIENCE
    quiet = 0
    while True:
        wrong = [(one, told) for one in chains if (told := _counts(channel, one, index))]
        quiet = 0 if wrong else quiet + 1
        if quiet > 1 or time.monotonic() > deadline:
            return wrong or [(one, told) for one in chains if (told := _bodies(channel, one, index))]
        time.sleep(0.25)


def _counts(channel: Any, one: Chain, index: int) -> dict[str, Any]:
    """Return, by queue, how many messages are foretold and how many are there, where they differ."""
    told = {}
    for queue in one.queues:
        if queue.type == "stream":
            continue
        foretold = len(one.states[index][queue.name])
        there = channel.queue_declare(queue.name, passive=True).message_count
        if there != foretold:
            told[queue.name] = (foretold, there)
    return told


def _bodies(channel: Any, one: Chain, index: int) -> dict[str, Any]:
    """Return likewise what the messages say; after the last step only, when they may be taken."""
    if index + 1 < len(one.states):
        return {}
    told = {}
    for queue in one.queues:
        foretold = one.states[index][queue.name]
        read = _streamed if queue.type == "stream" else _drained
        there = sorted(read(channel, queue.name, len(foretold)))
        if there != foretold:
            told[queue.name] = (foretold, there)
    return told


def _drained(channel: Any, queue: str, _: int) -> list[str]:
    found = []
    while message := channel.basic_get(queue, no_ack=True):
        found.append(message.body)
    return found


def _streamed(channel: Any, queue: str, count: int) -> list[str]:
    """Read a stream from its beginning, until it has said what is foretold and is quiet."""
    own = channel.connection.channel()
    own.basic_qos(0, 100, a_global=False)
    found: list[str] = []
    own.basic_consume(
        queue, callback=lambda message: found.append(message.body), arguments={"x-stream-offset": "first"}
    )
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            channel.connection.drain_events(timeout=0.3)
        except TimeoutError:
            if len(found) >= count:
                break
    own.close()
    return found


def _spelled(one: Chain) -> str:
    lines = [*one.resources, *one.policies, *one.operators, one.message, *one.states]
    return "\n".join(f"    {line}" for line in lines)
