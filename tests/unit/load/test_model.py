"""What files mean: from YAML to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.model import (
    Arguments,
    Binding,
    Consumer,
    Exchange,
    Key,
    Kind,
    Note,
    Origin,
    Policy,
    Publisher,
    Queue,
    Vhost,
)

if TYPE_CHECKING:
    from tests.unit.load.conftest import Read


def test_a_small_file(read: Read) -> None:
    topology = read("""\
version: 1
vhost: shop
owns: ["shop\\\\..*"]
ignore: [".*\\\\.pidbox"]
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted, description: Orders, owner: checkout}
  shop.unrouted: {type: fanout, durable: false, auto_delete: true, internal: true}
queues:
  shop.created:
    type: quorum
    message_ttl: 1h
    dead_letter: {exchange: "", routing_key: k, strategy: at-least-once}
    arguments: {x-custom: 1}
    protect: true
    open_bindings: true
    direct: true
    retry: true
    bindings:
      - {exchange: shop.orders, routing_keys: [order.created, order.paid]}
""")
    assert topology.vhosts == ("shop",)
    assert topology.of(Kind.VHOST) == [Vhost("shop")]
    assert topology.of(Kind.EXCHANGE) == [
        Exchange("shop", "shop.orders", "topic", arguments=Arguments({"alternate-exchange": "shop.unrouted"})),
        Exchange("shop", "shop.unrouted", "fanout", durable=False, auto_delete=True, internal=True),
    ]
    arguments = {
        "x-message-ttl": 3_600_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "k",
        "x-dead-letter-strategy": "at-least-once",
        "x-custom": 1,
    }
    assert topology.of(Kind.QUEUE) == [Queue("shop", "shop.created", "quorum", arguments=Arguments(arguments))]
    assert topology.of(Kind.BINDING) == [
        Binding("shop", "shop.orders", "queue", "shop.created", key) for key in ("order.created", "order.paid")
    ]
    assert topology.note(Key("shop", Kind.QUEUE, "shop.created")) == Note(
        origin=Origin("a.yaml", 9, 3), protect=True, open_bindings=True, direct=True, retry=True
    )
    note = topology.note(Key("shop", Kind.EXCHANGE, "shop.orders"))
    assert (note.description, note.owner, note.origin) == ("Orders", "checkout", Origin("a.yaml", 6, 3))
    assert topology.note(topology.of(Kind.BINDING)[0].key).origin == Origin("a.yaml", 19, 9)
    assert topology.note(Vhost("shop").key).origin == Origin("a.yaml", 2, 8)
    assert topology.scope.owns("shop", "shop.x")
    assert topology.scope.ignores("shop", "a.pidbox")
    assert topology.files == ("a.yaml",)


def test_every_friendly_key(read: Read) -> None:
    topology = read("""\
version: 1
queues:
  c: {type: classic, expires: 7d, max_length: 5, max_length_bytes: 10MB, overflow: reject-publish,
      single_active_consumer: true, max_priority: 9, leader_locator: balanced}
  q: {type: quorum, delivery_limit: 5, initial_group_size: 3}
  s: {type: stream, max_age: 7d, segment_size: 1MiB, initial_group_size: 3}
""")
    assert [dict(queue.arguments) for queue in topology.of(Kind.QUEUE) if isinstance(queue, Queue)] == [
        {
            "x-expires": 604_800_000,
            "x-max-length": 5,
            "x-max-length-bytes": 10_000_000,
            "x-overflow": "reject-publish",
            "x-single-active-consumer": True,
            "x-max-priority": 9,
            "x-queue-leader-locator": "balanced",
        },
        {"x-delivery-limit": 5, "x-quorum-initial-group-size": 3},
        {"x-max-age": "604800s", "x-stream-max-segment-size-bytes": 2**20, "x-initial-cluster-size": 3},
    ]


def test_the_raw_type_is_the_type_and_none_is_none(read: Read) -> None:
    topology = read("version: 1\nqueues: {a: {arguments: {x-queue-type: quorum, x-message-ttl: 5}}, b: }\n")
    assert topology.of(Kind.QUEUE) == [
        Queue("/", "a", "quorum", arguments=Arguments({"x-message-ttl": 5})),
        Queue("/", "b", None),
    ]


def test_values_keep_their_classes_and_null_is_presence(read: Read) -> None:
    topology = read("""\
