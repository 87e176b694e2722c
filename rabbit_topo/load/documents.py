"""From documents to a topology: what each says, and then what only all of them together can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.filenames import TEST_ENDINGS
from rabbit_topo.load import bindings, objects, parties, policies, route_tests
from rabbit_topo.load.draft import Draft, End
from rabbit_topo.load.merge import Profiles
from rabbit_topo.load.nodes import YMap, origin
from rabbit_topo.load.problems import NOWHERE, Problems, quoted
from rabbit_topo.load.shapes import TEST_FILE, TOPOLOGY
from rabbit_topo.load.structure import Walk
from rabbit_topo.model import Exchange, Key, Kind, Note, Policy, Queue, Scope, Topology, Vhost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rabbit_topo.load.yaml_nodes import Document
    from rabbit_topo.model import Origin, Plain, Resource

_SAYS_SOMETHING_OF_A_VHOST = (
    "owns",
    "ignore",
    "exchanges",
    "queues",
    "bindings",
    "policies",
    "publishers",
    "consumers",
    "absent",
)


LIKE_DEFINITIONS = "this looks like a broker's definitions file, not like a topology file"
_OF_A_BROKER = ("rabbit_version", "rabbitmq_version")
_LISTED = ("exchanges", "queues", "bindings")  # an export of a single vhost says no version


class _Page(NamedTuple):
    """A document that has the right shape, and its vhost."""

    root: YMap
    vhost: str
    place: int
    is_test: bool


class Settled(NamedTuple):
    """A topology of what is right in files, and the objects of which something is missing; see `Tolerant`."""

    topology: Topology
    damaged: frozenset[Key]
    partial: frozenset[Key]


def topology(
    documents: Sequence[Document], files: tuple[str, ...], vhost: str, problems: Problems, *, tests: bool
) -> Settled:
    """Return a topology of what is right, and the objects of which something was left out; `problems` says why.

    With `tests`, what route tests name must be there.
    """
    walk = Walk(problems)
    profiles = Profiles(problems)
    draft = Draft(problems, walk, profiles)
    pages = [page for document in documents if (page := _page(document, vhost, walk, problems))]
    for page in pages:
        for kind, named in (page.root.get("profiles") or {}).items():
            if named:
                profiles.add(kind, named)
    for page in pages:
        _read(draft, page)
    draft.settle_mentions()
    bindings.settle(draft)
    for page in pages:
        _each(draft, page, "publishers", parties.publisher)
        _each(draft, page, "consumers", parties.consumer)
    known = tests and not all(page.is_test for page in pages)
    for page in pages:
        for test, place in page.root["tests"].with_places() if page.root.get("tests") else ():
            route_tests.route_test(draft, page.vhost, test, place, known=known)
    scope = Scope(
        {name: tuple(patterns) for name, patterns in draft.owns.items()},
        {name: tuple(patterns) for name, patterns in draft.ignore.items()},
    )
    _contradictions(draft, scope)
    found = Topology(
        draft.kept(),
        draft.kept_notes(),
        scope,
        draft.absent,
        {name: party for name, party in draft.publishers.items() if name not in draft.spoilt_publishers},
        draft.consumers,
        tuple(draft.tests),
        files,
    )
    return Settled(found, frozenset(draft.damaged | draft.spoilt), frozenset(draft.partial | _under(draft)))


def _under(draft: Draft) -> set[Key]:
    """Return the objects that may be under a policy of which something was left out."""
    partial = [one for key in draft.partial if isinstance(one := draft.resources.get(key), Policy)]
    targets = [one for one in draft.resources.values() if isinstance(one, Queue | Exchange)]
    under = {one.key for one in targets if one.vhost in draft.lost_policies}
    for policy in partial:
        under |= {one.key for one in targets if one.vhost == policy.vhost and policies.may_reach(policy, one.name)}
    return under


def _page(document: Document, default_vhost: str, walk: Walk, problems: Problems) -> _Page | None:
    root, file, place = document
    if is_definitions(root):
        problems.unreadable = True
        hint = (
            f"`lint`, `route`, `test` and `export` read it with --from {file}, "
            f"`plan` and `check` with --broker {file}; `rabbit-topo import {file}` makes topology files of it"
        )
        problems.add(file, NOWHERE, LIKE_DEFINITIONS, hint)
        return None
    is_test = file.endswith(TEST_ENDINGS)
    if not walk.check(TEST_FILE if is_test else TOPOLOGY, "a document", root, file, place):
        return None
    if "version" not in root and "version" not in root.dropped:
        problems.add(file, place, "the document does not say its version", "start it with `version: 1`")
    if root.dropped & {"vhost", "exchanges", "queues", "profiles"}:
        problems.lost = True  # or nobody knows which vhost the rest belongs to
    return _Page(root, root.get("vhost") or default_vhost, place, is_test)


def is_definitions(root: Plain) -> bool:
    """Say whether a document is a broker's own: it says of which version, or lists what ours name."""
    if not isinstance(root, dict) or "version" in root:
        return False
    return not root.keys().isdisjoint(_OF_A_BROKER) or all(isinstance(root.get(one), list) for one in _LISTED)


