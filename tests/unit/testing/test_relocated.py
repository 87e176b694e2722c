from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.diff import Create, Replace
from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Kind, Mark, Note, Policy, Queue, Vhost
from rabbit_topo.plan import Blocked, Failed, Migrate, Recreate
from rabbit_topo.testing.relocated import moved_key, placed, relocated

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
version: 1
vhost: shop
owns: ["shop\\\\..*"]
ignore: ["tmp"]
exchanges: {shop: {type: topic, owner: us}, theirs: {external: true, type: direct}}
queues: {shop.q: {type: quorum, message_ttl: 1s, protect: true, bindings: [{exchange: shop, routing_key: "#"}]}}
policies: {p: {pattern: shop, definition: {max_length: 5}}}
publishers: {sender: {exchange: shop, routing_key: a}}
consumers: {taker: {queues: [shop.q]}}
absent: {queues: [old]}
tests: [{name: t, publish: {exchange: shop, routing_key: a}, expect: [shop.q]}]
"""


def test_a_topology_goes_and_comes_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(TEXT)
    topology = load(tmp_path / "shop.yaml")
    there = relocated(topology, {"shop": "copy"})
    assert there.vhosts == ("copy",)
    assert {key.vhost for key in (*there.resources, *there.notes, *there.absent)} == {"copy"}
    assert there.scope.owns("copy", "shop.x")
    assert there.scope.ignores("copy", "tmp")
    assert not there.scope.owns("shop", "shop.x")
    assert [one.vhost for one in (*there.publishers.values(),)] == ["copy"]
    assert [one.vhost for one in there.consumers.values()] == ["copy"]
    assert there.tests == ()
    queue = Key("copy", Kind.QUEUE, "shop.q")
    assert there.note(queue) == topology.note(queue._replace(vhost="shop"))
    assert there.resources[queue] == Queue("copy", "shop.q", "quorum", arguments=Arguments({"x-message-ttl": 1000}))
    back = relocated(there, {"copy": "shop"})
    assert back.resources == topology.resources
    assert (back.notes, back.absent, back.scope) == (topology.notes, topology.absent, topology.scope)
    assert (back.publishers, back.consumers) == (topology.publishers, topology.consumers)


def test_what_is_made_of_resources_is_placed_whole() -> None:
    homes = {"copy": "shop"}
    before, after = Queue("copy", "q", "classic"), Queue("copy", "q", "quorum")
    exchange, binding = Exchange("copy", "e", "fanout"), Binding("copy", "e", "queue", "q")
    note = Note(owner="copy")
    change = Replace(before, after, (), note)
    recreate = Recreate(before, after, (exchange, binding), change)
    told = placed(Failed(recreate, "no queue 'q' in vhost 'copy'", "look"), homes, words=True)
    assert told.reason == "no queue 'q' in vhost 'shop'"
    assert told.operation.key == Key("shop", Kind.QUEUE, "q")
    assert told.operation == Recreate(
        Queue("shop", "q", "classic"),
        Queue("shop", "q", "quorum"),
        (Exchange("shop", "e", "fanout"), Binding("shop", "e", "queue", "q")),
        Replace(Queue("shop", "q", "classic"), Queue("shop", "q", "quorum"), (), note),
    )
    holding = Queue("copy", "h", arguments=Mark("migrate", Kind.QUEUE, "q").arguments)
    migrate = placed(Migrate(None, after, holding, change, resumed=True), homes)
    assert (migrate.holding.vhost, migrate.before, migrate.resumed) == ("shop", None, True)
    policy = Policy("copy", "copy", "copy", definition=Arguments({"max-length": 1}))
    row = placed(Blocked(Create(policy, note), "copy is full", ""), homes)
    assert row == Blocked(
        Create(Policy("shop", "copy", "copy", definition=policy.definition), note), "copy is full", ""
    )
    assert placed(Vhost("copy"), homes) == Vhost("shop")
    assert placed((Key("copy", Kind.VHOST, "copy"), Queue), homes) == (Key("shop", Kind.VHOST, "shop"), Queue)
    assert moved_key(Key("other", Kind.QUEUE, "copy"), homes) == Key("other", Kind.QUEUE, "copy")