version: 1
exchanges: {h: {type: headers}}
queues:
  q:
    bindings:
      - {exchange: h, match: any, headers: {i: 1, f: 1.0, b: true, t: "1", n: null, l: [1, {a: 2}]}}
      - {exchange: h, headers: {format: pdf}, arguments: {x-match: all-with-x}}
      - {exchange: h, headers: {}}
      - {exchange: h, arguments: {v: null}}
""")
    found = [binding.arguments for binding in topology.of(Kind.BINDING) if isinstance(binding, Binding)]
    assert sorted(found, key=str) == sorted(
        [
            Arguments({"i": 1, "f": 1.0, "b": True, "t": "1", "n": None, "l": [1, {"a": 2}], "x-match": "any"}),
            Arguments({"format": "pdf", "x-match": "all-with-x"}),
            Arguments(),
            Arguments({"v": None}),
        ],
        key=str,
    )


def test_bindings_stand_in_three_places(read: Read) -> None:
    topology = read("""\
version: 1
exchanges:
  f: {type: fanout, bindings: [{exchange: amq.topic, routing_key: "#"}, {exchange: f}]}
queues:
  q: {bindings: [{exchange: f}, {exchange: amq.direct, routing_key: ""}, {exchange: f, routing_keys: []}]}
bindings:
  - {exchange: f, queue: q, routing_key: k, arguments: {a: 1}}
  - {exchange: amq.rabbitmq.trace, to_exchange: amq.fanout, routing_key: "#"}
""")
    assert topology.of(Kind.BINDING) == [
        Binding("/", "amq.direct", "queue", "q"),
        Binding("/", "amq.rabbitmq.trace", "exchange", "amq.fanout", "#"),
        Binding("/", "amq.topic", "exchange", "f", "#"),
        Binding("/", "f", "exchange", "f"),
        Binding("/", "f", "queue", "q"),
        Binding("/", "f", "queue", "q", "k", Arguments({"a": 1})),
    ]
    assert [exchange.name for exchange in topology.of(Kind.EXCHANGE) if isinstance(exchange, Exchange)] == ["f"]


def test_layers(read: Read) -> None:
    topology = read(
        """\
version: 1
defaults:
  queues: {type: quorum, delivery_limit: 3, arguments: {x-a: 1, x-b: 1}}
  exchanges: {type: topic, durable: false}
exchanges:
  e: {}
  f: {type: fanout, durable: null}
queues:
  own: {use: [one, two], delivery_limit: 9, arguments: {x-b: 4, x-c: null}}
  plain: {}
  unset: {type: null, delivery_limit: null, arguments: null}
  there: {external: true}
""",
        b="""\
version: 1
profiles:
  queues:
    one: {dead_letter: {exchange: dead, routing_key: "{name}.dead"}, arguments: {x-b: 2, x-c: "{name}"}}
    two: {dead_letter: {routing_key: "two.{name}"}, arguments: {x-b: 3, x-d: ["{name}", {k: "{name}"}]}}
""",
    )
    assert topology.of(Kind.EXCHANGE) == [
        Exchange("/", "e", "topic", durable=False),
        Exchange("/", "f", "fanout"),
    ]
    own = {
        "x-a": 1,
        "x-b": 4,
        "x-d": ["own", {"k": "own"}],
        "x-delivery-limit": 9,
        "x-dead-letter-exchange": "dead",
        "x-dead-letter-routing-key": "two.own",
    }
    assert topology.of(Kind.QUEUE) == [
        Queue("/", "own", "quorum", arguments=Arguments(own)),
        Queue("/", "plain", "quorum", arguments=Arguments({"x-a": 1, "x-b": 1, "x-delivery-limit": 3})),
        Queue("/", "there", None),
        Queue("/", "unset", None),
    ]


def test_external_mentions_merge_and_a_declaration_wins(read: Read) -> None:
    topology = read(
        """\
version: 1
exchanges:
  there: {external: true, type: topic, alternate_exchange: other}
  amq.topic: {external: true, type: topic}
  ours: {external: true, type: topic}