def _read(draft: Draft, page: _Page) -> None:
    root, vhost = page.root, page.vhost
    names_vhost = "vhost" in root and not page.is_test
    if names_vhost or any(root.get(key) is not None for key in _SAYS_SOMETHING_OF_A_VHOST):
        place = root.value_place("vhost") if names_vhost else page.place
        resource = Vhost(vhost)
        draft.resources.setdefault(resource.key, resource)
        draft.notes.setdefault(resource.key, Note(origin=origin(root.file, place)))
    for plural, kind in (("exchanges", Kind.EXCHANGE), ("queues", Kind.QUEUE)):
        if (named := root.get(plural)) is not None:
            draft.lost.update(Key(vhost, kind, name) for name in named.dropped)
    named = root.get("policies")
    if "policies" in root.dropped or (named is not None and named.dropped):
        draft.lost_policies.add(vhost)
    _patterns(draft, root, vhost)
    _each(draft, page, "exchanges", objects.exchange)
    _each(draft, page, "queues", objects.queue)
    for name, options in (root.get("exchanges") or {}).items():
        bindings.nested(draft, vhost, End(Kind.EXCHANGE, name, root["exchanges"].key_place(name)), options)
    for name, options in (root.get("queues") or {}).items():
        bindings.nested(draft, vhost, End(Kind.QUEUE, name, root["queues"].key_place(name)), options)
    if free := root.get("bindings"):
        bindings.free_standing(draft, vhost, free)
    for name, written in (root.get("policies") or {}).items():
        policies.policy(draft, vhost, name, written, root["policies"].key_place(name))
    if gone := root.get("absent"):
        parties.absent(draft, vhost, gone)


def _patterns(draft: Draft, root: YMap, vhost: str) -> None:
    """Read what is ours beyond what is declared, and what never is."""
    for key, patterns in (("owns", draft.owns), ("ignore", draft.ignore)):
        patterns.setdefault(vhost, {}).update(dict.fromkeys(root.get(key) or ()))
    for pattern, at in root["ignore"].with_places() if root.get("ignore") else ():
        draft.ignored_at.setdefault((vhost, pattern), origin(root.file, at))


def _each(draft: Draft, page: _Page, kind: str, read: Callable[[Draft, str, str, YMap, int], None]) -> None:
    """Read every object of a kind, after laying its layers over each other."""
    named: YMap | None = page.root.get(kind)
    if not named:
        return
    defaults = (page.root.get("defaults") or {}).get(kind)
    for name, own in named.items():
        place = named.key_place(name)
        layers = None if own.get("external") else defaults
        read(draft, page.vhost, name, draft.profiles.effective(kind, name, own, place, layers), place)


def _contradictions(draft: Draft, scope: Scope) -> None:
    kinds = (Kind.EXCHANGE, Kind.QUEUE, Kind.POLICY)
    for key, note in draft.notes.items():
        if key.kind in kinds and not note.external and scope.ignores(key.vhost, key.name):
            what = f"the {key.kind} {quoted(key.name)} is declared"
            message = f"{what}, and `ignore` says that it is never ours ({_ignored_at(draft, key)})"
            draft.report(note.origin, message, "narrow the pattern in `ignore`, or say `external: true`")
    for key, note in draft.absent.items():
        binding = key.kind is Kind.BINDING
        what = f"the binding {bindings.spelled(key)}" if binding else f"the {key.kind} {quoted(key.name)}"
        owner = key.ends[-1] if binding else key
        if key in draft.resources:
            first = draft.notes[key]
            why = "is external" if first.external else "is protected" if first.protect else "is declared"
            draft.report(note.origin, f"{what} is to be absent, and {why} at {first.origin}", "keep one of the two")
        elif scope.ignores(owner.vhost, owner.name):
            whose = f"its {owner.kind} {quoted(owner.name)}" if binding else "it"
            message = (
                f"{what} is to be deleted, and `ignore` says that {whose} is never ours ({_ignored_at(draft, owner)})"
            )
            draft.report(note.origin, message, "narrow the pattern in `ignore`")
    for key, resource in draft.resources.items():
        if draft.notes[key].external:
            continue
        for name in _exchanges_named(resource):
            if gone := draft.absent.get(Key(key.vhost, Kind.EXCHANGE, name)):
                message = f"the {key.kind} {quoted(key.name)} names the exchange {quoted(name)}"
                hint = "name another exchange, or take it out of `absent`"
                draft.report(draft.notes[key].origin, f"{message}, which is to be absent at {gone.origin}", hint)
                draft.damaged.add(key)


def _exchanges_named(resource: Resource) -> list[str]:
    """Return the exchanges that an object or a policy sends dead letters or unroutable messages to."""
    match resource:
        case Queue():
            named = [resource.arguments.get("x-dead-letter-exchange")]
        case Exchange():
            named = [resource.arguments.get("alternate-exchange")]
        case Policy():
            named = [resource.definition.get(f"{role}-exchange") for role in ("dead-letter", "alternate")]
        case _:
            named = []
    return [name for name in named if isinstance(name, str)]


def _ignored_at(draft: Draft, key: Key) -> Origin:
    """Return the place of the first pattern that takes a name out."""
    return next(
        place
        for (vhost, pattern), place in draft.ignored_at.items()
        if vhost == key.vhost and Scope({}, {vhost: (pattern,)}).ignores(vhost, key.name)
    )
