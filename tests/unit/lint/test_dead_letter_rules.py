"""RT3: where dead letters provably get lost, and where nobody can know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint.dead_letter_rules import RULES
from rabbit_topo.lint.index import Index
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Exchange, Kind, Note, Origin, Policy, Queue, Topology, Vhost
from rabbit_topo.routing import Router
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Resource


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(RULES, tmp_path)


def queue(name: str, *, kind: str = "quorum", **given: object) -> Queue:
    arguments = {f"x-{key.replace('_', '-')}": value for key, value in given.items()}
    return Queue("/", name, kind, arguments=Arguments(arguments))


def policy(name: str, pattern: str, **given: object) -> Policy:
    definition = {key.replace("_", "-"): value for key, value in given.items()}
    return Policy("/", name, pattern, "queues", 0, Arguments(definition))


def test_missing_exchanges_are_told_of_the_queue_or_once_of_the_policy(find: Finder) -> None:
    hits = find.observed(
        "RT301",
        queue("own", dead_letter_exchange="gone"),
        queue("default", dead_letter_exchange=""),
        queue("there", dead_letter_exchange="amq.fanout"),
        *(queue(f"p{n}") for n in range(5)),
        policy("many", "^p", dead_letter_exchange="away"),
    )
    assert [(hit.key.kind, hit.key.name, hit.message) for hit in hits] == [
        (Kind.QUEUE, "own", 'the dead-letter exchange "gone" of the queue "own" is not declared'),
        (
            Kind.POLICY,
            "many",
            'the dead-letter exchange "away" of the queues "p0", "p1", "p2" and 2 more is not declared',
        ),
    ]


def test_of_a_broker_nobody_is_told_to_write_a_file(find: Finder) -> None:
    (hit,) = find.observed("RT301", queue("own", dead_letter_exchange="gone"))
    assert hit.hint == "declare it, or take the dead-letter exchange out"
    lost = "queues: {q: {type: quorum, direct: true, arguments: {x-dead-letter-exchange: gone}}}\n"
    (hit,) = find.written("RT301", f"vhost: v\n{lost}---\nversion: 1\nvhost: w\nqueues: {{r: {{direct: true}}}}\n")
    assert hit.message == 'the dead-letter exchange "gone" of the queue "q" is not declared in the vhost "v"'
    assert not hit.hint


def test_dead_letters_that_a_policy_loses_are_told_of_the_policy(find: Finder) -> None:
    given = {"dead_letter_exchange": "amq.direct", "dead_letter_routing_key": "k"}
    hits = find.observed(
        "RT302", *map(queue, ("a", "b")), queue("own", dead_letter_routing_key="z"), policy("dead", ".*", **given)
    )
    assert [(hit.key.kind, hit.key.name) for hit in hits] == [(Kind.QUEUE, "own"), (Kind.POLICY, "dead")]
    assert hits[1].message == (
        'by the policy "dead" dead letters of the queues "a", "b" reach no queue: the exchange "amq.direct" has no way '
        'for "k"'
    )


def test_an_operators_policy_is_no_object_of_ours(find: Finder) -> None:
    operator = policy("cap", ".*", dead_letter_exchange="away")
    topology = Topology({one.key: one for one in (Vhost("/"), queue("q"))})
    index = Index(topology, Context(), Router(topology, "4.3", [operator]))
    (rule,) = [rule for rule in RULES if rule.code == "RT301"]
    assert [hit.key.kind for hit in rule.check(index)] == [Kind.QUEUE]
    assert not find.observed("RT301", queue("q"))


DEAD = "exchanges: {x: {type: direct}, dead: {type: TYPE}}\nqueues:\n  kept: {type: quorum, BOUND}\n"
OWN = "  q: {type: quorum, dead_letter: {exchange: dead}, bindings: [{exchange: x, routing_keys: [a, b]}]}\n"


def dead(kind: str, bound: str, queues: str = OWN) -> str:
    return DEAD.replace("TYPE", kind).replace("BOUND", bound) + queues


def test_dead_letters_with_the_keys_that_they_came_with(find: Finder) -> None:
    assert find.messages("RT302", dead("direct", "bindings: [{exchange: dead, routing_key: a}]")) == [
        'dead letters of the queue "q" reach no queue: the exchange "dead" has no way for "b"'
    ]
    assert find.messages("RT302", dead("direct", "bindings: [{exchange: dead, routing_key: c}]")) == [
        'dead letters of the queue "q" reach no queue: the exchange "dead" has no way for "a", "b"'
    ]
    assert not find.written("RT302", dead("topic", 'bindings: [{exchange: dead, routing_key: "*"}]'))


def test_many_keys_are_counted(find: Finder) -> None:
    own = OWN.replace("[a, b]", "[a, b, c, d, e]")
    (message,) = find.messages("RT302", dead("direct", "bindings: [{exchange: dead, routing_key: z}]", own))
    assert message.endswith('has no way for "a", "b", "c" and 2 more')


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("headers", "bindings: [{exchange: dead, match: all, headers: {a: 1}}]"),
        ("x-random", 'bindings: [{exchange: dead, routing_key: ""}]'),
        ("x-ours", "bindings: [{exchange: dead}]"),
    ],
)
def test_what_depends_on_headers_or_chance_is_not_judged(find: Finder, kind: str, bound: str) -> None:
    assert not find.written("RT302", dead(kind, bound))


@pytest.mark.parametrize(
    "queues",
    [
        '  q: {type: quorum, dead_letter: {exchange: dead}, bindings: [{exchange: amq.topic, routing_key: "*"}]}\n',
        "  q: {type: quorum, dead_letter: {exchange: dead}, bindings: [{exchange: amq.fanout}]}\n",
        "  q: {type: quorum, dead_letter: {exchange: amq.direct, routing_key: gone}, direct: true}\n",
        "  q: {type: quorum, dead_letter: {exchange: dead}}\n",
        "  q: {type: quorum, direct: true}\n",
    ],
)
def test_keys_and_bindings_that_nobody_sees_are_not_judged(find: Finder, queues: str) -> None:
    assert not find.written("RT302", dead("direct", "bindings: [{exchange: dead, routing_key: z}]", queues))


FROM_TOPIC = """\
  q:
    type: quorum
    dead_letter: {exchange: dead}
    bindings: [{exchange: amq.topic, routing_keys: [a.*, "b.#", c]}]
