"""An import on a page of 80 columns, and its document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema

from rabbit_topo.adopt.types import Adoption, Beyond, File, Ignored, Selection, Skipped
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Key, Kind
from rabbit_topo.report.importing import Landing, import_lines, scaffold_lines
from rabbit_topo.report.importing_document import import_document, scaffold_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.report.layout import Line

ORDERS: dict[str, Any] = {
    "version": 1,
    "profiles": {"queues": {"worker": {"type": "quorum"}, "short": {"max_length": 5}}},
    "exchanges": {
        "orders": {"type": "topic"},
        "audit": {"type": "fanout", "bindings": [{"exchange": "orders", "routing_key": "#"}]},
        "partner": {"external": True, "type": "topic"},
    },
    "queues": {
        "q1": {"use": "worker", "bindings": [{"exchange": "orders", "routing_keys": ["a", "b"]}]},
        "q2": {"use": ["worker", "short"]},
    },
    "bindings": [{"exchange": "partner", "queue": "q1", "routing_key": "x"}],
    "policies": {"limits": {"pattern": "^q", "definition": {"max_length": 5}}},
}
BINDING = Key("/", Kind.BINDING, "gone", "queue", "q1", "a\x1b", '{"n":1}')
SKIPPED = (
    *(Skipped(Key("/", Kind.QUEUE, f"amq.gen-{number}"), "named by the server") for number in range(6)),
    Skipped(Key("/", Kind.EXCHANGE, "amq.topic"), "the server's own"),
    Skipped(BINDING, "leads to what is not taken"),
)
IGNORED = {"/": (Ignored(".*\\.pidbox", "Celery's remote control", ("a.pidbox", "b.pidbox")),)}
BEYOND = (
    Beyond("users", unseen="user 'me' may not see them: that takes the tag administrator"),
    Beyond("shovels", ("s",)),
)
WRITTEN = ("topology/orders.yaml", "rabbit-topo.yaml", "schemas/config.schema.json", "schemas/topology.schema.json")
ONE = Adoption(
    "http://shop:15672",
    "4.3.6",
    Selection(("/",), {}, ignored=IGNORED, skipped=SKIPPED),
    (File("orders.yaml", (ORDERS,)),),
    BEYOND,
)
PAGE = r"""
  source    http://shop:15672  RabbitMQ 4.3.6
  taken     2 exchanges, 2 queues, 4 bindings, 1 policy, 1 of others; vhost /

  FILES  below topology/
  orders.yaml  2 exchanges, 2 queues, 4 bindings, 1 policy, 1 of others

  PROFILES  options that many share, under a name
  worker  2 queues
  short   1 queue

  NOT TAKEN  what files cannot declare, or should not
      6  queues: named by the server
         amq.gen-0, amq.gen-1, amq.gen-2, and 3 more
      1  exchange: the server's own
         amq.topic
      1  binding: leads to what is not taken
         gone --[a\x1b]--> queue q1

  IGNORED  they come and go with a program: `ignore:` says so
      2  Celery's remote control: .*\.pidbox

  BEYOND  there, and no part of a topology: not taken
  users        ?  user 'me' may not see them: that takes the tag administrator
  shovels      1

  checked   the plan of these files is empty, with --prune too
  written   shop: rabbit-topo.yaml, schemas/, 1 file in topology/
  next      rabbit-topo plan --config shop/rabbit-topo.yaml
"""
NAMES = """
      1  binding: leads to what is not taken
         gone --[a\\x1b]--> queue q1

  IGNORED  they come and go with a program: `ignore:` says so
      2  Celery's remote control: .*\\.pidbox
         a.pidbox
         b.pidbox

  BEYOND  there, and no part of a topology: not taken
  users        ?  user 'me' may not see them: that takes the tag administrator
  shovels      1
         s
