"""RT3: dead letters that get lost on their way, or go round."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from rabbit_topo.lint import dead_letter_circles, dead_letter_limits
from rabbit_topo.lint.blame import blamed, listed, quoted
from rabbit_topo.lint.names import in_vhost, named
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Key, Kind
from rabbit_topo.policies import release
from rabbit_topo.routing.dead_letters import STREAMS_TAKE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.index import Index
    from rabbit_topo.lint.ways import Dead
    from rabbit_topo.model import Queue
    from rabbit_topo.policies import Option

_EXCHANGE: Final = "dead-letter-exchange"
_KEY: Final = "dead-letter-routing-key"
_KEY_ARGUMENT: Final = f"x-{_KEY}"


def _no_such_exchange(index: Index) -> Iterator[Hit]:
    lost: list[tuple[Queue, Option]] = []
    for queue in index.queues:
        care = index.router.care(queue)
        if care.exchange and index.router.exchange(queue.vhost, care.exchange) is None:
            option = care.options[_EXCHANGE]
            if option.source == "argument" or index.ways.is_clear(queue):
                lost.append((queue, option))
    for key, queues, option in blamed(lost):
        message = f'the dead-letter exchange "{option.value}" of {listed(queues)} is not declared'
        hint = "" if index.topology.files else "declare it, or take the dead-letter exchange out"
        yield Hit(key, message + in_vhost(index.topology, key.vhost), hint, subject=str(option.value))


def _unroutable(index: Index) -> Iterator[Hit]:
    by_policy: dict[tuple[Key, str], list[Queue]] = {}
    for queue in index.queues:
        dead = index.ways.dead(queue)
        care = index.router.care(queue)
        if Key(queue.vhost, Kind.EXCHANGE, care.exchange or "") in index.ways.ends:
            continue  # RT202 says so of the exchange, once for all of its queues
        where = f'the exchange "{care.exchange}"' if care.exchange else "the default exchange"
        known = all(one.key is not None for one in dead)
        keys = [one.key for one in dead if one.lost and one.key is not None] if known else []
        if keys := [*keys, *index.ways.lost_patterns(queue)]:
            said = f"reach no queue: {where} has no way for {quoted(keys)}{in_vhost(index.topology, queue.vhost)}"
            option = care.options.get(_KEY, care.options[_EXCHANGE])
            if option.source == "policy":
                by_policy.setdefault((Key(queue.vhost, Kind.POLICY, option.name), said), []).append(queue)
            else:
                yield Hit(queue.key, f"dead letters of {named(queue)} {said}", subject=where)
        elif known and any(map(partial(_ends_in_streams, index), dead)) and not care.safely:
            message = f"dead letters of {named(queue)} go to streams alone, which take none before RabbitMQ 3.12"
            yield Hit(queue.key, message, "dead-letter to a queue of another type, or upgrade", subject=where)
    for (key, said), queues in by_policy.items():
        yield Hit(key, f'by the policy "{key.name}" dead letters of {listed(queues)} {said}', subject=said)


def _ends_in_streams(index: Index, one: Dead) -> bool:
    if release(index.router.version) >= STREAMS_TAKE or not (one.whole and one.queues):
        return False
    found = [index.router.queue(key.vhost, key.name) for key in one.queues]
    return all(queue is not None and queue.type == "stream" for queue in found)


def _key_alone(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        if index.topology.note(queue.key).origin is not None:
            continue  # what reads a file says so, at the very key
        if _KEY_ARGUMENT in queue.arguments and f"x-{_EXCHANGE}" not in queue.arguments:
            yield Hit(queue.key, f"{named(queue)} has a dead-letter routing key and no dead-letter exchange")


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
            "The dead-letter exchange is there, but with this key, or with the key that the message came with where no "
            "other is set, no binding takes the message on: it is dropped, and nothing says so. Streams take dead "
            "letters since RabbitMQ 3.12 only, unless the queue dead-letters at least once."
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
    *dead_letter_circles.RULES,
    *dead_letter_limits.RULES,
)
