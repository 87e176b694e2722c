"""RT7: who may change what, who says what it is for, and what must not stand in a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import Binding, Exchange, Key, Kind, Policy, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Note, Plain

_Object: TypeAlias = Exchange | Queue | Policy
_SECRET: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:(?P<password>[^/\s@]+)@")
_PLACEHOLDER: Final = re.compile(r"[${<].*|%\(.*|%[sd]|\*+|x+|X+|\.\.\.|PASSWORD|password|%PASSWORD%", re.DOTALL)


def _objects(index: Index) -> Sequence[_Object]:
    return [*index.exchanges, *index.queues, *index.policies]


def _unprotected(index: Index) -> Iterator[Hit]:
    used: dict[Key, str] = {}
    for name, consumer in sorted(index.topology.consumers.items()):
        for taken in consumer.queues:
            used.setdefault(Key(consumer.vhost, Kind.QUEUE, taken), name)
    for queue in index.queues:
        note = index.topology.note(queue.key)
        if queue.durable and queue.key in used and not (note.protect or note.unprotect or note.protected_by):
            said = f'{named(queue)}, which the consumer "{used[queue.key]}" needs, may be deleted by a plan'
            yield Hit(queue.key, said)


def _secrets(index: Index) -> Iterator[Hit]:
    topology = index.topology
    for resource in (*_objects(index), *index.bindings):
        # Not under the key of a binding, which spells its arguments out.
        key = resource.source_key if isinstance(resource, Binding) else resource.key
        note = topology.note(resource.key)
        if _holds_secret([_written(resource), note.description, note.owner]):
            yield Hit(key, f"a password stands in a URL of {_subject(resource)}", origin=note.origin)
    for name, publisher in sorted(topology.publishers.items()):
        if _holds_secret([publisher.routing_key, publisher.options, *_said(publisher.note)]):
            key = Key(publisher.vhost, Kind.EXCHANGE, publisher.exchange)
            yield Hit(
                key, f'a password stands in a URL of the publisher "{name}"', origin=publisher.note.origin, subject=name
            )
    for name, consumer in sorted(topology.consumers.items()):
        if _holds_secret([consumer.options, *_said(consumer.note)]):
            key = Key(consumer.vhost, Kind.QUEUE, next(iter(consumer.queues), ""))
            yield Hit(
                key, f'a password stands in a URL of the consumer "{name}"', origin=consumer.note.origin, subject=name
            )
    for test in topology.tests:
        if _holds_secret(test.body):
            key = Key(test.vhost, Kind.VHOST, test.vhost)
            yield Hit(
                key,
                f'a password stands in a URL of the route test "{test.name}"',
                origin=test.origin,
                subject=test.name,
            )


def _said(note: Note) -> tuple[str, str]:
    return note.description, note.owner


def _written(resource: _Object | Binding) -> Plain:
    match resource:
        case Exchange() | Queue():
            return resource.arguments
        case Binding():
            return [resource.routing_key, resource.arguments]
        case Policy():
            return resource.definition


def _subject(resource: _Object | Binding) -> str:
    """Name an object without the key of a binding, which may be what holds the password."""
    if isinstance(resource, Binding):
        return f'a binding from "{resource.source}" to the {resource.destination_kind} "{resource.destination}"'
    return named(resource)


def _holds_secret(value: Plain) -> bool:
    match value:
        case str():
            return any(not _PLACEHOLDER.fullmatch(found["password"]) for found in _SECRET.finditer(value))
        case list() | tuple():
            return any(map(_holds_secret, value))
        case None | bool() | int() | float():
            return False
        case _:
            return any(_holds_secret(below) for below in value.values())


def _names(index: Index) -> Iterator[Hit]:
    naming = {kind: re.compile(pattern) for kind, pattern in index.context.naming.items()}
    for resource in _objects(index):
        kind = resource.key.kind.value
        if kind in naming and not naming[kind].fullmatch(resource.name):
            yield Hit(resource.key, f"{named(resource)} is not named like {naming[kind].pattern}")


def _undescribed(index: Index) -> Iterator[Hit]:
    kinds: tuple[Sequence[_Object], ...] = (index.exchanges, index.queues)
    for found in kinds:
        notes = {resource.key: index.topology.note(resource.key) for resource in found}
        asked = {
            "description": any(note.description for note in notes.values()),
            "owner": any(note.owner for note in notes.values()),
        }
        for resource in found:
            missing = _missing(notes[resource.key], asked)
            if missing:
                lacks = " and no ".join(missing)
                said = f"{named(resource)} has no {lacks}, and other {resource.key.kind}s have"
                yield Hit(resource.key, said, subject=lacks)


def _missing(note: Note, asked: Mapping[str, bool]) -> list[str]:
    given = {"description": note.description, "owner": note.owner}
    return [name for name, wanted in asked.items() if wanted and not given[name]]


def _foreign(index: Index) -> Iterator[Hit]:
    scope = index.topology.scope
    for resource in _objects(index):
        if scope.owns_patterns.get(resource.vhost) and not scope.owns(resource.vhost, resource.name):
            said = (
                f'the {resource.key.kind} "{resource.name}" is declared here, and `owns` does not say that it is ours'
            )
            yield Hit(resource.key, said)


RULES: Final = (
    Rule(
        "RT701",
        "unprotected-data",
        "info",
        default=False,
        why=(
            "A durable queue that somebody consumes holds work. Without `protect: true` a plan with --prune, or"
            " with a replacement that is allowed, may delete it once it is empty."
        ),
        bad="""\
