"""Every scenario under `tests/cases/plan`: what is there, what is declared, and the plan that a person reads.

A case is a mapping of texts: `observed` and `declared` are topology files; `prune` is a flag; `counts` maps a queue to
[ready, unacknowledged, consumers, withheld] or to null where they cannot be had; `hidden` queues are nobody's to
manage; `exclusive` lists queues of connections; `exchange_types` are those that the broker has; `http_only` takes away
what AMQP adds; `alone` is AMQP alone, which shows neither bindings nor policies, and of the objects named not the paths
listed; `plan` is the expected text at 80 columns.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rabbit_topo.diff import diff
from rabbit_topo.load import load
from rabbit_topo.model import Counts, Facts, Key, Kind, Observed, Queue, Resource, Topology, Unverified
from rabbit_topo.plan import Consent, Plan, make_plan
from rabbit_topo.report.text import plan_lines

CASES = sorted((Path(__file__).parents[1] / "cases" / "plan").glob("*.yaml"))


def plan_of(case: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(folder)
    Path("observed.yaml").write_text(case["observed"])
    Path("declared.yaml").write_text(case["declared"])
    loaded, declared = load("observed.yaml"), load("declared.yaml")
    there = dict(loaded.resources)
    counts, hidden = {}, []
    for key, queue in list(there.items()):
        if isinstance(queue, Queue):
            given = case.get("counts", {}).get(queue.name, [0, 0, 0])
            if queue.name in case.get("hidden", []):
                hidden.append(queue)
                del there[key]
            if given is not None:
                counts[key] = Counts(*given)
    types = {"classic": "classic"}
    facts = Facts(
        target="http://broker:15672",
        version="4.3.6",
        cluster_name="rabbit@shop",
        vhosts=frozenset({"/"}),
        default_queue_types={"/": types["classic"]},
        counts=counts,
        hidden=tuple(hidden),
        exchange_types=frozenset(case.get("exchange_types", [])),
        exclusive=frozenset(Key("/", Kind.QUEUE, name) for name in case.get("exclusive", [])),
        deletes=frozenset({"classic"} if case.get("http_only") else {"classic", "quorum"}),
        writes_null=not case.get("http_only"),
    )
    if "alone" in case:
        there, facts = _alone(there, facts, declared, case["alone"] or {})
    observed = Observed(Topology(there), facts)
    return make_plan(diff(observed, declared), observed, declared, Consent(prune=case.get("prune", False)))


def _alone(
    there: dict[Key, Resource], facts: Facts, declared: Topology, named: dict[str, list[str]]
) -> tuple[dict[Key, Resource], Facts]:
    """Take away what AMQP alone does not show."""
    unseen = {Kind.BINDING: "AMQP shows no bindings", Kind.POLICY: "AMQP shows no policies"}
    unverified = {key: Unverified(unseen[key.kind]) for key in declared.resources if key.kind in unseen}
    for key in declared.resources:
        if key.name in named and key.kind not in unseen:
            unverified[key] = Unverified("the broker does not compare it", tuple(named[key.name]))
    seen = {
        key: resource if key in declared.resources else Queue(key.vhost, key.name)
        for key, resource in there.items()
        if key.kind not in unseen
        and (key in declared.resources or key in declared.absent)
        and not (key in unverified and not unverified[key].paths)
    }
    alone = replace(
        facts,
        target="amqp://broker:5672",
        road="active",
        lists=False,
        unverified=unverified,
        counts={},
        deletes=frozenset(),
        exchange_types=frozenset(),
        default_queue_types={},
    )
    return seen, alone


def rendered(plan: Plan) -> str:
    lines = ["".join(span.text for span in line).rstrip() for line in plan_lines(plan, ["declared.yaml"], 80)]
    steps = [
        "/".join(f"{type(operation).__name__} {operation.key.kind} {operation.key.name}" for operation in wave)
        for wave in plan.waves
    ]
    return "\n".join([*lines, "", *(f"  wave {number}: {step}" for number, step in enumerate(steps, 1))]) + "\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plan_is_as_written(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = yaml.safe_load(path.read_text())
    text = rendered(plan_of(case, tmp_path, monkeypatch))
    assert text == case["plan"]
    for line in text.splitlines():
        # Only a name that leaves no choice is wider than the terminal.
        assert len(line) <= 80 or "-->" in line or "so-long" in line or line.startswith("  wave"), line
