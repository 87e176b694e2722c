"""RT4: queues that do something else than their files suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import QUEUE_ARGUMENTS
from rabbit_topo.arguments.by_version import at, since
from rabbit_topo.arguments.tables import EVER, POLICY_KEYS, POLICY_KEYS_SINCE
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Queue
    from rabbit_topo.policies import Option

_LENGTHS: Final = ("max-length", "max-length-bytes")
_LIMITED: Final = (4, 0)  # from here on quorum queues have a delivery limit where nobody sets one


def _surely(index: Index, queue: Queue, holds: Callable[[Mapping[str, Option]], bool]) -> bool:
    """Say whether it holds whichever policy is in effect: of a pattern that cannot be read here, nobody knows."""
    return all(holds(care.options) for care in index.router.care(queue).each)


def _overflow(index: Index) -> Iterator[Hit]:
    def wrong(options: Mapping[str, Option]) -> bool:
        return "overflow" in options and options["overflow"].value == "reject-publish-dlx"

    for queue in index.queues:
        if queue.type == "quorum" and _surely(index, queue, wrong):
            option = index.options(queue)["overflow"]
            message = f"{named(queue)} is a quorum queue, which does not know `reject-publish-dlx` ({option})"
            yield Hit(queue.key, message)


def _connection_bound(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if queue.auto_delete:
            yield Hit(queue.key, f"{named(queue)} is deleted with its last consumer (`auto_delete`)")
        elif not queue.name:
            yield Hit(queue.key, "a queue without a name is named by the server, anew at each declaration")
    for exchange in index.exchanges:
        if exchange.auto_delete:
            yield Hit(exchange.key, f"{named(exchange)} is deleted with its last binding (`auto_delete`)")


def _unreplicated(index: Index) -> Iterator[Hit]:
    if index.context.nodes <= 1:
        return
    for queue in index.queues:
        if queue.type == "classic" and queue.durable:
            message = f"{named(queue)} lives on one of the {index.context.nodes} nodes, and is away with it"
            yield Hit(queue.key, message)


def _silent_drop(index: Index) -> Iterator[Hit]:
    def drops(options: Mapping[str, Option]) -> bool:
        said = options.keys() & {"overflow", "dead-letter-exchange"}  # drop-head too, where somebody wrote it
        return bool(options.keys() & {*_LENGTHS}) and not said

    for queue in index.queues:
        if queue.type != "stream" and _surely(index, queue, drops):
            options = index.options(queue)
            limit = next(options[key] for key in _LENGTHS if key in options)
            yield Hit(queue.key, f"{named(queue)} drops its oldest messages when it is full ({limit})")


def _unbounded(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if queue.type != "stream" and _surely(index, queue, {*_LENGTHS, "message-ttl"}.isdisjoint):
            yield Hit(queue.key, f"{named(queue)} grows for as long as nobody consumes: no length, no TTL")


def _retention(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if queue.type == "stream" and _surely(index, queue, {"max-age", "max-length-bytes"}.isdisjoint):
            yield Hit(queue.key, f'the stream "{queue.name}" keeps everything for ever: no age, no size')


def _expiring(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if queue.durable and _surely(index, queue, lambda options: "expires" in options):
            option = index.options(queue)["expires"]
            message = f"{named(queue)} is deleted with its messages when nobody uses it for a while ({option})"
            yield Hit(queue.key, message)


def _no_delivery_limit(index: Index) -> Iterator[Hit]:
    if at(index.context.version) < _LIMITED:
        return

    def endless(options: Mapping[str, Option]) -> bool:
        limit = options["delivery-limit"].value if "delivery-limit" in options else None
        return isinstance(limit, int) and limit < 0

    for queue in index.queues:
        if queue.type == "quorum" and _surely(index, queue, endless):
            option = index.options(queue)["delivery-limit"]
            yield Hit(queue.key, f"{named(queue)} delivers a message any number of times ({option})")


def _should_be_policy(index: Index) -> Iterator[Hit]:
    release = at(index.context.version)
    by_policy = {
        name: key
        for name in QUEUE_ARGUMENTS
        if (key := name.removeprefix("x-")) in POLICY_KEYS and since(POLICY_KEYS_SINCE.get(key, EVER)) <= release
    }
    for queue in index.queues:
        if fixed := [name for name in queue.arguments if name in by_policy]:
            names = ", ".join(f"`{name}`" for name in fixed)
            yield Hit(
                queue.key,
                f"{named(queue)} can never change {names}: arguments stay as they were declared",
                subject=names,
            )


RULES: tuple[Rule, ...] = (
    Rule(
        "RT401",
        "overflow-unsupported",
        "error",
        default=True,
        why="A quorum queue takes `overflow: reject-publish-dlx`, logs a line, and drops its oldest messages instead: "
        "publishers are not told, and what was meant to be dead-lettered as it comes is not.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 1000, overflow: reject-publish-dlx, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 1000, overflow: reject-publish, direct: true}
""",
        hint="write `overflow: reject-publish`, or use `type: classic`",
        source="rabbit_quorum_queue:overflow; tried on 3.10.8, 4.0.5 and 4.3.6",
        check=_overflow,
    ),
    Rule(
        "RT402",
        "connection-bound-object",
        "warning",
        default=False,
        why="What is deleted with its last consumer or binding, or named by the server, is not there when a check "
        "looks, and comes back only when somebody declares it. It belongs to the application that uses it.",
        bad="""\
version: 1
queues:
  shop.screen: {type: classic, auto_delete: true, direct: true}
""",
        good="""\
version: 1
queues:
  shop.screen: {type: classic, direct: true}
""",
        hint="let the application declare it, or leave `auto_delete` out",
        source="https://www.rabbitmq.com/docs/queues#temporary-queues",
        check=_connection_bound,
    ),
    Rule(
        "RT403",
        "unreplicated-durable-queue",
        "info",
        default=False,
        why="A classic queue has one copy. While its node is away, so are the queue and its messages: a durable one "
        "cannot be declared anew elsewhere.",
        bad="""\
version: 1
queues:
  shop.orders: {type: classic, direct: true, message_ttl: 1d}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true, message_ttl: 1d}
""",
        hint="use `type: quorum`",
        source="https://www.rabbitmq.com/docs/classic-queues",
        check=_unreplicated,
        config={"nodes": 3},
    ),
    Rule(
        "RT404",
        "silent-drop-on-overflow",
        "warning",
        default=False,
        why="A full queue drops its oldest message for each new one. Without a dead-letter exchange nobody sees it go, "
        "and the publisher is told that all is well.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 1000, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 1000, overflow: reject-publish, direct: true}
""",
        hint="write `overflow: reject-publish`, so that publishers hear of it, or give it a dead-letter exchange",
        source="https://www.rabbitmq.com/docs/maxlength#overflow-behaviour",
        check=_silent_drop,
    ),
    Rule(
        "RT405",
        "unbounded-queue",
        "info",
        default=False,
        why="Where consumers stop, a queue without a limit grows until the disk alarm stops every publisher of the "
        "broker.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000, overflow: reject-publish}}
""",
        hint="set a length or a TTL, best by a policy for all queues",
        source="https://www.rabbitmq.com/docs/maxlength",
        check=_unbounded,
    ),
    Rule(
        "RT406",
        "stream-without-retention",
        "warning",
        default=False,
        why="Reading takes nothing out of a stream: without a maximum age or size it grows until the disk is full.",
        bad="""\
version: 1
queues:
  shop.log: {type: stream, direct: true}
""",
        good="""\
version: 1
queues:
  shop.log: {type: stream, max_age: 30d, direct: true}
""",
        hint="write `max_age` or `max_length_bytes`, or set them by a policy",
        source="https://www.rabbitmq.com/docs/streams#retention",
        check=_retention,
    ),
    Rule(
        "RT407",
        "expiring-durable-queue",
        "warning",
        default=False,
        why="`expires` deletes the whole queue when it had no consumer and was not declared for that long. Its "
        "messages go with it, and are not dead-lettered.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, expires: 1h, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, message_ttl: 1h, direct: true}
""",
        hint="if the messages are meant to expire, write `message_ttl`",
        source="https://www.rabbitmq.com/docs/ttl#queue-ttl",
        check=_expiring,
    ),
    Rule(
        "RT408",
        "delivery-limit-disabled",
        "warning",
        default=False,
        why="A negative limit turns the limit of 4.0 off: a message that kills its consumer is delivered again and "
        "again, and keeps the log of the queue from being shortened.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, delivery_limit: -1, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, delivery_limit: 50, direct: true}
""",
        hint="write a number that no sound message needs",
        source="https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling",
        check=_no_delivery_limit,
    ),
    Rule(
        "RT409",
        "argument-should-be-policy",
        "info",
        default=False,
        why="An argument stays as it was when the queue was declared: another value means another queue, and moving "
        "its messages. A policy changes at any time, for many queues at once.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, message_ttl: 1h, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {message_ttl: 1h}}
""",
        hint="set it by a policy",
        source="https://www.rabbitmq.com/docs/parameters#why-policies-exist",
        check=_should_be_policy,
    ),
)
