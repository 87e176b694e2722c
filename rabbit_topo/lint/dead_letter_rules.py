"""RT3: dead letters that get lost, or go round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.cycles import cycles
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Key, Kind
from rabbit_topo.routing.effective import care_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Queue
    from rabbit_topo.policies import Option
    from rabbit_topo.routing.effective import Care

_EXCHANGE: Final = "dead-letter-exchange"
_KEY_ARGUMENT: Final = "x-dead-letter-routing-key"
_LIMITS: Final = ("message-ttl", "max-length", "max-length-bytes")
_SHOWN: Final = 3


def _no_such_exchange(index: Index) -> Iterator[Hit]:
    lost: list[tuple[Queue, Option]] = []
    for queue in index.queues:
        care = care_of(index.router, queue)
        if care.exchange and index.router.exchange(queue.vhost, care.exchange) is None:
            lost.append((queue, care.options[_EXCHANGE]))
    for key, queues, option in _blamed(lost):
        yield Hit(key, f'the dead-letter exchange "{option.value}" of {_listed(queues)} is not declared')


def _blamed(found: Iterable[tuple[Queue, Option]]) -> Iterator[tuple[Key, Sequence[Queue], Option]]:
    """Put together the queues that have an option by the same policy; what is a queue's own argument stays its own."""
    blamed: dict[tuple[Key, str], tuple[list[Queue], Option]] = {}
    for queue, option in found:
        key = Key(queue.vhost, Kind.POLICY, option.name) if option.source == "policy" else queue.key
        blamed.setdefault((key, str(option.value)), ([], option))[0].append(queue)
    for (key, _), (queues, option) in blamed.items():
        yield key, queues, option


def _listed(queues: Collection[Queue]) -> str:
    names = [f'"{queue.name}"' for queue in queues][:_SHOWN]
    more = f" and {len(queues) - _SHOWN:,} more" if len(queues) > _SHOWN else ""
    return f"the queue{'s' if len(queues) > 1 else ''} {', '.join(names)}{more}"


def _unroutable(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        dead = index.ways.dead(queue)
        lost = [one for one in dead if one.route.unroutable and index.ways.is_certain(one.route)]
        if not lost or any(one.key is None for one in dead):
            continue
        exchange = care_of(index.router, queue).exchange
        if Key(queue.vhost, Kind.EXCHANGE, exchange or "") in index.ways.ends:
            continue  # RT202 says so of the exchange, once for all of its queues
        keys = [f'"{one.key}"' for one in lost]
        more = f" and {len(keys) - _SHOWN:,} more" if keys[_SHOWN:] else ""
        where = f'the exchange "{exchange}"' if exchange else "the default exchange"
        said = f"dead letters of {named(queue)} reach no queue: {where} has no way for {', '.join(keys[:_SHOWN])}{more}"
        yield Hit(queue.key, said)


def _key_alone(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if index.topology.note(queue.key).origin is not None:
            continue  # what reads a file says so, at the very key
        if _KEY_ARGUMENT in queue.arguments and f"x-{_EXCHANGE}" not in queue.arguments:
            yield Hit(queue.key, f"{named(queue)} has a dead-letter routing key and no dead-letter exchange")


def _circles(index: Index) -> Iterator[Hit]:
    ours = {queue.key: queue for queue in index.queues}
    ways = {key: to for key, queue in ours.items() if (to := _next(index, queue) & ours.keys())}
    meant = {key for key in ways if index.topology.note(key).retry}
    care = {key: care_of(index.router, ours[key]) for key in ways}
    timed = {key: to for key, to in ways.items() if not care[key].cannot("expired")}
    automatic = {key: to for key, to in ways.items() if key in timed or not care[key].cannot("maxlen")}
    told: set[Key] = set()
    for graph, spare, severity in ((timed, set[Key](), None), (automatic, meant, None), (ways, meant, "info")):
        for group in cycles({key: sorted(to) for key, to in graph.items()}):
            if spare.isdisjoint(group) and told.isdisjoint(group):
                told.update(group)
                names = _listed([ours[key] for key in group])
                if severity:
                    said = f"dead letters of {names} go in a circle, for as long as consumers reject them"
                    hint = "say `retry: true` where it is meant, and let the consumer count the rounds in `x-death`"
                    yield Hit(group[0], said, hint, severity="info")
                else:
                    said = f"dead letters of {names} go in a circle by themselves: the broker drops them"
                    yield Hit(group[0], said)


def _next(index: Index, queue: Queue) -> set[Key]:
    return {Key(queue.vhost, Kind.QUEUE, name) for one in index.ways.dead(queue) for name in one.route.queues}


def _poison(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        care = care_of(index.router, queue)
        if care.exchange is None and not care.cannot("delivery_limit"):
            limit = care.options.get("delivery-limit")
            whose = f"the limit is set by the {limit}" if limit else "the limit where none is set"
            yield Hit(
                queue.key, f"{named(queue)} drops a message after {care.delivery_limit} failed deliveries, {whose}"
            )


def _not_at_least_once(index: Index) -> Iterator[Hit]:
    found = []
    for queue in index.queues:
        care = care_of(index.router, queue)
        strategy = care.options.get("dead-letter-strategy")
        if care.kind == "quorum" and strategy and strategy.value == "at-least-once" and not _safe(care):
            found.append((queue, strategy))
    for key, queues, _ in _blamed(found):
        verb = "is" if len(queues) == 1 else "are"
        said = (
            f"{_listed(queues)} {verb} to dead-letter at least once, without `overflow: reject-publish` and an exchange"
        )
        yield Hit(key, said)


def _safe(care: Care) -> bool:
    return care.safely and care.exchange is not None


def _lossy(index: Index) -> Iterator[Hit]:
    ours = {queue.key: queue for queue in index.queues}
    reached = {key for queue in index.queues for key in _next(index, queue) if key != queue.key}
    for key in sorted(reached & ours.keys()):
        care = care_of(index.router, ours[key])
        limits = [name for name in _LIMITS if name in care.options]
        if limits and care.kind != "stream" and care.exchange is None:
            yield Hit(
                key, f"dead letters come to {named(ours[key])} and do not stay there: it has {' and '.join(limits)}"
            )


RULES: Final = (
    Rule(
        "RT301",
        "dead-letter-exchange-missing",
        "error",
        default=True,
        why=(
            "RabbitMQ does not look whether a dead-letter exchange exists. Where it does not, every rejected, "
            "expired or overflowing message is dropped, and nothing says so."
        ),
        bad="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: shop.dead, routing_key: shop.mail}
""",
        good="""\
version: 1
exchanges:
  shop.dead: {type: direct}
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: shop.dead, routing_key: shop.mail}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead, routing_key: shop.mail}]}
""",
        hint="declare it, or name it with `external: true` if it is somebody else's",
        source="https://www.rabbitmq.com/docs/dlx; tried on 3.10, 4.0 and 4.3",
        check=_no_such_exchange,
    ),
    Rule(
        "RT302",
        "dead-letter-unroutable",
        "error",
        default=True,
        why=(
            "The dead-letter exchange is there, but with this key, or with the key that the message came with "
            "where no other is set, no binding takes the message on: it is dropped, and nothing says so."
        ),
        bad="""\
version: 1
exchanges:
  shop.dead: {type: direct}
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: shop.dead, routing_key: shop.mail}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead, routing_key: mail}]}
""",
        good="""\
