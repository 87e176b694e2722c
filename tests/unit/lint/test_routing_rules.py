"""RT2: where the rules speak, and where they cannot know and are silent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint import dead_letter_rules, governance
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.routing_rules import RULES
from rabbit_topo.lint.types import Context
from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Publisher, Queue, Topology, Vhost
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from rabbit_topo.lint.types import Rule


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(RULES, tmp_path)


BOUND = "    bindings: [{exchange: x, routing_key: k}]\n"


@pytest.mark.parametrize(
    "text",
    [
        "queues: {q: {type: quorum, direct: true}}\n",
        "queues: {q: {type: quorum, open_bindings: true}}\n",
        "queues: {q: {external: true}}\n",
        'queues: {q: {type: quorum}}\npublishers: {p: {exchange: "", routing_key: q}}\n',
        "exchanges: {x: {external: true}}\nqueues: {q: {type: quorum, bindings: [{exchange: x, routing_key: k}]}}\n",
        'queues: {q: {type: quorum}, p: {direct: true, type: quorum, dead_letter: {exchange: "", routing_key: q}}}\n',
    ],
)
def test_reachable_queues(find: Finder, text: str) -> None:
    assert not find.written("RT201", text)


def test_whatever_key_a_dead_letter_comes_with_may_be_a_queues_name(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: topic}}\nqueues:\n  q: {type: quorum}\n"
        '  p: {type: quorum, dead_letter: {exchange: ""}, bindings: [{exchange: x, routing_key: "#"}]}\n'
    )
    assert not find.written("RT201", text)


def test_a_queue_that_its_name_alone_leads_to(find: Finder) -> None:
    dead = 'dead_letter: {exchange: "", routing_key: other}'
    assert find.messages("RT201", f"queues: {{q: {{type: quorum}}, p: {{type: quorum, direct: true, {dead}}}}}\n") == [
        'nothing leads to the queue "q" but its own name'
    ]
    (hit,) = find.observed("RT201", Queue("/", "q", "quorum"))
    assert hit.severity == "info"


def test_dead_letters_keep_the_literal_key_that_they_came_with(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: direct}}\nqueues:\n  k: {type: quorum}\n  other: {type: quorum}\n"
        '  p: {type: quorum, dead_letter: {exchange: ""}, bindings: [{exchange: x, routing_key: k}]}\n'
    )
    assert find.messages("RT201", text) == ['nothing leads to the queue "other" but its own name']


@pytest.mark.parametrize(
    "text",
    [
        "exchanges: {x: {external: true, type: topic}}\n",
        "exchanges: {x: {type: topic, open_bindings: true}}\n",
        "exchanges: {x: {type: topic, alternate_exchange: y}, y: {external: true}}\n",
        "exchanges: {x: {type: topic}}\npolicies: {p: {pattern: x, definition: {alternate-exchange: amq.fanout}}}\n",
        "exchanges: {x: {type: topic, bindings: [{exchange: x, routing_key: a}]}}\n",
    ],
)
def test_exchanges_with_a_way_out(find: Finder, text: str) -> None:
    assert not find.written("RT202", text)


def test_an_exchange_that_drops_dead_letters_is_an_error(find: Finder) -> None:
    queues = "".join(f"  q{n}: {{type: quorum, direct: true, dead_letter: {{exchange: x}}}}\n" for n in range(5))
    text = f"exchanges: {{x: {{type: fanout}}, y: {{type: fanout}}}}\nqueues:\n{queues}"
    dead, plain = find.written("RT202", text)
    assert dead.severity == "error"
    assert dead.message == (
        'the exchange "x" drops every message: nothing is bound to it; '
        'the dead letters of "q0", "q1", "q2" and 2 more end here'
    )
    assert plain.severity is None
    assert plain.message == 'the exchange "y" drops every message: nothing is bound to it'


@pytest.mark.parametrize(
    ("exchanges", "said"),
    [
        (
            "x: {type: topic, alternate_exchange: x}",
            'the exchange "x" drops every message: nothing is bound to it, and',
        ),
        (
            "x: {type: topic, alternate_exchange: y}, y: {type: fanout, alternate_exchange: x}",
            'the exchanges "x", "y" drop every message: nothing is bound to them but each other, as alternate ones',
        ),
        ("x: {type: topic, alternate_exchange: y}, y: {type: fanout}", 'the exchange "y" drops every message: nothing'),
    ],
)
def test_alternate_exchanges_that_lead_nowhere(find: Finder, exchanges: str, said: str) -> None:
    (message,) = find.messages("RT202", f"exchanges: {{{exchanges}}}\n")
    assert message.startswith(said)
    queue = "queues: {q: {type: quorum, direct: true, dead_letter: {exchange: y}}}\n"
    if "y:" in exchanges:
        (hit,) = find.written("RT202", f"exchanges: {{{exchanges}}}\n{queue}")
        assert (hit.severity, hit.message) == ("error", f'{message}; the dead letters of "q" end here')


def test_a_circle_of_alternate_exchanges_with_a_binding_leads_on(find: Finder) -> None:
    text = "exchanges: {x: {type: topic, alternate_exchange: y}, y: {type: fanout, alternate_exchange: x}}\n"
    assert not find.written("RT202", f"{text}queues: {{q: {{type: quorum, bindings: [{{exchange: y}}]}}}}\n")


INTERNAL = (
    "exchanges: {x: {type: fanout, internal: true MORE}}\nqueues:\n  q: {type: quorum, bindings: [{exchange: x}]}\n"
)


def test_a_queue_behind_an_internal_exchange_that_nothing_feeds(find: Finder) -> None:
    behind = '  d: {type: quorum}\n  e: {type: quorum, bindings: [{exchange: x}], dead_letter: {exchange: "", KEY}}\n'
    text = INTERNAL.replace("MORE", "") + behind.replace("KEY", "routing_key: d")
    assert (
        find.messages("RT201", text)
        == [
            f'nothing leads to the queue "{name}" but the internal exchange "x", where no message can get'
            for name in "qe"
        ][::-1]
    )


@pytest.mark.parametrize(
    ("more", "fed"),
    [
        (", bindings: [{exchange: amq.fanout}]", ""),
        (", open_bindings: true", ""),
        ("}, y: {type: topic, alternate_exchange: x", ""),
        ("", "  p: {type: quorum, direct: true, dead_letter: {exchange: x}}\n"),
        ("", "policies: {p: {pattern: amq.fanout, apply_to: exchanges, definition: {alternate-exchange: x}}}\n"),
        ("", 'policies: {p: {pattern: "(?R)", apply_to: exchanges, definition: {alternate-exchange: x}}}\n'),
    ],
)
def test_a_queue_behind_an_internal_exchange_that_something_feeds(find: Finder, more: str, fed: str) -> None:
    assert not find.written("RT201", INTERNAL.replace(" MORE", more) + fed)


LOOP = '{type: quorum, retry: true, dead_letter: {exchange: "", routing_key: TO}}'


def test_queues_that_only_their_own_dead_letters_lead_to(find: Finder) -> None:
    def text(*ways: tuple[str, str]) -> str:
        return "queues:\n" + "".join(f"  {own}: {LOOP.replace('TO', to)}\n" for own, to in ways)

    assert find.messages("RT201", text(("a", "b"), ("b", "a"))) == [
        'nothing leads to the queues "a", "b" but the dead letters of each other'
    ]
    assert find.messages("RT201", text(("a", "a"))) == ['nothing leads to the queue "a" but its own dead letters']
    assert find.messages("RT201", text(("a", "b"), ("b", "a"), ("c", "b"))) == [
        'nothing leads to the queue "c" but its own name'
    ]
    more = text(("a", "b"), ("b", "a")) + "bindings: [{exchange: amq.fanout, queue: b}]\n"
    assert not find.written("RT201", more)


def test_where_there_are_several_vhosts_the_message_names_one(find: Finder) -> None:
    text = "vhost: V\nexchanges: {x: {type: topic}}\nqueues: {q: {type: quorum}}\n"
    both = f"{text.replace('V', 'v')}---\nversion: 1\n{text.replace('V', 'w')}"
    assert find.messages("RT201", both) == [
        f'nothing leads to the queue "q" but its own name in the vhost "{vhost}"' for vhost in "vw"
    ]
    assert [
        said.endswith(f'in the vhost "{vhost}"') for said, vhost in zip(find.messages("RT202", both), "vw", strict=True)
    ] == [True, True]


def test_what_no_file_can_say_no_hint_asks_for(find: Finder) -> None:
    alternate = Exchange("/", "x", "topic", arguments=Arguments({"alternate-exchange": "gone"}))
    for code, one in (
        ("RT201", Queue("/", "q", "quorum")),
        ("RT202", Exchange("/", "x", "topic")),
        ("RT208", alternate),
    ):
        (hit,) = find.observed(code, one)
        assert hit.hint
        assert "true" not in hit.hint


TOPIC = "exchanges: {x: {type: TYPE}, y: {type: fanout, open_bindings: true}}\nqueues:\n  q:\n    type: quorum\n"


def test_shadowed_patterns_are_told_once_with_what_covers_them(find: Finder) -> None:
    keys = '    bindings: [{exchange: x, routing_keys: ["a.*", "a.#", a.b, b.c]}]\n'
    hits = find.written("RT203", TOPIC.replace("TYPE", "topic") + keys)
    assert [hit.key.routing_key for hit in hits] == ["a.*", "a.b"]
    assert hits[0].message.startswith(
        '"a.*" adds nothing: the queue "q" gets every such message of the exchange "x" by "a.#" ('
    )
    assert hits[0].message.endswith("shop.yaml:6)")


def test_patterns_to_other_ends_and_of_other_types_shadow_nothing(find: Finder) -> None:
    ends = (
        '    bindings: [{exchange: x, routing_key: "#"}]\nbindings: [{exchange: x, to_exchange: y, routing_key: a}]\n'
    )
    assert not find.written("RT203", TOPIC.replace("TYPE", "topic") + ends)
    direct = '    bindings: [{exchange: x, routing_keys: ["#", a]}]\n'
    assert not find.written("RT203", TOPIC.replace("TYPE", "direct") + direct)
    assert not find.written("RT203", f"exchanges: {{x: {{external: true}}}}\nqueues:\n  q:\n    type: quorum\n{direct}")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("order*", '"order*"'),
        ("order.#x", '"#x"'),
        ("a.*b.c#.*", '"*b", "c#"'),
        ("order/#", '"order/#"'),
        ("order/+/paid", '"order/+/paid"'),
        ("a.*.#", None),
        ("a+b.+.a/b", None),
        ("", None),
    ],
)
def test_a_wildcard_inside_of_a_word_is_none(find: Finder, key: str, words: str | None) -> None:
    bound = Exchange("/", "x", "topic"), Queue("/", "q"), Binding("/", "x", "queue", "q", key)
    said = f'on the topic exchange "x" {words} in the key "{key}" is no wildcard: only this very text fits'
    assert [hit.message for hit in find.observed("RT205", *bound)] == ([said] if words else [])


def test_a_delayed_exchange_routes_by_its_inner_type(find: Finder) -> None:
    bindings = [Binding("/", "x", "queue", "q", key) for key in ("#", "a")]
    delayed = Exchange("/", "x", "x-delayed-message", arguments=Arguments({"x-delayed-type": "topic"}))
    (hit,) = find.observed("RT203", delayed, Queue("/", "q"), *bindings)
    assert hit.message == '"a" adds nothing: the queue "q" gets every such message of the exchange "x" by "#"'
    odd = Exchange("/", "x", "x-delayed-message")
    assert not find.observed("RT203", odd, Queue("/", "q"), *bindings)


@pytest.mark.parametrize(
    ("kind", "one", "other", "why"),
    [
        ("fanout", "", "k", "each message arrives once"),
        ("x-recent-history", "", "k", "each message arrives once"),
        ("direct", "k", "k", "each message arrives once"),
        ("topic", "k.#", "k.#", "each message arrives once"),
        ("x-consistent-hash", "1", "2", "the first weight counts"),
    ],
)
def test_second_bindings_without_effect(find: Finder, kind: str, one: str, other: str, why: str) -> None:
    bindings = Binding("/", "x", "queue", "q", one, Arguments({"a": 1})), Binding("/", "x", "queue", "q", other)
    (hit,) = find.observed("RT204", Exchange("/", "x", kind), Queue("/", "q"), *bindings)
    assert hit.key == max(binding.key for binding in bindings)
    assert hit.message == f'the queue "q" is bound to the {kind} exchange "x" already: {why}'


def test_the_second_is_the_one_that_is_written_later(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: fanout}}\nqueues:\n  q:\n    type: quorum\n    bindings:\n"
        "      - {exchange: x}\n      - {exchange: x, arguments: {by: ops}}\n"
    )
    (hit,) = find.written("RT204", text)
    assert hit.key.arguments == '{"by":"ops"}'


@pytest.mark.parametrize("kind", ["direct", "topic", "headers", "x-random"])
def test_second_bindings_with_an_effect(find: Finder, kind: str) -> None:
    bindings = [Binding("/", "x", "queue", "q", key) for key in ("a", "b")]
    assert not find.observed("RT204", Exchange("/", "x", kind), Queue("/", "q"), *bindings)


@pytest.mark.parametrize(
    ("kind", "key", "message"),
    [
        ("fanout", "k", 'the fanout exchange "x" does not look at the key "k"'),
        ("headers", "k", 'the headers exchange "x" does not look at the key "k"'),
        (
            "direct",
            "a.#",
            'on the direct exchange "x" the key "a.#" is no pattern: only messages with exactly this key fit',
        ),
        ("direct", "a#", None),
        ("topic", "a.#", None),
        ("fanout", "", None),
        ("x-modulus-hash", "k", None),
    ],
)
def test_keys_that_mean_nothing(find: Finder, kind: str, key: str, message: str | None) -> None:
    hits = find.observed("RT205", Exchange("/", "x", kind), Queue("/", "q"), Binding("/", "x", "queue", "q", key))
    assert [hit.message for hit in hits] == ([message] if message else [])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "takes every message"),
        ({"x-match": "any"}, "never takes a message"),
        ({"x-match": "any-with-x", "x-kind": 1}, None),
        ({"kind": 1}, None),
    ],
)
def test_headers_bindings_that_compare_nothing(find: Finder, arguments: dict[str, object], what: str | None) -> None:
    binding = Binding("/", "x", "queue", "q", "", Arguments(arguments))
    hits = find.observed("RT206", Exchange("/", "x", "headers"), Queue("/", "q"), binding)
    expected = f'the binding from "x" to the queue "q" names no header to compare: it {what}'
    assert [hit.message for hit in hits] == ([expected] if what else [])
    assert not find.observed("RT206", Exchange("/", "x", "topic"), Queue("/", "q"), binding)


def test_a_headers_binding_with_x_headers_alone_says_when_they_count(find: Finder) -> None:
    binding = Binding("/", "x", "queue", "q", "", Arguments({"x-match": "any", "x-kind": 1}))
    (hit,) = find.observed("RT206", Exchange("/", "x", "headers"), Queue("/", "q"), binding)
    assert hit.message.endswith('names "x-kind" alone, and `x-` headers are not compared: it never takes a message')
    assert hit.hint == "with `match: any-with-x` headers that begin with `x-` count"


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("{type: topic}", True),
        ("{type: direct}", True),
        ("{type: headers}", False),  # the binding names no header
        ("{type: fanout}", False),
        ("{type: topic, internal: true}", False),
        ("{type: topic, alternate_exchange: amq.fanout}", False),
    ],
)
def test_entries_without_a_catch_all(find: Finder, text: str, *, fires: bool) -> None:
    bound = f"exchanges: {{x: {text}}}\nqueues:\n  q:\n    type: quorum\n{BOUND}"
    assert bool(find.written("RT207", bound)) is fires


@pytest.mark.parametrize(
    ("more", "fires"),
    [
        ("publishers: {p: {exchange: x, mandatory: true}}\n", False),
        ("publishers: {p: {exchange: x, mandatory: true}, r: {exchange: x}}\n", True),
        ("publishers: {p: {exchange: amq.fanout}}\n", True),
        ('bindings: [{exchange: x, queue: q, routing_key: "#"}]\n', False),
        ("bindings: [{exchange: amq.fanout, to_exchange: x}]\n", False),
        ("bindings: [{exchange: amq.fanout, to_exchange: x}]\npublishers: {p: {exchange: x}}\n", True),
    ],
)
def test_who_publishes_to_an_entry_and_how(find: Finder, more: str, *, fires: bool) -> None:
    bound = f"exchanges: {{x: {{type: topic}}}}\nqueues:\n  q:\n    type: quorum\n{BOUND}{more}"
    assert bool(find.written("RT207", bound)) is fires


def test_a_headers_binding_that_takes_everything_is_a_catch_all(find: Finder) -> None:
    bound = (Exchange("/", "x", "headers"), Queue("/", "q"), Binding("/", "x", "queue", "q", "", Arguments({"a": 1})))
    assert find.observed("RT207", *bound)
    assert not find.observed("RT207", *bound, Binding("/", "x", "queue", "q"))
    assert not find.observed("RT207", Exchange("/", "x", "headers"))  # RT202 says more


def test_missing_alternate_exchanges(find: Finder) -> None:
    text = (
        "exchanges:\n  own: {type: topic, alternate_exchange: gone}\n"
        "  there: {type: topic, alternate_exchange: amq.fanout}\n"
        "  p.a: {type: topic}\n  p.b: {type: topic}\n  s.a: {type: topic}\n"
        "policies:\n  many: {pattern: ^p, definition: {alternate-exchange: away}}\n"
        "  single: {pattern: ^s, definition: {alternate-exchange: away}}\n"
    )
    assert find.messages("RT208", text) == [
        'the alternate exchange "gone" of the exchange "own" is not declared',
        'the policy "many" makes "away" the alternate exchange of "p.a", "p.b", and it is not declared',
        'the policy "single" makes "away" the alternate exchange of "s.a", and it is not declared',
    ]


def test_circles_of_exchanges(find: Finder) -> None:
    exchanges = [Exchange("/", name, "fanout") for name in "abcde"]
    links = [Binding("/", *ends) for ends in (("a", "exchange", "b"), ("b", "exchange", "a"), ("c", "exchange", "c"))]
    more = [Binding("/", "d", "exchange", "e"), Binding("/", "a", "exchange", "d"), Binding("/", "a", "queue", "q")]
    hits = find.observed("RT209", *exchanges, Queue("/", "q"), *links, *more)
    assert [(hit.key, hit.message) for hit in hits] == [
        (links[0].key, 'the exchanges "a", "b" are bound in a circle'),
        (links[2].key, 'the exchange "c" is bound to itself'),
    ]


@pytest.mark.parametrize(
    ("more", "fires"),
    [
        ("", True),
        ("bindings: [{exchange: amq.fanout, to_exchange: x}]\n", False),
        ("queues: {q: {type: quorum, dead_letter: {exchange: x}}}\n", False),
        ("queues: {q: {type: quorum, dead_letter: {exchange: amq.fanout}}}\n", True),
    ],
)
def test_internal_exchanges_that_nothing_leads_to(find: Finder, more: str, *, fires: bool) -> None:
    assert bool(find.written("RT210", f"exchanges: {{x: {{type: fanout, internal: true}}}}\n{more}")) is fires


def test_an_alternate_exchange_may_be_internal(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: fanout, internal: true}, y: {type: topic, alternate_exchange: x}, z: {type: fanout}}\n"
    )
    assert not find.written("RT210", text)


def test_bindings_without_a_route_test(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: topic}, y: {type: fanout}}\nqueues:\n  q:\n    type: quorum\n"
        '    bindings: [{exchange: x, routing_keys: ["a.*", b]}, {exchange: y}]\n'
        "tests: [{name: t, publish: {exchange: x, routing_key: a.b}, expect: [q]}]\n"
    )
    assert find.messages("RT211", text) == [
        'no route test takes the binding from "x" to the queue "q" with "b"',
        'no route test takes the binding from "y" to the queue "q"',
    ]


def test_policies_of_a_broker_count_as_well(find: Finder) -> None:
    policy = Policy("/", "p", "^x", "exchanges", 1, Arguments({"alternate-exchange": "gone"}))
    (hit,) = find.observed("RT208", Exchange("/", "x", "topic"), policy)
    assert hit.key == policy.key


def test_a_policy_whose_pattern_nobody_reads_here_may_name_an_alternate_exchange(find: Finder) -> None:
    unread = Policy("/", "p", "(?R)", "all", 0, Arguments({"alternate-exchange": "amq.fanout"}))
    named = Policy("/", "n", "x", "all", 0, Arguments({"alternate-exchange": "gone"}))
    bound = (Exchange("/", "x", "direct"), Queue("/", "q"), Binding("/", "x", "queue", "q", "k"))
    for code, *resources in (("RT202", bound[0]), ("RT207", *bound), ("RT208", bound[0], named)):
        assert find.observed(code, *resources)
        assert not find.observed(code, *resources, unread)


def test_nothing_bound_at_this_moment_is_a_remark(find: Finder) -> None:
    (hit,) = find.observed("RT202", Exchange("/", "x", "fanout"))
    assert hit.severity == "info"


@pytest.mark.parametrize("rule", [*RULES, *dead_letter_rules.RULES, *governance.RULES], ids=lambda rule: rule.code)
def test_what_is_on_by_default_is_silent_on_the_example(rule: Rule) -> None:
    example = load(str(Path(__file__).parents[3] / "topology"))
    assert not (rule.default and list(rule.check(Index(example, Context()))))


SENT = """\
exchanges: {x: {type: KIND}}
queues: {q: {type: quorum, bindings: [{exchange: x, BY}]}}
publishers: {p: {SENDS}}
"""


@pytest.mark.parametrize(
    ("kind", "by", "sends", "said"),
    [
        ("topic", "routing_key: a.*", "exchange: x, routing_key: b.c", 'the exchange "x" has no way for "b.c"'),
        ("topic", "routing_key: a.*", "exchange: x, routing_key: a.c", None),
        ("topic", "routing_key: a.*", "exchange: x", None),
        ("topic", "routing_key: a.*", "exchange: x, routing_key: b, headers: {CC: [a.b]}", None),
        ("direct, open_bindings: true", "routing_key: a", "exchange: x, routing_key: b", None),
        ("direct, alternate_exchange: amq.fanout", "routing_key: a", "exchange: x, routing_key: b", None),
        ("headers", "headers: {a: 1}", "exchange: x, routing_key: b", None),
        ("x-random", 'routing_key: ""', "exchange: x, routing_key: b", None),
        ("direct", "routing_key: a", "exchange: amq.direct, routing_key: b", None),
        ("direct", "routing_key: a", 'exchange: "", routing_key: b', 'the default exchange has no way for "b"'),
        ("direct", "routing_key: a", 'exchange: "", routing_key: q', None),
    ],
)
def test_what_publishers_send_to_nobody(find: Finder, kind: str, by: str, sends: str, said: str | None) -> None:
    hits = find.written("RT212", SENT.replace("KIND", kind).replace("BY", by).replace("SENDS", sends))
    expected = [f'what the publisher "p" sends reaches no queue: {said}'] if said else []
    assert [hit.message for hit in hits] == expected
    assert all(hit.origin and hit.origin.line == 4 for hit in hits)


def test_publishers_to_an_exchange_that_drops_everything_are_not_told_again(find: Finder) -> None:
    text = "exchanges: {x: {type: topic}}\npublishers: {p: {exchange: x, routing_key: k}}\n"
    assert find.written("RT202", text)
    assert not find.written("RT212", text)


@pytest.mark.parametrize(
    ("exchange", "headers", "reason"),
    [
        ("x", "{}", "ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/'"),
        (
            "amq.rabbitmq.trace",
            "{}",
            "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'",
        ),
        ("y", "{CC: a}", "PRECONDITION_FAILED"),
        ('""', "{CC: a}", "PRECONDITION_FAILED"),
        ("y", "{}", None),
    ],
)
def test_what_publishers_may_not_send(find: Finder, exchange: str, headers: str, reason: str | None) -> None:
    text = "exchanges: {x: {type: topic, internal: true}, y: {type: topic}}\n"
    hits = find.messages("RT213", f"{text}publishers: {{p: {{exchange: {exchange}, headers: {headers}}}}}\n")
    assert len(hits) == bool(reason)
    assert all(hit.startswith(f'the broker refuses what the publisher "p" sends: {reason}') for hit in hits)


def test_an_exchange_that_is_not_there_is_what_reading_tells(find: Finder) -> None:
    lost = Publisher("p", "/", "gone", "k")
    assert not find.topology("RT213", Topology({(vhost := Vhost("/")).key: vhost}, publishers={"p": lost}))


@pytest.mark.parametrize(
    "name", ["mqtt-subscription-7qos0", "federation: x -> here", "a@b.celery.pidbox", "celeryev.1", "q"]
)
def test_what_plugins_and_clients_make_on_a_broker_is_theirs(find: Finder, name: str) -> None:
    made = Queue("/", name), Exchange("/", name, "topic"), Exchange("/", "x", "topic")
    bound = [Binding("/", "x", "queue", name, key) for key in ("#", "a")]
    hits = [*find.observed("RT201", *made), *find.observed("RT202", *made[:2]), *find.observed("RT203", *made, *bound)]
    assert len(hits) == (3 if name == "q" else 0)
    text = f'exchanges: {{"{name}": {{type: topic}}}}\nqueues: {{"{name}": {{type: quorum}}}}\n'
    assert [len(find.written(code, text)) for code in ("RT201", "RT202")] == [1, 1]
