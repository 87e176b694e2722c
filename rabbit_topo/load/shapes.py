"""What may stand where in a topology file, as one table; `schemas/topology.schema.json` says the same to editors.

Keys stand in the order in which files say them (`rabbit_topo.arguments.order`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from rabbit_topo.arguments import parse_duration, parse_size, spell_age, spell_duration, spell_size
from rabbit_topo.arguments.tables import (
    LEADER_LOCATORS,
    MATCHES,
    MAX_PRIORITY,
    MAX_SEGMENT_BYTES,
    OVERFLOWS,
    QUEUE_TYPES,
    STRATEGIES,
)
from rabbit_topo.load import patterns, values
from rabbit_topo.load.codes import BINDING, POLICY, PROPERTY, SHAPE, VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.load.values import Check


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `code` is that of a wrong one. `spell` gives a right one in its usual unit."""

    check: Check
    code: str = SHAPE
    spell: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with known keys. With `nullable`, null unsets what `defaults` or a profile set.

    `short` is the key that a bare value is most likely meant for.
    """

    known: dict[str, Shape]
    nullable: bool = False
    short: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping from names to things of one shape; `what` calls one of them by its kind."""

    item: Shape
    what: str
    name: Check = values.name


@dataclass(frozen=True, slots=True)
class Many:
    """A list; with `or_one`, a single item needs no brackets."""

    item: Shape
    or_one: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Arguments or headers: text keys, and values that AMQP can carry. `usual` are keys that have a meaning of ours."""

    usual: dict[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A key that people try and that cannot be; says why. `{value}` in the hint is what was written.

    `meant` are the keys in whose place it stands: that they are missing is no second mistake.
    """

    why: str
    hint: str
    meant: tuple[str, ...] = ()
    code: str = SHAPE


Shape: TypeAlias = Scalar | Fields | Named | Many | Table | Refused


def _duration(text: str) -> str:
    return spell_duration(parse_duration(text))


def _size(text: str) -> str:
    return spell_size(parse_size(text))


TEXT, FULL_TEXT, NAME, BOOLEAN = (
    Scalar(check) for check in (values.text, values.full_text, values.name, values.boolean)
)
ROUTING_KEY = Scalar(values.routing_key)
DURATION = Scalar(values.duration(), spell=_duration)
NAMES = Many(NAME)
PATTERNS = Many(Scalar(patterns.pattern))

_PEOPLE: dict[str, Shape] = {"description": TEXT, "owner": TEXT}
_SOURCE: dict[str, Shape] = {"exchange": TEXT}
_BINDING: dict[str, Shape] = {
    "routing_key": ROUTING_KEY,
    "routing_keys": Many(ROUTING_KEY),
    "match": Scalar(values.one_of(*MATCHES), BINDING),
    "headers": Table(),
    "arguments": Table(),
}
_WRONG_SOURCE: dict[str, Shape] = {
    key: Refused(
        f"a binding does not say `{key}`", "write `exchange: {value}`: the exchange that it leaves", ("exchange",)
    )
    for key in ("source", "from", "from_exchange", "exchange_from")
}
_NO_END = "leave it out: the binding leads to what it stands under"
_NESTED: dict[str, Shape] = {
    key: Refused(f"a binding that stands under a queue or exchange does not say `{key}`", _NO_END)
    for key in ("queue", "to_exchange", "exchange_to", "destination", "to", "destination_type")
}
_WRONG_END: dict[str, Shape] = {
    key: Refused(
        f"a binding does not say `{key}`",
        "write `queue: {value}` or `to_exchange: {value}`: where it leads",
        ("queue", "to_exchange"),
    )
    for key in ("destination", "to")
}
_FREE_END: dict[str, Shape] = {
    **_WRONG_END,
    "queue": TEXT,
    "to_exchange": TEXT,
    "exchange_to": Refused("a binding does not say `exchange_to`", "write `to_exchange: {value}`", ("to_exchange",)),
    "destination_type": Refused("a binding does not say `destination_type`", "`queue` or `to_exchange` says it"),
}
BINDINGS = Many(Fields({**_SOURCE, **_BINDING, **_WRONG_SOURCE, **_NESTED}))
FREE_BINDINGS = Many(Fields({**_SOURCE, **_FREE_END, **_BINDING, **_WRONG_SOURCE}))


