"""Every scenario under `tests/cases/plan`: what is there, what is declared, and the plan that a person reads.

A case is a mapping of texts: `observed` and `declared` are topology files; `prune` is a flag, `consent` maps what else
was agreed to; `counts` maps a queue to [ready, unacknowledged, consumers, withheld], or to null where nobody knows;
`hidden` queues are nobody's to manage, and so are the bindings into them; `exclusive` lists queues of connections;
`operator` policies are written like others; `left` lists what an earlier run left, as [purpose, kind, name, and for a
replacement what it was to bring back]; `exchange_types` are those that the broker has; `moves` says that both roads are
there; `http_only` takes away what AMQP adds; `alone` is AMQP alone, which shows neither bindings nor policies, and of
the objects named not the paths listed; `inventory` is what the broker keeps of project shop, and of `others`;
`plan` is the expected text at 80 columns.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rabbit_topo.diff import diff
from rabbit_topo.load import load
from rabbit_topo.model import (
    Binding,
    Counts,
    Exchange,
    Facts,
    Inventory,
    Key,
    Kind,
    Mark,
    Observed,
    Policy,
    Queue,
    Resource,
    Topology,
    Unverified,
    parameter_name,
    temporary_name,
)
from rabbit_topo.plan import Consent, Plan, make_plan
from rabbit_topo.plan.impact import impact
from rabbit_topo.plan.journal import journal
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
    hidden_bindings = [
        it for it in there.values() if isinstance(it, Binding) and it.destination in case.get("hidden", [])
    ]
    for binding in hidden_bindings:
        del there[binding.key]
    for marked in _left(case):
        there[marked.key] = marked
        given = case.get("counts", {}).get(marked.key.name, [0, 0, 0])
        if given is not None and isinstance(marked, Queue):
            counts[marked.key] = Counts(*given)
    facts = Facts(
        target="http://broker:15672",
        version="4.3.6",
        cluster_name="rabbit@shop",
        vhosts=frozenset({"/"}),
        default_queue_types={"/": "classic"},
        counts=counts,
        hidden=tuple(hidden),
        hidden_bindings=tuple(hidden_bindings),
        operator_policies=_operator(case),
        moves=bool(case.get("moves")),
        exchange_types=frozenset(case.get("exchange_types", [])),
        exclusive=frozenset(Key("/", Kind.QUEUE, name) for name in case.get("exclusive", [])),
        deletes=frozenset({"classic"} if case.get("http_only") else {"classic", "quorum"}),
        writes_null=not case.get("http_only"),
    )
    if "inventory" in case:
        facts = replace(facts, inventory=_inventory(case["inventory"]))
    if "alone" in case:
        there, facts = _alone(there, facts, declared, case["alone"] or {})
    observed = Observed(Topology(there), facts)
    return make_plan(diff(observed, declared), observed, declared, _consent(case))


def _consent(case: dict[str, Any]) -> Consent:
    given = {"prune": case.get("prune", False), **case.get("consent", {})}
    return Consent(**{**given, "allow": frozenset(given.get("allow", []))})


def _operator(case: dict[str, Any]) -> tuple[Policy, ...]:
    if "operator" not in case:
        return ()
    Path("operator.yaml").write_text(case["operator"])
    return tuple(it for it in load("operator.yaml").resources.values() if isinstance(it, Policy))


def _left(case: dict[str, Any]) -> list[Queue | Exchange | Binding]:
    """Return what earlier runs left: no file may declare it."""
    found: list[Queue | Exchange | Binding] = []
    for purpose, kind, name, *restore in case.get("left", []):
        marked = temporary_name(purpose, Kind(kind), name)
        if purpose == "journal":
            after = Exchange("/", name, restore[0]) if kind == "exchange" else Queue("/", name, restore[0])
            found.append(journal(after, [_restored(*each) for each in restore[1]]))
        elif purpose == "into":
            mark = Mark(purpose, Kind(kind), name)
            found.append(Exchange("/", marked, "fanout", durable=False, auto_delete=True, arguments=mark.arguments))
            found.append(Binding("/", marked, "queue", name, ""))
        else:
            mark = Mark(purpose, Kind(kind), name, dict(*restore))
            found.append(Queue("/", marked, "classic", arguments=mark.arguments))
    return found


def _restored(name: str, *more: str) -> Exchange | Binding:
    if len(more) == 1:
        return Exchange("/", name, more[0], auto_delete=True)
    to, destination, key = more
    return Binding("/", name, "queue" if to == "queue" else "exchange", destination, key)


def _inventory(case: dict[str, Any]) -> Inventory:
    projects = {"shop": case, **case.get("others", {})}
    values = {
        parameter_name(name, "/"): {
            "format": 1,
            "project": name,
            "vhost": "/",
            "owned": it.get("owned", []),
            "protected": it.get("protected", []),
        }
        for name, it in projects.items()
    }
    return Inventory.read("shop", ["/"], values)


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
    lines = [
        "".join(span.text for span in line).rstrip() for line in plan_lines(plan, ["declared.yaml"], 80, impact(plan))
    ]
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
