"""What an inventory holds, how it is spelled, and what becomes of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo import apply, diff, load, make_plan
from rabbit_topo.broker.connect import connect_target
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.model import (
    Arguments,
    Binding,
    Exchange,
    Facts,
    Inventory,
    Key,
    Kind,
    Note,
    Observed,
    Queue,
    Resource,
    Scope,
    Topology,
    Vhost,
    heed,
    parameter_name,
)
from rabbit_topo.plan import Consent, Report
from rabbit_topo.plan.inventory import inventory_refusal, next_inventory
from rabbit_topo.plan.result import Noted
from rabbit_topo.report.applied import report_lines
from rabbit_topo.report.documents import check_document, report_document
from rabbit_topo.report.text import check_lines

if TYPE_CHECKING:
    from pathlib import Path

Q, R = Queue("/", "q").key, Queue("/", "r").key
SHOP = Inventory("shop")
PROTECTED, LIFTED = Note(protect=True), Note(unprotect=True)


def seen(*there: Resource, inventory: Inventory | None = SHOP, **facts: Any) -> Observed:
    return Observed(
        Topology({resource.key: resource for resource in there}),
        Facts("here", "4.3", vhosts=frozenset({"/"}), inventory=inventory, **facts),
    )


def files(*resources: Resource, **notes: Note) -> Topology:
    return Topology(
        {resource.key: resource for resource in resources},
        {key: notes.get(key.name, Note()) for key in (resource.key for resource in resources)},
    )


def test_an_inventory_is_read_as_it_was_spelled() -> None:
    binding = Binding("/", "e", "queue", "q", "", Arguments({"n": 1}))
    noted = Inventory("shop", frozenset({Q, binding.key, Key("b.c", Kind.POLICY, "p")}), frozenset({Q}))
    values = {parameter_name("shop", vhost): json.loads(json.dumps(noted.value(vhost))) for vhost in ("/", "b.c")}
    assert Inventory.read("shop", ["/", "b.c"], values) == noted
    assert Inventory.read("shop", ["b.c"], values).owned == {Key("b.c", Kind.POLICY, "p")}
    other = Inventory.read("billing", ["/"], values)
    assert (other.owned, other.owned_by, other.protected_by) == (
        frozenset(),
        {Q: "shop", binding.key: "shop"},
        {Q: "shop"},
    )
    assert noted.value("/")["owned"] == [["binding", "e", "queue", "q", "", '{"n":1}'], ["queue", "q"]]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        {"format": 2, "project": "shop", "vhost": "/", "owned": [], "protected": []},
        {"format": 1, "project": "other", "vhost": "/", "owned": [], "protected": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": 5, "protected": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": [["queue"]], "protected": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": [["queue", 5]], "protected": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": [["shovel", "q"]], "protected": []},
        {"format": 1, "project": "shop", "vhost": "/", "owned": [[["queue"], "q"]], "protected": []},
    ],
)
def test_what_cannot_be_read_is_a_gap(value: Any) -> None:
    found = Inventory.read("shop", ["/"], {"rabbit-topo.shop./": value})
    assert found.gap == "the global parameter 'rabbit-topo.shop./' is no inventory that this version can read"


def test_other_global_parameters_and_other_vhosts_are_passed_over() -> None:
    others = {
        "cluster_name": "x",
        "rabbit-topo": 1,
        "rabbit-topo.": 1,
        "rabbit-topo.shop": 1,
        "rabbit-topo.shop.v": 1,
        "a.b./": 1,
    }
    assert Inventory.read("shop", ["/"], others) == Inventory("shop")


def test_only_the_vhosts_that_changed_are_named() -> None:
    before, away = Inventory("shop", frozenset({Q})), Key("a", Kind.QUEUE, "q")
    assert before.changed(before) == ()
    assert before.changed(replace(before, protected=frozenset({Q, away}))) == ("/", "a")


def test_what_is_protected_there_is_protected_here() -> None:
    declared = files(Queue("/", "q"), Queue("/", "r"), q=LIFTED, r=PROTECTED)
    assert heed(declared, None) is declared
    assert heed(declared, Inventory("shop")) is declared
    everything = frozenset({Q, R, Queue("/", "gone").key})
    heeded = heed(declared, Inventory("shop", everything, everything))
    assert [heeded.note(key).protect for key in (Q, R, Queue("/", "gone").key)] == [False, True, True]
    assert [heeded.note(key).protected_by for key in (R, Queue("/", "gone").key)] == ["", "shop"]
    assert heeded.scope.owned == dict.fromkeys(everything, "shop")
    # What another project protects is not ours to lift, and what it owns too is no stray of ours.
    theirs = heed(declared, Inventory("shop", frozenset({Q}), frozenset(), {Q: "billing"}, {Q: "billing"}))
    assert (theirs.note(Q).protect, theirs.note(Q).protected_by, theirs.scope.owned) == (True, "billing", {})
    # An external mention declares nothing.
    external = Topology(declared.resources, {Q: Note(external=True, unprotect=True)})
    assert heed(external, Inventory("shop", protected=frozenset({Q}))).note(Q).protect


def test_ignore_takes_out_what_is_owned_and_bindings_to_it() -> None:
    binding = Binding("/", "e", "queue", "tmp").key
    scope = Scope({}, {"/": ("tmp",)}, dict.fromkeys([Q, Queue("/", "tmp").key, binding], "shop"))
    assert [scope.covers(key) for key in (Q, Queue("/", "tmp").key, binding, R)] == [True, False, False, False]
    assert replace(scope, ignore_patterns={}).covers(binding)


def test_the_next_inventory_owns_what_is_declared_and_there() -> None:
    queue, other, vhost = Queue("/", "q"), Queue("/", "r"), Vhost("/")
    bindings = [Binding("/", "e", "queue", name) for name in ("q", "r", "open")]
    there: tuple[Resource, ...] = (queue, other, vhost, Queue("/", "open"), Exchange("/", "e", "fanout"), *bindings)
    declared = files(*there, Queue("/", "missing"), r=Note(external=True), open=Note(open_bindings=True), q=PROTECTED)
    after = next_inventory(declared, seen(*there))
    assert after is not None
    # Of bindings only those are noted that are not ours by where they lead.
    assert after.owned == {
        Q,
        Queue("/", "open").key,
        Exchange("/", "e", "fanout").key,
        bindings[1].key,
        bindings[2].key,
    }
    assert after.protected == {Q}


def test_what_was_owned_stays_so_as_long_as_it_is_there_and_nobody_elses() -> None:
    names = ["kept", "gone", "external", "ignored", "moved", "other"]
    keys = {name: Queue("/", name).key for name in names}
    bindings = {name: Binding("/", "e", "queue", name).key for name in names}
    before = Inventory(
        "shop", frozenset({*keys.values(), *bindings.values()}), owned_by={keys["moved"]: "x", bindings["moved"]: "x"}
    )
    there = [Queue("/", name) for name in names if name != "gone"]
    there_too = [Binding("/", "e", "queue", name) for name in names if name != "gone"]
    declared = replace(
        files(Queue("/", "external"), Queue("/", "other"), external=Note(external=True)),
        scope=Scope({}, {"/": ("ignored",)}),
    )
    after = next_inventory(declared, seen(*there, *there_too, inventory=before))
    assert after is not None
    # A binding into what is declared is ours without a note.
    assert after.owned == {keys["kept"], keys["other"], bindings["kept"], bindings["external"]}


def test_a_protection_stays_until_a_declaration_lifts_it() -> None:
    before = Inventory("shop", protected=frozenset({Q, R}))
    both = (Queue("/", "q"), Queue("/", "r"))

    def protected(declared: Topology, *there: Queue) -> frozenset[Key]:
        after = next_inventory(heed(declared, before), seen(*there, inventory=before))
        assert after is not None
        return after.protected

    assert protected(files(), *both) == {Q, R}
    assert protected(files(*both, q=LIFTED), *both) == {R}
    assert protected(files(*both, q=Note(external=True, unprotect=True)), *both) == {Q, R}
    assert protected(files(), both[0]) == {Q}
    # What another project protects does not become our protection.
    theirs = Inventory("shop", protected_by={Q: "billing"})
    after = next_inventory(heed(files(both[0]), theirs), seen(both[0], inventory=theirs))
    assert after is not None
    assert after.protected == frozenset()


@pytest.mark.parametrize(
    "observed",
    [seen(inventory=None), seen(inventory=Inventory("shop", gap="x")), seen(lists=False)],
    ids=["none", "gap", "alone"],
)
def test_what_is_not_seen_is_not_written(observed: Observed) -> None:
    assert next_inventory(files(), observed) is None


def test_an_apply_is_refused_where_a_protection_may_be_overlooked() -> None:
    assert inventory_refusal(seen(inventory=None).facts) is None
    assert inventory_refusal(seen().facts) is None
    gap = Inventory("shop", gap="nobody may look")
    assert inventory_refusal(seen(inventory=gap, lists=False).facts) is None  # deletes and replaces nothing
    refusal = inventory_refusal(seen(inventory=gap).facts)
    assert refusal is not None
    assert "project shop cannot be seen: nobody may look" in refusal.message


def text_of(lines: Any) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)


def test_check_says_by_what_a_stray_is_ours() -> None:
    observed = seen(Queue("/", "q"), Queue("/", "r"), inventory=Inventory("shop", frozenset({Q, R})))
    declared = replace(files(), scope=Scope({"/": ("r",)}))
    shown = text_of(check_lines(make_plan(diff(observed, declared), observed, declared), ["a.yaml"], 160))
    assert re.search("queue q +owned by project shop; ", shown)
    assert re.search("queue r +covered by owns; ", shown)


def test_a_gap_is_told_and_counts_as_not_verified() -> None:
    observed = seen(inventory=Inventory("shop", gap="nobody may look"))
    plan = make_plan(diff(observed, files()), observed, files())
    document = check_document(plan)["not_verified"]
    assert (document["inventory"], document["complete"], document["count"]) == ("nobody may look", False, 0)
    shown = text_of(check_lines(plan, ["a.yaml"], 80))
    assert "? the inventory           nobody may look" in shown
    assert "No drift seen: 0 objects are as declared; the inventory unseen." in shown


@pytest.mark.parametrize(
    ("noted", "code", "said"),
    [
        (None, 0, "as declared."),
        (Noted("unchanged"), 0, "as declared."),
        (Noted("written"), 0, "as declared. Noted there, too: what is ours and what is protected."),
        (Noted("failed", "no room"), 1, "UNNOTED the inventory on the broker: no room"),
    ],
)
def test_a_report_tells_what_became_of_the_inventory(noted: Noted | None, code: int, said: str) -> None:
    observed = seen()
    report = Report(make_plan((), observed, files()), (), (), noted=noted)
    assert report.exit_code == code
    assert said in " ".join(text_of(report_lines(report, 120)).split())
    assert report_document(report)["inventory"] == (noted and {"status": noted.status, "reason": noted.reason})


class File:
    """A definitions file for a broker, and one file of a project."""

    def __init__(self, folder: Path, document: dict[str, Any] | None = None) -> None:
        self.broker, self.file = folder / "broker.json", folder / "shop.yaml"
        self.broker.write_text(json.dumps(document or {}), encoding="utf-8")

    def apply(self, text: str, project: str = "shop", **consent: Any) -> Report:
        self.file.write_text(f"version: 1\n{text}\n", encoding="utf-8")
        declared, broker = load(self.file), connect_target(Target(str(self.broker), project=project))
        observed = broker.observe(declared)
        plan = make_plan(diff(observed, declared), observed, declared, Consent(**consent))
        return apply(plan, broker, partial=True)

    @property
    def document(self) -> Any:
        return json.loads(self.broker.read_text(encoding="utf-8"))


def test_a_definitions_file_keeps_it_among_its_global_parameters(tmp_path: Path) -> None:
    file = File(tmp_path, {"global_parameters": [{"name": "cluster_name", "value": "x"}]})
    assert file.apply("queues: {q: {protect: true}}", project="").noted is None
    assert file.apply("queues: {q: {protect: true}}").noted == Noted("written")
    assert file.apply("queues: {q: {protect: true}}").noted == Noted("unchanged")
    pruned = file.apply("owns: [nothing]", prune=True)
    assert [row.reason for row in pruned.plan.blocked] == ["protected in the inventory of project shop"]
    assert file.apply("queues: {q: {protect: false}}").noted == Noted("written")
    assert file.apply("owns: [nothing]", prune=True).plan.blocked == ()
    [named, ours] = file.document["global_parameters"]
    assert (named["value"], ours["name"], ours["value"]["owned"]) == ("x", "rabbit-topo.shop./", [])
    assert file.document["queues"] == []


def test_an_inventory_that_cannot_be_written_is_told_and_the_work_is_not_lost(tmp_path: Path) -> None:
    file = File(tmp_path)
    file.file.write_text("version: 1\nqueues: {q: {}}\n", encoding="utf-8")
    declared, broker = load(file.file), connect_target(Target(str(file.broker), project="shop"))
    observed = broker.observe(declared)
    file.broker.write_text('{"queues": []}', encoding="utf-8")
    with pytest.raises(BrokerError, match="changed by somebody else"):
        broker.remember(Inventory("shop", frozenset({Q})), ["/"])
    broker.observe(declared)
    file.broker.unlink()
    with pytest.raises(BrokerError, match="cannot be written"):
        broker.remember(Inventory("shop", frozenset({Q})), ["/"])
    assert observed.facts.inventory == Inventory("shop")


def test_amqp_alone_writes_none() -> None:
    alone = connect_target(Target(amqp="amqp://localhost:1", project="shop"))
    with pytest.raises(Refusal, match="project shop is not written for a, b"):
        alone.remember(Inventory("shop"), ["a", "b"])
    alone.close()
