"""RT6: what the broker that is aimed at no longer has, will not have much longer, or does not have yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import comes_with, refused_by
from rabbit_topo.arguments.by_version import at
from rabbit_topo.arguments.tables import MIRRORING_KEYS
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.index import Index
    from rabbit_topo.lint.types import Severity

_DEPRECATION: Final = (3, 13)  # from here on brokers list what is deprecated
_NO_MIRRORS: Final = (4, 0)
_NO_MODES: Final = (3, 12)
_NO_VERSION_1: Final = (4, 3)
_NO_LOCATOR: Final = (4, 3)
_LOCATOR: Final = "queue-master-locator"
_IN_MEMORY: Final = ("max-in-memory-length", "max-in-memory-bytes")


def _transient_queues(index: Index) -> Iterator[Hit]:
    if at(index.context.version) < _DEPRECATION:
        return
    denied = "transient_nonexcl_queues" in (index.context.denied or ())
    severity: Severity = "error" if denied else "warning"
    for queue in index.queues:
        if not queue.durable and queue.type not in {"quorum", "stream"}:
            does = "which this broker denies" if denied else "which is deprecated"
            yield Hit(queue.key, f"{named(queue)} is transient and not exclusive, {does}", severity=severity)


def _mirroring(index: Index) -> Iterator[Hit]:
    if at(index.context.version) < _NO_MIRRORS:
        return
    for policy in index.policies:
        if keys := sorted(MIRRORING_KEYS & policy.definition.keys()):
            spelled = ", ".join(f"`{key}`" for key in keys)
            message = f"{spelled} of {named(policy)}: RabbitMQ {index.context.version} mirrors no queues"
            yield Hit(policy.key, message, subject=spelled)


def _queue_modes(index: Index) -> Iterator[Hit]:
    release = at(index.context.version)
    if release < _NO_MODES:
        return
    for queue in index.queues:
        if queue.type in {"classic", None} and "x-queue-mode" in queue.arguments:
            yield Hit(queue.key, f"`x-queue-mode` of {named(queue)} has no effect since 3.12", subject="mode")
        if queue.arguments.get("x-queue-version") == 1 and release < _NO_VERSION_1:
            yield Hit(queue.key, f"`x-queue-version: 1` of {named(queue)}: 4.3 refuses it", subject="version")
    for policy in index.policies:
        if "queue-mode" in policy.definition:
            yield Hit(policy.key, f"`queue-mode` of {named(policy)} has no effect since 3.12", subject="mode")
        if policy.definition.get("queue-version") == 1:
            yield Hit(
                policy.key, f"`queue-version: 1` of {named(policy)} asks for what 4.3 has no more", subject="version"
            )


def _master_locator(index: Index) -> Iterator[Hit]:
    release, denied = at(index.context.version), index.context.denied
    if release < _NO_MIRRORS:
        return
    is_denied = release >= _NO_LOCATOR if denied is None else "queue_master_locator" in denied
    severity: Severity = "error" if is_denied else "warning"
    says = "denied" if is_denied else "deprecated"
    for queue in index.queues:
        if queue.type in {"classic", None} and f"x-{_LOCATOR}" in queue.arguments:
            message = f"`x-{_LOCATOR}` of {named(queue)} is {says} by RabbitMQ {index.context.version}"
            yield Hit(queue.key, message, severity=severity)
    for policy in index.policies:
        if _LOCATOR in policy.definition:
            message = f"`{_LOCATOR}` of {named(policy)} is {says} by RabbitMQ {index.context.version}"
            yield Hit(policy.key, message, severity=severity)


def _delayed(index: Index) -> Iterator[Hit]:
    for exchange in index.exchanges:
        if exchange.type == "x-delayed-message":
            yield Hit(exchange.key, f"{named(exchange)} needs the plugin for delayed messages, which is archived")


def _in_memory(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        for name in _IN_MEMORY:
            if queue.type in {"quorum", None} and f"x-{name}" in queue.arguments:
                yield Hit(queue.key, f"`x-{name}` of {named(queue)} has no effect", subject=name)
    for policy in index.policies:
        for name in _IN_MEMORY:
            if name in policy.definition:
                yield Hit(policy.key, f"`{name}` of {named(policy)} has no effect", subject=name)


def _transient_exchanges(index: Index) -> Iterator[Hit]:
    for exchange in index.exchanges:
        if not exchange.durable:
            yield Hit(exchange.key, f"{named(exchange)} is transient: it and its bindings end with the node")


def _newer(index: Index) -> Iterator[Hit]:
    version = index.context.version
    for queue in index.queues:
        later = {name: first for name in queue.arguments if (first := comes_with(name, queue.type, version))}
        if not later:
            continue
        refused = {refusal.subject for refusal in refused_by(queue, version)}
        for name, first in later.items():
            if name not in refused:
                message = f"`{name}` of {named(queue)}: RabbitMQ {version} stores it and knows nothing of it"
                yield Hit(queue.key, f"{message}; it came with {first}", subject=name)


RULES: tuple[Rule, ...] = (
    Rule(
        "RT601",
        "transient-non-exclusive-queue",
        "warning",
        default=True,
        why="A transient queue that is not exclusive is gone with its node. The feature is deprecated since 3.13; the "
        "broker says in its list of deprecated features whether it still permits it, and an error is told where it "
        "does not.",
        bad="""\
