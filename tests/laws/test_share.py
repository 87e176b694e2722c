"""No plan is carried out that takes away more than its share of what is ours."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rabbit_topo.apply import apply
from rabbit_topo.broker.connect import connect
from rabbit_topo.diff import diff
from rabbit_topo.errors import Refusal
from rabbit_topo.model import Key, Kind, Queue, Topology
from rabbit_topo.plan import Consent, Recreate, make_plan
from tests.laws import law
from tests.laws.strategies import pairs

if TYPE_CHECKING:
    from rabbit_topo.plan import Allowance


@st.composite
def crowds(draw: st.DrawFn) -> tuple[Topology, Topology]:
    """A pair of topologies, and a crowd of our queues of which some are declared."""
    before, declared = draw(pairs())
    crowd = [Queue("/", f"shop.{number}", "classic") for number in range(draw(st.integers(0, 15)))]
    kept = crowd[draw(st.integers(0, len(crowd))) :]
    more, wanted = ({queue.key: queue for queue in some} for some in (crowd, kept))
    return (
        replace(before, resources={**before.resources, **more}),
        replace(declared, resources={**declared.resources, **wanted}),
    )


@settings(max_examples=60)
@given(crowds(), st.sampled_from([0, 10, 30, 50, 100]))
def test_no_more_than_the_share_goes(pair: tuple[Topology, Topology], share: int) -> None:
    before, declared = pair
    allow: frozenset[Allowance] = frozenset({"replace", "policy-limits", "policy-foreign"})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "broker.json"
        file.write_text("{}")
        broker = connect(str(file))
        law.fill(broker, before)
        observed = broker.observe(declared)
        consent = Consent(prune=True, allow=allow, max_delete=share)
        plan = make_plan(diff(observed, declared), observed, declared, consent)
        text = file.read_text()
        ours = {key for key in observed.topology.resources if _is_ours(key, declared)}
        if plan.excess:
            event("refused")
            with pytest.raises(Refusal, match="delete or replace"):
                apply(plan, broker, partial=True)
            assert file.read_text() == text
            assert len(ours) >= 10
            return
        report = apply(plan, broker, partial=True)
        after = broker.observe(declared).topology.resources
        replaced = {it.operation.key for it in report.done if isinstance(it.operation, Recreate)}
        gone = {key for key in ours if key not in after} | replaced
        event(f"{'something' if gone else 'nothing'} of {'many' if len(ours) >= 10 else 'few'} went")
        assert len(ours) < 10 or len(gone) * 100 <= len(ours) * share


def _is_ours(key: Key, declared: Topology) -> bool:
    """Say it as the manual does: declared, owned by name, or bound into what is declared or owned."""
    if key.kind is Kind.VHOST:
        return False
    end = Key(key.vhost, Kind(key.destination_kind), key.destination) if key.kind is Kind.BINDING else key
    return key in declared.resources or end in declared.resources or end.name.startswith("shop.")
