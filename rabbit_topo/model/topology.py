"""What the files say: resources by key, and beside them the notes that are no part of the comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from rabbit_topo.model.resources import Binding, Vhost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbit_topo.model.resources import Key, Kind, Plain, Resource


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file; line and column start at 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Spell it as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that says which findings are meant to be: `# rabbit-topo: ignore[RT203] reason`, or `file-ignore`.

    `codes` are codes, families and names as written. `target_line` is the line that it speaks of: its own if something
    stands before the comment, else the next one that is neither blank nor a comment. A `whole_file` one that does not
    stand at the top is `misplaced`, and suppresses nothing. Neither does one whose form nobody knows: it has no
    codes, and `said` is all that it says.
    """

    file: str
    line: int
    column: int
    codes: tuple[str, ...]
    whole_file: bool = False
    target_line: int = 0
    misplaced: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a resource beside its comparable self.

    `stated` names the fields that an external mention gives: `type`, `durable`, `auto_delete`,
    `internal`, and `arguments.NAME` for each argument. `unprotect` says that the object itself, and no profile, says
    `protect: false`: that alone ends a protection that is kept on the broker. `protected_by` names the project in whose
    inventory it is protected, where the files do not say so.
    """

    origin: Origin | None = None
    description: str = ""
    owner: str = ""
    protect: bool = False
    unprotect: bool = False
    protected_by: str = ""
    external: bool = False
    stated: frozenset[str] = frozenset()
    open_bindings: bool = False
    direct: bool = False
    retry: bool = False


NO_NOTE = Note()


@dataclass(frozen=True)
class Scope:
    """What is ours beyond what is declared, and what never is: patterns by vhost.

    Patterns are regular expressions that must match the whole name. `owned` is what an inventory on the broker knows,
    and the project that it is of.
    """

    owns_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    owned: Mapping[Key, str] = field(default_factory=dict)

    @cached_property
    def _owns(self) -> Mapping[str, re.Pattern[str]]:
        return {vhost: _any_of(patterns) for vhost, patterns in self.owns_patterns.items() if patterns}

    @cached_property
    def _ignores(self) -> Mapping[str, re.Pattern[str]]:
        return {vhost: _any_of(patterns) for vhost, patterns in self.ignore_patterns.items() if patterns}

    def ignores(self, vhost: str, name: str) -> bool:
        """Say whether `ignore:` takes this name out."""
        pattern = self._ignores.get(vhost)
        return bool(pattern and pattern.fullmatch(name))

    def owns(self, vhost: str, name: str) -> bool:
        """Say whether `owns:` covers this name, and `ignore:` does not."""
        pattern = self._owns.get(vhost)
        return bool(pattern and pattern.fullmatch(name)) and not self.ignores(vhost, name)

    def covers(self, key: Key) -> bool:
        """Say whether an undeclared object is ours: by `owns:`, or by the inventory; `ignore:` takes it out.

        A binding is ours by the inventory alone, and taken out with what it leads to.
        """
        if key.destination_kind:
            return key in self.owned and not self.ignores(key.vhost, key.destination)
        return self.owns(key.vhost, key.name) or (key in self.owned and not self.ignores(key.vhost, key.name))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # A line feed is a character like others: a policy may have one in its name.
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who sends what: an exchange, a routing key, and publishing options.

    `options` are those of the YAML after merging: `delivery_mode`, `mandatory`, `serializer`,
    `retry`, `retry_policy`, `headers`, `content_type`, `compression`, `priority` and `expiration`,
    which is a whole number of milliseconds.
    """

    name: str
    vhost: str
    exchange: str
    routing_key: str = ""
    options: Mapping[str, Plain] = field(default_factory=dict)
    note: Note = NO_NOTE


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who takes from which queues; `options` holds `prefetch` and the like."""

    name: str
    vhost: str
    queues: tuple[str, ...]
    options: Mapping[str, Plain] = field(default_factory=dict)
    note: Note = NO_NOTE


@dataclass(frozen=True, slots=True)
class RouteTest:
    """A route test as written: checked for its form, and run by `rabbit_topo.routing`.

    `case_origins` are the places of its `cases:`, in their order.
    """

    name: str
    vhost: str
    body: Mapping[str, Plain]
    origin: Origin | None = None
    case_origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Topology:
    """Resources by key, and beside them what is no part of the comparison.

    `vhosts` are those that the files name (or that the broker has); they stand in `resources`
    too, as `Vhost`. `absent` maps what is to be deleted to where it says so.
    """

    resources: Mapping[Key, Resource] = field(default_factory=dict)
    notes: Mapping[Key, Note] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    absent: Mapping[Key, Note] = field(default_factory=dict)
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    tests: tuple[RouteTest, ...] = ()
    files: tuple[str, ...] = ()

    @classmethod
    def naming(cls, *vhosts: str) -> Self:
        """Name vhosts and declare nothing in them: what to observe when everything is wanted."""
        return cls(resources={vhost.key: vhost for vhost in map(Vhost, vhosts)})

    def note(self, key: Key) -> Note:
        """Return what is noted of a resource."""
        return self.notes.get(key, NO_NOTE)

    @property
    def vhosts(self) -> tuple[str, ...]:
        """The vhosts named, sorted."""
        return tuple(sorted({key.vhost for key in self.resources} | {key.vhost for key in self.absent}))

    @cached_property
    def _ends(self) -> Mapping[tuple[str, Key], list[Binding]]:
        ends: dict[tuple[str, Key], list[Binding]] = {}
        for _, resource in sorted(self.resources.items()):
            if isinstance(resource, Binding):
                ends.setdefault(("from", resource.source_key), []).append(resource)
                ends.setdefault(("into", resource.destination_key), []).append(resource)
        return ends

    def bindings_from(self, key: Key) -> Sequence[Binding]:
        """Return the bindings that leave an exchange, in the order of their keys."""
        return self._ends.get(("from", key), ())

    def bindings_into(self, key: Key) -> Sequence[Binding]:
        """Return the bindings that lead to a queue or an exchange, in the order of their keys."""
        return self._ends.get(("into", key), ())

    def of(self, kind: Kind) -> list[Resource]:
        """Return the resources of one kind, in the order of their keys."""
        return [self.resources[key] for key in sorted(self.resources) if key.kind is kind]


def frozen(items: Mapping[str, Plain]) -> Mapping[str, Plain]:
    """Return a read-only view of a copy."""
    return MappingProxyType(dict(items))