version: 1
queues:
  shop.screen: {type: classic, durable: false, direct: true}
""",
        good="""\
version: 1
queues:
  shop.screen: {type: classic, direct: true}
""",
        hint="leave `durable` out; what need not survive its connection is an exclusive queue of the application",
        source="the deprecated feature transient_nonexcl_queues; 4.3.6 permits it by default",
        check=_transient_queues,
    ),
    Rule(
        "RT602",
        "classic-mirroring-keys",
        "error",
        default=True,
        why="Mirrored classic queues were removed with 4.0, and with them the keys: a policy that has one is refused "
        "whole.",
        bad="""\
version: 1
queues:
  shop.orders: {type: classic, direct: true}
policies:
  shop-mirrors: {pattern: ^shop\\., apply_to: queues, definition: {ha-mode: all}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
""",
        hint="remove the keys, and use `type: quorum` for what must be replicated",
        source="the removed feature classic_queue_mirroring",
        check=_mirroring,
    ),
    Rule(
        "RT603",
        "obsolete-queue-mode",
        "warning",
        default=False,
        why="Since 3.12 classic queues keep little in memory, whatever their mode is. The first version of their files "
        "is taken up to 4.2 and refused by 4.3. Both arguments are still compared at each declaration.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: classic
    direct: true
    arguments: {x-queue-mode: lazy}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: classic, direct: true}
""",
        hint="leave it out where the queue is declared anew; on an existing queue it means a replacement",
        source="https://www.rabbitmq.com/docs/lazy-queues; tried on 3.10.8, 4.0.5 and 4.3.6",
        check=_queue_modes,
    ),
    Rule(
        "RT604",
        "queue-master-locator",
        "warning",
        default=True,
        why="The queue-master-locator went with the mirrors: 4.0 takes it and calls it deprecated, 4.3 denies it, in "
        "arguments and in policies. Over AMQP the denial closes the whole connection.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: classic
    direct: true
    arguments: {x-queue-master-locator: min-masters}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: classic, leader_locator: balanced, direct: true}
""",
        hint="write `leader_locator: balanced` or client-local",
        source="the deprecated feature queue_master_locator; tried on 4.0.5 and 4.3.6",
        check=_master_locator,
    ),
    Rule(
        "RT605",
        "delayed-message-exchange",
        "warning",
        default=False,
        why="The plugin keeps delayed messages on one node, without a replica, and is no longer developed. A message "
        "that is delayed counts as unroutable for `mandatory` and alternate exchanges.",
        bad="""\
version: 1
exchanges:
  shop.later:
    type: x-delayed-message
    arguments: {x-delayed-type: direct}
queues:
  shop.orders:
    type: quorum
    direct: true
    bindings:
      - {exchange: shop.later, routing_key: order}
""",
        good="""\
version: 1
exchanges:
  shop.due: {type: direct}
queues:
  shop.orders.waiting:
    type: quorum
    direct: true
    message_ttl: 1m
    dead_letter: {exchange: shop.due, routing_key: order}
  shop.orders:
    type: quorum
    bindings:
      - {exchange: shop.due, routing_key: order}
""",
        hint="let messages wait in a queue with a TTL and a dead-letter exchange, or keep the time in the application",
        source="https://github.com/rabbitmq/rabbitmq-delayed-message-exchange",
        check=_delayed,
    ),
    Rule(
        "RT606",
        "in-memory-limits",
        "info",
        default=False,
        why="Quorum queues no longer keep messages in memory beside the log: the limits on them are taken, and have no "
        "effect. On other queues they are refused, or keep a policy away.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: quorum
    direct: true
    arguments: {x-max-in-memory-length: 100}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
""",
        hint="leave it out where the queue is declared anew",
        source="rabbit_quorum_queue, where nothing reads them",
        check=_in_memory,
    ),
    Rule(
        "RT607",
        "transient-exchange",
        "warning",
        default=False,
        why="A transient exchange is gone when its node, or the last of the cluster, restarts, and its bindings with "
        "it. RabbitMQ announced to drop such exchanges in a release of the 4 series.",
        bad="""\
version: 1
exchanges:
  shop.live: {type: fanout, durable: false}
queues:
  shop.screen:
    type: classic
    bindings:
      - {exchange: shop.live}
""",
        good="""\
version: 1
exchanges:
  shop.live: {type: fanout}
queues:
  shop.screen:
    type: classic
    bindings:
      - {exchange: shop.live}
""",
        hint="leave `durable` out",
        source="https://www.rabbitmq.com/blog/2021/08/21/4.0-deprecation-announcements",
        check=_transient_exchanges,
    ),
    Rule(
        "RT608",
        "needs-newer-broker",
        "error",
        default=False,
        why="An argument that came with a later release is stored by the broker and does nothing. After the upgrade "
        "the queue still has it from its first day, and then it counts. What an older broker refuses is RT103, RT107 "
        "or RT110.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: quorum
    direct: true
    arguments: {x-delayed-retry-min: 1000}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true, delivery_limit: 5}
""",
        hint="leave it out, or raise `target_version`",
        source="capabilities() of the queue types, tags v3.10.8 to v4.3.5; tried on 3.10.8, 4.0.5 and 4.3.6",
        check=_newer,
        version="4.0",
    ),
)
