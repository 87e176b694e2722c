"""RT3, the queues: what a queue does to the messages that it gives up, or that others give up to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.blame import blamed, listed
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.index import Index
    from rabbit_topo.routing.effective import Care

_LIMITS: Final = ("message-ttl", "max-length", "max-length-bytes")


def _poison(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        care = index.router.care(queue)
        if care.exchange is None and not care.cannot("delivery_limit") and index.ways.is_clear(queue):
            limit = care.options.get("delivery-limit")
            whose = f"the limit is set by the {limit}" if limit else "the limit where none is set"
            yield Hit(
                queue.key, f"{named(queue)} drops a message after {care.delivery_limit} failed deliveries, {whose}"
            )


def _not_at_least_once(index: Index) -> Iterator[Hit]:
    found = []
    for queue in index.queues:
        care = index.router.care(queue)
        strategy = care.options.get("dead-letter-strategy")
        if not index.ways.is_clear(queue):
            continue
        if care.kind == "quorum" and strategy and strategy.value == "at-least-once" and not _safe(care):
            found.append((queue, strategy))
    for key, queues, _ in blamed(found):
        verb = "is" if len(queues) == 1 else "are"
        said = (
            f"{listed(queues)} {verb} to dead-letter at least once, without `overflow: reject-publish` and an exchange"
        )
        yield Hit(key, said)


def _safe(care: Care) -> bool:
    return care.safely and care.exchange is not None


def _lossy(index: Index) -> Iterator[Hit]:
    ways = {one.way: one for queue in index.queues for one in index.ways.dead(queue)}
    reached = {key for one in ways.values() for key in one.queues}
    for queue in index.queues:
        care = index.router.care(queue)
        limits = [name for name in _LIMITS if name in care.options]
        kept = care.kind == "stream" or care.exchange is not None or not index.ways.is_clear(queue)
        if limits and queue.key in reached and not kept:
            said = f"dead letters come to {named(queue)} and do not stay there: it has {' and '.join(limits)}"
            yield Hit(queue.key, said)


RULES: Final = (
    Rule(
        "RT305",
        "quorum-without-dead-letter",
        "warning",
        default=False,
        why=(
            "A quorum queue with a delivery limit, and since RabbitMQ 4.0 every one has 20 where nothing else "
            "is said, drops a message that has failed as often. Without a dead-letter exchange the message is "
            "gone."
        ),
        bad="""\
version: 1
queues:
  shop.mail: {type: quorum, direct: true}
""",
        good="""\
version: 1
exchanges:
  shop.dead: {type: fanout}
queues:
  shop.mail: {type: quorum, direct: true, dead_letter: {exchange: shop.dead}}
  shop.dead: {type: classic, bindings: [{exchange: shop.dead}]}
""",
        hint="give it a `dead_letter.exchange`, by itself, a profile or a policy",
        source="https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling",
        check=_poison,
    ),
    Rule(
        "RT306",
        "at-least-once-not-effective",
        "error",
        default=True,
        why=(
            "A quorum queue dead-letters at least once only with a dead-letter exchange and with `overflow: "
            "reject-publish`. Without either RabbitMQ falls back to at-most-once, and writes a line to its log."
        ),
        bad="""\
version: 1
exchanges:
  shop.dead: {type: fanout}
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: shop.dead, strategy: at-least-once}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead}]}
""",
        good="""\
version: 1
exchanges:
  shop.dead: {type: fanout}
queues:
  shop.mail:
    type: quorum
    direct: true
    overflow: reject-publish
    dead_letter: {exchange: shop.dead, strategy: at-least-once}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead}]}
""",
        hint="set both, or leave the strategy out",
        source="https://www.rabbitmq.com/docs/quorum-queues#dead-lettering",
        check=_not_at_least_once,
    ),
    Rule(
        "RT307",
        "dead-letter-queue-lossy",
        "warning",
        default=False,
        why=(
            "Dead letters are kept so that somebody can look at them. A limit on the queue that keeps them, "
            "without a dead-letter exchange of its own, drops them again, the oldest first."
        ),
        bad="""\
version: 1
exchanges:
  shop.dead: {type: fanout}
queues:
  shop.mail: {type: quorum, direct: true, dead_letter: {exchange: shop.dead}}
  shop.dead: {type: quorum, message_ttl: 1d, bindings: [{exchange: shop.dead}]}
""",
        good="""\
version: 1
exchanges:
  shop.dead: {type: fanout}
queues:
  shop.mail: {type: quorum, direct: true, dead_letter: {exchange: shop.dead}}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead}]}
""",
        hint="take the limit out and watch the length instead, or keep dead letters in a stream",
        source="https://www.rabbitmq.com/docs/dlx",
        check=_lossy,
    ),
)
