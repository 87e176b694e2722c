"""RT2, the bindings: those that do nothing, or something else than they seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.blame import quoted
from rabbit_topo.lint.containment import shadowed
from rabbit_topo.lint.cycles import cycles
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.routing.kinds import FANOUTS
from rabbit_topo.routing.topic import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Binding, Key

_HASH: Final = "x-consistent-hash"


def _shadowed(index: Index) -> Iterator[Hit]:
    for group in _side_by_side(index, frozenset({"topic"})):
        first: dict[str, Binding] = {}
        for binding in group:
            first.setdefault(binding.routing_key, binding)
        patterns = list(first)
        for narrow, broad in shadowed(patterns):
            covered, by = first[patterns[narrow]], first[patterns[broad]]
            yield Hit(
                covered.key,
                f'"{covered.routing_key}" adds nothing: the {end_of(covered)} gets every such message of the exchange '
                f'"{covered.source}" by "{by.routing_key}"{_at(index, by)}',
            )


def _side_by_side(index: Index, kinds: frozenset[str]) -> Iterator[Sequence[Binding]]:
    """Yield the bindings between the same two ends as they are written, where there are several from such a type."""
    groups: dict[tuple[Key, Key], list[Binding]] = {}
    for binding in index.bindings:
        groups.setdefault((binding.source_key, binding.destination_key), []).append(binding)
    for group in groups.values():
        if len(group) > 1 and index.ways.kind(group[0].vhost, group[0].source) in kinds:
            yield sorted(group, key=lambda binding: _place(index, binding))


def _place(index: Index, binding: Binding) -> tuple[str, int, int]:
    origin = index.topology.note(binding.key).origin
    return (origin.file, origin.line, origin.column) if origin else ("", 0, 0)


def _twice(index: Index) -> Iterator[Hit]:
    for group in _side_by_side(index, FANOUTS | {"direct", "topic", _HASH}):
        kind = index.ways.kind(group[0].vhost, group[0].source)
        by_key = kind in {"direct", "topic"}
        seen: dict[str, Binding] = {}
        for binding in group:
            before = seen.setdefault(binding.routing_key if by_key else "", binding)
            if before is not binding:
                why = "the first weight counts" if kind == _HASH else "each message arrives once"
                yield Hit(
                    binding.key,
                    f'the {end_of(binding)} is bound to the {kind} exchange "{binding.source}" already'
                    f"{_at(index, before)}: {why}",
                )


def _key_ignored(index: Index) -> Iterator[Hit]:
    for binding in index.bindings:
        kind = index.ways.kind(binding.vhost, binding.source)
        key = binding.routing_key
        if key and (kind == "headers" or kind in FANOUTS):
            yield Hit(
                binding.key,
                f'the {kind} exchange "{binding.source}" does not look at the key "{key}"',
                "leave the routing key out, or make the exchange a topic or direct one",
            )
        elif kind == "direct" and not {"*", "#"}.isdisjoint(words_of(key)):
            yield Hit(
                binding.key,
                f'on the direct exchange "{binding.source}" the key "{key}" is no pattern: '
                "only messages with exactly this key fit",
                "make the exchange a topic one, or write out the keys",
            )
        elif kind == "topic" and (words := _nearly_wild(key)):
            yield Hit(
                binding.key,
                f'on the topic exchange "{binding.source}" {quoted(words)} in the key "{key}" is no wildcard: '
                "only this very text fits",
                "`*` and `#` stand for words, alone between dots: `order.*`, `order.#.paid`",
            )


def _nearly_wild(key: str) -> list[str]:
    """Return the words of a topic pattern that hold a wildcard, AMQP's or MQTT's, and are none."""
    return [
        word
        for word in words_of(key)
        if word not in {"*", "#"} and ("*" in word or "#" in word or ("/" in word and "+" in word.split("/")))
    ]


def _everything(index: Index) -> Iterator[Hit]:
    for binding in index.bindings:
        if index.ways.kind(binding.vhost, binding.source) == "headers" and not compared(binding):
            match = str(binding.arguments.get("x-match", "all"))
            what = "takes every message" if match.startswith("all") else "never takes a message"
            given = [name for name in binding.arguments if name != "x-match"]
            names = "no header to compare" if not given else f"{quoted(given)} alone, and `x-` headers are not compared"
            hint = f"with `match: {match}-with-x` headers that begin with `x-` count" if given else ""
            yield Hit(binding.key, f"{named(binding)} names {names}: it {what}", hint)


def compared(binding: Binding) -> list[str]:
    """Return the headers that a headers binding compares."""
    with_x = str(binding.arguments.get("x-match", "")).endswith("-with-x")
    return [name for name in binding.arguments if name != "x-match" and (with_x or not name.startswith("x-"))]


def _circle(index: Index) -> Iterator[Hit]:
    ways: dict[Key, list[Key]] = {}
    links = [binding for binding in index.bindings if binding.destination_kind == "exchange"]
    for binding in links:
        ways.setdefault(binding.source_key, []).append(binding.destination_key)
    rings = cycles(ways)
    ring_of = {key: number for number, ring in enumerate(rings) for key in ring}
    told: set[int] = set()
    for binding in links:
        number = ring_of.get(binding.source_key)
        if number is None or number in told or ring_of.get(binding.destination_key) != number:
            continue
        told.add(number)
        names = quoted([key.name for key in rings[number]])
        plural = len(rings[number]) > 1
        yield Hit(
            binding.key,
            f"the exchanges {names} are bound in a circle" if plural else f"the exchange {names} is bound to itself",
            subject=names,
        )


def end_of(binding: Binding) -> str:
    """Spell what a binding leads to."""
    return f'{binding.destination_kind} "{binding.destination}"'


def _at(index: Index, binding: Binding) -> str:
    origin = index.topology.note(binding.key).origin
    return f" ({origin.file}:{origin.line})" if origin else ""


RULES: Final = (
    Rule(
        "RT203",
        "topic-pattern-shadowed",
        "warning",
        default=True,
        why=(
            "RabbitMQ gives a queue one copy of a message, however many of its bindings take it. A pattern "
            "beside a broader one to the same queue changes nothing, and whoever removes it later thinks that "
            "messages stop."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_keys: [order.#, order.paid]}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_keys: [order.*.paid, order.created]}
""",
        hint="remove the narrower pattern, or narrow the broader one",
        source="https://www.rabbitmq.com/tutorials/tutorial-five-python; tried on 3.10, 4.0 and 4.3",
        check=_shadowed,
    ),
    Rule(
        "RT204",
        "duplicate-effect",
        "info",
        default=False,
        why=(
            "A second binding between the same ends with the same effect: a fanout exchange looks at no key and"
            " no argument, direct and topic exchanges look at the key alone, and a consistent-hash exchange "
            "keeps the first weight of a queue and ignores the others."
        ),
        bad="""\
version: 1
exchanges:
  shop.news: {type: fanout}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.news}
      - {exchange: shop.news, arguments: {added-by: ops}}
""",
        good="""\
version: 1
exchanges:
  shop.news: {type: fanout}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.news}
""",
        hint="remove one of the two",
        source="rabbit_exchange_type_fanout, _direct, _topic and the consistent-hash plugin's README",
        check=_twice,
    ),
    Rule(
        "RT205",
        "key-ignored",
        "warning",
        default=True,
        why=(
            "Fanout and headers exchanges do not look at routing keys, and on a direct exchange `*` and `#` are"
            " characters like any other, as they are on a topic exchange inside of a word: `order*`, MQTT's `order/#`. "
            "Such a binding reads as if it chose messages, and takes all of them, or none."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: direct}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.*}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.*}
