"""What is taken, laid out in files: one document a vhost and file, as a person would write it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rabbit_topo.adopt.cover import cover, exactly
from rabbit_topo.adopt.options import binding_entries, exchange_options, policy_options, queue_options
from rabbit_topo.adopt.sharing import Described, share
from rabbit_topo.adopt.splitting import SHARED, Distinct, file_name, homes
from rabbit_topo.adopt.types import File
from rabbit_topo.arguments.order import SECTIONS
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Kind, Policy, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbit_topo.adopt.options import Options
    from rabbit_topo.adopt.types import Selection, Split
    from rabbit_topo.model import Key

_NAMED = ("exchanges", "queues", "policies")  # sections in which things stand by their names
_USUAL = "/"
_ROOT = "root"  # the folder of that vhost, where there are several


@dataclass(slots=True)
class _Draft:
    """One document in the making, by section; `path` is its file's, without the ending."""

    path: str
    vhost: str
    owns: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    defaults: dict[str, Options] = field(default_factory=dict)
    profiles: dict[str, dict[str, Options]] = field(default_factory=dict)
    exchanges: dict[str, Options] = field(default_factory=dict)
    queues: dict[str, Options] = field(default_factory=dict)
    bindings: list[Options] = field(default_factory=list)
    policies: dict[str, Options] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what is written, sections in their usual order and names sorted."""
        said = {section: getattr(self, section) for section in SECTIONS if getattr(self, section, None)}
        named = {section: dict(sorted(said[section].items())) for section in _NAMED if section in said}
        vhost = said.pop("vhost")
        # a document that says nothing else must say at least of which vhost
        head = {"version": 1} | ({"vhost": vhost} if vhost != _USUAL or not said else {})
        return {**head, **said, **named}


def documents(selection: Selection, split: Split = "prefix") -> tuple[File, ...]:
    """Lay out a selection in files, sorted by path. A vhost of which nothing is taken has a document, too.

    Where several vhosts are taken, each has a folder of its own.
    """
    layout = _Layout(selection, split)
    for vhost in selection.vhosts:
        layout.add(vhost)
    layout.share()
    return layout.files()


class _Layout:
    """The documents of all vhosts, and the objects in them that may share options."""

    def __init__(self, selection: Selection, split: Split) -> None:
        self._selection = selection
        self._split = split
        self._vhosts: set[str] = set()  # that have a document
        self._drafts: dict[tuple[str, str], _Draft] = {}
        self._named: dict[str, list[tuple[_Draft, Key, Options]]] = {"exchanges": [], "queues": []}
        self._bindings: dict[Key, list[Options]] = {}
        self._folders = _folders(selection.vhosts)
        # Bindings that stay on the broker and are in no file are no drift where they lead to.
        stay = [one.key for one in selection.skipped if one.key.kind is Kind.BINDING]
        self._open = {(key.vhost, key.destination_kind, key.destination) for key in stay}
        self._of: defaultdict[str, list[Exchange | Queue | Binding | Policy]] = defaultdict(list)
        for key, resource in selection.taken.items():
            self._of[key.vhost].append(resource)
        self._external_of: defaultdict[str, list[Exchange | Queue]] = defaultdict(list)
        for _, external in sorted(selection.external.items()):
            self._external_of[external.vhost].append(external)

    def add(self, vhost: str) -> None:
        """Lay out one vhost."""
        resources = self._of[vhost]
        homes_of = homes(resources, self._split)
        bindings: defaultdict[Key, list[Binding]] = defaultdict(list)
        types: dict[str, str | None] = dict(PREDECLARED)
        for external in self._external_of[vhost]:
            if isinstance(external, Exchange):
                types[external.name] = external.type
        for one in resources:
            if isinstance(one, Binding):
                bindings[one.destination_key].append(one)
            elif isinstance(one, Exchange):
                types[one.name] = one.type
        for one in resources:
            if not isinstance(one, Binding):
                self._add(one, homes_of[one.key], bindings, types)
        for destination, some in sorted(bindings.items()):
            source = some[0].source_key
            self._draft(vhost, homes_of.get(source, SHARED)).bindings += [
                _free(entry, destination) for entry in binding_entries(some, types)
            ]
        self._add_external(vhost, homes_of)
        self._add_scope(vhost, homes_of)
        if vhost not in self._vhosts:
            self._draft(vhost, "topology")

    def _add(
        self,
        one: Exchange | Queue | Policy,
        file: str,
        bindings: dict[Key, list[Binding]],
        types: Mapping[str, str | None],
    ) -> None:
        """Write one object down; the bindings that lead to it are taken out of `bindings`."""
        draft = self._draft(one.vhost, file)
        if isinstance(one, Policy):
            draft.policies[one.name] = policy_options(one)
            return
        if arriving := bindings.pop(one.key, None):
            self._bindings[one.key] = binding_entries(arriving, types)
        if isinstance(one, Exchange):
            self._named["exchanges"].append((draft, one.key, exchange_options(one)))
        else:
            self._named["queues"].append((draft, one.key, queue_options(one)))

    def _add_external(self, vhost: str, homes_of: Mapping[Key, str]) -> None:
        """Mention what is somebody else's in the first file in which a binding touches it."""
        files: defaultdict[Key, set[str]] = defaultdict(set)
        for one in self._of[vhost]:
            if isinstance(one, Binding):
                for end, other in ((one.source_key, one.destination_key), (one.destination_key, one.source_key)):
                    if other in homes_of:
                        files[end].add(homes_of[other])
        for external in self._external_of[vhost]:
            draft = self._draft(vhost, min(files[external.key], default=SHARED))
            options: Options = {"external": True}
            if isinstance(external, Exchange):
                draft.exchanges[external.name] = options | ({"type": external.type} if external.type else {})
            else:
                draft.queues[external.name] = options

    def _add_scope(self, vhost: str, homes_of: Mapping[Key, str]) -> None:
        """Say what is ours in the file where most of it stands, and what never is in the shared one."""
        files: dict[str, list[str]] = defaultdict(list)
        for key, file in homes_of.items():
            files[key.name].append(file)
        others = self._selection.others.get(vhost, frozenset())
        # Who was not told of everything cannot say that all names of one beginning are ours: they would be pruned.
        covering = cover if self._selection.complete else exactly
        for one in covering(files.keys(), others):
            home = min(file for name in one.names for file in files[name])
            self._draft(vhost, home).owns.append(one.pattern)
        if ignored := self._selection.ignored.get(vhost):
            self._draft(vhost, SHARED).ignore += [one.pattern for one in ignored]

    def share(self) -> None:
        """Lift what objects share into defaults and profiles, and put the objects into their documents."""
        for section, named in self._named.items():
            shared = share(
                [Described(draft.path, key.name, options) for draft, key, options in named],
                with_type=section == "queues",
            )
            for (draft, key, _), options in zip(named, shared.options, strict=True):
                stays = (key.vhost, str(key.kind), key.name) in self._open
                entries = self._bindings.get(key)
                getattr(draft, section)[key.name] = {
                    **options,
                    **({"open_bindings": True} if stays else {}),
                    **({"bindings": entries} if entries else {}),
                }
            drafts = {draft.path: draft for draft, _, _ in named}
            for path, defaults in shared.defaults.items():
                drafts[path].defaults[section] = defaults
            for name, options in shared.profiles.items():
                self._home_of_profile(shared.users[name], drafts).profiles.setdefault(section, {})[name] = options

    def _home_of_profile(self, users: frozenset[str], drafts: Mapping[str, _Draft]) -> _Draft:
        """Return the one document that uses a profile, or the one that all share; there it belongs to no vhost."""
        if len(users) == 1:
            return drafts[next(iter(users))]
        return self._draft(_USUAL if len(self._selection.vhosts) > 1 else self._selection.vhosts[0], SHARED, top=True)

    def _draft(self, vhost: str, file: str, *, top: bool = False) -> _Draft:
        folder = "" if top else self._folders[vhost]
        path = f"{folder}{file}"
        self._vhosts.add(vhost)
        return self._drafts.setdefault((path, vhost), _Draft(path, vhost))

    def files(self) -> tuple[File, ...]:
        """Return the files, sorted by path."""
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for (path, _), draft in sorted(self._drafts.items()):
            found[path].append(draft.document())
        return tuple(File(f"{path}.yaml", tuple(pages)) for path, pages in found.items())


def _folders(vhosts: Sequence[str]) -> dict[str, str]:
    """Return the folder of each vhost, none where there is one only; no two vhosts share one."""
    if len(vhosts) < 2:  # noqa: PLR2004 - the first of several
        return dict.fromkeys(vhosts, "")
    safe = {vhost: _ROOT if vhost == _USUAL else file_name(vhost) for vhost in vhosts}
    given = Distinct()
    return {vhost: f"{given.name(safe[vhost])}/" for vhost in sorted(vhosts, key=lambda one: (safe[one] != one, one))}


def _free(entry: Options, destination: Key) -> Options:
    """Let an entry name where it leads."""
    end = "queue" if destination.kind is Kind.QUEUE else "to_exchange"
    return {"exchange": entry["exchange"], end: destination.name} | entry
