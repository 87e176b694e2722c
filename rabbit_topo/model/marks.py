"""What this tool leaves on a broker for a while, and how it knows it again.

Every such object has a name that begins with `RESERVED`, and a mark: an argument that RabbitMQ stores and shows, and
never compares (tried on 3.10.8, 4.0.5 and 4.3.6, on classic and quorum queues). A name alone is no mark.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from rabbit_topo.model.resources import Arguments, Exchange, Key, Kind, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model.resources import Plain

RESERVED: Final = "rabbit-topo."
MARK: Final = "x-rabbit-topo"
LOCK_NAME: Final = f"{RESERVED}lock"
_FORMAT: Final = 1
_LONGEST: Final = 255  # bytes of a name
_SHOWN_BYTES: Final = 150  # of the target's name; the digest tells names apart that are longer
_TRIAL_MS: Final = 60_000
_Marked = TypeVar("_Marked", bound=Exchange | Queue)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a marked object is for: a `purpose`, and the object it serves.

    `purpose` is "migrate" (a holding queue), "replace" (a journal), "into" (an exchange to publish through), "trial" or
    "lock". `more` is what the purpose needs beside, in JSON's types.

    >>> mark = Mark("migrate", Kind.QUEUE, "orders")
    >>> Mark.read(Arguments({MARK: mark.text})) == mark
    True
    """

    purpose: str
    kind: Kind
    name: str
    more: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def is_unfinished(self) -> bool:
        """Whether its object stays as long as a replacement is not at its end."""
        return self.purpose in {"migrate", "replace"}

    @property
    def text(self) -> str:
        """The argument's value."""
        stated = {"format": _FORMAT, "purpose": self.purpose, "kind": self.kind.value, "name": self.name}
        return json.dumps({**stated, **self.more}, ensure_ascii=False, sort_keys=True)

    @property
    def arguments(self) -> Arguments:
        """The mark alone, as arguments."""
        return Arguments({MARK: self.text})

    @classmethod
    def read(cls, arguments: Mapping[str, Plain]) -> Mark | None:
        """Read the mark among an object's arguments; None where there is none that this version writes.

        >>> Mark.read(Arguments({MARK: "mine"})), Mark.read(Arguments({}))
        (None, None)
        """
        try:
            stated = dict(json.loads(arguments[MARK]))
            if stated.pop("format") != _FORMAT:
                return None
            return cls(str(stated.pop("purpose")), Kind(stated.pop("kind")), str(stated.pop("name")), stated)
        except (KeyError, TypeError, ValueError):
            return None


def mark_of(resource: Queue | Exchange) -> Mark | None:
    """Return the mark of an object that is ours for a while; None for every other.

    The name must be the one that the mark gives it: whoever copies a mark to another name makes no object ours.
    """
    mark = Mark.read(resource.arguments)
    return mark if mark and resource.name == temporary_name(mark.purpose, mark.kind, mark.name) else None


def temporary_name(purpose: str, kind: Kind, name: str) -> str:
    """Name the object that serves `name`: readable, at most 255 bytes, and different for every target.

    >>> temporary_name("migrate", Kind.QUEUE, "shop.orders")
    'rabbit-topo.migrate.shop.orders~c400d1d2'
    """
    digest = hashlib.sha256(f"{purpose} {kind.value} {name}".encode()).hexdigest()[:8]
    shown = name.encode()[:_SHOWN_BYTES].decode(errors="ignore")
    return f"{RESERVED}{purpose}.{shown}~{digest}"


def trial_of(wanted: _Marked) -> _Marked:
    """Return the object by which a broker is asked whether it would take `wanted`: like it, under another name.

    A queue that a kill leaves behind ends by itself, except a stream.

    >>> trial_of(Queue("/", "orders", "quorum")).name
    'rabbit-topo.trial.orders~4c60cca0'
    >>> ["x-expires" in trial_of(one).arguments for one in (Queue("/", "q", "classic"), Queue("/", "q", "stream"))]
    [True, False]
    """
    mark = Mark("trial", wanted.key.kind, wanted.name)
    arguments = {**wanted.arguments, **mark.arguments}
    if isinstance(wanted, Queue) and wanted.type != "stream":
        arguments["x-expires"] = _TRIAL_MS
    return replace(wanted, name=temporary_name(mark.purpose, mark.kind, mark.name), arguments=Arguments(arguments))


def no_queue_name(name: str) -> str:
    """Say why nobody can declare a queue of this name; empty where somebody can.

    >>> no_queue_name("shop.lock"), no_queue_name("amq.lock")
    ('', 'a name has 1 to 255 bytes, no control characters, and does not begin with amq.')
    """
    if name and not name.startswith("amq.") and name.isprintable() and len(name.encode()) <= _LONGEST:
        return ""
    return f"a name has 1 to {_LONGEST} bytes, no control characters, and does not begin with amq."


def target_of(vhost: str, mark: Mark) -> Key:
    """Return the key of the object that a mark names."""
    return Key(vhost, mark.kind, mark.name)
