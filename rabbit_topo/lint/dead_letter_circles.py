"""RT3, the circles: dead letters that come back to where they were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.blame import listed
from rabbit_topo.lint.cycles import cycles
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Key, Queue
    from rabbit_topo.routing.effective import Care

_LIMIT: Final = "delivery-limit"
_LENGTHS: Final = ("max-length", "max-length-bytes")
_SHOWN: Final = 3
_SAY: Final = "say `retry: true` where it is meant, and "
_COUNT: Final = "let the consumer count the rounds in `x-death`"
_REJECT: Final = "let the consumer reject without requeueing: what was rejected on its way round is not dropped"
_FULL: Final = "let a full queue refuse messages instead: `overflow: reject-publish`"
_BEFORE: Final = f"{_REJECT}, and never meets the limit"


def _circles(index: Index) -> Iterator[Hit]:
    """Tell of each circle once, by the worst that can be said of it."""
    ours = {queue.key: queue for queue in index.queues}
    care = {key: index.router.care(queue) for key, queue in ours.items()}
    files = bool(index.topology.files)
    told: set[Key] = set()

    def rings(keys: Iterable[Key], *, retry: bool | None = None) -> Iterator[tuple[Key, list[Key], str]]:
        for group in _rings(index, [ours[key] for key in keys]):
            meant = any(index.topology.note(key).retry for key in group)
            if told.isdisjoint(group) and retry in {None, meant}:
                told.update(group)
                yield group[0], group, f"dead letters of {listed([ours[key] for key in group])} go in a circle"

    for key, _, said in rings([key for key in ours if care[key].leaves()]):
        yield Hit(key, f"{said} by themselves: the broker drops them")
    unasked = (
        (True, [key for key in ours if care[key].leaves() or _has_own_limit(care[key])]),
        (False, [key for key in ours if care[key].leaves() or _unasked(care[key])]),
    )
    for retry, keys in unasked:
        for key, group, said in rings(keys, retry=retry):
            full = any(not care[one].leaves() and not care[one].cannot("maxlen") for one in group)
            hint = _BEFORE if retry else (_SAY if files else "") + (_FULL if full else _REJECT)
            message = f"{said}, and the broker drops them after one round, {_when(ours, care, group)}"
            yield Hit(key, message, hint, severity="warning" if files else "info")
    for key, _, said in rings(ours, retry=False):
        yield Hit(
            key, f"{said}, for as long as consumers reject them", _SAY + _COUNT if files else _COUNT, severity="info"
        )


def _has_own_limit(care: Care) -> bool:
    return not care.cannot("delivery_limit") and _LIMIT in care.options and care.options[_LIMIT].source == "argument"


def _unasked(care: Care) -> list[str]:
    """Say how a queue may give up a message that no consumer rejects and whose time is not over."""
    ways = []
    if not care.cannot("maxlen"):
        option = next(care.options[name] for name in _LENGTHS if name in care.options)
        ways.append(f"overflows ({option})")
    if not care.cannot("delivery_limit"):
        whose = care.options.get(_LIMIT, "the default")
        ways.append(f"gives up a message after {care.delivery_limit} failed deliveries ({whose})")
    return ways


def _when(ours: Mapping[Key, Queue], care: Mapping[Key, Care], group: Sequence[Key]) -> str:
    ways = [f'"{ours[key].name}" {" or ".join(_unasked(care[key]))}' for key in group if not care[key].leaves()]
    more = f" and {len(ways) - _SHOWN:,} more likewise" if len(ways) > _SHOWN else ""
    return f"when {' and '.join(ways[:_SHOWN])}{more}"


def _rings(index: Index, queues: Sequence[Queue]) -> Iterator[list[Key]]:
    """Yield the queues among these that dead-letter to each other, ring by ring."""
    ways: dict[Key, Collection[Key]] = {}
    for queue in queues:
        dead = index.ways.dead(queue)
        ways[queue.key] = [one.way for one in dead]
        ways.update({one.way: one.queues for one in dead})
    for group in cycles(ways):
        yield [key for key in group if key.kind is Kind.QUEUE]


RULES: Final = (
    Rule(
        "RT304",
        "dead-letter-cycle",
        "error",
        default=True,
        why=(
            "A message that comes back to a queue it was dead-lettered from, and was never rejected on the way "
            "round, is dropped by RabbitMQ: where messages expire at every hop, they are lost after one round. Where "
            "a consumer's rejection is needed, they go round for as long as it rejects them, which may be how retries "
            "are made: such queues say `retry: true`. Overflow is no rejection, and neither is what a quorum queue "
            "does with a message over its delivery limit, 20 where nothing is set since 4.0: such messages come round "
            "once, and are dropped where they expire. With `retry: true` that is told only of a delivery limit that "
            "a queue has of its own. A consumer that rejects what it cannot use, and does not requeue it, never "
            "meets the limit."
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
        hint="leave the TTL out of one of the queues, or let the circle end in another queue",
        source=(
            "https://www.rabbitmq.com/docs/dlx#routing, rabbit_dead_letter:detect_cycles; tried on 3.10, 4.0 and 4.3"
        ),
        check=_circles,
    ),
)
