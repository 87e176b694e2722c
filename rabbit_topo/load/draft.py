"""A topology while it is being read: what was found so far, and where."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.load.codes import SHAPE, TWICE
from rabbit_topo.load.nodes import origin
from rabbit_topo.load.problems import quoted
from rabbit_topo.model import PREDECLARED, Arguments, Exchange, Key, Kind, Note, Queue

if TYPE_CHECKING:
    from rabbit_topo.load.merge import Profiles
    from rabbit_topo.load.nodes import YMap
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.load.structure import Walk
    from rabbit_topo.model import Consumer, Origin, Plain, Publisher, Resource, RouteTest


class Mention(NamedTuple):
    """An `external: true` entry: the fields that it states, and its note."""

    stated: dict[str, Plain]
    note: Note


class End(NamedTuple):
    """An exchange or queue that something refers to, and where it does."""

    kind: Kind
    name: str
    place: int


class PendingBinding(NamedTuple):
    """A binding as written, before the exchange that it leaves is known; `gone` is one that is to be absent."""

    written: YMap
    place: int
    vhost: str
    destination: End
    gone: bool = False


@dataclass
class Draft:
    """Everything that the documents said, by identity."""

    problems: Problems
    walk: Walk
    profiles: Profiles
    resources: dict[Key, Resource] = field(default_factory=dict)
    notes: dict[Key, Note] = field(default_factory=dict)
    mentions: dict[Key, Mention] = field(default_factory=dict)
    named: set[Key] = field(default_factory=set)  # declared or mentioned, with or without mistakes
    bindings: list[PendingBinding] = field(default_factory=list)
    damaged: set[Key] = field(default_factory=set)  # something that says where messages go was left out of it
    partial: set[Key] = field(default_factory=set)  # something else was left out of it
    lost_policies: set[str] = field(default_factory=set)  # vhosts in which one has the wrong shape, or all have
    lost: set[Key] = field(default_factory=set)  # its name is known, and the rest has the wrong shape
    spoilt: set[Key] = field(default_factory=set)  # so wrong that nothing of it is left
    spoilt_publishers: set[str] = field(default_factory=set)
    unknown: int = 0  # ends of bindings that nothing declares
    foreign: set[Key] = field(default_factory=set)  # declared, though it can only be the server's own
    absent: dict[Key, Note] = field(default_factory=dict)
    publishers: dict[str, Publisher] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    tests: list[RouteTest] = field(default_factory=list)
    owns: dict[str, dict[str, None]] = field(default_factory=dict)  # patterns by vhost, each once, in their order
    ignore: dict[str, dict[str, None]] = field(default_factory=dict)
    ignored_at: dict[tuple[str, str], Origin] = field(default_factory=dict)  # vhost and pattern -> its place

    def declare(self, resource: Resource, note: Note, what: str) -> None:
        """Take a resource; the same one declared twice is a problem that names both places."""
        key = resource.key
        if key in self.resources:
            first = self.notes[key].origin
            self.report(note.origin, f"{what} is declared twice; the first is {first}", "remove one of the two", TWICE)
            return
        self.resources[key] = resource
        self.notes[key] = note

    def mention(self, key: Key, stated: dict[str, Plain], note: Note, what: str) -> None:
        """Take an external mention; several of one object merge, unless they contradict each other."""
        first = self.mentions.get(key)
        if first is None:
            self.mentions[key] = Mention(stated, note)
            return
        for name, value in stated.items():
            if name in first.stated and Arguments({"": first.stated[name]}) != Arguments({"": value}):
                message = (
                    f"`{name}` of the external {what} is {quoted(value)} here, "
                    f"and {quoted(first.stated[name])} at {first.note.origin}"
                )
                self.report(note.origin, message, "only one of them can be true", TWICE)
        note = replace(
            first.note,
            description=first.note.description or note.description,
            owner=first.note.owner or note.owner,
            protect=first.note.protect or note.protect,
            open_bindings=first.note.open_bindings or note.open_bindings,
            direct=first.note.direct or note.direct,
            retry=first.note.retry or note.retry,
        )
        self.mentions[key] = Mention(stated | first.stated, note)

    def settle_mentions(self) -> None:
        """Turn mentions into resources, where nothing declares the object itself."""
        for key, mention in self.mentions.items():
            if key in self.resources:
                continue
            self.resources[key] = _mentioned(key, mention.stated)
            self.notes[key] = replace(mention.note, external=True, stated=frozenset(mention.stated))

    def exchange_type(self, vhost: str, name: str) -> str | None:
        """Return the type of an exchange, if the files or the server's own ones tell."""
        exchange = self.resources.get(Key(vhost, Kind.EXCHANGE, name))
        if isinstance(exchange, Exchange) and exchange.type is not None:
            return exchange.type
        return PREDECLARED.get(name)

    def knows(self, vhost: str, kind: Kind, name: str) -> bool:
        """Say whether an exchange or queue is declared, mentioned, or the server's own."""
        key = Key(vhost, kind, name)
        return key in self.named or key in self.lost or (kind is Kind.EXCHANGE and name in PREDECLARED)

    def declares(self, vhost: str, exchange: str) -> bool:
        """Say whether an exchange is declared, mentioned, or the server's own, and has the right shape."""
        return Key(vhost, Kind.EXCHANGE, exchange) in self.resources or exchange in PREDECLARED

    def kept(self) -> dict[Key, Resource]:
        """Return the resources that are right, or right enough."""
        return {key: resource for key, resource in self.resources.items() if key not in self.spoilt}

    def kept_notes(self) -> dict[Key, Note]:
        """Return the notes of what is kept; what can only be the server's own is external."""
        kept = {key: note for key, note in self.notes.items() if key not in self.spoilt}
        return kept | {key: replace(kept[key], external=True) for key in self.foreign}

    def report(self, where: Origin | None, message: str, hint: str = "", code: str = SHAPE) -> None:
        """Add a problem at a place that is an `Origin` already."""
        if where is not None:
            self.problems.add(where.file, (where.line - 1) << 32 | (where.column - 1), message, hint, code)


def _mentioned(key: Key, stated: dict[str, Plain]) -> Exchange | Queue:
    prefix = "arguments."
    arguments = {name.removeprefix(prefix): value for name, value in stated.items() if name.startswith(prefix)}
    flags = {name: bool(stated[name]) for name in ("durable", "auto_delete", "internal") if name in stated}
    kind = Exchange if key.kind is Kind.EXCHANGE else Queue
    return kind(key.vhost, key.name, stated.get("type"), arguments=Arguments(arguments), **flags)


def note_of(options: YMap, file: str, place: int) -> Note:
    """Return what an object says beside its comparable self."""
    return Note(
        origin=origin(file, place),
        description=options.get("description") or "",
        owner=options.get("owner") or "",
        protect=bool(options.get("protect")),
        unprotect=options.get("protect") is False and "protect" not in options.inherited,
        open_bindings=bool(options.get("open_bindings")),
        direct=bool(options.get("direct")),
        retry=bool(options.get("retry")),
    )
