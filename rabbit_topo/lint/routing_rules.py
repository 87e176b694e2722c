"""RT2, the ends: what no message reaches, and where messages end unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.lint import binding_rules, publisher_rules
from rabbit_topo.lint.binding_rules import compared, end_of
from rabbit_topo.lint.blame import quoted
from rabbit_topo.lint.containment import covers
from rabbit_topo.lint.names import in_vhost
from rabbit_topo.lint.reach import unreachable
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Key, Kind
from rabbit_topo.routing.cases import cases_of, run_case
from rabbit_topo.routing.coverage import coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Exchange


def _drops(index: Index) -> Iterator[Hit]:
    ring_of = {key: ring for ring in index.ways.alternate_rings for key in ring}
    for exchange in index.exchanges:
        key = exchange.key
        ring = ring_of.get(key, [key])
        if key not in index.ways.ends or key != ring[0]:
            continue
        message = _dropped(ring, circle=key in ring_of) + in_vhost(index.topology, exchange.vhost)
        files = index.topology.files
        hint = "" if files else "bind a queue to it, or give it an alternate exchange, unless its consumers are away"
        if dead := [queue.name for one in ring for queue in index.ways.dead_letter_exchanges.get(one, ())]:
            yield Hit(key, f"{message}; the dead letters of {quoted(dead)} end here", hint, severity="error")
        else:
            yield Hit(key, message, hint, severity=None if files else "info")  # its consumers may be away


def _dropped(ring: Sequence[Key], *, circle: bool) -> str:
    if len(ring) > 1:
        names = quoted([key.name for key in ring])
        return f"the exchanges {names} drop every message: nothing is bound to them but each other, as alternate ones"
    also = ", and it is its own alternate exchange" if circle else ""
    return f'the exchange "{ring[0].name}" drops every message: nothing is bound to it{also}'


def _no_alternate(index: Index) -> Iterator[Hit]:
    publishers: dict[Key, list[bool]] = {}
    for one in index.topology.publishers.values():
        mandatory = one.options.get("mandatory") is True
        publishers.setdefault(Key(one.vhost, Kind.EXCHANGE, one.exchange), []).append(mandatory)
    for exchange in index.exchanges:
        told = publishers.get(exchange.key, [])
        entry = bool(told) or not _is_fed(index, exchange)
        if exchange.internal or not entry or (told and all(told)) or exchange.key in index.ways.ends:
            continue
        if not (index.router.alternate(exchange) or _takes_all(index, exchange)) and index.ways.is_clear(exchange):
            yield Hit(
                exchange.key,
                f'messages to the exchange "{exchange.name}" that no binding takes vanish, unless they are mandatory',
            )


def _is_fed(index: Index, exchange: Exchange) -> bool:
    key = exchange.key
    return bool(
        index.topology.bindings_into(key) or key in index.ways.alternates or key in index.ways.dead_letter_exchanges
    )


def _takes_all(index: Index, exchange: Exchange) -> bool:
    bindings = index.router.bindings_from(exchange.key)
    match index.ways.kind(exchange.vhost, exchange.name):
        case "direct":
            return False
        case "topic":
            return any(covers(binding.routing_key, "#") for binding in bindings)
        case "headers":
            return any(
                str(binding.arguments.get("x-match", "all")).startswith("all") and not compared(binding)
                for binding in bindings
            )
        case _:
            return True  # whatever is bound, or nobody knows


def _no_such_alternate(index: Index) -> Iterator[Hit]:
    by_policy: dict[Key, tuple[str, list[str]]] = {}
    hint = "" if index.topology.files else "declare it, or name another one"
    for exchange in index.exchanges:
        name, policy = index.router.alternate(exchange) or ("", "")
        if not name or index.router.exchange(exchange.vhost, name):
            continue
        if policy and index.ways.is_clear(exchange):
            by_policy.setdefault(Key(exchange.vhost, Kind.POLICY, policy), (name, []))[1].append(exchange.name)
        elif not policy:
            message = f'the alternate exchange "{name}" of the exchange "{exchange.name}" is not declared'
            yield Hit(exchange.key, message, hint, subject=name)
    for key, (name, users) in sorted(by_policy.items()):
        said = f'the policy "{key.name}" makes "{name}" the alternate exchange of {quoted(users)}'
        yield Hit(key, f"{said}, and it is not declared", hint, subject=name)


def _orphan(index: Index) -> Iterator[Hit]:
    for exchange in index.exchanges:
        if exchange.internal and not _is_fed(index, exchange):
            yield Hit(
                exchange.key, f'nothing leads to the internal exchange "{exchange.name}": no message can get there'
            )


def _untested(index: Index) -> Iterator[Hit]:
    results = [run_case(index.router, case) for case in cases_of(index.topology)]
    for binding in coverage(index.router, results).missed:
        key = f' with "{binding.routing_key}"' if binding.routing_key else ""
        yield Hit(binding.key, f'no route test takes the binding from "{binding.source}" to the {end_of(binding)}{key}')


RULES: Final = (
    Rule(
        "RT201",
        "queue-unreachable",
        "warning",
        default=True,
        why=(
            "No binding leads to the queue and no dead letters do, or only from an internal exchange that no message "
            "gets to, or from queues that nothing leads to either. A message gets there only if it is published to "
            "the default exchange under the queue's name, and most often a binding was forgotten."
        ),
        bad="""\