"""


@pytest.mark.parametrize(
    ("kind", "bound", "lost"),
    [
        ("direct", "routing_keys: [paid, c]", '"a.*", "b.#"'),
        ("direct", "routing_key: b", '"a.*"'),
        ("topic", 'routing_keys: ["*.x", c]', None),
        ("topic", 'routing_keys: ["a.#", "#.z"]', None),
        ("topic", 'routing_keys: ["*", a.b.c]', '"a.*"'),
    ],
)
def test_no_key_of_a_pattern_may_have_a_way_on(find: Finder, kind: str, bound: str, lost: str | None) -> None:
    messages = find.messages("RT302", dead(kind, f"bindings: [{{exchange: dead, {bound}}}]", FROM_TOPIC))
    said = f'dead letters of the queue "q" reach no queue: the exchange "dead" has no way for {lost}'
    assert messages == ([said] if lost else [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dead: {type: direct", "dead: {type: direct, external: true"),
        ("dead: {type: direct", "dead: {type: direct, open_bindings: true"),
        ("dead: {type: direct", "dead: {type: direct, alternate_exchange: x"),
        ("{exchange: dead}\n", "{exchange: dead, routing_key: paid}\n"),
        ("{exchange: dead}\n", '{exchange: ""}\n'),
        ("dead: {type: direct", "dead: {type: headers"),
    ],
)
def test_patterns_are_not_judged_where_there_may_be_other_ways(find: Finder, old: str, new: str) -> None:
    text = dead("direct", "bindings: [{exchange: dead, routing_key: paid}]", FROM_TOPIC)
    assert find.written("RT302", text)
    assert not find.written("RT302", text.replace(old, new))


@pytest.mark.parametrize("more", ["external: true", "open_bindings: true"])
def test_exchanges_of_others_are_not_judged(find: Finder, more: str) -> None:
    text = dead("direct", "bindings: [{exchange: dead, routing_key: z}]")
    text = text.replace("dead: {type: direct", f"dead: {{type: direct, {more}")
    assert not find.written("RT302", text)


def test_of_a_broker_all_bindings_are_seen(find: Finder) -> None:
    (hit,) = find.observed("RT302", queue("q", dead_letter_exchange="amq.direct", dead_letter_routing_key="k"))
    assert hit.message == 'dead letters of the queue "q" reach no queue: the exchange "amq.direct" has no way for "k"'


def test_an_exchange_that_drops_everything_is_told_once_by_another_rule(find: Finder) -> None:
    text = (
        "exchanges: {dead: {type: direct}}\nqueues: {q: {type: quorum, direct: true, dead_letter: {exchange: dead}}}\n"
    )
    assert not find.written("RT302", text)


def test_dead_letters_to_the_default_exchange(find: Finder) -> None:
    gone = 'queues: {q: {type: quorum, direct: true, dead_letter: {exchange: "", routing_key: gone}}}\n'
    assert find.messages("RT302", gone) == [
        'dead letters of the queue "q" reach no queue: the default exchange has no way for "gone"'
    ]
    own = 'queues: {q: {type: quorum, direct: true, dead_letter: {exchange: ""}}}\n'
    assert not find.written("RT302", own)


@pytest.mark.parametrize(
    ("version", "kind", "more", "fires"),
    [
        ("3.10", "stream", {}, True),
        ("3.12", "stream", {}, False),
        ("3.10", "quorum", {}, False),
        ("3.10", "stream", {"dead_letter_strategy": "at-least-once", "overflow": "reject-publish"}, False),
    ],
)
def test_early_streams_take_no_dead_letters(
    find: Finder, version: str, kind: str, more: dict[str, str], *, fires: bool
) -> None:
    dying = queue("q", dead_letter_exchange="", dead_letter_routing_key="log", **more)
    topology = Topology({one.key: one for one in (Vhost("/"), dying, queue("log", kind=kind))})
    said = 'dead letters of the queue "q" go to streams alone, which take none before RabbitMQ 3.12'
    hits = find.topology("RT302", topology, Context(version))
    assert [hit.message for hit in hits] == ([said] if fires else [])


def test_a_binding_to_nowhere_is_another_rules_business(find: Finder) -> None:
    from rabbit_topo.model import Binding

    lost = Binding("/", "dead", "queue", "gone", "k")
    q = queue("q", dead_letter_exchange="dead", dead_letter_routing_key="k")
    assert not find.observed("RT302", Exchange("/", "dead", "direct"), q, lost)


def test_a_key_without_an_exchange(find: Finder) -> None:
    (hit,) = find.observed("RT303", queue("q", dead_letter_routing_key="k"), queue("ok", dead_letter_exchange=""))
    assert hit.message == 'the queue "q" has a dead-letter routing key and no dead-letter exchange'


def test_what_reads_a_file_says_so_of_its_queues(find: Finder) -> None:
    one = queue("q", dead_letter_routing_key="k")
    assert not find.topology("RT303", Topology({one.key: one}, {one.key: Note(origin=Origin("a.yaml", 1, 1))}))


def circle(first: str, second: str) -> str:
    return (
        f'queues:\n  a: {{type: quorum, direct: true, dead_letter: {{exchange: "", routing_key: b}}{first}}}\n'
        f'  b: {{type: quorum, dead_letter: {{exchange: "", routing_key: a}}{second}}}\n'
    )


TTL = ", message_ttl: 1m"
LENGTH = ", max_length: 5"
REFUSES = ", max_length: 5, overflow: reject-publish"
MEANT = ", retry: true"


OWN_LIMIT = ", delivery_limit: 5"
NO_LIMIT = ", delivery_limit: -1"


@pytest.mark.parametrize(
    ("first", "second", "severity"),
    [
        (TTL, TTL, "error"),
        (TTL, LENGTH + NO_LIMIT, "warning"),
        (LENGTH, LENGTH, "warning"),
        (TTL, "", "warning"),
        ("", "", "warning"),
        (TTL, NO_LIMIT, "info"),
        (NO_LIMIT, NO_LIMIT, "info"),
        (TTL, REFUSES + NO_LIMIT, "info"),
        ("", TTL + MEANT, None),
        (MEANT, TTL, None),
        (LENGTH, TTL + MEANT, None),
        (OWN_LIMIT, TTL + MEANT, "warning"),
        (OWN_LIMIT + MEANT, LENGTH, None),
        (TTL + MEANT, TTL + MEANT, "error"),
    ],
)
def test_circles(find: Finder, first: str, second: str, severity: str | None) -> None:
    hits = find.written("RT304", circle(first, second))
    assert [hit.severity or "error" for hit in hits] == ([severity] if severity else [])
    assert all(hit.key.name == "a" for hit in hits)


def test_before_4_0_only_a_limit_that_is_set_counts(find: Finder) -> None:
    old = Context("3.13")
    assert [hit.severity for hit in find.written("RT304", circle("", TTL), old)] == ["info"]
    assert [hit.severity for hit in find.written("RT304", circle(OWN_LIMIT, TTL), old)] == ["warning"]


AROUND = 'dead letters of the queues "a", "b" go in a circle'


def test_the_words_of_circles(find: Finder) -> None:
    assert find.messages("RT304", circle(TTL, TTL)) == [f"{AROUND} by themselves: the broker drops them"]
    (hit,) = find.written("RT304", circle(NO_LIMIT, NO_LIMIT))
    assert hit.message == f"{AROUND}, for as long as consumers reject them"
    assert hit.hint.startswith("say `retry: true`")
    (hit,) = find.written("RT304", circle(", max_length_bytes: 5MB", TTL))
    assert hit.message == (
        f'{AROUND}, and the broker drops them after one round, when "a" overflows (argument) or gives up a message '
        "after 20 failed deliveries (the default)"
    )
    assert hit.hint.startswith("say `retry: true`")
    (hit,) = find.written("RT304", circle(OWN_LIMIT + MEANT, TTL))
    assert hit.message.endswith('when "a" gives up a message after 5 failed deliveries (argument)')
    assert "retry: true" not in hit.hint


def test_a_loop_of_many_queues_names_the_first_few(find: Finder) -> None:
    loop = [queue(f"q{n}", dead_letter_exchange="", dead_letter_routing_key=f"q{(n + 1) % 5}") for n in range(5)]
    (hit,) = find.observed("RT304", *loop)
    assert '"q2" gives up a message after 20 failed deliveries (the default) and 2 more likewise' in hit.message


def test_a_retry_loop_on_a_broker_is_a_remark_whatever_policy_limits_it(find: Finder) -> None:
    (hit,) = find.observed(
        "RT304",
        queue("work", kind="classic", dead_letter_exchange="", dead_letter_routing_key="wait"),
        queue("wait", dead_letter_exchange="", dead_letter_routing_key="work", message_ttl=5),
        policy("limits", ".*", max_length=1000),
    )
    assert (hit.severity, hit.hint) == (
        "info",
        "let a full queue refuse messages instead: `overflow: reject-publish`",
    )
    assert hit.message.endswith('after one round, when "work" overflows (policy limits)')
    (hit,) = find.observed("RT304", queue("q", kind="classic", dead_letter_exchange="", dead_letter_routing_key="q"))
    assert (hit.severity, "retry: true" in hit.hint) == ("info", False)


def test_a_queue_may_dead_letter_to_itself(find: Finder) -> None:
    (hit,) = find.observed("RT304", queue("q", dead_letter_exchange="", dead_letter_routing_key="q", message_ttl=5))
    assert hit.message == 'dead letters of the queue "q" go in a circle by themselves: the broker drops them'


def test_a_circle_through_a_fanout_needs_no_key(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: topic}, back: {type: fanout}}\nqueues:\n"
        "  q:\n    type: quorum\n    dead_letter: {exchange: back}\n"
        "    bindings: [{exchange: x, routing_key: a.*}, {exchange: back}]\n"
    )
    assert [hit.severity for hit in find.written("RT304", text)] == ["warning"]


@pytest.mark.parametrize(
    ("kind", "bound", "key", "fires"),
    [
        ("topic", "", "", True),
        ("topic", "bindings: [{exchange: back, routing_key: b}]", "", False),
        ("topic", "bindings: [{exchange: back, routing_key: b}]", ", routing_key: c", True),
        ("headers", "bindings: [{exchange: back, match: all, headers: {b: 1}}]", ", routing_key: c", False),
    ],
)
def test_an_alternate_exchange_gets_what_no_binding_takes(
    find: Finder, kind: str, bound: str, key: str, *, fires: bool
) -> None:
    text = (
        f"exchanges: {{x: {{type: topic}}, back: {{type: {kind}, alternate_exchange: rest}}, rest: {{type: fanout}}}}\n"
        f"queues:\n  other: {{type: quorum, {bound}}}\n  q:\n    type: quorum\n"
        f"    dead_letter: {{exchange: back{key}}}\n"
        "    bindings: [{exchange: x, routing_key: a.*}, {exchange: rest}]\n"
    )
    assert bool(find.written("RT304", text)) is fires


def test_a_circle_inside_of_another_is_told_once(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: fanout}}\nqueues:\n"
        '  a: {type: quorum, direct: true, message_ttl: 1m, dead_letter: {exchange: "", routing_key: b}}\n'
        "  b: {type: quorum, message_ttl: 1m, dead_letter: {exchange: x}}\n"
        '  c: {type: quorum, dead_letter: {exchange: "", routing_key: a}, bindings: [{exchange: x}]}\n'
        "bindings: [{exchange: x, queue: a}]\n"
    )
    assert len(find.written("RT304", text)) == 1


def test_streams_dead_letter_nothing(find: Finder) -> None:
    stream = queue("s", kind="stream", dead_letter_exchange="", dead_letter_routing_key="s", message_ttl=1)
    assert not find.observed("RT304", stream)


@pytest.mark.parametrize(
    ("resources", "version", "message"),
    [
        ([queue("q")], "4.0", "drops a message after 20 failed deliveries, the limit where none is set"),
        ([queue("q")], "3.13", None),
        (
            [queue("q", delivery_limit=5)],
            "3.10",
            "drops a message after 5 failed deliveries, the limit is set by the argument",
        ),
        (
            [queue("q"), policy("p", "q", delivery_limit=3)],
            "3.10",
            "drops a message after 3 failed deliveries, the limit is set by the policy p",
        ),
        ([queue("q", delivery_limit=-1)], "4.3", None),
        ([queue("q", dead_letter_exchange="x")], "4.3", None),
        ([queue("q", kind="classic")], "4.3", None),
    ],
)
def test_poison_messages(find: Finder, resources: list[Resource], version: str, message: str | None) -> None:
    topology = Topology({one.key: one for one in (Vhost("/"), *resources)})
    hits = find.topology("RT305", topology, Context(version))
    assert [hit.message for hit in hits] == ([f'the queue "q" {message}'] if message else [])


def test_at_least_once_needs_both(find: Finder) -> None:
    once = {"dead_letter_strategy": "at-least-once"}
    hits = find.observed(
        "RT306",
        queue("a", **once, dead_letter_exchange="x"),
        queue("b", **once, overflow="reject-publish"),
        queue("c", **once, overflow="reject-publish", dead_letter_exchange="x"),
        queue("d", dead_letter_strategy="at-most-once"),
        queue("e", kind="classic", **once),
        queue("p1"),
        queue("p2"),
        policy("many", "^p", **once),
    )
    tail = "to dead-letter at least once, without `overflow: reject-publish` and an exchange"
    assert [hit.message for hit in hits] == [
        f'the queue "a" is {tail}',
        f'the queue "b" is {tail}',
        f'the queues "p1", "p2" are {tail}',
    ]


def test_dead_letters_that_do_not_stay(find: Finder) -> None:
    hits = find.observed(
        "RT307",
        queue("a", dead_letter_exchange="", dead_letter_routing_key="short"),
        queue("b", dead_letter_exchange="", dead_letter_routing_key="long"),
        queue("c", dead_letter_exchange="", dead_letter_routing_key="log"),
        queue("d", dead_letter_exchange="", dead_letter_routing_key="wait"),
        queue("short", message_ttl=5, max_length=5),
        queue("long"),
        queue("log", kind="stream", max_length_bytes=5),
        queue("wait", dead_letter_exchange="", message_ttl=5, dead_letter_routing_key="long"),
        queue("self", dead_letter_exchange="", dead_letter_routing_key="self"),
    )
    assert [hit.message for hit in hits] == [
        'dead letters come to the queue "short" and do not stay there: it has message-ttl and max-length'
    ]


UNREAD = "(?R)"  # PCRE's alone


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("RT302", {"dead_letter_exchange": "amq.direct", "dead_letter_routing_key": "k"}),
        ("RT304", {"dead_letter_exchange": "", "dead_letter_routing_key": "q", "message_ttl": 1}),
        ("RT305", {}),
        ("RT306", {"dead_letter_strategy": "at-least-once"}),
    ],
)
def test_a_policy_whose_pattern_nobody_reads_here_may_say_otherwise(
    find: Finder, code: str, given: dict[str, object]
) -> None:
    one = queue("q", **given)  # type: ignore[arg-type]
    assert find.observed(code, one)
    assert not find.observed(code, one, policy("p", UNREAD, dead_letter_exchange="x", max_length=5))
    assert find.observed(code, one, policy("p", UNREAD, max_age="1h"))  # never of a quorum queue
    unread, read = policy("p", UNREAD, max_length=5), policy("r", "q", max_length_bytes=5)
    assert not find.observed(code, one, unread, read)
    assert find.observed(code, one, unread, replace(read, priority=1))  # it has no say then


def test_what_an_argument_says_no_policy_changes(find: Finder) -> None:
    unread = policy("p", UNREAD, dead_letter_exchange="x")
    assert find.observed("RT301", queue("q", dead_letter_exchange="gone"), unread)
    assert find.observed("RT301", queue("q"), policy("r", "q", dead_letter_exchange="gone"))
    assert not find.observed("RT301", queue("q"), policy("r", "q", dead_letter_exchange="gone"), unread)


def test_dead_letters_may_stay_by_a_policy_that_nobody_reads_here(find: Finder) -> None:
    dying = queue("a", dead_letter_exchange="", dead_letter_routing_key="b")
    short = queue("b", kind="classic", message_ttl=1)
    assert find.observed("RT307", dying, short)
    assert not find.observed("RT307", dying, short, policy("p", UNREAD, dead_letter_exchange="x"))
