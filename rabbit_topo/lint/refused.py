"""RT1: what the broker would refuse, and what it takes by mistake. The values stand in `refused_values`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint import refused_values
from rabbit_topo.lint.exchange_checks import refused_binding
from rabbit_topo.lint.names import (
    CORE_TYPES,
    DEFAULT_EXCHANGES,
    LATER_TYPES,
    PLUGINS,
    has_type,
    is_server_own,
    named,
)
from rabbit_topo.lint.near import did_you_mean
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import PREDECLARED, Exchange, Key, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Queue

_ADVISED: Final = 50  # for so many, nearly right names are looked for; where more is missing, a whole file is


def _endpoints(index: Index) -> Iterator[Hit]:
    names: dict[tuple[str, Kind], list[str]] = {}
    for key in index.topology.resources:
        names.setdefault((key.vhost, key.kind), []).append(key.name)
    missing = 0
    for binding in index.bindings:
        for key in (binding.source_key, binding.destination_key):
            if key in index.topology.resources or is_server_own(key) or _is_default(key):
                continue
            missing += 1
            message = f'{named(binding)}: the {key.kind} "{key.name}" is not declared in the vhost "{key.vhost}"'
            near = did_you_mean(key.name, names.get((key.vhost, key.kind), ())) if missing <= _ADVISED else ""
            yield Hit(binding.key, message, near or _for_no_files(index, "declare it, or take the binding out"))


def _for_no_files(index: Index, hint: str) -> str:
    """Return a hint for a broker or a definitions file, where nothing can be said to be `external`."""
    return "" if index.topology.files else hint


def _is_default(key: Key) -> bool:
    return key.kind is Kind.EXCHANGE and key.name in DEFAULT_EXCHANGES


def _reserved(index: Index) -> Iterator[Hit]:
    ours: list[Exchange | Queue] = [*index.exchanges, *index.queues]
    for resource in ours:
        if resource.name.startswith("amq.") and not is_server_own(resource.key):
            message = f"{named(resource)} cannot be declared: names in `amq.` are the server's"
            yield Hit(resource.key, message, _for_no_files(index, "choose a name that does not begin with `amq.`"))
    for exchange in _predeclared(index):
        kind = PREDECLARED[exchange.name]
        if exchange.type != kind or not exchange.durable or exchange.auto_delete:
            message = f"{named(exchange)} is the server's own: a durable {kind} exchange, and cannot be another"
            yield Hit(exchange.key, message, _for_no_files(index, "leave it out: every vhost has it"))
    for binding in index.bindings:
        if _is_default(binding.source_key) or _is_default(binding.destination_key):
            message = f"{named(binding)}: the default exchange cannot be bound, it reaches every queue by its name"
            yield Hit(binding.key, message, "remove the binding; publish to the queue's name instead")


def _predeclared(index: Index) -> Iterator[Exchange]:
    for vhost in index.topology.vhosts:
        for name in PREDECLARED:
            exchange = index.topology.resources.get(Key(vhost, Kind.EXCHANGE, name))
            if isinstance(exchange, Exchange) and not index.topology.note(exchange.key).external:
                yield exchange


def _bindings(index: Index) -> Iterator[Hit]:
    for binding in index.bindings:
        if reason := refused_binding(index, binding):
            yield Hit(binding.key, f"{named(binding)}: {reason}")


def _types(index: Index) -> Iterator[Hit]:
    for exchange in index.exchanges:
        kind = exchange.type
        if kind is None or has_type(kind, index.context):
            continue
        message = f"{named(exchange)}: RabbitMQ {index.context.version} has no exchange type `{kind}`"
        if plugin := PLUGINS.get(kind):
            asked = index.context.denied is not None
            hint = "enable it on every node of the broker that was asked, or choose another type" if asked else ""
            yield Hit(exchange.key, f"{message} without the plugin {plugin}", hint, subject=kind)
        elif kind in LATER_TYPES:
            message = f"{message}; it came with {LATER_TYPES[kind]}"
            yield Hit(exchange.key, message, "choose another type, or upgrade", subject=kind)
        else:
            yield Hit(exchange.key, message, did_you_mean(kind, {*CORE_TYPES, *PLUGINS}), subject=kind)


def _twice(_index: Index) -> Iterator[Hit]:
    """Find nothing: a topology holds each object once, and only who reads the files sees that there were two."""
    yield from ()


RULES: tuple[Rule, ...] = (
    Rule(
        "RT101",
        "binding-endpoint-missing",
        "error",
        default=True,
        why="Both ends of a binding must exist when it is made: the broker answers 404, and everything that waits for "
        "the binding fails with it. An exchange or queue that somebody else declares is said to be `external`.",
        bad="""\
