"""What is told of a saved plan that is stale, where a definitions file cannot show it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from rabbit_topo.diff import Create, diff
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Binding, Exchange, Facts, Note, Observed, Policy, Queue, Topology
from rabbit_topo.plan import Consent, Declare, Plan, make_plan
from rabbit_topo.plan.types import MAX_DELETE
from rabbit_topo.report.saved import checksum, saved_consent, saved_document, stale

QUEUE = Queue("/", "orders", "classic")
FACTS = Facts("http://broker:15672", "4.3.6", cluster_name="rabbit@shop", vhosts=frozenset({"/", "two"}))


def _plan(*declared: Queue | Exchange | Policy, there: Topology | None = None, **facts: Any) -> Plan:
    wanted = Topology({it.key: it for it in declared})
    observed = Observed(there or Topology(), replace(FACTS, **facts))
    return make_plan(diff(observed, wanted), observed, wanted)


def _saved(plan: Plan) -> dict[str, Any]:
    document = saved_document(plan, ["shop.yaml"], "/", "rabbit-topo 0")
    jsonschema.validate(document, json.loads(schema_text("saved-plan")))
    return dict(json.loads(json.dumps(document)))


def _told(saved: Plan, now: Plan) -> str:
    found = stale(_saved(saved), now)
    return f"{found.text}\n{found.hint}" if found else ""


def test_nothing_speaks_against_the_same_plan() -> None:
    assert _told(_plan(QUEUE), _plan(QUEUE, target="http://other-node:15672")) == ""


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"cluster_name": "rabbit@other"}, 'this is   RabbitMQ, cluster "rabbit@other", http://broker:15672'),
        ({"product": "Other"}, "this is   Other"),
        ({"road": "file"}, "this is   definitions file of RabbitMQ"),
        ({"cluster_name": ""}, "this is   RabbitMQ, http://broker:15672"),
        ({"road": "active"}, "made by reading management, and this is active; nothing was changed\ngive its URLs"),
        ({"version": "4.3.7"}, "~ version: 4.3.6 -> 4.3.7"),
        ({"default_queue_types": {"/": "quorum"}}, "~ default queue types changed"),
        ({"exclusive": frozenset({QUEUE.key})}, "~ exclusive queues of declared names changed"),
        ({"vhosts": frozenset()}, "~ vhosts changed"),
    ],
)
def test_what_changed_around_the_objects_is_named(facts: dict[str, Any], says: str) -> None:
    told = _told(_plan(QUEUE), _plan(QUEUE, **facts))
    assert says in told
    assert "nothing was changed" in told


def test_a_hazard_that_was_not_there_is_another_plan() -> None:
    safe, dangerous = (
        replace(_plan(QUEUE), waves=((Declare(QUEUE, Create(QUEUE, Note()), hazard),),)) for hazard in ("", "a gap")
    )
    told = _told(safe, dangerous)
    assert "no longer planned: declare queue orders" in told
    assert "now planned: declare queue orders (a gap)" in told
    other = replace(dangerous, waves=((Declare(QUEUE, Create(QUEUE, Note()), "holds 2 messages"),),))
    assert _told(dangerous, other) == ""


def test_an_operation_in_another_wave_is_another_plan() -> None:
    one = _plan(QUEUE)
    assert "now planned" in _told(one, replace(one, waves=((), *one.waves)))


def test_names_that_look_alike_are_told_apart() -> None:
    first = Binding("two", "x", "queue", "q", "a; n=1")
    second = replace(first, routing_key="a", arguments=type(first.arguments)({"n": 1}))
    there = Topology({it.key: it for it in (first, second)})
    assert sorted(_saved(_plan(there=there))["objects"]) == [
        "binding x --[a; n=1]--> queue q in vhost two",
        "binding x --[a; n=1]--> queue q in vhost two #2",
    ]
    told = _told(_plan(there=there), _plan(there=Topology({first.key: first})))
    assert "- binding x --[a; n=1]--> queue q in vhost two #2: is gone" in told


def test_long_lists_end() -> None:
    many = [Queue("/", f"q{number}", "classic") for number in range(30)]
    told = _told(_plan(*many), _plan())
    assert "the files name other vhosts" in told
    assert told.count("no longer planned") == 20
    assert "and 10 more" in told


def test_the_consent_comes_back_whole() -> None:
    consent = Consent(
        prune=True, allow=frozenset({"replace", "policy-limits"}), migrate=True, wait_consumers=60.0, drop_user_id=True,
        max_delete=MAX_DELETE + 1,
    )  # fmt: skip
    saved = _saved(replace(_plan(QUEUE), consent=consent))
    assert saved_consent(saved) == consent
    assert set(saved["consent"]) == set(Consent.__slots__)
    assert checksum(saved) == saved["checksum"]
    assert checksum({**saved, "consent": {}}) != saved["checksum"]


def test_control_characters_of_names_stay_quiet() -> None:
    ugly = Queue("/", "a\x1b[31m", "classic")
    told = _told(_plan(QUEUE, there=Topology({ugly.key: ugly})), _plan(QUEUE))
    assert "\x1b" not in told
    assert "- queue a\\x1b[31m: is gone" in told


def test_both_schemas_of_a_plan_spell_things_alike() -> None:
    plan, saved = (json.loads(schema_text(name)) for name in ("plan", "saved-plan"))
    for name, shape in saved["$defs"].items():
        if name != "target":
            assert shape == plan["$defs"][name], name
    operation = saved["properties"]["operations"]["items"]["properties"]
    assert {key: operation[key] for key in operation if key != "wave"} == plan["properties"]["operations"]["items"][
        "properties"
    ]
