"""RT1, arguments, properties and policies: what fits no queue of that type, and what no broker knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import ALTERNATE, QUEUE_ARGUMENTS, refused_by, refused_policy
from rabbit_topo.arguments.refused import NOT_FOR_TYPE, PROPERTY, VALUE
from rabbit_topo.arguments.tables import POLICY_KEYS, STORED_ARGUMENTS
from rabbit_topo.lint.exchange_checks import refused_exchange
from rabbit_topo.lint.names import CORE_TYPES, named
from rabbit_topo.lint.near import did_you_mean
from rabbit_topo.lint.types import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.lint.index import Index

_KNOWN: Final = QUEUE_ARGUMENTS.keys() | STORED_ARGUMENTS
_STORED_ON_EXCHANGES: Final = frozenset({ALTERNATE, *STORED_ARGUMENTS})


def _refused(code: str) -> Callable[[Index], Iterator[Hit]]:
    def check(index: Index) -> Iterator[Hit]:
        for queue in index.queues:
            for refusal in refused_by(queue, index.context.version):
                if refusal.code == code:
                    message = f"`{refusal.subject}` of {named(queue)}: {refusal.reason}"
                    yield Hit(queue.key, message, refusal.hint, subject=refusal.subject)

    return check


def _values(index: Index) -> Iterator[Hit]:
    yield from _refused(VALUE)(index)
    for exchange in index.exchanges:
        if reason := refused_exchange(exchange):
            yield Hit(exchange.key, f"{named(exchange)}: {reason}")


def _unknown(index: Index) -> Iterator[Hit]:
    for queue in index.queues:
        for name in queue.arguments:
            if name not in _KNOWN:
                near = did_you_mean(name, _KNOWN) or did_you_mean(f"x-{name}", _KNOWN)
                yield Hit(queue.key, f"`{name}` of {named(queue)}: no RabbitMQ knows this argument", near, subject=name)
    for exchange in index.exchanges:
        for name in exchange.arguments:
            if exchange.type in CORE_TYPES and name not in _STORED_ON_EXCHANGES:
                message = f"`{name}` of {named(exchange)}: a {exchange.type} exchange has no such argument"
                yield Hit(exchange.key, message, did_you_mean(name, {ALTERNATE}), subject=name)


def _policies(index: Index) -> Iterator[Hit]:
    for policy in index.policies:
        for refusal in refused_policy(policy, index.context.version):
            hint = refusal.hint or (did_you_mean(refusal.subject, POLICY_KEYS) if "knows" in refusal.reason else "")
            message = f"`{refusal.subject}` of {named(policy)}: {refusal.reason}"
            yield Hit(policy.key, message, hint, subject=refusal.subject)


RULES: tuple[Rule, ...] = (
    Rule(
        "RT103",
        "argument-not-for-type",
        "error",
        default=True,
        why="Each type of queue has arguments of its own, and refuses those of the others: a quorum queue has no "
        "`x-max-priority`, a stream no `x-message-ttl`. An argument that came with a later release is refused or "
        "ignored by the older ones.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, max_priority: 5, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: classic, max_priority: 5, direct: true}
""",
        hint="leave it out, or change `type`",
        source="rabbit_amqqueue:check_declare_arguments, and the capabilities() of the queue types",
        check=_refused(NOT_FOR_TYPE),
    ),
    Rule(
        "RT104",
        "property-not-for-type",
        "error",
        default=True,
        why="Quorum queues and streams are replicated logs: they cannot be transient, exclusive, or deleted with their "
        "last consumer.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, durable: false, direct: true}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
""",
        hint="leave the property out, or use `type: classic`",
        source="is_compatible of rabbit_quorum_queue and rabbit_stream_queue",
        check=_refused(PROPERTY),
    ),
    Rule(
        "RT105",
        "argument-value",
        "error",
        default=True,
        why="The broker checks the value of every argument that it knows, its AMQP class too: a number in quotes is "
        "text, and is refused as a TTL.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: quorum
    direct: true
    arguments: {x-message-ttl: "60000"}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true, message_ttl: 1m}
""",
        hint="numbers stand without quotes; of times and sizes the file's own keys take units, as `message_ttl: 1m`",
        source="rabbit_amqqueue:declare_args and check_arguments_type_and_value, validate/1 of the exchange types",
        check=_values,
    ),
    Rule(
        "RT109",
        "unknown-argument",
        "warning",
        default=True,
        why="The broker stores every argument that it does not know, does nothing with it, and compares it with "
        "nothing later on: a typing mistake lives for ever, and the limit that was meant does not.",
        bad="""\
version: 1
queues:
  shop.orders:
    type: quorum
    direct: true
    arguments: {x-mesage-ttl: 60000}
""",
        good="""\
version: 1
queues:
  shop.orders:
    type: quorum
    direct: true
    arguments: {x-message-ttl: 60000}
""",
        hint="correct its name; if it is a note for people, write it as `description:`",
        source="rabbit_amqqueue:declare_args lists what is known; tried on 3.10.8, 4.0.5 and 4.3.6",
        check=_unknown,
    ),
    Rule(
        "RT110",
        "policy-invalid",
        "error",
        default=True,
        why="A policy with a key that the broker does not know is refused whole, as are an empty definition, a pattern "
        "that PCRE cannot read, and an `apply_to` of a later release: 3.10 and 3.11 know all, exchanges and queues.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits:
    pattern: ^shop\\.
    apply_to: queues
    definition: {max-lenght: 100000}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits:
    pattern: ^shop\\.
    apply_to: queues
    definition: {max-length: 100000}
""",
        hint="a definition has RabbitMQ's keys, as `max-length`, with numbers without quotes, and at least one of them",
        source="rabbit_policy:validation and rabbit_policies:validate_policy; tried on 3.10.8, 4.0.5 and 4.3.6",
        check=_policies,
    ),
)
