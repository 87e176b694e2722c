"""What a comparison of any two topologies must obey: files, and what is on a broker or in a definitions file."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from rabbit_topo.broker.connect import connect
from rabbit_topo.model import Exchange, Facts, Kind, Note, Origin, Queue, Scope, Topology, Vhost
from rabbit_topo.plan.between import between
from rabbit_topo.plan.impact import impact
from rabbit_topo.plan.operations import Done
from rabbit_topo.plan.sides import Side
from rabbit_topo.report.comparison import diff_document, diff_lines, diff_markdown
from rabbit_topo.report.rows import rows
from tests.laws import law
from tests.laws.strategies import pairs

if TYPE_CHECKING:
    from rabbit_topo.model import Key, Resource

VERSIONS = ("3.10.8", "4.0.5", "4.3.6")
DEFAULTS: dict[str, Any] = {"type": None, "durable": True, "auto_delete": False, "internal": False}


def live(topology: Topology, version: str = "4.3.6") -> Side:
    """Take a topology for what a broker holds: there every queue has a type."""
    there = {key: _typed(resource) for key, resource in topology.resources.items()}
    facts = Facts("there", version, vhosts=frozenset(topology.vhosts))
    return Side(Topology(there), "there", version, facts)


def _typed(resource: Resource) -> Resource:
    return replace(resource, type="classic") if isinstance(resource, Queue) and resource.type is None else resource


@st.composite
def files(draw: st.DrawFn, topology: Topology) -> Side:
    """Take a topology for what files say: of some objects they say that others own them, and only a part."""
    resources, notes = dict(topology.resources), {}
    for number, (key, resource) in enumerate(topology.resources.items()):
        note = Note(Origin("a.yaml", number + 1, 1), open_bindings=draw(st.sampled_from([False, False, True])))
        if isinstance(resource, Exchange | Queue) and draw(st.sampled_from([False, False, True])):
            paths = ["type", "durable", "auto_delete", *["internal"] * isinstance(resource, Exchange)]
            stated = draw(st.sets(st.sampled_from([*paths, *(f"arguments.{name}" for name in resource.arguments)])))
            if resource.type is None:
                stated -= {"type"}
            dropped: dict[str, Any] = {path: DEFAULTS[path] for path in paths if path not in stated}
            said = {name for name in resource.arguments if f"arguments.{name}" in stated}
            arguments = resource.arguments.without(*(resource.arguments.keys() - said))
            resources[key] = replace(resource, arguments=arguments, **dropped)
            note = replace(note, external=True, stated=frozenset(stated))
        notes[key] = note
    ignored = draw(st.sampled_from([(), ("shop\\.a",), ("other\\..*",), (".*",)]))
    return Side(Topology(resources, notes, Scope(ignore_patterns={"/": ignored}), files=("a.yaml",)), "a.yaml", "4.3")


@st.composite
def sides(draw: st.DrawFn) -> tuple[Side, Side]:
    one, other = draw(pairs())
    kind = st.sampled_from(["files", "live"])
    version = draw(st.sampled_from(VERSIONS))
    a, b = (live(it, version) if draw(kind) == "live" else draw(files(it)) for it in (one, other))
    return a, b


@settings(max_examples=50)
@given(sides())
def test_nothing_differs_from_itself(pair: tuple[Side, Side]) -> None:
    for side in pair:
        found = between(side, side)
        assert not found.differs
        assert not rows(found.plan)
        assert not found.remarks
        assert not found.left_out


@settings(max_examples=100)
@given(sides())
def test_a_difference_is_one_from_either_side(pair: tuple[Side, Side]) -> None:
    a, b = pair
    there, back = between(a, b), between(b, a)
    assert there.differs == back.differs
    assert [left.reason for left in there.left_out] == [left.reason for left in back.left_out]
    event("differs" if there.differs else "equal")


@settings(max_examples=100)
@given(sides())
def test_each_difference_has_one_row_or_remark(pair: tuple[Side, Side]) -> None:
    a, b = pair
    found = between(a, b)
    told = [row.change.key for row in rows(found.plan)]
    assert len(told) == len(set(told))
    assert found.differs == bool(told or found.remarks)
    if (a.facts is None) == (b.facts is None):
        assert {*told, *(remark.resource.key for remark in found.remarks)} == _different(a, b)
    assert not found.plan.left_alone
    assert not found.plan.excess


def _different(a: Side, b: Side) -> set[Key]:
    """Compare two sides of one sort, word by word."""
    one, other = _words(a), _words(b)
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _words(side: Side) -> dict[Key, object]:
    found: dict[Key, object] = {}
    for key, resource in side.topology.resources.items():
        note = side.topology.note(key)
        found[key] = (note.external, note.stated, resource) if note.external else resource
    return found


@settings(max_examples=40)
@given(sides())
def test_every_format_tells_the_same(pair: tuple[Side, Side]) -> None:
    found = between(*pair)
    routing = impact(found.plan)
    text = "\n".join("".join(span.text for span in line) for line in diff_lines(found, 80, routing))
    assert ("Nothing differs" in text) == (not found.differs)
    assert ("nothing differs" in diff_markdown(found, routing)) == (not found.differs)
    document = diff_document(found, routing)
    assert document["differs"] == found.differs
    assert len(document["changes"]) == len(rows(found.plan))
    assert "0 messages" not in text


@settings(max_examples=50)
@given(pairs(), st.sampled_from(VERSIONS))
def test_what_it_shows_makes_b_of_a(pair: tuple[Topology, Topology], version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        brokers = []
        for name, topology in zip("ab", pair, strict=True):
            path = Path(folder) / f"{name}.json"
            path.write_text(f'{{"rabbitmq_version": "{version}"}}')
            broker = connect(str(path))
            law.fill(broker, topology)
            brokers.append(broker)
        seen = [broker.observe(Topology.naming("/")) for broker in brokers]
        a, b = (Side(it.topology, it.facts.target, version, it.facts) for it in seen)
        plan = between(a, b).plan
        done = [outcome for wave in plan.waves for outcome in brokers[0].execute(wave)]
        assert all(isinstance(outcome, Done) for outcome in done), done
        after = brokers[0].observe(Topology.naming("/"))
        left = between(Side(after.topology, "a", version, after.facts), b)
        event("blocked" if plan.blocked else "free")
        assert {row.change.key for row in rows(left.plan)} <= {row.change.key for row in plan.blocked}


@settings(max_examples=25)
@given(pairs())
def test_a_vhost_that_one_side_lacks_is_told(pair: tuple[Topology, Topology]) -> None:
    one, other = pair
    moved = Topology({_moved(it).key: _moved(it) for it in other.resources.values()})
    found = between(live(one), live(moved))
    told = {(row.change.key, row.status) for row in rows(found.plan) if row.change.key.kind is Kind.VHOST}
    assert {(key.name, status) for key, status in told} == {("/", "blocked"), ("moved", "planned")}
    assert not between(live(one), live(one), ["/"]).differs


def _moved(resource: Resource) -> Resource:
    return Vhost("moved") if isinstance(resource, Vhost) else replace(resource, vhost="moved")