version: 1
exchanges:
  shop.dead: {type: direct}
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: shop.dead, routing_key: shop.mail}
  shop.dead: {type: quorum, bindings: [{exchange: shop.dead, routing_key: shop.mail}]}
""",
        hint="bind a queue with this key, or set another `dead_letter.routing_key`",
        source="https://www.rabbitmq.com/docs/dlx#routing",
        check=_unroutable,
    ),
    Rule(
        "RT303",
        "dead-letter-key-without-exchange",
        "error",
        default=True,
        why=(
            "RabbitMQ refuses to declare a queue with `x-dead-letter-routing-key` and without "
            "`x-dead-letter-exchange`, even where a policy would set the exchange: "
            "routing_key_but_no_dlx_defined."
        ),
        bad="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {routing_key: shop.dead}
""",
        good="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    dead_letter: {exchange: "", routing_key: shop.dead}
  shop.dead: {type: quorum}
""",
        hint='name the exchange too; "" is the default exchange',
        source="rabbit_amqqueue; tried on 3.10, 4.0 and 4.3",
        check=_key_alone,
    ),
    Rule(
        "RT304",
        "dead-letter-cycle",
        "error",
        default=True,
        why=(
            "A message that comes back to a queue it was dead-lettered from, and was never rejected on the way "
            "round, is dropped by RabbitMQ: where messages expire or overflow at every hop, they are lost after"
            " one round. Where a consumer's rejection is needed, they go round for as long as it rejects them, "
            "which may be how retries are made: such queues say `retry: true`."
        ),
        bad="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    message_ttl: 1m
    dead_letter: {exchange: "", routing_key: shop.wait}
  shop.wait:
    type: quorum
    message_ttl: 30s
    dead_letter: {exchange: "", routing_key: shop.mail}
""",
        good="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    retry: true
    dead_letter: {exchange: "", routing_key: shop.wait}
  shop.wait:
    type: quorum
    retry: true
    message_ttl: 30s
    dead_letter: {exchange: "", routing_key: shop.mail}
""",
        hint="leave the TTL or the length limit out of one of the queues, or let the circle end in another queue",
        source=(
            "https://www.rabbitmq.com/docs/dlx#routing, rabbit_dead_letter:detect_cycles; tried on 3.10, 4.0 and 4.3"
        ),
        check=_circles,
    ),
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
