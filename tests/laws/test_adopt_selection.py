"""An import takes what files can declare, and its plan has nothing to do but what was told."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from rabbit_topo.adopt import select
from rabbit_topo.adopt.cover import cover
from rabbit_topo.diff import Delete, diff
from rabbit_topo.load import load
from rabbit_topo.model import (
    Binding,
    Exchange,
    Kind,
    Note,
    Observed,
    Policy,
    Queue,
    Scope,
    Topology,
    Vhost,
)
from rabbit_topo.plan import Consent, make_plan
from tests.odd import NAMES, names, observations

if TYPE_CHECKING:
    from rabbit_topo.adopt.types import Selection

matches = st.sampled_from([None, None, r"shop\..*", ".*[a-m].*", "q[0-9]"])
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def scope_of(found: Selection) -> Scope:
    owns, ignores = {}, {}
    for vhost in found.vhosts:
        mine = {key.name for key in found.taken if key.vhost == vhost and key.kind is not Kind.BINDING}
        owns[vhost] = tuple(one.pattern for one in cover(mine, found.others[vhost]))
        ignores[vhost] = tuple(one.pattern for one in found.ignored.get(vhost, ()))
    return Scope(owns, ignores)


def topology_of(found: Selection) -> Topology:
    led_to = {(key.vhost, key.destination_kind, key.destination) for key in (skipped.key for skipped in found.skipped)}
    notes = {key: Note(open_bindings=(key.vhost, key.kind, key.name) in led_to) for key in found.taken}
    for key, one in found.external.items():
        notes[key] = Note(external=True, stated=frozenset({"type"} if one.type else ()))
    vhosts = {one.key: one for one in map(Vhost, found.vhosts)}
    return Topology({**vhosts, **found.taken, **found.external}, notes, scope_of(found))


@given(observations(), matches)
def test_a_plan_for_what_is_taken_has_nothing_to_do(observed: Observed, match: str | None) -> None:
    found = select(observed, None, match)
    declared = topology_of(found)

    changes = diff(observed, declared)

    assert changes == ()
    plan = make_plan(changes, observed, declared, Consent(prune=True))
    assert plan.empty
    assert not plan.remainder


@given(observations(), matches)
def test_stale_bindings_are_those_that_were_told(observed: Observed, match: str | None) -> None:
    found = select(observed, None, match)
    declared = replace(topology_of(found), notes={key: Note(external=True) for key in found.external})

    changes = diff(observed, declared)

    assert {change.key for change in changes} <= {skipped.key for skipped in found.skipped}
    assert all(isinstance(change, Delete) and isinstance(change.resource, Binding) for change in changes)


@given(observations(), matches)
def test_all_that_is_there_is_taken_or_told_of(observed: Observed, match: str | None) -> None:
    found = select(observed, None, match)

    told = [skipped.key for skipped in found.skipped]
    assert not [key for key, times in Counter(told).items() if times > 1]
    refused = {key.vhost for key in told if key.kind is Kind.VHOST}
    assert refused.isdisjoint(found.vhosts)
    for key in observed.topology.resources:
        if key.kind is Kind.VHOST or key.vhost in refused:
            continue
        passing = {name for row in found.ignored.get(key.vhost, ()) for name in row.names}
        left = key in told or (key.name in passing and key.kind in (Kind.EXCHANGE, Kind.QUEUE))
        assert left is not (key in found.taken), key
        assert key.kind is Kind.BINDING or key in found.taken or key.name in found.others[key.vhost]
    assert all(skipped.reason for skipped in found.skipped)
    assert [*found.taken] == sorted(found.taken, key=lambda key: key.order)


@given(observations(), matches)
def test_what_is_ignored_is_nothing_that_is_taken(observed: Observed, match: str | None) -> None:
    found = select(observed, None, match)

    scope = scope_of(found)
    for key in found.taken:
        if key.kind is not Kind.BINDING:
            assert not scope.ignores(key.vhost, key.name)
    for vhost, rows in found.ignored.items():
        assert all(scope.ignores(vhost, name) for row in rows for name in row.names)


@given(observations(), matches)
def test_the_loader_takes_all_that_is_taken(observed: Observed, match: str | None) -> None:
    found = select(observed, None, match)

    loaded = loaded_from(found)

    mine = {key: one for key, one in loaded.resources.items() if not loaded.note(key).external and key.kind != "vhost"}
    assert mine == dict(found.taken)
    assert {key for key in loaded.resources if loaded.note(key).external} == set(found.external)
    assert not [one for one in diff(observed, loaded) if not isinstance(one, Delete)]


_shapes = st.lists(st.sampled_from([*"ab1", "q12", "tmp", "."]), min_size=1, max_size=6)
_shaped = st.builds(
    lambda parts, ends: "".join(map("".join, zip(parts, ends, strict=False))),
    _shapes,
    st.lists(st.sampled_from([".", "-", "_", ":", "/", ""]), min_size=6, max_size=6),
)


_numbers = st.builds(
    lambda word, number, end: f"{word}{number}{end}",
    st.sampled_from(["", "q", "eu", "e", "team"]),
    st.integers(0, 9),
    st.sampled_from(["", ".mail", ".log", "-x", ".mail.1"]),
)
_hexes = st.builds(
    lambda word, end: f"{word}{end}",
    st.sampled_from(["0a1b2c3d", "deadbeef", "12345678", "e1234567", "ffffff01", "0123456f", "abcdef0"]),
    st.sampled_from(["", ".q", "-1"]),
)
_families = st.sets(_shaped | _numbers | _hexes | names, max_size=40)


@given(_families, _families)
@example({f"shop.q-{n}" for n in range(9)} | {f"shop.{n}x" for n in range(9)}, {"shop.q-3", "shop.q"})
@example({f"shop.{word}" for word in "abcdefgh"} | {"shop.x\n"}, {"shop.x"})
def test_owns_covers_each_taken_name_once_and_no_other(taken: set[str], others: set[str]) -> None:
    taken -= {""}  # nothing has no name
    others -= set(sorted(taken & others)[1:])

    found = cover(taken, others)

    assert sorted(name for one in found for name in one.names) == sorted(taken - others)
    for one in found:
        matching = re.compile(one.pattern, re.DOTALL).fullmatch
        assert {name for name in taken | others if matching(name)} == set(one.names)
        assert list(one.names) == sorted(one.names)
        assert one.pattern not in {".*", "(.*)?"}
    if found:
        rows = "\n".join(f"  - {quoted(one.pattern)}" for one in found)
        assert read(f"version: 1\nowns:\n{rows}\n").scope.owns_patterns["/"] == tuple(one.pattern for one in found)


@given(st.sets(st.sampled_from(NAMES)))
def test_a_cover_does_not_depend_on_the_order(taken: set[str]) -> None:
    assert cover(sorted(taken), ()) == cover(sorted(taken, reverse=True), ())


def loaded_from(found: Selection) -> Topology:
    """Write what was selected in raw terms, one document a vhost, and load it."""
    scope = scope_of(found)
    return read("\n---\n".join(quoted(document(found, vhost, scope)) for vhost in found.vhosts) or "version: 1")


def document(found: Selection, vhost: str, scope: Scope) -> dict[str, Any]:
    written: dict[str, Any] = {
        "version": 1,
        "vhost": vhost,
        "owns": scope.owns_patterns[vhost],
        "ignore": scope.ignore_patterns[vhost],
        **{section: {} for section in ("exchanges", "queues", "policies")},
        "bindings": [],
    }
    for key, one in {**found.taken, **found.external}.items():
        if key.vhost != vhost:
            continue
        match one:
            case Exchange() if key in found.external:
                written["exchanges"][one.name] = {"external": True, **({"type": one.type} if one.type else {})}
            case Exchange() | Queue():
                internal = {"internal": one.internal} if isinstance(one, Exchange) else {}
                flags = {"durable": one.durable, "auto_delete": one.auto_delete, **internal}
                written[f"{key.kind}s"][one.name] = {"type": one.type, **flags, "arguments": dict(one.arguments)}
            case Policy():
                definition = {
                    name: f"{value}ms" if name == "expires" else value for name, value in one.definition.items()
                }
                written["policies"][one.name] = {
                    "pattern": one.pattern,
                    "apply_to": one.apply_to,
                    "priority": one.priority,
                    "definition": definition,
                }
            case Binding():
                end = "queue" if one.destination_kind == "queue" else "to_exchange"
                row = {"exchange": one.source, end: one.destination, "routing_key": one.routing_key}
                written["bindings"].append({**row, "arguments": dict(one.arguments)})
    return written


def quoted(value: Any) -> str:
    """Spell a value as JSON that is YAML too."""
    spelled = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", spelled)


def read(text: str) -> Topology:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "topology.yaml")
        file.write_text(text, encoding="utf-8")
        return load(file)
