"""Bindings: three places to write them, one meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.arguments.tables import MATCHES
from rabbit_topo.arguments.wire import CONSISTENT_HASH, VOID, holds_void, is_weight
from rabbit_topo.load.codes import ABSENT_END, BINDING, RESERVED_NAME, SHAPE
from rabbit_topo.load.draft import End, PendingBinding
from rabbit_topo.load.nodes import YMap, origin, plain
from rabbit_topo.load.problems import did_you_mean, quoted
from rabbit_topo.model import EMPTY, Arguments, Binding, Key, Kind, Note
from rabbit_topo.near import nearest

if TYPE_CHECKING:
    from rabbit_topo.load.draft import Draft
    from rabbit_topo.load.nodes import YSeq
    from rabbit_topo.model import DestinationKind, Plain

_NEEDS_KEY = frozenset({"direct", "topic"})
MATCH = "x-match"
_LOOKED_UP = 50


def nested(draft: Draft, vhost: str, end: End, options: YMap) -> None:
    """Note the bindings that stand under the queue or exchange that they lead to."""
    written: YSeq | None = options.get("bindings")
    if written:
        draft.bindings.extend(PendingBinding(item, at, vhost, end) for item, at in written.with_places())
    if written is not None and written.broken:
        draft.damaged.add(Key(vhost, end.kind, end.name))


def free_standing(draft: Draft, vhost: str, written: YSeq, *, gone: bool = False) -> None:
    """Note the bindings that name both of their ends; `gone` are those that are to be absent."""
    for item, at in written.with_places():
        ends = [
            End(kind, item[key], item.value_place(key))
            for key, kind in (("queue", Kind.QUEUE), ("to_exchange", Kind.EXCHANGE))
            if item.get(key) is not None
        ]
        if len(ends) == 1:
            draft.bindings.append(PendingBinding(item, at, vhost, ends[0], gone))
            continue
        if not item.dropped & {"queue", "to_exchange"}:
            message = "a binding leads to either a queue or an exchange"
            draft.problems.add(item.file, at, message, "write one of `queue: NAME` and `to_exchange: NAME`")
        draft.damaged.update(Key(vhost, end.kind, end.name) for end in ends)
        draft.damaged.add(Key(vhost, Kind.EXCHANGE, item.get("exchange") or ""))


def settle(draft: Draft) -> None:
    """Turn every noted binding into resources, now that all exchanges and queues are known."""
    for pending in draft.bindings:
        source = pending.written.get("exchange")
        declared = False
        if source is None:
            if "exchange" not in pending.written.dropped:
                message, hint = "a binding needs the exchange that it leaves", "write `exchange: NAME`"
                draft.problems.add(pending.written.file, pending.place, message, hint)
        elif _ends_exist(draft, pending, source) and not pending.written.dropped:
            declared = _declare(draft, pending, source)
        if not declared:
            end = pending.destination
            draft.damaged |= {Key(pending.vhost, end.kind, end.name), Key(pending.vhost, Kind.EXCHANGE, source or "")}


def _ends_exist(draft: Draft, pending: PendingBinding, source: str) -> bool:
    written = pending.written
    right = True
    for end in (End(Kind.EXCHANGE, source, written.value_place("exchange")), pending.destination):
        if end.kind is Kind.EXCHANGE and not end.name:
            message = "the default exchange cannot be bound: it reaches every queue by its name"
            hint = "remove the binding; publish to the queue's name instead"
            draft.problems.add(written.file, end.place, message, hint, RESERVED_NAME)
            right = False
        elif Key(pending.vhost, end.kind, end.name) in draft.lost:
            right = False
        elif not pending.gone and not draft.knows(pending.vhost, end.kind, end.name):
            report_unknown(draft, written.file, pending.vhost, end, ABSENT_END)
            _damage_meant(draft, pending.vhost, end)
            right = False
    return right


def _damage_meant(draft: Draft, vhost: str, end: End) -> None:
    """Let a misspelt name damage the object that is meant; where many are unknown, whole files are, and none is."""
    draft.unknown += 1
    if draft.unknown > _LOOKED_UP:
        return
    names = [key.name for key in draft.named if key.kind is end.kind and key.vhost == vhost]
    if meant := nearest(end.name, names):
        draft.damaged.add(Key(vhost, end.kind, meant))


def report_unknown(draft: Draft, file: str, vhost: str, end: End, code: str = SHAPE) -> None:
    """Say that a name means nothing, unless the file that declares it may be unreadable."""
    if draft.problems.incomplete:
        return
    kind, name = end.kind, end.name
    if gone := draft.absent.get(Key(vhost, kind, name)):
        message = f"the {kind} {quoted(name)} is used here, and is to be absent at {gone.origin}"
        draft.problems.add(file, end.place, message, "keep one of the two", code)
        return

    def hint() -> str:
        names = [key.name for key in draft.named if key.kind is kind and key.vhost == vhost]
        elsewhere = sorted(key.vhost for key in draft.named if key.kind is kind and key.name == name)
        if elsewhere:
            return f"it is in the vhost {quoted(elsewhere[0])}; nothing leads from one vhost to another"
        advice = f"declare it, or say that it is somebody else's: `{kind}s: {{{name}: {{external: true}}}}`"
        return did_you_mean(name, names) or advice

    message = f"the {kind} {quoted(name)} is not declared in the vhost {quoted(vhost)}"
    draft.problems.add(file, end.place, message, hint, code)


def _declare(draft: Draft, pending: PendingBinding, source: str) -> bool:
    """Declare what a binding says, less what is wrong; say whether that is all of it."""
    written = pending.written
    kind = draft.exchange_type(pending.vhost, source)
    before = draft.problems.noted
    arguments = _arguments(draft, written, kind)
    if draft.problems.noted > before:
        return False
    note = Note(origin=origin(written.file, pending.place))
    end = pending.destination
    destination_kind: DestinationKind = "queue" if end.kind is Kind.QUEUE else "exchange"
    for routing_key in _routing_keys(draft, pending, source, kind):
        binding = Binding(pending.vhost, source, destination_kind, end.name, routing_key, arguments)
        if pending.gone:
            draft.absent.setdefault(binding.key, note)
        else:
            draft.declare(binding, note, f"the binding {spelled(binding.key)}")
    return draft.problems.noted == before


def spelled(key: Key) -> str:
    """Spell a binding for a message."""
    return f"{key.name} --[{key.routing_key}]--> {key.destination_kind} {key.destination}"


def _routing_keys(draft: Draft, pending: PendingBinding, source: str, kind: str | None) -> list[str]:
    written = pending.written
    one, several = written.get("routing_key"), written.get("routing_keys")
    if one is not None and several is not None:
        message = "`routing_key` and `routing_keys` exclude each other"
        draft.problems.add(written.file, written.key_place("routing_key"), message, "put all keys into `routing_keys`")
        return []
    if one is None and several is None:
        if kind in _NEEDS_KEY:
            message = f"a binding on the {kind} exchange {quoted(source)} needs a routing key"
            draft.problems.add(written.file, pending.place, message, 'write `routing_key: ...`; "" is a key too')
            return []
        return [""] if kind != CONSISTENT_HASH or _is_weight(draft, written, pending.place, "") else []
    keys: list[str] = several if several is not None else [one or ""]
    if kind == CONSISTENT_HASH:
        place = written.value_place("routing_key" if several is None else "routing_keys")
        return [key for key in keys if _is_weight(draft, written, place, key)]
    return keys


def _is_weight(draft: Draft, written: YMap, place: int, key: str) -> bool:
    right = is_weight(key)
    if not right:
        message = f"the routing key on an x-consistent-hash exchange is a weight, at least 1, not {quoted(key)}"
        draft.problems.add(written.file, place, message, 'write `routing_key: "1"`', BINDING)
    return right


def _arguments(draft: Draft, written: YMap, kind: str | None) -> Arguments:
    headers: YMap | None = written.get("headers")
    raw: YMap | None = written.get("arguments")
    match = written.get("match")
    if not headers and not raw and match is None:
        return EMPTY
    for table in (headers or YMap(written.file, 0), raw or YMap(written.file, 0)):
        for name in [name for name, value in table.items() if holds_void(value)]:
            message = f"{quoted(VOID)} cannot be the value of {quoted(name)} in a binding"
            hint = (
                "the management API shows a null as this text, so that nobody can tell the two apart; rename the value"
            )
            draft.problems.add(table.file, table.value_place(name), message, hint)
    arguments: dict[str, Plain] = plain(raw) if raw else {}
    for name, value in (headers or {}).items():
        if name == MATCH and headers is not None:
            message = f"`{MATCH}` among the headers is no header: it says how they are compared"
            draft.problems.add(written.file, headers.key_place(name), message, "write `match:` beside `headers:`")
        elif name in arguments and headers is not None:
            message = f"`headers` and `arguments` both give {quoted(name)}"
            draft.problems.add(written.file, headers.key_place(name), message, "keep it in `headers`")
        arguments[name] = plain(value)
    if match is not None:
        if MATCH in arguments:
            message = f"`match` and `arguments: {MATCH}` say the same thing twice"
            draft.problems.add(written.file, written.key_place("match"), message, "keep `match`")
        arguments[MATCH] = match
    elif kind == "headers" and raw and raw.get(MATCH, MATCHES[0]) not in MATCHES:
        message = f"`{MATCH}` must be one of {', '.join(MATCHES)}, not {quoted(raw[MATCH])}"
        draft.problems.add(written.file, raw.value_place(MATCH), message, code=BINDING)
    return Arguments(arguments)