"""


def _page(lines: Iterable[Line]) -> str:
    shown = ["".join(span.text for span in line).rstrip() for line in lines]
    assert all(line.isprintable() and len(line) <= 80 for line in shown)
    return "\n" + "".join(f"{line}\n" for line in shown)


def test_a_page_tells_what_was_taken_what_not_and_what_is_next() -> None:
    landing = Landing("shop", WRITTEN, next="rabbit-topo plan --config shop/rabbit-topo.yaml")
    assert _page(import_lines(ONE, landing, 80)) == PAGE


def test_a_file_without_objects_tells_what_it_is_for() -> None:
    shared = {"version": 1, "ignore": ["x"], "profiles": {"queues": {"worker": {"type": "quorum"}}}}
    both = Adoption("x.json", "4.3", Selection(("/",), {}), (File("shared.yaml", (shared,)),))
    assert "\n  shared.yaml  profiles, what is ignored\n" in _page(import_lines(both, Landing(None), 80))


def test_verbose_lists_every_name() -> None:
    page = _page(import_lines(ONE, Landing("shop", WRITTEN), 80, verbose=True))
    assert NAMES in page
    assert all(f"\n         amq.gen-{number}\n" in page for number in range(6))


def test_an_empty_import_has_nothing_but_its_ends() -> None:
    empty = Adoption("x.json", "", Selection((), {}), (File("topology.yaml", ({"version": 1},)),))
    assert _page(import_lines(empty, Landing(None), 80)) == (
        "\n  source    x.json  RabbitMQ\n  taken     nothing; 0 vhosts\n\n  FILES  below topology/\n"
        "  topology.yaml  nothing\n\n  checked   the plan of these files is empty, with --prune too\n"
    )


def test_several_vhosts_are_told_apart_and_many_files_are_counted() -> None:
    pages = tuple(File(f"f{number}.yaml", ({"version": 1}, {"version": 1, "vhost": "eu"})) for number in range(10))
    many = Adoption("x.json", "4.3", Selection(("/", "eu"), {}, skipped=SKIPPED), pages)
    page = _page(import_lines(many, Landing(".", WRITTEN[:1], config_kept=True), 80))
    assert "  f0.yaml  nothing  (vhost /)\n  f0.yaml  nothing  (vhost eu)\n" in page
    assert "  and 8 more; -v lists them\n" in page
    assert "  written   1 file in topology/\n  kept      rabbit-topo.yaml, as it was\n" in page
    page = _page(import_lines(many, Landing(".", config_kept=True, config_astray=True), 80, verbose=True))
    assert "  f9.yaml  nothing  (vhost eu)\n" in page
    assert "         amq.topic (vhost /)\n" in page
    assert "  kept      rabbit-topo.yaml, as it was; add topology/ to its `sources`\n" in page


def test_the_parts_of_a_domain_are_told_as_one() -> None:
    queue = {"version": 1, "queues": {"q": {"type": "quorum"}}}
    parts = tuple(File(f"eu/order.q-{number:02}.yaml", (queue,)) for number in range(1, 23))
    many = Adoption("x.json", "4.3", Selection(("/",), {}), (File("eu/a-1.yaml", (queue,)), *parts))
    page = _page(import_lines(many, Landing("."), 80))
    assert re.search(r"\n  eu/a-1.yaml +1 queue\n", page), page
    assert "  eu/order.q-01.yaml to order.q-22.yaml  22 queues\n" in page
    assert "  eu/order.q-07.yaml  1 queue\n" in _page(import_lines(many, Landing("."), 80, verbose=True))


def test_the_documents_fit_their_schemas() -> None:
    lacking = replace(ONE, selection=replace(ONE.selection, complete=False))
    document = json.loads(json.dumps(import_document(lacking, Landing("shop", WRITTEN))))
    jsonschema.validate(document, json.loads(schema_text("import")))
    assert document["objects"] == {"exchanges": 2, "queues": 2, "bindings": 4, "policies": 1, "external": 1}
    assert document["profiles"] == [
        {"kind": "queues", "name": "worker", "users": 2},
        {"kind": "queues", "name": "short", "users": 1},
    ]
    assert document["skipped"][-1] == {
        "kind": "binding",
        "vhost": "/",
        "source": "gone",
        "destination_kind": "queue",
        "destination": "q1",
        "routing_key": "a\x1b",
        "arguments": '{"n":1}',
        "reason": "leads to what is not taken",
    }
    assert [one["unseen"] == "" for one in document["beyond"]] == [False, True]
    jsonschema.validate(scaffold_document("p", WRITTEN), json.loads(schema_text("init")))


def test_an_example_ends_with_what_to_do_next() -> None:
    here, there = (_page(scaffold_lines(folder, WRITTEN)) for folder in (".", "shop"))
    assert here.startswith("\n  written   topology/orders.yaml\n            rabbit-topo.yaml\n")
    assert "\n  next      rabbit-topo test   " in here
    assert "\n            shop/rabbit-topo.yaml\n" in there
    assert "\n  next      cd shop\n            rabbit-topo test   " in there
