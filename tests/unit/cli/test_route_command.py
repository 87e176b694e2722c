"""`rabbit-topo route`: where a message goes, from files and from a definitions file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from rabbit_topo.load.schemas import schema_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

TOPOLOGY = """\
version: 1
exchanges:
  orders: {type: topic}
  docs: {type: headers}
queues:
  paid: {type: classic, bindings: [{exchange: orders, routing_key: "*.paid"}]}
  all: {type: classic, bindings: [{exchange: orders, routing_key: "#"}]}
  one: {type: classic, bindings: [{exchange: docs, match: all, headers: {n: 1}}]}
"""
DEFINITIONS = {
    "rabbitmq_version": "3.12.1",
    "vhosts": [{"name": "/"}, {"name": "shop"}],
    "exchanges": [{"name": "docs", "vhost": "shop", "type": "headers", "durable": True, "auto_delete": False}],
    "queues": [{"name": "one", "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}],
    "bindings": [
        {
            "source": "docs",
            "vhost": "shop",
            "destination": "one",
            "destination_type": "queue",
            "routing_key": "",
            "arguments": {"n": 1},
        }
    ],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("BROKER", "AMQP", "CONFIG", "ENV"):
        monkeypatch.delenv(f"RABBIT_TOPO_{name}", raising=False)
    (tmp_path / "shop.yaml").write_text(TOPOLOGY)
    (tmp_path / "broker.json").write_text(json.dumps(DEFINITIONS))
    return tmp_path


def test_the_queues_are_named_with_why_and_where(cli: Cli) -> None:
    code, out, err = cli("route", "orders", "order.paid", "--from", "shop.yaml")
    assert (code, err) == (0, "")
    assert out == (
        "  message   orders [order.paid]\n"
        "  source    shop.yaml, by the rules of RabbitMQ 4.3\n"
        "\n"
        '  + all   "order.paid" fits "#"                                      shop.yaml:7\n'
        '  + paid  "order.paid" fits "*.paid"                                 shop.yaml:6\n'
        "  2 queues.\n"
        "\n"
        "  AFTERWARDS  what becomes of it in a queue\n"
        "  all\n"
        "    rejected  the queue has no dead-letter-exchange: dropped\n"
        "  paid\n"
        "    rejected  the queue has no dead-letter-exchange: dropped\n"
    )


def test_the_tree_shows_the_binding_that_does_not_take_it(cli: Cli) -> None:
    _, out, _ = cli("route", "orders", "x", "--tree", "--from", "shop.yaml")
    assert '    + queue all   "x" fits "#"                                       shop.yaml:7\n' in out
    assert '    . queue paid  "x" does not fit "*.paid"                          shop.yaml:6\n' in out


def test_an_expectation_that_is_not_met_is_exit_code_4(cli: Cli) -> None:
    base = ("route", "orders", "x", "--from", "shop.yaml", "--expect")
    assert cli(*base, "all")[0] == 0
    code, out, _ = cli(*base, "paid")
    assert code == 4
    assert "  Not as expected: paid\n    missing   paid\n    too much  all\n" in out
    assert cli(*base, "")[0] == 4
    assert cli("route", "", "nobody", "--from", "shop.yaml", "--expect", "")[0] == 0


@pytest.mark.parametrize(
    ("value", "reached"),
    [("1", True), ("1.0", False), ("'1'", False), ('"1"', False), ("true", False), ("", False), ("null", False)],
)
def test_a_header_is_read_like_a_scalar_of_the_files(cli: Cli, value: str, *, reached: bool) -> None:
    expect = "one" if reached else ""
    assert cli("route", "docs", "-H", f"n={value}", "--from", "shop.yaml", "--expect", expect)[0] == 0


def test_the_rules_are_those_of_the_target_version(cli: Cli) -> None:
    Path("rabbit-topo.yaml").write_text('sources: [shop.yaml]\ntarget_version: "3.12"\n')
    code, out, _ = cli("route", "docs", "-H", "n=1.0", "--expect", "one")  # 1 == 1.0 there
    assert code == 0
    assert "by the rules of RabbitMQ 3.12" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-H", "n"], "'n' is no header; write name=value"),
        (["-H", "=1"], "'=1' is no header; write name=value"),
        (["-H", "n=1", "-H", "n=2"], "the header n is given twice"),
        (["-H", "n=0x1"], "0x1 may be a hexadecimal number or text; write n='\"0x1\"' for text"),
        (["-H", "n=on"], "on may be true or false or text; write n=true, or n='\"on\"' for text"),
        (["-H", 'n="a\\q"'], "is no whole quoted text"),
        (["-H", "n=[1, 0x1]"], "a hexadecimal number"),
        (["-H", "n=[1"], "n=[1: "),
        (["-H", "n={a: 1"], "write n='\"...\"' for text"),
        (["-H", "n=[1] 2"], "n=[1] 2: "),
        (["-H", "n=9999999999999999999999999999"], "the header 'n' has a number that AMQP cannot carry"),
        (["-H", "n=[{a: 9999999999999999999}]"], "the header 'n' has a number that AMQP cannot carry"),
        (["-H", f"{'n' * 256}=1"], "has 256 bytes, and AMQP allows 255"),
        (["-H", "n=\udcff"], "the header 'n' is not UTF-8"),
        (["-H", f"n={{{'a' * 256}: 1}}"], "has 256 bytes, and AMQP allows 255"),
        (["--cc", "\udcff"], "the header 'CC' is not UTF-8"),
        (["--from", ""], "--from names nothing"),
        (["-H", "CC=x", "--cc", "y"], "the header CC is given twice: by -H and by --cc"),
        (["--messages", "m"], "--messages goes without a message on the command line"),
    ],
)
def test_options_that_say_nothing_clear_are_refused(cli: Cli, words: list[str], said: str) -> None:
    code, out, err = cli("route", "orders", "x", *words, "--from", "shop.yaml")
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("exchange", "key", "said"),
    [
        ("orders", "k" * 256, "the routing key has 256 bytes, and AMQP allows 255"),
        ("o" * 256, "", "the exchange's name has 256 bytes, and AMQP allows 255"),
        ("\udcff", "", "the exchange's name is not UTF-8"),
        ("orders", "\udcff", "the routing key is not UTF-8"),
    ],
)
def test_what_no_client_can_send_has_no_route(cli: Cli, exchange: str, key: str, said: str) -> None:
    code, out, err = cli("route", exchange, key, "--from", "shop.yaml")
    assert (code, out) == (2, "")
    assert said in err
    Path("m.jsonl").write_text(f"{json.dumps({'exchange': exchange, 'routing_key': key})}\n")
    code, out, err = cli("route", "--messages", "m.jsonl", "--from", "shop.yaml")
    assert (code, out) == (2, "")
    assert f"m.jsonl:1:1: {said}" in err


def test_a_header_may_be_a_list_or_a_table_and_is_read_like_one_of_the_files(cli: Cli) -> None:
    words = ["-H", "pages=[1, a, true, null]", "-H", "by={name: ann, n: [1.5]}", "--format", "json"]
    code, out, _ = cli("route", "orders", "x", *words, "--from", "shop.yaml")
    assert code == 0
    headers = json.loads(out)["message"]["headers"]
    assert headers == {"pages": [1, "a", True, None], "by": {"name": "ann", "n": [1.5]}}


def test_a_queue_with_a_comma_may_be_expected(cli: Cli) -> None:
    file = Path("comma.yaml")
    file.write_text('version: 1\nqueues: {"a,b": {}, a: {}, b: {}}\n')
    words = ["route", "", "a,b", "--cc", "a", "--from", "comma.yaml"]
    assert cli(*words, "--expect", "a,b", "--expect", "a")[0] == 0
    assert cli(*words, "--expect", "a,b")[0] == 4
    assert cli("route", "", "a", "--cc", "b", "--from", "comma.yaml", "--expect", "b,a")[0] == 0
    assert cli("route", "", "a", "--cc", "b", "--from", "comma.yaml", "--expect", "b", "--expect", "a")[0] == 0


def test_quiet_tells_what_is_not_as_expected_only(cli: Cli) -> None:
    words = ["route", "orders", "order.paid", "--from", "shop.yaml", "-q"]
    assert cli(*words) == (0, "", "")
    assert cli(*words, "--expect", "all,paid") == (0, "", "")
    said = "  message   orders [order.paid]\n  Not as expected: all\n    too much  paid\n"
    assert cli(*words, "--expect", "all") == (4, said, "")
    lines = [{"exchange": "orders", "routing_key": "order.paid", "expect": expect} for expect in (["all"], [])]
    lines[0]["expect"] = ["all", "paid"]
    file = Path("messages.jsonl")
    file.write_text("\n".join(map(json.dumps, lines)))
    code, told, _ = cli("route", "--messages", str(file), "--from", "shop.yaml", "-q")
    assert (code, len(told.splitlines())) == (4, 2)
    assert "(line 2)" in told
    file.write_text(json.dumps(lines[0]))
    assert cli("route", "--messages", str(file), "--from", "shop.yaml", "-q") == (0, "", "")


def test_further_keys_reach_further_queues(cli: Cli) -> None:
    for option in ("--cc", "--bcc"):
        further = (option, "all", option, "one")
        assert cli("route", "", "paid", *further, "--from", "shop.yaml", "--expect", "all,one,paid")[0] == 0


def test_a_queue_that_is_expected_and_not_there_is_told(cli: Cli) -> None:
    _, out, _ = cli("route", "orders", "x", "--from", "shop.yaml", "--expect", "al")
    assert out.endswith("    unknown   there is no queue al; did you mean all?\n")


def test_what_the_broker_refuses_is_shown_in_its_words(cli: Cli) -> None:
    code, out, _ = cli("route", "orders", "x", "-H", "CC=x", "--from", "shop.yaml")
    assert code == 0
    assert "The broker refuses it: PRECONDITION_FAILED" in out
    assert cli("route", "orders", "x", "-H", "CC=x", "--from", "shop.yaml", "--expect", "")[0] == 4


def test_an_exchange_that_is_not_there_is_no_route(cli: Cli) -> None:
    code, _, err = cli("route", "order", "x", "--from", "shop.yaml")
    assert code == 2
    assert err == "rabbit-topo: shop.yaml has no exchange 'order' in vhost '/'\n  did you mean 'orders'?\n"
    _, _, err = cli("route", "zzz", "x", "--from", "shop.yaml")
    assert "it has: docs, orders" in err
    code, _, err = cli("route", "--from", "shop.yaml")
    assert (code, err.splitlines()[0]) == (2, "rabbit-topo: no exchange is named")
    assert cli("route", "amq.topic", "x", "--from", "shop.yaml", "--expect", "")[0] == 0


def test_a_definitions_file_is_a_source_with_its_own_version(cli: Cli) -> None:
    ask = ("route", "docs", "-H", "n=1.0", "--from", "broker.json", "--expect", "one")
    code, out, _ = cli(*ask, "--vhost", "shop")
    assert code == 0
    assert "broker.json, by the rules of RabbitMQ 3.12.1" in out
    code, _, err = cli(*ask)
    assert code == 2
    assert "the topology has several vhosts: /, shop" in err
    code, _, err = cli(*ask, "--vhost", "none")
    assert (code, err) == (2, "rabbit-topo: broker.json has no vhost 'none'\n  it has: /, shop\n")


def test_the_word_broker_is_the_configured_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = ("route", "docs", "-H", "n=1", "--from", "broker", "--vhost", "shop", "--expect", "one")
    assert cli(*ask, "--broker", "broker.json")[0] == 0
    monkeypatch.setenv("RABBIT_TOPO_BROKER", "broker.json")
    assert cli(*ask)[0] == 0


def test_with_several_vhosts_the_message_is_shown_with_its_own(cli: Cli) -> None:
    Path("more.yaml").write_text("version: 1\nvhost: shop\nexchanges: {docs: {type: fanout}}\n")
    ask = ("route", "docs", "--from", "shop.yaml", "--from", "more.yaml")
    assert cli(*ask)[0] == 2
    code, out, _ = cli(*ask, "--vhost", "shop")
    assert code == 0
    assert "  message   docs (vhost shop)\n" in out
    for file, vhost in (("shop.yaml", "/"), ("more.yaml", "shop")):
        code, _, err = cli("route", "docs", "--from", file, "--vhost", "nowhere")
        assert (code, err) == (2, f"rabbit-topo: {file} has no vhost 'nowhere'\n  it has: {vhost}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "broker.json", "--from", "shop.yaml"], "broker.json and shop.yaml are two topologies"),
        (["--from", "http://me:s3cret@h:1", "--broker", "http://b"], "http://h:1 and --broker or --amqp are two"),
        (["--from", "amqp://me:s3cret@h"], "amqp:// shows neither bindings nor policies"),
        (["--from", "broker", "--amqp", "amqp://h"], "AMQP alone shows neither bindings nor policies"),
        (["--from", "none.json"], "there is no definitions file"),
        (["--from", "none.yaml"], "none.yaml"),
        ([], "no topology files are named"),
    ],
)
def test_a_source_that_is_none_is_refused(cli: Cli, words: list[str], said: str) -> None:
    code, out, err = cli("route", "orders", "x", *words)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
    assert "s3cret" not in err


def test_many_messages_come_from_a_file_or_from_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"exchange": "orders", "routing_key": "a.paid", "expect": ["all", "paid"]},
        {"exchange": "orders", "routing_key": "x", "expect": ["paid"], "vhost": "/"},
        {"exchange": "docs", "headers": {"n": 1}},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n\n"
    Path("messages.jsonl").write_text(text)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    outputs = [cli("route", "--messages", name, "--from", "shop.yaml") for name in ("messages.jsonl", "-")]
    assert outputs[0] == outputs[1]
    code, out, _ = outputs[0]
    assert code == 4
    assert out == (
        "  + orders [a.paid]  all, paid\n"
        "  ! orders [x]       all; missing paid; too much all (line 2)\n"
        "  + docs [n=1]       one\n"
        "  3 messages, 1 not as expected.\n"
    )


def test_many_messages_are_json_lines_for_programs(cli: Cli) -> None:
    Path("m").write_text('{"exchange": "orders", "routing_key": "x"}\n{"exchange": "", "routing_key": "one"}\n')
    code, out, _ = cli("route", "--messages", "m", "--from", "shop.yaml", "--format", "json", "--format", "text=t")
    assert code == 0
    documents = [json.loads(line) for line in out.splitlines()]
    for document in documents:
        jsonschema.validate(document, json.loads(schema_text("route")))
    assert [document["queues"] for document in documents] == [["all"], ["one"]]
    assert Path("t").read_text().endswith("  2 messages.\n")
    assert cli("route", "--messages", "m", "--from", "shop.yaml", "-q")[:2] == (0, "")


def test_json_lines_are_held_against_the_schema_line_by_line(cli: Cli) -> None:
    Path("m").write_text('{"exchange": "orders"}\n{"exchange": "docs"}\n')
    assert cli("route", "--messages", "m", "--from", "shop.yaml", "--format", "json=routes.jsonl")[0] == 0
    assert cli("schema", "route", "--check", "routes.jsonl")[0] == 0
    with Path("routes.jsonl").open("a") as lines:
        lines.write('\n{"document": "route"}\n')
    code, _, err = cli("schema", "route", "--check", "routes.jsonl")
    assert (code, "routes.jsonl:4:1: $: " in err) == (2, True), err


def test_every_wrong_line_is_told_with_its_number(cli: Cli) -> None:
    Path("m").write_text(
        '{"exchange": "orders"}\n'
        '{"exchange": "orders", "headers": [], "expect": "q", "key": 1}\n'
        "[]\n"
        '{"routing_key": 5}\n'
        '{"exchange": "", "headers": {"n": NaN}}\n'
        '{"exchange": ""\n'
    )
    code, out, err = cli("route", "--messages", "m", "--from", "shop.yaml")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "m:2:1: headers must be an object",
        "m:2:1: expect must be a list of queue names",
        "m:2:1: 'key' is no field of a message",
        "    the fields are exchange, routing_key, headers, vhost, expect",
        "m:3:1: no JSON object",
        '    a line is like {"exchange": "shop.orders", "routing_key": "order.created"}',
        "m:4:1: no exchange is named",
        '    the default exchange is "exchange": ""',
        "m:4:1: routing_key must be text",
        "m:5:1: no JSON: NaN is no number in JSON",
        '    a line is like {"exchange": "shop.orders", "routing_key": "order.created"}',
        "m:6:16: no JSON: Expecting ',' delimiter",
        '    a line is like {"exchange": "shop.orders", "routing_key": "order.created"}',
        "rabbit-topo: 8 problems; nothing was done",
    ]


def test_an_unknown_exchange_in_a_file_is_told_with_its_line(cli: Cli) -> None:
    Path("m").write_text('{"exchange": "orders"}\n{"exchange": "ordres"}\n{"exchange": "docs", "vhost": "v"}\n')
    code, _, err = cli("route", "--messages", "m", "--from", "shop.yaml")
    assert code == 2
    assert err.splitlines() == [
        "m:2:1: shop.yaml has no exchange 'ordres' in vhost '/'",
        "    did you mean 'orders'?",
        "m:3:1: shop.yaml has no vhost 'v'",
        "    it has: /",
        "rabbit-topo: 2 problems; nothing was done",
    ]
    Path("more.yaml").write_text("version: 1\nvhost: shop\nexchanges: {docs: {type: fanout}}\n")
    _, _, err = cli("route", "--messages", "m", "--from", "shop.yaml", "--from", "more.yaml")
    assert "m:1:1: the topology has several vhosts: /, shop" in err


def test_a_file_of_messages_that_cannot_be_read_is_told(cli: Cli) -> None:
    code, _, err = cli("route", "--messages", "none", "--from", "shop.yaml")
    assert (code, err.splitlines()[0]) == (2, "rabbit-topo: cannot read none: No such file or directory")
    Path("m").write_bytes(b"\xff")
    assert "m is not UTF-8: invalid start byte at byte 0" in cli("route", "--messages", "m", "--from", "shop.yaml")[2]


def test_one_message_is_one_document(cli: Cli) -> None:
    ask = ("route", "orders", "x", "--from", "shop.yaml", "--format", "json")
    for words in ((), ("--tree",), ("--expect", "q")):
        _, out, _ = cli(*ask, *words)
        jsonschema.validate(json.loads(out), json.loads(schema_text("route")))
