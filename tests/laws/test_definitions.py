"""The law of `law.py` against a definitions file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings

from rabbit_topo.broker.connect import connect
from tests.laws import law
from tests.laws.strategies import pairs

if TYPE_CHECKING:
    from rabbit_topo.model import Topology

STRANGERS = {"users": [{"name": "guest", "password_hash": "x"}], "x_unknown": {"kept": [1, 1.0, True]}}


@settings(max_examples=150)
@given(pairs())
def test_a_plan_reaches_the_declared_topology(pair: tuple[Topology, Topology]) -> None:
    observed, declared = pair
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "broker.json"
        file.write_text(json.dumps(STRANGERS))
        broker = connect(str(file))
        law.fill(broker, observed)
        law.holds(broker, declared)
        kept = json.loads(file.read_text())
        assert {name: kept[name] for name in STRANGERS} == STRANGERS