version: 1
queues:
  shop.mail: {type: quorum, direct: true}
consumers:
  mailer: {queues: [shop.mail]}
""",
        good="""\
version: 1
queues:
  shop.mail: {type: quorum, direct: true, protect: true}
consumers:
  mailer: {queues: [shop.mail]}
""",
        hint="say `protect: true`; `protect: false` if it may go",
        source="docs/safety.md",
        check=_unprotected,
    ),
    Rule(
        "RT702",
        "secret-in-file",
        "error",
        default=True,
        why=(
            "A URL with a user name and a password stands in a topology file. Topology files are kept in "
            "version control, shown in pull requests and sent to the broker, where everybody who may read "
            "definitions reads it."
        ),
        bad="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    description: fed from amqps://feeder:correct-horse@partner.example/shop
""",
        good="""\
version: 1
queues:
  shop.mail:
    type: quorum
    direct: true
    description: fed from amqps://partner.example/shop, as the user feeder
""",
        hint="take it out, and change the password: it stays in the history of the files",
        source="docs/connections.md",
        check=_secrets,
    ),
    Rule(
        "RT703",
        "naming-convention",
        "warning",
        default=False,
        why=(
            "Names that follow one pattern can be reached by one policy, one permission and one `owns`. The "
            "patterns stand in the configuration, one for each kind: `lint: {naming: {queues: ...}}`, and a "
            "whole name must match."
        ),
        bad="""\
version: 1
queues:
  MailOut: {type: quorum, direct: true}
""",
        good="""\
version: 1
queues:
  shop.mail-out: {type: quorum, direct: true}
""",
        hint="rename it while nothing uses it yet, or widen the pattern",
        source="docs/lint/README.md",
        check=_names,
        config={"naming": {"queue": r"[a-z]+(\.[a-z-]+)+"}},
    ),
    Rule(
        "RT704",
        "missing-description-or-owner",
        "info",
        default=False,
        why=(
            "Whoever is woken by a full queue wants to know what it is for and whom to call. As soon as one "
            "exchange or queue has a description, or an owner, the others of its kind should have one too."
        ),
        bad="""\
version: 1
queues:
  shop.mail: {type: quorum, direct: true, description: Mails to send, owner: crm}
  shop.print: {type: quorum, direct: true, description: Labels to print}
""",
        good="""\
version: 1
queues:
  shop.mail: {type: quorum, direct: true, description: Mails to send, owner: crm}
  shop.print: {type: quorum, direct: true, description: Labels to print, owner: logistics}
""",
        hint="add `description` and `owner`",
        source="docs/yaml.md",
        check=_undescribed,
    ),
    Rule(
        "RT705",
        "foreign-object-changed",
        "error",
        default=False,
        why=(
            "The document says in `owns` which names are its own, and declares an object with another name. An "
            "apply creates and changes it, though it may be another team's."
        ),
        bad="""\
version: 1
owns: ["shop\\\\..*"]
queues:
  crm.mail: {type: quorum, direct: true}
""",
        good="""\
version: 1
owns: ["shop\\\\..*"]
queues:
  shop.mail: {type: quorum, direct: true}
""",
        hint="add its name to `owns`, or say `external: true` if it is somebody else's",
        source="docs/safety.md",
        check=_foreign,
    ),
)
