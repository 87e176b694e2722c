"""Publishers, consumers, and what is to be absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rabbit_topo.arguments import parse_duration
from rabbit_topo.load.bindings import free_standing, report_unknown
from rabbit_topo.load.codes import RESERVED_NAME
from rabbit_topo.load.draft import End
from rabbit_topo.load.merge import lacks
from rabbit_topo.load.nodes import YMap, YSeq, origin, plain
from rabbit_topo.load.problems import quoted
from rabbit_topo.model import Consumer, Key, Kind, Note, Publisher, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.load.draft import Draft
    from rabbit_topo.model import Plain

_Party = TypeVar("_Party", Publisher, Consumer)
_NOT_OPTIONS = frozenset({"use", "exchange", "routing_key", "queues", "description", "owner"})


def publisher(draft: Draft, vhost: str, name: str, options: YMap, place: int) -> None:
    """Read one publisher; the exchange must exist, and "" is the default one."""
    exchange = options.get("exchange")
    if lacks(options, "exchange"):
        message = f"the publisher {quoted(name)} has no exchange"
        draft.problems.add(options.file, place, message, 'write `exchange: NAME`; "" is the default exchange')
    elif exchange and not draft.knows(vhost, Kind.EXCHANGE, exchange):
        report_unknown(draft, options.file, vhost, End(Kind.EXCHANGE, exchange, options.value_place("exchange")))
    if exchange is None or (exchange and not draft.declares(vhost, exchange)):
        draft.spoilt_publishers.add(name)
    note = _note(options, place)
    party = Publisher(name, vhost, exchange or "", options.get("routing_key") or "", _options(options), note)
    _take(draft, draft.publishers, party, f"the publisher {quoted(name)}")


def consumer(draft: Draft, vhost: str, name: str, options: YMap, place: int) -> None:
    """Read one consumer; its queues must exist."""
    queues = options.get("queues")
    if lacks(options, "queues"):
        message = f"the consumer {quoted(name)} has no queues"
        draft.problems.add(options.file, place, message, "write `queues: [NAME, ...]`")
    for index, queue in enumerate(queues or ()):
        if not draft.knows(vhost, Kind.QUEUE, queue):
            at = queues.at[index] if isinstance(queues, YSeq) else options.value_place("queues")
            at = place if "queues" in options.inherited else at
            report_unknown(draft, options.file, vhost, End(Kind.QUEUE, queue, at))
    note = _note(options, place)
    known = tuple(queue for queue in queues or () if Key(vhost, Kind.QUEUE, queue) in draft.resources)
    _take(
        draft,
        draft.consumers,
        Consumer(name, vhost, known, _options(options), note),
        f"the consumer {quoted(name)}",
    )


def _note(options: YMap, place: int) -> Note:
    """Take what people say of it; `retry` of a publisher is an option, not the note of a dead-letter cycle."""
    description, owner = options.get("description") or "", options.get("owner") or ""
    return Note(origin=origin(options.file, place), description=description, owner=owner)


def _options(options: YMap) -> Mapping[str, Plain]:
    """Take what is an option of publishing or consuming; `expiration` becomes milliseconds."""
    kept = {key: _without_nulls(value) for key, value in options.items() if _is_option(key, value)}
    if "expiration" in kept:
        kept["expiration"] = parse_duration(kept["expiration"])
    return frozen(kept)


def _is_option(key: str, value: Plain) -> bool:
    return key not in _NOT_OPTIONS and value is not None


def _without_nulls(value: Plain) -> Plain:
    kept = plain(value)
    return {key: item for key, item in kept.items() if item is not None} if isinstance(kept, dict) else kept


def _take(draft: Draft, parties: dict[str, _Party], party: _Party, what: str) -> None:
    if first := parties.get(party.name):
        hint = "rename one: applications ask for it by its name alone"
        draft.report(party.note.origin, f"{what} is there twice; the first is {first.note.origin}", hint)
    else:
        parties[party.name] = party


def absent(draft: Draft, vhost: str, written: YMap) -> None:
    """Read the names that are to be deleted."""
    for plural, kind in (("exchanges", Kind.EXCHANGE), ("queues", Kind.QUEUE), ("policies", Kind.POLICY)):
        names: YSeq | None = written.get(plural)
        for name, at in names.with_places() if names else ():
            if name.startswith("amq.") and kind is not Kind.POLICY:
                message = f"the {kind} {quoted(name)} is the server's own and cannot be deleted"
                draft.problems.add(written.file, at, message, "take it out of `absent`", RESERVED_NAME)
            draft.absent.setdefault(Key(vhost, kind, name), Note(origin=origin(written.file, at)))
    if gone := written.get("bindings"):
        free_standing(draft, vhost, gone, gone=True)
