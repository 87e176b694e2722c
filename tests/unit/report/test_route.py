"""Routes as people read them, at 80 columns, and as programs do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.cli.output import plain
from rabbit_topo.load import load
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.report import fates
from rabbit_topo.report.fates import fate_lines
from rabbit_topo.report.route import (
    expectation_lines,
    queue_lines,
    route_lines,
    summary_lines,
    verdict_lines,
)
from rabbit_topo.report.route_document import route_document
from rabbit_topo.report.route_tree import Row, laid_out
from rabbit_topo.routing import Message, Route, Router
from rabbit_topo.routing.dead_letters import DeadLetter, Fate
from rabbit_topo.routing.expectations import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Topology

TOPOLOGY = r"""
version: 1
exchanges:
  orders: {type: topic, alternate_exchange: spare}
  audit: {type: fanout, bindings: [{exchange: orders, routing_key: "#.paid"}]}
  round: {type: fanout, bindings: [{exchange: round}, {exchange: orders, routing_key: round}]}
  spare: {type: fanout}
  inner: {type: direct, internal: true}
  hash: {type: x-consistent-hash, bindings: [{exchange: orders, routing_key: hashed}]}
  odd: {type: x-odd}
  gone: {type: direct, alternate_exchange: nowhere}
  partner: {external: true}
queues:
  a: {type: classic, bindings: [{exchange: orders, routing_keys: [order.paid, order.new]}]}
  b: {type: classic, message_ttl: 1s, dead_letter: {exchange: audit}, bindings: [{exchange: hash, routing_key: "1"}]}
  log: {type: stream, bindings: [{exchange: audit}]}
  "odd\u001bname": {type: classic, bindings: [{exchange: odd, routing_key: k}, {exchange: partner, routing_key: k}]}
  unrouted: {type: classic, bindings: [{exchange: spare}]}
  retry: {type: quorum, message_ttl: 1s, dead_letter: {exchange: "", routing_key: retry}, direct: true}
  pair: {type: classic, message_ttl: 1s, dead_letter: {exchange: "", routing_key: twin}, direct: true}
  twin: {type: classic, message_ttl: 1s, dead_letter: {exchange: "", routing_key: pair}, direct: true}
  lost: {type: classic, dead_letter: {exchange: gone}, direct: true}
