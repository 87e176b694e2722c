"""Whatever a broker holds, the text of an import says it, and fmt has nothing to change in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from rabbit_topo.adopt import select
from rabbit_topo.adopt.documents import documents
from rabbit_topo.diff import Delete, diff
from rabbit_topo.load.problems import Problems
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Facts, Kind, Observed, Topology
from rabbit_topo.write.formatting import formatted
from rabbit_topo.write.project import spelled
from rabbit_topo.write.verify import verify
from tests.odd_worlds import odd_world

if TYPE_CHECKING:
    from random import Random

    from rabbit_topo.adopt.types import Split


def seen(world: Topology) -> Observed:
    """Show a world as a broker does."""
    amq = [Exchange("/", name, kind, internal=name == "amq.rabbitmq.trace") for name, kind in PREDECLARED.items()]
    there = Topology({**{one.key: one for one in amq}, **world.resources})
    return Observed(there, Facts("here", "4.3", vhosts=frozenset({"/"})))


def exported(broker: Observed) -> Observed:
    """Show it as its export does: without internal exchanges, and with all bindings."""
    told = {
        key: one
        for key, one in broker.topology.resources.items()
        if not (isinstance(one, Exchange) and one.internal and one.name not in PREDECLARED)
    }
    return Observed(Topology(told), replace(broker.facts, tells_internal=False))


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_an_import_of_an_export_takes_nothing_from_the_broker_itself(random: Random) -> None:
    """Save for an internal exchange that nothing leads to or from, under the very name of what was exported."""
    broker = seen(odd_world(random))
    export = exported(broker)
    declared = verify(spelled(documents(select(export))), export)

    bound = {
        end
        for one in broker.topology.resources.values()
        if isinstance(one, Binding)
        for end in (one.source_key, one.destination_key)
    }
    exported_names = {key.name for key in export.topology.resources if key.kind in (Kind.QUEUE, Kind.POLICY)}
    for change in diff(broker, declared):
        assert isinstance(change, Delete)
        assert isinstance(change.resource, Exchange)
        assert change.resource.internal
        assert change.key not in bound
        assert change.key.name in exported_names


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["prefix", "exchange", "none"]))
def test_an_import_says_what_is_there_in_its_canonical_form(random: Random, split: Split) -> None:
    observed = seen(odd_world(random))
    texts = spelled(documents(select(observed), split))
    verify(texts, observed)
    for path, text in texts.items():
        problems = Problems()
        assert formatted(text, path, problems) == text, problems.all()
