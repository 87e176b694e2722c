"""Which queues a message can get to: dead letters go by queues' names with the keys that they came with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo import load
from rabbit_topo.model import Key, Kind, Queue
from rabbit_topo.routing import Router
from rabbit_topo.routing.invariants import invariants

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
version: 1
exchanges:
  direct: {type: direct}
  topic: {type: topic}
  dead: {type: fanout, internal: true}
"""


def unreached(tmp_path: Path, queues: str) -> list[str]:
    (tmp_path / "topology.yaml").write_text(HEAD + queues)
    results = invariants(Router(load(tmp_path)))
    return [result.name.split()[2] for result in results if result.problem]


@pytest.mark.parametrize(
    ("binding", "left"),
    [
        ("{exchange: direct, routing_key: retry}", ["other"]),
        ("{exchange: topic, routing_key: retry}", ["other"]),
        ("{exchange: topic, routing_key: 're.*'}", []),  # nobody knows with which keys they come
        ("{exchange: amq.fanout}", []),
        ("{exchange: amq.match, headers: {a: 1}}", []),
        ("{exchange: direct, routing_key: elsewhere}", ["retry", "other"]),
    ],
)
def test_dead_letters_go_by_the_keys_that_they_came_with(tmp_path: Path, binding: str, left: list[str]) -> None:
    queues = f"""\
queues:
  a: {{type: classic, message_ttl: 1m, dead_letter: {{exchange: ""}}, bindings: [{binding}]}}
  b: {{type: classic, message_ttl: 1m, dead_letter: {{exchange: ""}}, bindings: [{binding}]}}
  retry: {{type: classic}}
  other: {{type: classic}}
"""
    assert unreached(tmp_path, queues) == sorted(left)


def test_a_stream_dead_letters_nothing(tmp_path: Path) -> None:
    queues = """\
queues:
  a: {type: classic, dead_letter: {exchange: dead}, bindings: [{exchange: direct, routing_key: a}]}
  d: {type: classic, bindings: [{exchange: dead}]}
"""
    assert unreached(tmp_path, queues) == []
    topology = load(tmp_path)
    classic = topology.resources[Key("/", Kind.QUEUE, "a")]
    assert isinstance(classic, Queue)
    stream = replace(classic, type="stream")  # no file says so
    as_stream = replace(topology, resources={**topology.resources, stream.key: stream})
    assert [result.name for result in invariants(Router(as_stream)) if result.problem] == [
        "the queue d should be reachable"
    ]


@pytest.mark.parametrize("apply_to", ["queues", "exchanges"])
def test_what_a_policy_may_lead_to_is_no_lost_queue(tmp_path: Path, apply_to: str) -> None:
    option = "dead-letter-exchange" if apply_to == "queues" else "alternate-exchange"
    queues = f"""\
queues:
  a: {{type: classic, bindings: [{{exchange: direct, routing_key: a}}]}}
  d: {{type: classic, bindings: [{{exchange: dead}}]}}
policies:
  p: {{pattern: "(?R)", apply_to: {apply_to}, definition: {{{option}: dead}}}}
"""
    assert unreached(tmp_path, queues) == []
    assert unreached(tmp_path, queues.replace("(?R)", "no such")) == ["d"]
