"""An import on a page: what was taken, what was not and why, and what to do next."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.filenames import CONFIG_NAME
from rabbit_topo.model import Kind
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import INDENT, Span, pair, wrapped
from rabbit_topo.report.text import section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.adopt.types import Adoption, Skipped
    from rabbit_topo.model import Key, Plain
    from rabbit_topo.report.layout import Line

KINDS: Final = ("exchange", "queue", "binding", "policy")
_FEW: Final = 3  # names that stand for the rest
_SHARED: Final = {"profiles": "profiles", "ignore": "what is ignored"}
_MANY: Final = 12  # files that are listed one by one
_PART: Final = re.compile(r"(?P<stem>.*)-[0-9]+\.yaml", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where an import went: a project's folder and its new files, relative to it; no folder, and they were printed.

    `config_kept` says that its configuration was there already and stays, `config_astray` that it names other sources
    than these. `next` is the command line that plans them.
    """

    folder: str | None
    new: tuple[str, ...] = ()
    config_kept: bool = False
    config_astray: bool = False
    next: str = "rabbit-topo plan"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many objects of each kind a document declares; `external` ones are mentioned only."""

    counts: Mapping[str, int]
    external: int = 0

    @property
    def words(self) -> str:
        """Spell it: `2 exchanges, 3 queues`."""
        said = [counted(self.counts[kind], kind) for kind in KINDS if self.counts[kind]]
        said += [f"{self.external:,} of others"] if self.external else []
        return ", ".join(said) or "nothing"


@dataclass(frozen=True, slots=True)
class ProfileUse:
    """A profile, the kind of objects that use it, and how many do."""

    kind: str
    name: str
    users: int


def tally(documents: Iterable[Mapping[str, Plain]]) -> Tally:
    """Count what documents declare.

    >>> entry = {"exchange": "x", "routing_keys": ["a", "b"]}
    >>> tally([{"exchanges": {"x": {"external": True}}, "queues": {"q": {"bindings": [entry]}}}]).words
    '1 queue, 2 bindings, 1 of others'
    """
    counts: Counter[str] = Counter()
    external = 0
    for document in documents:
        for kind, name in (("exchange", "exchanges"), ("queue", "queues"), ("policy", "policies")):
            for options in document.get(name, {}).values():
                others = bool(options.get("external"))
                external += others
                counts[kind] += not others
                counts["binding"] += _bindings(options.get("bindings", ()))
        counts["binding"] += _bindings(document.get("bindings", ()))
    return Tally(counts, external)


def _bindings(entries: Iterable[Mapping[str, Any]]) -> int:
    return sum(len(entry.get("routing_keys", ("",))) for entry in entries)


def profiles(adoption: Adoption) -> list[ProfileUse]:
    """Return the profiles that were made, the most used first."""
    users: Counter[tuple[str, str]] = Counter()
    made: list[tuple[str, str]] = []
    for file in adoption.files:
        for document in file.documents:
            for kind, named in document.get("profiles", {}).items():
                made += [(kind, name) for name in named]
            for kind in ("exchanges", "queues"):
                for options in document.get(kind, {}).values():
                    used = options.get("use", ())
                    users.update((kind, name) for name in ([used] if isinstance(used, str) else used))
    found = [ProfileUse(kind, name, users[kind, name]) for kind, name in made]
    return sorted(found, key=lambda profile: (-profile.users, profile.kind, profile.name))


def import_lines(adoption: Adoption, landing: Landing, width: int, *, verbose: bool = False) -> Iterator[Line]:
    """Render an import: what was read and taken, by file; what was not, and why; the next step.

    With `verbose` every name is listed, else a few that stand for the rest.
    """
    chosen = adoption.selection
    yield pair("source", f"{words.clean(adoption.source)}  RabbitMQ {words.clean(adoption.version)}".rstrip())
    every = tally(document for file in adoption.files for document in file.documents)
    vhosts = [words.label(vhost) for vhost in chosen.vhosts]
    where = f"vhost {vhosts[0]}" if len(vhosts) == 1 else f"{len(vhosts)} vhosts"
    yield from wrapped("  taken     ", "dim", f"{every.words}; {where}", width)
    yield from _files(adoption, width, verbose=verbose)
    yield from _profiles(adoption, width)
    yield from _skipped(chosen.skipped, width, several=len(vhosts) > 1, verbose=verbose)
    yield from _ignored(adoption, width, verbose=verbose)
    yield from _beyond(adoption, width, verbose=verbose)
    yield from _end(landing, width)


def _files(adoption: Adoption, width: int, *, verbose: bool) -> Iterator[Line]:
    """List the files; of a domain that is cut into parts the first and the last, with all that is in them."""
    several = len(adoption.selection.vhosts) > 1
    rows = [
        (file.path, document, f"  (vhost {words.label(document.get('vhost', '/'))})" if several else "")
        for file in adoption.files
        for document in file.documents
    ]
    told = [(words.clean(path), _told([page]) + where) for path, page, where in rows]
    if not verbose:
        parts = [
            (stem, list(some)) for stem, some in groupby(rows, lambda row: (_PART.sub(r"\g<stem>", row[0]), row[2]))
        ]
        told = [
            (
                words.clean(_range([*dict.fromkeys(path for path, *_ in some)])),
                _told([page for _, page, _ in some]) + where,
            )
            for (_, where), some in parts
        ]
    shown = told if verbose or len(told) <= _MANY + 1 else told[:_MANY]
    column = min(max((len(path) for path, _ in shown), default=0), 40)
    yield from section("FILES", "below topology/", told)
    for path, what in shown:
        yield from wrapped(f"  {path:<{column}}  ", "create", what, width)
    if len(shown) < len(told):
        yield (Span(f"{INDENT}and {len(told) - len(shown):,} more; -v lists them", "dim"),)


def _range(paths: Sequence[str]) -> str:
    """Spell the parts of a domain.

    >>> _range(["q-01.yaml", "q-02.yaml", "q-03.yaml"]), _range(["q.yaml"])
    ('q-01.yaml to q-03.yaml', 'q.yaml')
    """
    return paths[0] if len(paths) == 1 else f"{paths[0]} to {paths[-1].rpartition('/')[2]}"


def _told(documents: Sequence[Mapping[str, Plain]]) -> str:
    """Say what documents declare, else which of the sections they have that others read."""
    found = tally(documents)
    shared = [gloss for name, gloss in _SHARED.items() if any(name in document for document in documents)]
    return ", ".join(shared) if shared and not (found.external or any(found.counts.values())) else found.words


def _profiles(adoption: Adoption, width: int) -> Iterator[Line]:
    made = profiles(adoption)
    yield from section("PROFILES", "options that many share, under a name", made)
    column = min(max((len(words.label(profile.name)) for profile in made), default=0), 32)
    for profile in made:
        head = f"  {words.label(profile.name):<{column}}  "
        yield from wrapped(head, "bold", counted(profile.users, profile.kind.removesuffix("s")), width)


def _skipped(rows: Sequence[Skipped], width: int, *, several: bool, verbose: bool) -> Iterator[Line]:
    groups: defaultdict[tuple[str, Kind], list[Key]] = defaultdict(list)
    for row in rows:
        groups[row.reason, row.key.kind].append(row.key)
    yield from section("NOT TAKEN", "what files cannot declare, or should not", rows)
    for (reason, kind), keys in groups.items():
        noun = counted(len(keys), kind).partition(" ")[2]
        yield from wrapped(f"  {len(keys):>5,}  ", "update", f"{noun}: {reason}", width)
        yield from _names([_spelled(key, tell_vhost=several and verbose) for key in keys], width, verbose=verbose)


def _ignored(adoption: Adoption, width: int, *, verbose: bool) -> Iterator[Line]:
    found = [one for _, some in sorted(adoption.selection.ignored.items()) for one in some]
    yield from section("IGNORED", "they come and go with a program: `ignore:` says so", found)
    for one in found:
        yield from wrapped(f"  {len(one.names):>5,}  ", "dim", f"{one.why}: {one.pattern}", width)
        if verbose:
            yield from _names([words.label(name) for name in one.names], width, verbose=True)


def _beyond(adoption: Adoption, width: int, *, verbose: bool) -> Iterator[Line]:
    found = adoption.beyond
    yield from section("BEYOND", "there, and no part of a topology: not taken", found)
    column = max((len(one.kind) for one in found), default=0)
    for one in found:
        number = "?" if one.unseen else f"{len(one.names):,}"
        yield from wrapped(f"  {words.clean(one.kind):<{column}}  {number:>5}  ", "dim", one.unseen, width)
        if verbose:
            yield from _names([words.label(name) for name in one.names], width, verbose=True)


def _end(landing: Landing, width: int) -> Iterator[Line]:
    yield ()
    yield from wrapped("  checked   ", "good", "the plan of these files is empty, with --prune too", width)
    if landing.folder is None:
        return
    yield from wrapped("  written   ", "dim", _written(landing), width)
    if landing.config_kept:
        told = f"{CONFIG_NAME}, as it was" + ("; add topology/ to its `sources`" if landing.config_astray else "")
        yield from wrapped("  kept      ", "update" if landing.config_astray else "dim", told, width)
    yield from wrapped("  next      ", "bold", landing.next, width)


def scaffold_lines(folder: str, new: Sequence[str], over: Sequence[str] = ()) -> Iterator[Line]:
    """Render the example project that was written into a folder: its files, and what to do with them.

    `over` are those of the files that took the place of others; a configuration that is not new was there and stays.
    """
    for number, path in enumerate(new):
        place = words.clean(path if folder == "." else f"{folder}/{path}")
        yield pair("" if number else "written", place + (" (in place of the one before)" if path in over else ""))
    if CONFIG_NAME not in new:
        yield pair("kept", words.clean(CONFIG_NAME if folder == "." else f"{folder}/{CONFIG_NAME}"))
    yield ()
    steps = [] if folder == "." else [(f"cd {words.clean(folder)}", "")]
    steps += [
        ("rabbit-topo test", "ask where messages go, without a broker"),
        ("rabbit-topo plan", "compare with the broker in rabbit-topo.yaml"),
        ("rabbit-topo apply", "do it"),
    ]
    for number, (step, why) in enumerate(steps):
        yield (*pair("" if number else "next", f"{step:<19}"), Span(why, "dim"))


def _written(landing: Landing) -> str:
    number = sum(path.startswith("topology/") for path in landing.new)
    others = sorted({path if "/" not in path else path.partition("/")[0] + "/" for path in landing.new} - {"topology/"})
    place = "" if landing.folder == "." else f"{landing.folder}: "
    return place + ", ".join([*others, f"{counted(number, 'file')} in topology/"])


def _names(names: Sequence[str], width: int, *, verbose: bool) -> Iterator[Line]:
    """List names: a few that stand for the rest, or each on a line of its own."""
    if verbose:
        yield from ((Span(f"{INDENT} {name}"),) for name in names)
        return
    more = [f"and {len(names) - _FEW:,} more"] if len(names) > _FEW + 1 else []
    shown = names[:_FEW] if more else names
    yield from wrapped(f"{INDENT} ", "", ", ".join([*shown, *more]), width)


def _spelled(key: Key, *, tell_vhost: bool) -> str:
    name = words.label(key.name)
    if key.kind is Kind.BINDING:
        name += f" --[{words.clean(key.routing_key)}]--> {key.destination_kind} {words.label(key.destination)}"
    return name + (f" (vhost {words.clean(key.vhost)})" if tell_vhost else "")
