from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding, Key, Kind, Policy, Queue, Topology, Vhost
from rabbit_topo.routing import Router
from rabbit_topo.routing.invariants import invariants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[[str], Topology]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def topology(text: str) -> Topology:
        (tmp_path / "a.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
        return load("a.yaml")

    return topology


def _broken(topology: Topology, operator_policies: tuple[Policy, ...] = ()) -> dict[str, str]:
    found = invariants(Router(topology, operator_policies=operator_policies))
    assert all(result.case is None for result in found)
    return {result.name: result.problem for result in found if not result.passed}


def test_a_publisher_reaches_a_queue(read: Read) -> None:
    topology = read("""\
exchanges:
  e: {type: headers}
  inner: {type: fanout, internal: true}
  theirs: {type: direct, external: true}
  hashed: {type: x-consistent-hash}
queues:
  q: {bindings: [{exchange: e, headers: {a: 1}}, {exchange: hashed, routing_key: "1"}]}
  r: {bindings: [{exchange: hashed, routing_key: "1"}]}
publishers:
  good: {exchange: e, headers: {a: 1}}
  lost: {exchange: e}
  barred: {exchange: inner}
  elsewhere: {exchange: theirs, routing_key: k}
  hash: {exchange: hashed}
  by name: {exchange: "", routing_key: q}
  by no name: {exchange: "", routing_key: qq}
""")
    assert _broken(topology) == {
        "the publisher barred should reach a queue": "the broker refuses its messages: "
        "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'",
        "the publisher by no name should reach a queue": "its messages reach no queue",
        "the publisher lost should reach a queue": "its messages reach no queue",
    }
    assert [result.name for result in invariants(Router(topology))][-2:] == [
        "the queue q should be reachable",
        "the queue r should be reachable",
    ]


NO_WAY = (
    "no binding, dead letter or alternate exchange leads there; say `direct: true` if it is published to by its name"
)


def test_a_declared_queue_can_be_reached(read: Read) -> None:
    topology = read("""\
exchanges:
  e: {type: topic, alternate_exchange: inner}
  inner: {type: fanout, internal: true}
  inner2: {type: fanout, internal: true}
  inner3: {type: fanout, internal: true}
  nobody: {type: fanout, internal: true}
  other: {type: fanout, alternate_exchange: nope}
queues:
  bound: {dead_letter: {exchange: "", routing_key: letters}, bindings: [{exchange: e, routing_key: a}]}
  alternate: {dead_letter: {exchange: inner2}, bindings: [{exchange: inner}]}
  by dead letters: {bindings: [{exchange: inner2}]}
  by policy: {bindings: [{exchange: inner3}]}
  letters: {dead_letter: {exchange: "", routing_key: gone}}
  server: {bindings: [{exchange: amq.topic, routing_key: a}]}
  traces: {bindings: [{exchange: amq.rabbitmq.trace, routing_key: a}]}
  published: {}
  direct: {direct: true}
  at run time: {open_bindings: true}
  theirs: {external: true}
  lost: {dead_letter: {exchange: nobody}}
  lost too: {bindings: [{exchange: nobody}]}
policies:
  letters: {pattern: ^server$, apply_to: queues, definition: {dead-letter-exchange: inner3}}
publishers:
  by name: {exchange: "", routing_key: published}
""")
    assert _broken(topology) == {
        f"the queue {name} should be reachable": NO_WAY for name in ("lost", "lost too", "traces")
    }


def test_a_broker_says_nothing_of_what_is_published_to_by_name() -> None:
    queue = Queue("/", "q", arguments=Arguments({"x-dead-letter-exchange": ""}))
    assert invariants(Router(Topology({queue.key: queue}))) == ()


def test_what_leads_to_nothing_is_followed_to_its_end() -> None:
    vhost = Vhost("/")
    binding = Binding("/", "gone", "queue", "gone")
    to = Binding("/", "amq.direct", "exchange", "gone")
    lost = Binding("/", "amq.direct", "queue", "gone")
    topology = Topology({one.key: one for one in (vhost, binding, to, lost)})
    assert invariants(Router(topology)) == ()
    assert Key("/", Kind.QUEUE, "gone") not in topology.resources
