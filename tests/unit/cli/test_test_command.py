"""`rabbit-topo test`: what it runs, where the topology comes from, and its exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.errors import UsageError
from rabbit_topo.testing.selection import selection
from rabbit_topo.testing.sources import configured

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

NO_WAY = "no binding, dead letter or alternate exchange leads there"
TOPOLOGY = """\
version: 1
exchanges: {e: {type: direct}}
queues: {q: {bindings: [{exchange: e, routing_keys: [a, b]}]}, lost: {}}
"""
TESTS = """\
version: 1
tests:
  - {name: it arrives, publish: {exchange: e, routing_key: a}, expect: [q]}
  - {name: it does not, publish: {exchange: e, routing_key: c}, expect: [q]}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("topo").mkdir()
    Path("topo/a.yaml").write_text(TOPOLOGY)
    Path("topo/a.test.yaml").write_text(TESTS)


def test_a_failed_test_and_a_broken_invariant_are_findings(cli: Cli) -> None:
    code, said, _ = cli("test", "topo")
    assert code == 4
    assert "2 tests, 1 failed; 1 invariant holds, 1 not." in said
    code, said, _ = cli("test", "topo", "-k", 'it and not "does not"')
    assert (code, said.splitlines()[-1]) == (0, "  1 test passed (1 not selected).")
    code, said, _ = cli("test", "topo", "--no-invariants", "-k", "arrives", "-q")
    assert (code, said) == (0, "")


def test_coverage_may_be_wanted(cli: Cli) -> None:
    words = ["test", "topo", "-k", "arrives"]
    assert cli(*words, "--fail-under", "51")[0] == 4
    code, said, _ = cli(*words, "--fail-under", "50")
    assert code == 0
    assert "50 % of 2 bindings (1 exercised)" in said
    assert cli(*words, "--coverage")[0] == 0


def test_nothing_to_test_is_said(cli: Cli) -> None:
    Path("bare").mkdir()
    Path("bare/a.yaml").write_text("version: 1\nexchanges: {e: {type: direct}}\n")
    code, _, err = cli("test", "bare", "--no-invariants")
    assert code == 2
    assert "there is nothing to test: no file has tests, and --no-invariants leaves the rest out" in err
    code, said, _ = cli("test", "bare", "--fail-under", "100")
    assert (code, said.splitlines()[-2:]) == (
        0,
        ["  coverage  there is no binding that a test could exercise", "  no tests."],
    )


