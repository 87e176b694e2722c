"""The values that an import goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Binding, Exchange, Key, Plain, Policy, Queue

Split: TypeAlias = Literal["prefix", "exchange", "none"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """An object that is not taken, and why: a few words, without the object's name."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A pattern for names that come and go with some program, and the names there that it matches.

    `why` says whose they are, in a few words ("Celery's remote control"). `pattern` must match the whole name, and
    matches no name that is taken.
    """

    pattern: str
    why: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a broker holds beside its topology: `kind` in the plural ("users"), and the names, sorted.

    `unseen` says why nobody knows; then there are no names.
    """

    kind: str
    names: tuple[str, ...] = ()
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is taken of a broker, and what is not.

    `vhosts` are those that files are for, sorted. `taken` is ours from now on, sorted by `Key.order`. `external`
    are exchanges and queues that a taken binding touches, and that are not taken. `others` are the names of each vhost
    that are not taken, of whatever kind, with those that something there refers to and that nobody described. `ignored`
    is by vhost. `complete` says that nothing there was left out: else only single names are known to be ours.
    """

    vhosts: tuple[str, ...]
    taken: Mapping[Key, Exchange | Queue | Binding | Policy]
    external: Mapping[Key, Exchange | Queue] = field(default_factory=dict)
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ignored: Mapping[str, tuple[Ignored, ...]] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """A pattern of `owns:`, and the taken names that it matches, sorted."""

    pattern: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A topology file to be written: its path below the topology's folder, and its documents in order.

    A document is a mapping of plain values in the order in which they are to stand.
    """

    path: str
    documents: tuple[Mapping[str, Plain], ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """A whole import: what was read (`source` for people, without credentials), what is taken, and the files of it."""

    source: str
    version: str
    selection: Selection
    files: tuple[File, ...]
    beyond: tuple[Beyond, ...] = ()
