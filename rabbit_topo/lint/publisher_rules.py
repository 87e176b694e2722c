"""RT2, the publishers: what they send to nobody, and what the broker does not let them send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint.names import in_vhost
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Key, Kind
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Publisher
    from rabbit_topo.routing.types import Route


def _unroutable(index: Index) -> Iterator[Hit]:
    for publisher, route in _routes(index):
        passed = {Key(route.vhost, Kind.EXCHANGE, hop.exchange) for hop in route.hops}
        told = not passed.isdisjoint(index.ways.ends)  # RT202 says so of the exchange
        if not publisher.routing_key or told or not route.unroutable or not index.ways.is_certain(route):
            continue
        where = f'the exchange "{publisher.exchange}"' if publisher.exchange else "the default exchange"
        said = f'{_named(index, publisher)} reaches no queue: {where} has no way for "{publisher.routing_key}"'
        yield _hit(publisher, said)


def _refused(index: Index) -> Iterator[Hit]:
    for publisher, route in _routes(index):
        if route.refusal and (not publisher.exchange or index.router.exchange(publisher.vhost, publisher.exchange)):
            yield _hit(publisher, f"the broker refuses {_named(index, publisher)}: {route.refusal}")


def _routes(index: Index) -> Iterator[tuple[Publisher, Route]]:
    for _, publisher in sorted(index.topology.publishers.items()):
        yield publisher, index.router.route(_message(publisher))


def _message(publisher: Publisher) -> Message:
    given = publisher.options.get("headers")
    headers: Mapping[str, object] = given if isinstance(given, dict) else {}
    return Message(publisher.exchange, publisher.routing_key, headers, publisher.vhost)


def _named(index: Index, publisher: Publisher) -> str:
    return f'what the publisher "{publisher.name}" sends{in_vhost(index.topology, publisher.vhost)}'


def _hit(publisher: Publisher, message: str) -> Hit:
    key = Key(publisher.vhost, Kind.EXCHANGE, publisher.exchange)
    return Hit(key, message, origin=publisher.note.origin)


RULES: Final = (
    Rule(
        "RT212",
        "publisher-unroutable",
        "warning",
        default=True,
        why=(
            "No binding takes the key that the publisher sends with. RabbitMQ confirms such a message and drops it; "
            "with `mandatory` it comes back, and every single one does. Publishers without a routing key of their own "
            "are not judged, and neither is what exchanges of others or headers decide."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.*}]}
publishers:
  shop.paid: {exchange: shop.orders, routing_key: orders.paid}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.*}]}
publishers:
  shop.paid: {exchange: shop.orders, routing_key: order.paid}
""",
        hint="correct the key, or bind a queue with it; `rabbit-topo route` shows which bindings were compared",
        source="https://www.rabbitmq.com/docs/publishers#unroutable",
        check=_unroutable,
    ),
    Rule(
        "RT213",
        "publisher-refused",
        "error",
        default=True,
        why=(
            "Clients cannot publish to an internal exchange, nor with a `CC` or `BCC` header that is no list of texts: "
            "the broker closes the channel at the first message."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
  shop.audit: {type: fanout, internal: true, bindings: [{exchange: shop.orders, routing_key: "#"}]}
queues:
  shop.audit: {type: quorum, bindings: [{exchange: shop.audit}]}
publishers:
  shop.refunded: {exchange: shop.audit, routing_key: order.refunded}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
  shop.audit: {type: fanout, internal: true, bindings: [{exchange: shop.orders, routing_key: "#"}]}
queues:
  shop.audit: {type: quorum, bindings: [{exchange: shop.audit}]}
publishers:
  shop.refunded: {exchange: shop.orders, routing_key: order.refunded}
""",
        hint="publish to an exchange that leads there, or leave `internal` out; `CC` and `BCC` are lists of texts",
        source="rabbit_channel:check_internal_exchange and rabbit_basic:header_routes",
        check=_refused,
    ),
)