@pytest.mark.parametrize(("answer", "words"), [("", "nobody is there to say it"), ("n\n", "not confirmed")])
def test_the_broker_of_an_environment_is_used_after_a_yes_only(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, answer: str, words: str
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return bool(answer)

    urls = "{broker: 'http://127.0.0.1:1', amqp: 'amqp://127.0.0.1:1'}"
    Path("rabbit-topo.yaml").write_text(f"sources: [topo]\nenvironments:\n  prod: {urls}\n")
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, _, err = cli("test", "--on-broker", "-k", "arrives")
    assert code == 5
    assert words in err
    assert ("the broker of the environment prod, and declare the topology there? [y/N]" in err) == bool(answer)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    for more in (["--yes"], [] if answer else ["--broker", "http://127.0.0.1:1", "--amqp", "amqp://127.0.0.1:1"]):
        code, _, err = cli("test", "--on-broker", "-k", "arrives", *more)
        assert (code, "127.0.0.1:1" in err) == (1, True), err  # it went there


def test_test_files_alone_are_about_their_folder_or_the_configuration(cli: Cli) -> None:
    Path("topo/b.test.yaml").write_text(TESTS.replace("it does not", "another"))
    code, said, _ = cli("test", "topo/b.test.yaml", "-k", "arrives or another", "-v")
    assert code == 4
    assert "a.test.yaml" not in said
    assert "    F another" in said
    Path("elsewhere").mkdir()
    Path("elsewhere/c.test.yaml").write_text(TESTS)
    for about in ("elsewhere/c.test.yaml", "elsewhere"):
        code, _, said = cli("test", about)
        assert (code, "there is no topology beside these tests: elsewhere/c.test.yaml" in said) == (2, True)
    Path("rabbit-topo.yaml").write_text("sources: [topo/a.yaml]\n")
    assert cli("test", "elsewhere") == cli("test", "elsewhere/c.test.yaml")
    code, said, _ = cli("test", "elsewhere/c.test.yaml", "-k", "arrives")
    assert (code, said.splitlines()[-1]) == (0, "  1 test passed (1 not selected).")
    assert configured([Path("elsewhere/c.test.yaml")]) == (("topo/a.yaml", "elsewhere/c.test.yaml"), "")
    assert configured(["topo/a.test.yaml", "topo/b.test.yaml"])[0] == (
        "topo/a.yaml",
        "topo/a.test.yaml",
        "topo/b.test.yaml",
    )


def test_a_test_file_that_is_not_there_is_no_file_without_tests(cli: Cli) -> None:
    code, said, error = cli("test", "topo/typo.test.yaml")
    assert (code, said) == (2, "")
    assert "there is no such file: topo/typo.test.yaml" in error


def test_the_version_of_the_configuration_counts(cli: Cli) -> None:
    Path("rabbit-topo.yaml").write_text("sources: [topo]\ntarget_version: '3.10'\n")
    assert "by the rules of RabbitMQ 3.10" in cli("test", "topo/a.test.yaml")[1]


def test_another_topology(cli: Cli) -> None:
    exchange = {"name": "e", "vhost": "/", "type": "direct", "durable": True, "auto_delete": False, "arguments": {}}
    queue = {"name": "q", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    binding = {"source": "e", "vhost": "/", "destination": "q", "destination_type": "queue", "routing_key": "c"}
    document = {"exchanges": [exchange], "queues": [queue], "bindings": [{**binding, "arguments": {}}]}
    Path("broker.json").write_text(json.dumps(document))
    code, said, _ = cli("test", "topo/a.test.yaml", "--from", "broker.json", "--format", "json")
    assert code == 4
    tests = json.loads(said)["tests"]
    assert [(test["name"], test["passed"]) for test in tests] == [("it arrives", False), ("it does not", True)]


def test_publishers_and_queues_of_the_files_are_held_against_another_topology(cli: Cli) -> None:
    queues = "q: {bindings: [{exchange: e, routing_key: a}]}, gone: {direct: true}, lost: {}, elsewhere: {}"
    publishers = "good: {exchange: e, routing_key: a}, bad: {exchange: e, routing_key: b}"
    Path("topo/a.yaml").write_text(
        f"version: 1\nexchanges: {{e: {{type: direct}}}}\nqueues: {{{queues}}}\npublishers: {{{publishers}}}\n"
    )
    Path("topo/a.test.yaml").unlink()
    objects = {"durable": True, "auto_delete": False, "arguments": {}, "vhost": "/"}
    binding = {"source": "e", "vhost": "/", "destination": "q", "destination_type": "queue", "routing_key": "a"}
    document = {
        "exchanges": [{"name": "e", "type": "direct", **objects}],
        "queues": [{"name": name, **objects} for name in ("q", "lost")],
        "bindings": [{**binding, "arguments": {}}],
    }
    Path("broker.json").write_text(json.dumps(document))
    code, said, _ = cli("test", "topo", "--from", "broker.json", "--format", "json")
    assert code == 4
    assert {one["name"]: one["problems"] for one in json.loads(said)["invariants"]} == {
        "the publisher bad should reach a queue": ["its messages reach no queue"],
        "the publisher good should reach a queue": [],
        "the queue elsewhere should be reachable": ["it is not there"],
        "the queue gone should be reachable": ["it is not there"],
        "the queue lost should be reachable": [f"{NO_WAY}; say `direct: true` if it is published to by its name"],
        "the queue q should be reachable": [],
    }


def test_a_slip_of_the_pen_in_a_test_is_told_where_tests_matter(cli: Cli) -> None:
    Path("topo/a.test.yaml").write_text(TESTS.replace("expect: [q]", "expect: [qq]"))
    Path("empty.json").write_text("{}")
    for command in ("test", "validate"):
        code, _, told = cli(command, "topo")
        assert code == 2
        assert 'topo/a.test.yaml:3:73: the queue "qq" is not declared' in told
    assert "RT900" in cli("lint", "topo")[1]
    assert cli("plan", "topo", "--broker", "empty.json")[0] == 0
    assert cli("check", "topo", "--broker", "empty.json")[0] == 3
    assert cli("route", "e", "a", "--from", "topo")[0] == 0


def test_no_tests_are_no_failure(cli: Cli) -> None:
    Path("one.yaml").write_text(TOPOLOGY.replace(", lost: {}", ""))
    code, said, _ = cli("test", "one.yaml")
    assert (code, said.splitlines()[-1]) == (0, "  no tests; 1 invariant holds.")


def test_junit_goes_to_a_file(cli: Cli) -> None:
    code, said, _ = cli("test", "topo", "--format", "text", "--format", "junit=j.xml")
    assert code == 4
    assert "FAILED" in said
    assert Path("j.xml").read_text().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    assert "is no format of test" in cli("test", "topo", "--format", "sarif")[2]


def test_words_that_no_test_has_are_no_success(cli: Cli) -> None:
    code, _, told = cli("test", "topo", "-k", "arives and not late")
    assert code == 2
    assert "no test has these words: -k 'arives and not late'" in told
    assert "near are: it arrives" in told
    assert "there are 2 tests" in cli("test", "topo", "-k", "zzz")[2]
    Path("one.yaml").write_text(TOPOLOGY)
    assert cli("test", "one.yaml", "-k", "arrives")[0] == 2


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a", {"a", "ab", "a b"}),
        ("A and B", {"ab", "a b"}),
        ("a and b", {"ab", "a b"}),
        ("a and not b", {"a"}),
        ("not (a or c)", {"b"}),
        ('"a b" or c', {"a b", "c"}),
        ('"and"', set()),
        ("a or b and c", {"a", "ab", "a b"}),
    ],
)
def test_selections(expression: str, names: set[str]) -> None:
    wanted = selection(expression)
    assert {name for name in ("a", "b", "c", "ab", "a b") if wanted(name)} == names


@pytest.mark.parametrize("expression", ["", "a b", "a AND b", "(a", "a or", "and", "not", ")", '"a'])
def test_broken_selections(expression: str) -> None:
    with pytest.raises(UsageError, match="-k "):
        selection(expression)