queues:
  there: {external: true, message_ttl: 5s, bindings: [{exchange: there, routing_key: k}]}
""",
        b="""\
version: 1
exchanges:
  there: {external: true, durable: true, internal: false, owner: them}
  ours: {type: direct}
queues:
  there: {external: true, type: classic, auto_delete: false}
""",
    )
    exchange, queue = Key("/", Kind.EXCHANGE, "there"), Key("/", Kind.QUEUE, "there")
    assert topology.resources[exchange] == Exchange(
        "/", "there", "topic", arguments=Arguments({"alternate-exchange": "other"})
    )
    assert topology.note(exchange) == Note(
        origin=Origin("a.yaml", 3, 3),
        owner="them",
        external=True,
        stated=frozenset({"type", "durable", "internal", "arguments.alternate-exchange"}),
    )
    assert topology.resources[queue] == Queue("/", "there", "classic", arguments=Arguments({"x-message-ttl": 5000}))
    assert topology.note(queue).stated == {"type", "auto_delete", "arguments.x-message-ttl"}
    ours = Key("/", Kind.EXCHANGE, "ours")
    assert topology.resources[ours] == Exchange("/", "ours", "direct")
    assert topology.note(ours) == Note(origin=Origin("b.yaml", 4, 3))
    binding = Binding("/", "there", "queue", "there", "k")
    assert topology.resources[binding.key] == binding
    assert not topology.note(binding.key).external


def test_policies(read: Read) -> None:
    topology = read("""\
version: 1
policies:
  a: {pattern: "^shop", apply_to: queues, priority: 1.5, protect: true,
      definition: {max_length: 5, message_ttl: 1h, expires: 2h, overflow: drop-head, max_age: 1D, alternate_exchange: x,
                   dead_letter: {exchange: d, routing_key: k}, ha-mode: all, delivery-limit: 5}}
  b: {pattern: ".*", definition: {message-ttl: 5, initial_group_size: 3}}
""")
    definition = {
        "max-length": 5,
        "message-ttl": 3_600_000,
        "expires": 7_200_000,
        "overflow": "drop-head",
        "max-age": "86400s",
        "alternate-exchange": "x",
        "dead-letter-exchange": "d",
        "dead-letter-routing-key": "k",
        "ha-mode": "all",
        "delivery-limit": 5,
    }
    assert topology.of(Kind.POLICY) == [
        Policy("/", "a", "^shop", "queues", 1.5, Arguments(definition)),
        Policy("/", "b", ".*", "all", 0, Arguments({"message-ttl": 5, "initial-cluster-size": 3})),
    ]
    assert topology.note(Key("/", Kind.POLICY, "a")).protect


def test_publishers_and_consumers(read: Read) -> None:
    topology = read("""\
version: 1
defaults: {publishers: {priority: 3}}
profiles:
  publishers: {json: {delivery_mode: persistent, retry: true, headers: {a: 1, b: 2}, expiration: 30s}}
exchanges: {e: {type: topic}}
queues: {q: }
publishers:
  p: {use: json, exchange: e, routing_key: k, headers: {b: null, c: 3}, owner: us}
  d: {exchange: "", retry_policy: {max_retries: 3, interval_step: 0.2}}
consumers:
  c: {queues: [q], prefetch: 10, description: works}
""")
    options = {
        "priority": 3,
        "delivery_mode": "persistent",
        "retry": True,
        "headers": {"a": 1, "c": 3},
        "expiration": 30_000,
    }
    note = Note(origin=Origin("a.yaml", 8, 3), owner="us")
    assert topology.publishers["p"] == Publisher("p", "/", "e", "k", options, note)
    default = topology.publishers["d"]
    assert (default.exchange, default.routing_key) == ("", "")
    assert default.options == {"priority": 3, "retry_policy": {"max_retries": 3, "interval_step": 0.2}}
    note = Note(origin=Origin("a.yaml", 11, 3), description="works")
    assert topology.consumers == {"c": Consumer("c", "/", ("q",), {"prefetch": 10}, note)}


def test_absent_and_tests(read: Read) -> None:
    topology = read("""\