version: 1
exchanges:
  shop.orders: {type: direct}
queues:
  shop.orders.created:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.created}
      - {exchange: shop.order, routing_key: order.paid}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: direct}
  billing.events: {external: true}
queues:
  shop.orders.created:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.created}
      - {exchange: billing.events, routing_key: order.paid}
""",
        hint="declare it, correct its name, or say that it is somebody else's: `external: true`",
        source="rabbit_db_binding:not_found, the answer to queue.bind and exchange.bind",
        check=_endpoints,
    ),
    Rule(
        "RT102",
        "reserved-name",
        "error",
        default=True,
        why="Names that begin with `amq.` are the server's: it refuses to declare one that it does not have, and the "
        "ones that it has keep their type. The default exchange has no name and takes no bindings.",
        bad="""\
version: 1
queues:
  amq.orders: {type: quorum, direct: true}
""",
        good="""\
version: 1
exchanges:
  amq.topic: {external: true, type: topic}
queues:
  shop.readings:
    type: quorum
    bindings:
      - {exchange: amq.topic, routing_key: "readings.#"}
""",
        hint="choose a name that does not begin with `amq.`; to refer to one of the server's, write `external: true`",
        source="rabbit_channel:check_name and check_not_default_exchange",
        check=_reserved,
    ),
    Rule(
        "RT106",
        "binding-arguments",
        "error",
        default=True,
        why="Some exchanges check what a binding says: a headers exchange takes four values of `x-match`, a "
        "consistent-hash exchange wants a weight for a routing key, from 1 (and since 4.3 to 10,000), a local random "
        "exchange the empty key and a classic queue, and since 4.3 a topic key has at most two `#`.",
        bad="""\
version: 1
exchanges:
  shop.documents: {type: headers}
queues:
  shop.invoices:
    type: quorum
    bindings:
      - {exchange: shop.documents, match: all, headers: {kind: invoice}}
      - {exchange: shop.documents, arguments: {x-match: both, kind: bill}}
""",
        good="""\
version: 1
exchanges:
  shop.documents: {type: headers}
queues:
  shop.invoices:
    type: quorum
    bindings:
      - {exchange: shop.documents, match: all, headers: {kind: invoice}}
      - {exchange: shop.documents, match: any, headers: {kind: bill, draft: true}}
""",
        hint="`match:` is `all` or `any`, with `-with-x` or without; a weight stands in quotes, as "
        "`routing_key: '1'`; `*` may do in place of one more `#`",
        source="validate_binding of rabbit_exchange_type_headers, _topic, _local_random and _consistent_hash",
        check=_bindings,
    ),
    Rule(
        "RT107",
        "exchange-type-unavailable",
        "error",
        default=True,
        why="A type that the broker does not have closes the whole connection on 3.10, and the channel later on. Most "
        "types beside the four of AMQP come with a plugin, which must be enabled on every node.",
        bad="""\
version: 1
exchanges:
  shop.shards: {type: x-consistent-hash}
queues:
  shop.shard.1:
    type: quorum
    direct: true
    bindings:
      - {exchange: shop.shards, routing_key: "1"}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.orders.created:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.created}
""",
        hint="enable the plugin, and list it or the type itself under `plugins:` of the configuration, or take another",
        source="rabbit_exchange:check_type",
        check=_types,
        config={"exchange_types": frozenset()},
    ),
    Rule(
        "RT108",
        "conflicting-declaration",
        "error",
        default=True,
        why="The same object is declared twice, or two mentions of an external one contradict each other: the order of "
        "the files would decide what it is, and the broker refuses the second of two different declarations.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
---
version: 1
queues:
  shop.orders: {type: classic, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
---
version: 1
queues:
  shop.bills: {type: quorum, direct: true}
""",
        hint="keep one of the two",
        source="rabbit_amqqueue:assert_equivalence and rabbit_exchange:assert_equivalence",
        check=_twice,
    ),
    *refused_values.RULES,
)
