"""Exchanges and queues: from what is written to the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.arguments import ALTERNATE, QUEUE_KEYS, QUEUE_TYPES, friendly_key, queue_argument, refused_everywhere
from rabbit_topo.load.codes import RESERVED_NAME, VALUE
from rabbit_topo.load.draft import note_of
from rabbit_topo.load.merge import UNKNOWN_PROFILE, came_from, lacks
from rabbit_topo.load.nodes import YMap, plain
from rabbit_topo.load.problems import did_you_mean, quoted
from rabbit_topo.model import EMPTY, RESERVED, Arguments, Exchange, Key, Kind, Queue

if TYPE_CHECKING:
    from collections.abc import Collection

    from rabbit_topo.load.draft import Draft
    from rabbit_topo.model import Plain

_FLAGS = ("durable", "auto_delete", "internal")
DEAD_LETTER_EXCHANGE = "x-dead-letter-exchange"
DEAD_LETTER_KEY = "x-dead-letter-routing-key"
_NOT_OF_WAYS = frozenset(
    {
        *("message_ttl", "expires", "max_length", "max_length_bytes", "single_active_consumer", "delivery_limit"),
        *("max_priority", "max_age", "segment_size", "leader_locator", "initial_group_size"),
        *("durable", "auto_delete", "exclusive", "protect", "description", "owner"),
    }
)
_DEAD_LETTERS = (DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY, "x-dead-letter-strategy")
_OF_WAYS = frozenset({*_DEAD_LETTERS, "x-overflow"})


def exchange(draft: Draft, vhost: str, name: str, options: YMap, place: int) -> None:
    """Read one exchange."""
    key = Key(vhost, Kind.EXCHANGE, name)
    draft.named.add(key)
    what = f"the exchange {quoted(name)}"
    arguments = _raw(options)
    alternate = options.get("alternate_exchange")
    if alternate is not None:
        if ALTERNATE in arguments:
            _twice(draft, options, "alternate_exchange", ALTERNATE)
        arguments[ALTERNATE] = alternate
    elif not isinstance(arguments.get(ALTERNATE, ""), str):
        del arguments[ALTERNATE]
        draft.damaged.add(key)
        draft.partial.add(key)
        raw = options["arguments"]
        message = f"`{ALTERNATE}` must be the name of an exchange"
        draft.problems.add(raw.file, raw.value_place(ALTERNATE), message, code=VALUE)
    note = note_of(options, options.file, place)
    if options.get("external"):
        draft.mention(key, _stated(options, options.get("type"), arguments), note, f"exchange {quoted(name)}")
        return
    _refuse_reserved(draft, options, key, place)
    if options.get("type") is None or _is_damaged(options):
        draft.damaged.add(key)
    if _is_partial(options):
        draft.partial.add(key)
    if lacks(options, "type"):
        hint = "write `type: direct`, topic, fanout, headers, or a plugin's type"
        draft.problems.add(options.file, place, f"{what} has no type", hint)
    draft.declare(
        Exchange(vhost, name, options.get("type"), *_flags(options), arguments=_arguments(arguments)),
        note,
        what,
    )


def queue(draft: Draft, vhost: str, name: str, options: YMap, place: int) -> None:
    """Read one queue."""
    key = Key(vhost, Kind.QUEUE, name)
    draft.named.add(key)
    what = f"the queue {quoted(name)}"
    kind = _type(draft, options)
    arguments = _raw(options)
    arguments.pop("x-queue-type", None)
    written = _friendly(draft, options, kind, arguments)
    note = note_of(options, options.file, place)
    if options.get("external"):
        draft.mention(key, _stated(options, kind, arguments), note, f"queue {quoted(name)}")
        return
    _refuse_reserved(draft, options, key, place)
    durable, auto_delete, _ = _flags(options)
    declared = Queue(vhost, name, kind, durable, auto_delete, _arguments(arguments))
    refusals = refused_everywhere(declared)
    lost_exchange = _lost_exchange(options)
    for refused in refusals:
        if refused.subject == DEAD_LETTER_KEY and lost_exchange:
            continue
        holder, own_key, spelled = written.get(refused.subject, (options, refused.subject, refused.subject))
        reason, hint = refused.reason, refused.hint
        if refused.subject.startswith("x-") and refused.subject not in written:
            holder, own_key = options.get("arguments") or options, refused.subject
            hint = hint or _friendlier(refused.subject)
        elif spelled in {"message_ttl", "expires"} and reason.startswith("the value"):
            reason = "RabbitMQ takes ten years at most: 3650d"
        message = f"`{spelled}` of {what}: {reason}{came_from(holder, own_key)}"
        if source := options.inherited.get("type"):
            message += f"; `type: {kind}` comes from {source}"
        draft.problems.add(options.file, _place(holder, own_key, place), message, hint, refused.code)
    draft.declare(_less(declared, {refused.subject for refused in refusals}), note, what)
    if _is_damaged(options) or any(refused.subject in _OF_WAYS for refused in refusals):
        draft.damaged.add(key)
    if _is_partial(options) or refusals:
        draft.partial.add(key)


def _less(queue: Queue, wrong: Collection[str]) -> Queue:
    """Return what is right of a queue; where its dead-letter exchange is wrong, nothing is left of dead letters."""
    if not wrong:
        return queue
    gone = {*wrong, *_DEAD_LETTERS} if DEAD_LETTER_EXCHANGE in wrong or DEAD_LETTER_KEY in wrong else wrong
    return replace(
        queue,
        durable=queue.durable or "durable" in gone,
        auto_delete=queue.auto_delete and "auto_delete" not in gone,
        arguments=_arguments({name: value for name, value in queue.arguments.items() if name not in gone}),
    )


def _is_damaged(options: YMap) -> bool:
    """Say whether something was wrong and taken out that may say where messages go."""
    inner = (item for item in options.values() if isinstance(item, YMap))
    return bool(options.dropped - _NOT_OF_WAYS) or any(item.dropped for item in inner)


def _is_partial(options: YMap) -> bool:
    """Say whether something of its own was wrong and taken out: a binding is none."""
    inner = (item for item in options.values() if isinstance(item, YMap))
    return bool(options.dropped - {"bindings"}) or any(item.dropped for item in inner)


def _lost_exchange(options: YMap) -> bool:
    """Say whether a dead-letter exchange may have been written, and was taken out with another mistake."""
    inner = options.get("dead_letter")
    return bool({"dead_letter", UNKNOWN_PROFILE} & options.dropped) or (
        isinstance(inner, YMap) and "exchange" in inner.dropped
    )


def _friendlier(argument: str) -> str:
    ours = friendly_key(argument)
    return f"or write `{ours}`, which takes units" if ours in {"message_ttl", "expires", "max_length_bytes"} else ""


def _place(holder: YMap, key: str, otherwise: int) -> int:
    return holder.at.get(key, otherwise)


def _type(draft: Draft, options: YMap) -> str | None:
    kind: str | None = options.get("type")
    raw = options.get("arguments") or {}
    if not isinstance(raw, YMap) or (other := raw.get("x-queue-type")) is None:
        return kind
    if kind is not None:
        _twice(draft, options, "type", "x-queue-type")
        return kind
    if other in QUEUE_TYPES:
        return str(other)
    message = f"`x-queue-type` must be one of {', '.join(QUEUE_TYPES)}, not {quoted(other)}"
    hint = did_you_mean(other, QUEUE_TYPES) if isinstance(other, str) else ""
    draft.problems.add(raw.file, raw.value_place("x-queue-type"), message, hint, VALUE)
    return None


def _friendly(
    draft: Draft,
    options: YMap,
    kind: str | None,
    arguments: dict[str, Plain],
) -> dict[str, tuple[YMap, str, str]]:
    """Add what friendly keys say to `arguments`; return how each was written: mapping, key, whole spelling."""
    written: dict[str, tuple[YMap, str, str]] = {}
    for spelled, known in QUEUE_KEYS.items():
        outer, _, inner = spelled.partition(".")
        value = options.get(outer)
        if value is None:
            continue
        holder, key = (value, inner) if inner else (options, outer)
        value = holder.get(key)
        if value is None:
            continue
        name = queue_argument(spelled, kind)
        if spelled == "initial_group_size" and kind is None and lacks(options, "type"):
            message = "`initial_group_size` means one argument for quorum queues and another for streams"
            draft.problems.add(options.file, holder.key_place(key), message, "write the queue's `type` too")
        if name in arguments:
            _twice(draft, options, spelled, name)
        arguments[name] = known.convert(value)
        written[name] = (holder, key, spelled)
    return written


def _raw(options: YMap) -> dict[str, Plain]:
    raw = options.get("arguments") or {}
    return {name: plain(value) for name, value in raw.items() if value is not None}


def _arguments(items: dict[str, Plain]) -> Arguments:
    return Arguments(items) if items else EMPTY


def _flags(options: YMap) -> tuple[bool, bool, bool]:
    durable = options.get("durable")
    return (durable is None or durable, bool(options.get("auto_delete")), bool(options.get("internal")))


def _stated(options: YMap, kind: str | None, arguments: dict[str, Plain]) -> dict[str, Plain]:
    stated: dict[str, Plain] = {flag: options[flag] for flag in _FLAGS if options.get(flag) is not None}
    if kind is not None:
        stated["type"] = kind
    return stated | {f"arguments.{name}": value for name, value in arguments.items()}


def _twice(draft: Draft, options: YMap, key: str, argument: str) -> None:
    raw = options["arguments"]
    outer, _, inner = key.partition(".")
    holder = options[outer] if inner else options
    message = (
        f"`{key}` and `arguments: {argument}` say the same thing twice"
        f"{came_from(holder, inner or outer)}{came_from(raw, argument)}"
    )
    draft.problems.add(options.file, raw.key_place(argument), message, f"keep `{key}`")


def _refuse_reserved(draft: Draft, options: YMap, key: Key, place: int) -> None:
    if key.name.startswith("amq."):
        message = f"the {key.kind} {quoted(key.name)} cannot be declared: names in `amq.` are the server's"
        hint = "to refer to it, write `external: true`; else rename it"
        draft.problems.add(options.file, place, message, hint, RESERVED_NAME)
        draft.foreign.add(key)
    refuse_ours(draft, options, key.kind, key.name, place)


def refuse_ours(draft: Draft, options: YMap, kind: str, name: str, place: int) -> None:
    """Refuse a name that the tool keeps for itself."""
    if name.startswith(RESERVED):
        message = f"the {kind} {quoted(name)} cannot be declared: names in `{RESERVED}` are this tool's own"
        draft.problems.add(options.file, place, message, "it keeps there what it needs for a while; rename it")