def _argument(check: Check, spell: Callable[[str], str] | None = None) -> Scalar:
    return Scalar(check, VALUE, spell)


_DEAD_LETTER_KEYS: dict[str, Shape] = {
    f"dead_letter_{key}": Refused(
        f"`dead_letter_{key}` is a key of `dead_letter`",
        f"write `dead_letter: {{{key}: " + "{value}}`",
    )
    for key in ("exchange", "routing_key", "strategy")
}
LIMITS: dict[str, Shape] = {
    "message_ttl": _argument(values.duration(), _duration),
    "expires": _argument(values.duration(1), _duration),
    "max_age": _argument(values.age(), spell_age),
    "max_length": _argument(values.whole(0)),
    "max_length_bytes": _argument(values.size(), _size),
    "overflow": _argument(values.one_of(*OVERFLOWS)),
    "delivery_limit": _argument(values.whole(-1)),
    "dead_letter": Fields(
        {
            "exchange": _argument(values.text),
            "routing_key": _argument(values.text),
            "strategy": _argument(values.one_of(*STRATEGIES)),
        },
        nullable=True,
        short="exchange",
    ),
    **_DEAD_LETTER_KEYS,
    "single_active_consumer": _argument(values.boolean),
    "max_priority": _argument(values.whole(0, MAX_PRIORITY)),
    "segment_size": _argument(values.size(MAX_SEGMENT_BYTES, "3GB"), _size),
    "leader_locator": _argument(values.one_of(*LEADER_LOCATORS)),
    "initial_group_size": _argument(values.whole(1)),
}
_QUEUE_OPTIONS: dict[str, Shape] = {
    "type": _argument(values.one_of(*QUEUE_TYPES)),
    "durable": BOOLEAN,
    "auto_delete": BOOLEAN,
    **LIMITS,
    "arguments": Table(),
    **_PEOPLE,
    "protect": BOOLEAN,
    "open_bindings": BOOLEAN,
    "direct": BOOLEAN,
    "retry": BOOLEAN,
    "exclusive": Refused(
        "an exclusive queue lives and dies with the connection that declares it, so no file can keep it",
        "let the application declare it; here, leave `exclusive` out",
        code=PROPERTY,
    ),
}
_EXCHANGE_OPTIONS: dict[str, Shape] = {
    "type": FULL_TEXT,
    "durable": BOOLEAN,
    "auto_delete": BOOLEAN,
    "internal": BOOLEAN,
    "alternate_exchange": _argument(values.text),
    "arguments": Table(),
    **_PEOPLE,
    "protect": BOOLEAN,
    "open_bindings": BOOLEAN,
}
_PUBLISHER_OPTIONS: dict[str, Shape] = {
    "exchange": TEXT,
    "routing_key": ROUTING_KEY,
    "delivery_mode": Scalar(values.one_of("persistent", "transient", 1, 2)),
    "mandatory": BOOLEAN,
    "serializer": FULL_TEXT,
    "compression": FULL_TEXT,
    "content_type": FULL_TEXT,
    "content_encoding": FULL_TEXT,
    "headers": Table(),
    "expiration": DURATION,
    "priority": Scalar(values.whole(0, MAX_PRIORITY)),
    "retry": BOOLEAN,
    "retry_policy": Fields(
        {
            "max_retries": Scalar(values.whole(0)),
            "interval_start": Scalar(values.seconds),
            "interval_step": Scalar(values.seconds),
            "interval_max": Scalar(values.seconds),
        },
        nullable=True,
    ),
    **_PEOPLE,
}
_CONSUMER_OPTIONS: dict[str, Shape] = {
    "queues": NAMES,
    "prefetch": Scalar(values.whole(0, 65535)),
    "no_ack": BOOLEAN,
    "accept": Many(FULL_TEXT),
    **_PEOPLE,
}
_OPTIONS = {
    "exchanges": _EXCHANGE_OPTIONS,
    "queues": _QUEUE_OPTIONS,
    "publishers": _PUBLISHER_OPTIONS,
    "consumers": _CONSUMER_OPTIONS,
}
_USE: dict[str, Shape] = {"use": Many(FULL_TEXT, or_one=True)}
_OBJECT: dict[str, Shape] = {**_USE, "external": BOOLEAN}
_BOUND: dict[str, Shape] = {"bindings": BINDINGS}