""",
        hint="give the exchange the type that was meant, or the binding a key that means something",
        source="https://www.rabbitmq.com/docs/exchanges",
        check=_key_ignored,
    ),
    Rule(
        "RT206",
        "headers-matches-all",
        "warning",
        default=False,
        why=(
            "A headers binding without a header to compare takes every message with `match: all` (and where "
            "nothing is said), and none at all with `match: any`. Headers that begin with `x-` are compared by "
            "all-with-x and any-with-x only."
        ),
        bad="""\
version: 1
exchanges:
  shop.documents: {type: headers}
queues:
  shop.scans:
    type: quorum
    bindings:
      - {exchange: shop.documents, match: all, headers: {x-kind: scan}}
""",
        good="""\
version: 1
exchanges:
  shop.documents: {type: headers}
queues:
  shop.scans:
    type: quorum
    bindings:
      - {exchange: shop.documents, match: all, headers: {kind: scan}}
""",
        hint="name a header; make the exchange a fanout one if everything is meant",
        source="rabbit_exchange_type_headers; tried on 3.10, 4.0 and 4.3",
        check=_everything,
    ),
    Rule(
        "RT209",
        "exchange-cycle",
        "warning",
        default=False,
        why=(
            "RabbitMQ routes a message through each exchange once, so a circle of bindings does no harm. But "
            "nobody can tell from it what was meant, and a client or a federation link that follows it will not"
            " stop."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: fanout, bindings: [{exchange: shop.audit}]}
  shop.audit: {type: fanout, bindings: [{exchange: shop.orders}]}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: fanout}
  shop.audit: {type: fanout, bindings: [{exchange: shop.orders}]}
queues:
  shop.audit: {type: quorum, bindings: [{exchange: shop.audit}]}
""",
        hint="remove one of the bindings",
        source="rabbit_exchange:route, https://www.rabbitmq.com/docs/e2e",
        check=_circle,
    ),
)