version: 1
absent: {queues: [old], exchanges: [old], policies: [old]}
exchanges: {e: {type: topic}}
queues: {q: {}, dead: {}}
tests:
  - name: it arrives
    publish: {exchange: e, headers: {a: 1}}
    expect: [q]
    then: {queue: q, rejected: true, expect: [dead]}
  - name: a table
    publish: {exchange: e}
    cases: [{routing_key: a, expect: [q]}, {routing_key: b, expect_unroutable: true}]
""")
    assert {(key.kind, key.name) for key in topology.absent} == {
        (Kind.QUEUE, "old"),
        (Kind.EXCHANGE, "old"),
        (Kind.POLICY, "old"),
    }
    assert topology.absent[Key("/", Kind.QUEUE, "old")].origin == Origin("a.yaml", 2, 19)
    assert [test.name for test in topology.tests] == ["it arrives", "a table"]
    assert topology.tests[0].body == {
        "name": "it arrives",
        "publish": {"exchange": "e", "headers": {"a": 1}},
        "expect": ["q"],
        "then": {"queue": "q", "rejected": True, "expect": ["dead"]},
    }
    assert topology.tests[1].origin == Origin("a.yaml", 10, 5)
    assert topology.tests[1].case_origins == (Origin("a.yaml", 12, 13), Origin("a.yaml", 12, 44))


def test_absent_bindings_are_exactly_those_and_their_ends_need_not_be_declared(read: Read) -> None:
    topology = read("""\
version: 1
exchanges: {e: {type: headers}, d: {type: direct, bindings: [{exchange: e}]}, x: {external: true}}
absent:
  bindings:
    - {exchange: e, queue: old, match: all, headers: {a: 1}}
    - {exchange: away, to_exchange: x, routing_keys: [a, b]}
""")
    assert set(topology.absent) == {
        Binding("/", "e", "queue", "old", "", Arguments({"x-match": "all", "a": 1})).key,
        Binding("/", "away", "exchange", "x", "a").key,
        Binding("/", "away", "exchange", "x", "b").key,
    }
    assert {note.origin for note in topology.absent.values()} == {Origin("a.yaml", 5, 7), Origin("a.yaml", 6, 7)}


def test_only_the_object_itself_can_take_its_protection_away(read: Read) -> None:
    topology = read("""\
version: 1
defaults: {queues: {protect: false}}
profiles: {queues: {p: {protect: false}}}
queues: {a: {}, b: {use: p}, c: {protect: false}, d: {protect: true}, e: {protect: null}}
""")
    notes = {key.name: note for key, note in topology.notes.items() if key.kind is Kind.QUEUE}
    assert [name for name, note in notes.items() if note.unprotect] == ["c"]
    assert [name for name, note in notes.items() if note.protect] == ["d"]


def test_several_documents_name_several_vhosts(read: Read) -> None:
    topology = read(
        "version: 1\nvhost: one\nowns: [a]\nqueues: {q: }\n"
        "---\nversion: 1\nvhost: two\nqueues: {q: }\n"
        "---\nversion: 1\nvhost: one\nowns: [a, b]\n---\n"
        "---\nversion: 1\nprofiles: {queues: {p: }}\n"
        "---\nversion: 1\nvhost: three\n"
    )
    assert topology.vhosts == ("one", "three", "two")
    assert topology.scope.owns_patterns["one"] == ("a", "b")


def test_yaml_of_all_kinds(read: Read) -> None:
    topology = read("""\
%YAML 1.1
---
version: 1
exchanges:
  base: &base {type: topic, durable: false}
  more: {<<: *base, internal: true}
  most: {<<: [*base, {auto_delete: true}], durable: true}
  same: *base
  tagged: {type: !!str topic, description: ! "x"}
  &name quoted: {"type": 'direct'}
queues:
  ? *name
  : description: |
      two
      lines
""")
    assert topology.of(Kind.EXCHANGE) == [
        Exchange("/", "base", "topic", durable=False),
        Exchange("/", "more", "topic", durable=False, internal=True),
        Exchange("/", "most", "topic", auto_delete=True),
        Exchange("/", "quoted", "direct"),
        Exchange("/", "same", "topic", durable=False),
        Exchange("/", "tagged", "topic"),
    ]
    assert topology.note(Key("/", Kind.QUEUE, "quoted")).description == "two\nlines\n"
