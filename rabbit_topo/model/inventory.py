"""What is noted on a broker of whose an object is, and which are protected: the inventory of a project.

It is a global parameter of RabbitMQ, one a project and vhost. It keeps a protection alive when the block that asked for
it is taken out of the files, and it knows again what the files no longer name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model.marks import RESERVED
from rabbit_topo.model.resources import Key, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model.topology import Topology

_FORMAT: Final = 1
_LONGEST: Final = len(Key._fields) - 1  # of a spelled key: its vhost is said once


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the inventory of `project` holds for the vhosts that were read.

    `owned_by` and `protected_by` tell the same of other projects: by key, which one. `gap` says why it cannot be seen:
    then nothing is known, and what could delete or replace something must not start.
    """

    project: str
    owned: frozenset[Key] = frozenset()
    protected: frozenset[Key] = frozenset()
    owned_by: Mapping[Key, str] = field(default_factory=dict)
    protected_by: Mapping[Key, str] = field(default_factory=dict)
    gap: str = ""

    @classmethod
    def read(cls, project: str, vhosts: Iterable[str], parameters: Mapping[str, Any]) -> Inventory:
        """Read the inventories of some vhosts out of the broker's global parameters, by name.

        >>> noted = Inventory("shop", frozenset({Key("/", Kind.QUEUE, "q")}))
        >>> Inventory.read("shop", ["/"], {parameter_name("shop", "/"): noted.value("/")}) == noted
        True
        """
        wanted = set(vhosts)
        owned: dict[str, set[Key]] = {}
        protected: dict[str, set[Key]] = {}
        for name, value in sorted(parameters.items()):
            whose, vhost = _named(name)
            if vhost not in wanted:
                continue
            roles = _read_value(whose, vhost, value)
            if roles is None:
                return cls(project, gap=f"the global parameter {name!r} is no inventory that this version can read")
            for keys, found in zip((owned, protected), roles, strict=True):
                keys.setdefault(whose, set()).update(found)
        return cls(
            project,
            frozenset(owned.pop(project, ())),
            frozenset(protected.pop(project, ())),
            {key: whose for whose, keys in owned.items() for key in keys},
            {key: whose for whose, keys in protected.items() for key in keys},
        )

    def value(self, vhost: str) -> dict[str, Any]:
        """Return the global parameter's value for one vhost, always in the same order."""
        lists = {
            role: [_spelled(key) for key in sorted(keys) if key.vhost == vhost]
            for role, keys in (("owned", self.owned), ("protected", self.protected))
        }
        return {"format": _FORMAT, "project": self.project, "vhost": vhost, **lists}

    def changed(self, after: Inventory) -> tuple[str, ...]:
        """Return the vhosts for which another inventory of the same project says something else, sorted."""
        differing = (self.owned ^ after.owned) | (self.protected ^ after.protected)
        return tuple(sorted({key.vhost for key in differing}))


def parameter_name(project: str, vhost: str) -> str:
    """Name the global parameter. A project's name holds no dot, so that the vhost's may.

    >>> parameter_name("shop", "eu.west")
    'rabbit-topo.shop.eu.west'
    """
    return f"{RESERVED}{project}.{vhost}"


def heed(declared: Topology, inventory: Inventory | None) -> Topology:
    """Return the files as they are read beside an inventory: what is protected there is, what is owned there is ours.

    A protection of our own inventory ends where the object itself is declared with `protect: false`; one of another
    project never ends here. What another project owns too is no stray of ours.
    """
    if inventory is None or not (inventory.owned or inventory.protected or inventory.protected_by):
        return declared
    notes = dict(declared.notes)
    for key in inventory.protected | inventory.protected_by.keys():
        note = declared.note(key)
        lifted = note.unprotect and not note.external and key in declared.resources
        if not note.protect and not (lifted and key not in inventory.protected_by):
            whose = inventory.project if key in inventory.protected else inventory.protected_by[key]
            notes[key] = replace(note, protect=True, protected_by=whose)
    owned = dict.fromkeys(inventory.owned - inventory.owned_by.keys(), inventory.project)
    return replace(declared, notes=notes, scope=replace(declared.scope, owned=owned))


def _spelled(key: Key) -> list[str]:
    parts = [str(part) for part in key[1:]]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _named(name: str) -> tuple[str, str | None]:
    """Return the project and the vhost that a global parameter is named after; no vhost where it is another's."""
    prefix, dot, rest = name.removeprefix(RESERVED).partition(".")
    return (prefix, rest) if dot and name.startswith(RESERVED) else ("", None)


def _read_value(project: str, vhost: str, value: Any) -> list[list[Key]] | None:
    """Return what is owned and what is protected; None where it is no inventory of this format."""
    try:
        stated = dict(value)
        if (stated["format"], stated["project"], stated["vhost"]) != (_FORMAT, project, vhost):
            return None
        found = [[_read_key(vhost, item) for item in stated[role]] for role in ("owned", "protected")]
    except (KeyError, TypeError, ValueError):
        return None
    return None if any(key is None for keys in found for key in keys) else [[*filter(None, keys)] for keys in found]


def _read_key(vhost: str, parts: Any) -> Key | None:
    """Read a key as it is spelled. Raises ValueError for an unknown kind, and TypeError for what is no list."""
    if not 1 < len(parts) <= _LONGEST or not all(isinstance(part, str) for part in parts):
        return None
    return Key(vhost, Kind(parts[0]), *parts[1:])
