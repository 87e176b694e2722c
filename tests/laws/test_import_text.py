"""Whatever a broker holds, the text of an import says it, and fmt has nothing to change in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from rabbit_topo.adopt import select
from rabbit_topo.adopt.documents import documents
from rabbit_topo.load.problems import Problems
from rabbit_topo.model import PREDECLARED, Exchange, Facts, Observed, Topology
from rabbit_topo.write.formatting import formatted
from rabbit_topo.write.project import spelled
from rabbit_topo.write.verify import verify
from tests.odd_worlds import odd_world

if TYPE_CHECKING:
    from random import Random

    from rabbit_topo.adopt.types import Split


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["prefix", "exchange", "none"]))
def test_an_import_says_what_is_there_in_its_canonical_form(random: Random, split: Split) -> None:
    world = odd_world(random)
    amq = [Exchange("/", name, kind, internal=name == "amq.rabbitmq.trace") for name, kind in PREDECLARED.items()]
    there = Topology({**{one.key: one for one in amq}, **world.resources})
    observed = Observed(there, Facts("here", "4.3", vhosts=frozenset({"/"})))
    texts = spelled(documents(select(observed), split))
    verify(texts, observed)
    for path, text in texts.items():
        problems = Problems()
        assert formatted(text, path, problems) == text, problems.all()