version: 1
queues:
  shop.mail: {type: quorum}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.#}
  shop.jobs:
    type: quorum
    direct: true # published to by its name
""",
        hint=(
            "bind it; `direct: true` if it is published to by its name, `open_bindings: true` if its consumers bind it"
        ),
        source="https://www.rabbitmq.com/docs/exchanges#default-exchange",
        check=unreachable,
    ),
    Rule(
        "RT202",
        "exchange-drops-everything",
        "warning",
        default=True,
        why=(
            "Nothing is bound to the exchange and it has no alternate exchange, or one that leads back. RabbitMQ "
            "takes each message, confirms it, and drops it, unless it is mandatory. Where it is a dead-letter "
            "exchange, dead letters are lost without a word, which is an error."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.#}
""",
        hint=(
            "bind a queue to it, or give it an alternate exchange; `open_bindings: true` if its consumers bind "
            "at run time"
        ),
        source="https://www.rabbitmq.com/docs/publishers#unroutable",
        check=_drops,
    ),
    Rule(
        "RT207",
        "no-alternate-exchange",
        "info",
        default=False,
        why=(
            "Messages come in here, and for some keys no binding takes them. RabbitMQ confirms such a message "
            "and drops it, unless its publisher says `mandatory` and listens for what comes back."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.paid}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted}
  shop.unrouted: {type: fanout}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.paid}]}
  shop.unrouted: {type: quorum, bindings: [{exchange: shop.unrouted}]}
""",
        hint="give it an `alternate_exchange`, or all of its publishers `mandatory: true`",
        source="https://www.rabbitmq.com/docs/ae",
        check=_no_alternate,
    ),
    Rule(
        "RT208",
        "alternate-exchange-missing",
        "error",
        default=True,
        why=(
            "RabbitMQ accepts the name of an alternate exchange that does not exist. What no binding takes is "
            "then dropped, and the broker writes a line to its log."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.paid}]}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted}
  shop.unrouted: {type: fanout}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.paid}]}
  shop.unrouted: {type: quorum, bindings: [{exchange: shop.unrouted}]}
""",
        hint="declare it, or name it with `external: true` if it is somebody else's",
        source="https://www.rabbitmq.com/docs/ae",
        check=_no_such_alternate,
    ),
    Rule(
        "RT210",
        "internal-exchange-orphan",
        "warning",
        default=False,
        why=(
            "Clients cannot publish to an internal exchange. Without a binding that leads to it, and without "
            "being somebody's alternate or dead-letter exchange, no message can ever reach it."
        ),
        bad="""\
version: 1
exchanges:
  shop.audit: {type: fanout, internal: true}
queues:
  shop.audit: {type: quorum, direct: true, bindings: [{exchange: shop.audit}]}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
  shop.audit: {type: fanout, internal: true, bindings: [{exchange: shop.orders, routing_key: "#"}]}
queues:
  shop.audit: {type: quorum, bindings: [{exchange: shop.audit}]}
""",
        hint="bind it to another exchange, or leave `internal` out",
        source="https://www.rabbitmq.com/docs/exchanges#properties",
        check=_orphan,
    ),
    Rule(
        "RT211",
        "binding-untested",
        "info",
        default=False,
        why=(
            "No message of a route test takes this binding: it could be removed, or its key misspelled, and "
            "`rabbit-topo test` would still pass."
        ),
        bad="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.paid}
""",
        good="""\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.paid}
tests:
  - name: a paid order is confirmed by mail
    publish: {exchange: shop.orders, routing_key: order.paid}
    expect: [shop.mail]
""",
        hint="write a route test, or take the binding out; `rabbit-topo test --coverage` lists all of them",
        source="docs/testing.md",
        check=_untested,
    ),
    *binding_rules.RULES,
    *publisher_rules.RULES,
)