bindings: [{exchange: hash, queue: a, routing_key: "1"}]
"""


@pytest.fixture
def topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topology:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(TOPOLOGY.lstrip())
    return load("shop.yaml")


def routed(topology: Topology, exchange: str, key: str = "", **headers: object) -> Route:
    return Router(topology).route(Message(exchange, key, headers))


def tree(topology: Topology, exchange: str, key: str = "", shown: int = 20) -> str:
    return plain(route_lines(routed(topology, exchange, key), topology, 80, shown=shown))


def short(topology: Topology, exchange: str, key: str = "") -> str:
    route = routed(topology, exchange, key)
    return plain([*queue_lines(route, topology, 80), *verdict_lines(route, 80)])


def afterwards(topology: Topology, key: str, *, reasons: bool = False) -> str:
    route = routed(topology, "", key)
    return plain(fate_lines(route, Router(topology), 80, reasons=reasons))


def test_the_queues_are_named_with_the_reason_and_the_place(topology: Topology) -> None:
    assert short(topology, "orders", "order.paid") == (
        '  + a    "order.paid" fits "order.paid"                             shop.yaml:13\n'
        "  + log  by audit: takes every message                              shop.yaml:15\n"
        "  2 queues.\n"
    )


def test_what_only_may_get_it_is_marked(topology: Topology) -> None:
    assert short(topology, "orders", "hashed") == (
        "  ? a  by hash: one of 2: a hash of the message chooses             shop.yaml:22\n"
        "  ? b  by hash: one of 2: a hash of the message chooses             shop.yaml:14\n"
        "  . hash: x-consistent-hash sends it to one of its bindings\n"
        "  Perhaps 2 queues.\n"
    )


def test_a_queue_for_certain_and_others_perhaps() -> None:
    route = Route(Message("x"), "/", ("a",), ("b", "c"))
    assert plain(verdict_lines(route, 80)) == "  1 queue, and perhaps 2 more.\n"


def test_the_alternate_exchange_is_named(topology: Topology) -> None:
    assert short(topology, "orders", "nothing") == (
        "  + unrouted  by the alternate exchange spare: takes every message  shop.yaml:17\n  1 queue.\n"
    )


def test_what_nobody_gets_and_what_is_refused_is_said(topology: Topology) -> None:
    dropped = "  No queue gets it: the broker drops it, or returns it if it is mandatory\n"
    assert short(topology, "", "nope") == dropped
    assert short(topology, "inner").startswith("  The broker refuses it: ACCESS_REFUSED - cannot publish to internal")
    assert tree(topology, "inner").startswith("  ! ACCESS_REFUSED - cannot publish to internal exchange 'inner'")


def test_the_tree_tells_what_is_taken_and_what_is_not(topology: Topology) -> None:
    assert tree(topology, "orders", "order.paid", shown=2) == (
        "  orders (topic)\n"
        '    > exchange audit (fanout)  "order.paid" fits "#.paid"            shop.yaml:4\n'
        "        + queue log            takes every message                  shop.yaml:15\n"
        '    + queue a                  "order.paid" fits "order.paid"       shop.yaml:13\n'
        '    . exchange hash            "order.paid" does not fit "hashed"    shop.yaml:8\n'
        '    . exchange round           "order.paid" does not fit "round"     shop.yaml:5\n'
        "    . and 1 more binding that does not take it\n"
    )
    assert "and 2 more bindings that do not take it" in tree(topology, "orders", "order.paid", shown=1)


@pytest.mark.parametrize(
    ("exchange", "key", "lines"),
    [
        (
            "round",
            "",
            [
                "  round (fanout)",
                "    > exchange round (fanout)                                        shop.yaml:5",
                "        takes every message; it was there already",
            ],
        ),
        (
            "gone",
            "k",
            [
                "  gone (direct)",
                "    x alternate exchange nowhere",
                "        no binding takes it; there is no such exchange: dropped",
            ],
        ),
        ("", "nope", ["  default exchange", "    x queue nope  no queue has this name: dropped"]),
        ("", "log", ["  default exchange", "    + queue log  the key is the queue's name"]),
        (
            "odd",
            "k",
            [
                "  odd (x-odd)",
                r"    ? queue odd\x1bname  the type x-odd is not known here           shop.yaml:16",
            ],
        ),
        (
            "partner",
            "k",
            [
                "  partner (of unknown type)",
                r"    ? queue odd\x1bname  nobody says of which type the exchange is  shop.yaml:16",
            ],
        ),
        (
            "spare",
            "",
            ["  spare (fanout)", "    + queue unrouted  takes every message                           shop.yaml:17"],
        ),
    ],
)
def test_the_tree_tells_of_circles_drops_and_unknown_types(
    topology: Topology, exchange: str, key: str, lines: list[str]
) -> None:
    assert tree(topology, exchange, key).splitlines() == lines


def test_where_nothing_takes_it_the_tree_says_so(topology: Topology) -> None:
    route = Router(topology).route(Message("inner", "x"), published=False)
    assert plain(route_lines(route, topology, 80)) == (
        "  inner (direct)\n    ! no binding takes it, and there is no alternate exchange: dropped here\n"
    )


def test_a_deep_tree_is_not_indented_without_end(tmp_path: Path) -> None:
    exchanges = "".join(
        f"  x{n}: {{type: fanout, bindings: [{{exchange: x{n - 1}}}]}}\n" if n else "  x0: {type: fanout}\n"
        for n in range(40)
    )
    (tmp_path / "deep.yaml").write_text(f"version: 1\nexchanges:\n{exchanges}")
    lines = tree(load(tmp_path / "deep.yaml"), "x0").splitlines()
    assert len([line for line in lines if "takes every message" in line]) == 39
    assert max(len(line) - len(line.lstrip()) for line in lines) < 80


def test_an_expectation_is_held_against_a_route(topology: Topology) -> None:
    route = routed(topology, "orders", "order.paid")
    assert plain(expectation_lines(verdict(route, ["log", "a"]), 80)) == "  As expected.\n"
    assert plain(expectation_lines(verdict(route, ["log", "z"]), 80)) == (
        "  Not as expected: log, z\n    missing   z\n    too much  a\n"
    )
    assert plain(expectation_lines(verdict(routed(topology, "orders", "hashed"), []), 80)) == (
        "  Not as expected: no queue\n    uncertain a, b\n"
    )
    assert plain(expectation_lines(verdict(route, ["a", "lgo"], Router(topology)), 80)) == (
        "  Not as expected: a, lgo\n    missing   lgo\n    too much  log\n"
        "    unknown   there is no queue lgo; did you mean log?\n"
    )
    refused = plain(expectation_lines(verdict(routed(topology, "inner"), []), 80))
    assert refused.startswith("  Not as expected: no queue\n    refused   ACCESS_REFUSED")
    assert verdict(routed(topology, "", "nope"), []).met


def test_many_messages_get_a_line_each(topology: Topology) -> None:
    routes = [routed(topology, "orders", key) for key in ("order.paid", "order.new", "hashed")]
    routes += [routed(topology, "", "nope"), routed(topology, "inner")]
    expected = [("a", "log"), ("log",), ("a",), (), None]
    answers = [
        (number, route, None if wanted is None else verdict(route, wanted))
        for number, (route, wanted) in enumerate(zip(routes, expected, strict=True), 1)
    ]
    assert plain(summary_lines(answers, 80)) == (
        "  + orders [order.paid]      a, log\n"
        "  ! orders [order.new]       a; missing log; too much a (line 2)\n"
        "  ! orders [hashed]          perhaps a, perhaps b; uncertain a, b (line 3)\n"
        "  . default exchange [nope]  no queue\n"
        "  ! inner                    refused: ACCESS_REFUSED - cannot publish to internal exchange 'inner'"
        " in vhost '/'\n"
        "  5 messages, 2 not as expected.\n"
    )
    assert plain(summary_lines(answers[:1], 80, several=True)).endswith("  1 message, all as expected.\n")
    assert "(vhost /)" in plain(summary_lines(answers[:1], 80, several=True))
    assert plain(summary_lines([(1, routes[0], None)], 80)).endswith("  1 message.\n")


HEAD = "\n  AFTERWARDS  what becomes of it in a queue\n"


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("b", ["  b", "    rejected, expired  -> log; by audit [b]"]),
        ("log", ["  log", "    stays  a stream dead-letters nothing"]),
        ("a", ["  a", "    rejected  the queue has no dead-letter-exchange: dropped"]),
        ("lost", ["  lost", "    rejected  no queue takes it: dropped; by gone [lost]"]),
        (
            "pair",
            [
                "  pair",
                "    rejected                  -> twin; by default exchange [twin]",
                "      then expired in twin    -> pair; by default exchange [pair]",
                "        then expired in pair",
                "            not to twin: it has been there before and nobody has rejected it",
                "            since: a cycle, dropped; by default exchange [twin]",
                "    expired                   -> twin; by default exchange [twin]",
                "      then expired in twin",
                "          not to pair: it has been there before and nobody has rejected it",
                "          since: a cycle, dropped; by default exchange [pair]",
            ],
        ),
        (
            "retry",
            [
                "  retry",
                "    rejected                      -> retry; by default exchange [retry]",
                "      then expired in retry",
                "          not to retry: it has been there before and nobody has rejected it",
                "          since: a cycle, dropped; by default exchange [retry]",
                "    expired, delivered too often",
                "        not to retry: it has been there before and nobody has rejected it since:",
                "        a cycle, dropped; by default exchange [retry]",
            ],
        ),
    ],
)
def test_what_becomes_of_it_is_followed_to_the_end(topology: Topology, key: str, lines: list[str]) -> None:
    assert afterwards(topology, key) == HEAD + "\n".join(lines) + "\n"


def test_with_reasons_it_is_said_whose_setting_it_is(topology: Topology) -> None:
    assert afterwards(topology, "b", reasons=True) == (
        f"{HEAD}  b\n    rejected, expired  -> log; dead-letter-exchange audit (argument)\n"
    )
    assert afterwards(topology, "nope") == ""


def told(*, then: bool, **letter: Any) -> str:
    route = Route(Message("x"), "/", ())
    fate = Fate(DeadLetter("q", "expired", "x", "why", ("k",), route, **letter), again=("a",) if then else ())
    return fates._told(fate, reasons=True)


def test_what_is_kept_and_what_goes_round_is_said() -> None:
    assert told(then=False, kept=True) == "kept: no queue takes it; why"
    assert told(then=True, queues=("a",), perhaps=("b",)) == "-> a, perhaps b; and from a on as told; why"


def test_of_many_queues_only_some_are_followed(tmp_path: Path) -> None:
    queues = "".join(f"  q{n:02}: {{type: classic, bindings: [{{exchange: x}}]}}\n" for n in range(12))
    (tmp_path / "many.yaml").write_text(f"version: 1\nexchanges: {{x: {{type: fanout}}}}\nqueues:\n{queues}")
    router = Router(load(tmp_path / "many.yaml"))
    text = plain(fate_lines(router.route(Message("x")), router, 80))
    assert "q09" in text
    assert "q10" not in text
    assert text.endswith("  and 2 more queues; --format json tells of all\n")


@pytest.mark.parametrize("exchange", ["orders", "", "inner", "hash", "partner"])
def test_the_document_fits_its_schema(topology: Topology, exchange: str) -> None:
    router = Router(topology)
    schema = json.loads(schema_text("route"))
    for key in ("order.paid", "b", "retry", "hashed"):
        route = router.route(Message(exchange, key, {"n": 1}))
        for held in (None, verdict(route, ["a"])):
            document = route_document(route, router, "shop.yaml", held, missed=held is None)
            jsonschema.validate(json.loads(json.dumps(document)), schema)
            assert all(("missed" in hop) == (held is None) for hop in document["hops"])


def test_the_document_says_why_and_where(topology: Topology) -> None:
    document = route_document(routed(topology, "orders", "order.new"), Router(topology), "shop.yaml")
    [hop] = document["hops"]
    [taken] = hop["taken"]
    assert (document["queues"], taken["destination"], taken["way"]) == (["a"], "a", "binding")
    assert taken["origin"] == {"file": "shop.yaml", "line": 13, "column": 33}
    assert taken["binding"]["routing_key"] == "order.new"
    assert document["expected"] is None


def test_a_name_of_spaces_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text('version: 1\nqueues: {" ": {bindings: [{exchange: amq.fanout}]}}\n')
    found = load("a.yaml")
    router = Router(found)
    route = router.route(Message("amq.fanout"))
    assert '  + " "  ' in plain(queue_lines(route, found, 80))
    assert '    + queue " "  ' in plain(route_lines(route, found, 80))
    assert 'amq.fanout  " "' in plain(summary_lines([(1, route, None)], 80))
    assert '    too much  " "' in plain(expectation_lines(verdict(route, [], router), 80))


def test_what_is_too_wide_is_wrapped_and_keeps_its_place() -> None:
    words = "a test with a name that goes on for longer than any line of a terminal is wide"
    row = Row(f"  {words} [a case]", "danger", "", "topology/shop/orders.test.yaml:12")
    assert plain(laid_out(row, 0, 80)).splitlines() == [
        "  a test with a name that goes on for longer than any line of a terminal is wide",
        "      [a case]" + "topology/shop/orders.test.yaml:12".rjust(66),
    ]
    narrow = plain(laid_out(row._replace(left="  " + "x" * 70, why="it is lost"), 0, 80)).splitlines()
    assert narrow == ["  " + "x" * 70, row.place.rjust(80), "      it is lost"]
    bare = plain(laid_out(Row("  " + "y " * 45 + "y", "", "no"), 0, 80)).splitlines()
    assert bare == ["  " + "y " * 38 + "y", "      " + "y " * 6 + "y", "      no"]
    assert plain(laid_out(Row("  " + "x" * 90, ""), 0, 80)) == "  " + "x" * 90 + "\n"