_TEXT_PROPERTIES = (
    "app_id",
    "cluster_id",
    "content_encoding",
    "content_type",
    "correlation_id",
    "message_id",
    "reply_to",
    "type",
    "user_id",
)
_PROPERTIES: dict[str, Shape] = {
    **dict.fromkeys(_TEXT_PROPERTIES, FULL_TEXT),
    "delivery_mode": _PUBLISHER_OPTIONS["delivery_mode"],
    "priority": _PUBLISHER_OPTIONS["priority"],
    "expiration": DURATION,
    "timestamp": Scalar(values.whole(0)),
}
_MESSAGE: dict[str, Shape] = {
    "exchange": TEXT,
    "routing_key": ROUTING_KEY,
    "headers": Table(),
    "properties": Fields(_PROPERTIES),
    "payload": TEXT,
}
_EXPECTATION: dict[str, Shape] = {
    "expect": NAMES,
    "expect_at_least": NAMES,
    "expect_one_of": NAMES,
    "expect_unroutable": BOOLEAN,
}
_STEP: dict[str, Shape] = {"queue": NAME, "rejected": BOOLEAN, "expired": BOOLEAN, "overflow": BOOLEAN, **_EXPECTATION}
_EXPECT: dict[str, Shape] = {**_EXPECTATION, "then": Many(Fields(_STEP), or_one=True)}
TESTS = Many(
    Fields(
        {
            "name": FULL_TEXT,
            "description": TEXT,
            "publish": Fields(_MESSAGE),
            **_EXPECT,
            "cases": Many(Fields({"name": FULL_TEXT, **_MESSAGE, **_EXPECT})),
        },
    ),
)

TEST_FILE = Fields({"version": Scalar(values.one_of(1)), "vhost": NAME, "tests": TESTS})
TOPOLOGY = Fields(
    {
        "version": Scalar(values.one_of(1)),
        "vhost": NAME,
        "owns": PATTERNS,
        "ignore": PATTERNS,
        "defaults": Fields({kind: Fields(options, nullable=True) for kind, options in _OPTIONS.items()}),
        "profiles": Fields(
            {
                kind: Named(Fields(options, nullable=True), "profile", values.full_text)
                for kind, options in _OPTIONS.items()
            },
        ),
        "exchanges": Named(Fields({**_OBJECT, **_EXCHANGE_OPTIONS, **_BOUND}, nullable=True, short="type"), "exchange"),
        "queues": Named(Fields({**_OBJECT, **_QUEUE_OPTIONS, **_BOUND}, nullable=True, short="type"), "queue"),
        "bindings": FREE_BINDINGS,
        "policies": Named(
            Fields(
                {
                    "pattern": Scalar(patterns.policy_pattern, POLICY),
                    "apply_to": Scalar(
                        values.one_of("all", "exchanges", "queues", "classic_queues", "quorum_queues", "streams"),
                        POLICY,
                    ),
                    "priority": Scalar(values.number, POLICY),
                    "definition": Table(LIMITS),
                    **_PEOPLE,
                    "protect": BOOLEAN,
                },
            ),
            "policy",
            values.full_text,
        ),
        "publishers": Named(Fields({**_USE, **_PUBLISHER_OPTIONS}, nullable=True), "publisher", values.full_text),
        "consumers": Named(Fields({**_USE, **_CONSUMER_OPTIONS}, nullable=True), "consumer", values.full_text),
        "absent": Fields({"exchanges": NAMES, "queues": NAMES, "bindings": FREE_BINDINGS, "policies": Many(FULL_TEXT)}),
        "tests": TESTS,
    },
)
