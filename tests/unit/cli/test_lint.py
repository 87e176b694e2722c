"""`lint`, `rules` and `explain`, called as a script would call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[3]
WRONG = """\
version: 1
exchanges:
  shop.orders: {type: topic}
queues:
  shop.mail:
    type: quorum
    bindings: [{exchange: shop.orders, routing_key: "order.*"}, {exchange: shop.orders, routing_key: order.paid}]
  shop.list: {type: quorum}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(WRONG, encoding="utf-8")
    return "shop.yaml"


def found(document: str) -> list[tuple[str, int]]:
    return [(one["code"], one["line"]) for one in json.loads(document)["findings"]]


def test_the_example_is_clean(cli: Cli) -> None:
    code, out, _ = cli("lint", str(ROOT / "topology"))
    assert code == 0
    assert "No findings in" in out


def test_findings_end_with_four_and_say_where_and_what_to_do(cli: Cli, file: str) -> None:
    code, out, _ = cli("lint", file)
    assert code == 4
    assert "shop.yaml:7:65  warning  RT203 topic-pattern-shadowed" in out
    assert "shop.yaml:8:3  warning  RT201 queue-unreachable" in out
    assert "2 warnings in 1 file." in out


def test_quiet_tells_findings_and_nothing_else(cli: Cli, file: str) -> None:
    assert cli("lint", file, "-q") == cli("lint", file)
    assert cli("lint", file, "-q", "--select", "RT1") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["--select", "RT201"], ["RT201"]),
        (["--select", "RT1,RT203"], ["RT203"]),
        (["--ignore", "RT2"], []),
        (
            ["--ignore", "RT201", "--ignore", "RT203", "--extend-select", "RT405", "--fail-on", "info"],
            ["RT405", "RT405"],
        ),
    ],
)
def test_rules_are_chosen_on_the_command_line(cli: Cli, file: str, words: list[str], codes: list[str]) -> None:
    code, out, _ = cli("lint", file, "--format", "json", *words)
    assert [one for one, _ in found(out)] == codes
    assert code == (4 if codes else 0)


@pytest.mark.parametrize(("least", "code"), [("error", 0), ("warning", 4), ("info", 4), ("never", 0)])
def test_which_severity_fails_is_another_choice(cli: Cli, file: str, least: str, code: int) -> None:
    assert cli("lint", file, "--fail-on", least)[0] == code


def test_a_baseline_hides_what_was_there_and_shows_what_is_new(cli: Cli, file: str, tmp_path: Path) -> None:
    assert cli("lint", file, "--write-baseline", "known.json")[0] == 0
    code, out, err = cli("lint", file, "--baseline", "known.json")
    assert (code, err) == (0, "")
    assert "2 in the baseline" in out
    (tmp_path / file).write_text(f"# moved\n{WRONG}  shop.new: {{type: quorum}}\n".replace("shop.list", "shop.old"))
    code, out, err = cli("lint", file, "--baseline", "known.json", "--format", "json")
    assert (code, found(out)) == (4, [("RT201", 9), ("RT201", 10)])
    assert "1 of its findings is gone" in err


def test_a_new_fault_on_an_object_is_no_old_one(cli: Cli, file: str, tmp_path: Path) -> None:
    def written(*arguments: str) -> None:
        queues = "".join(f"  q: {{direct: true, arguments: {{{one}: 5}}}}\n" for one in arguments)
        (tmp_path / file).write_text(f"version: 1\nqueues:\n{queues}", encoding="utf-8")

    written("x-foo")
    code, _, err = cli("lint", file, "--write-baseline", "known.json")
    assert (code, err) == (0, "known.json: 1 finding\n")
    assert cli("lint", file, "--baseline", "known.json")[0] == 0
    written("x-mesage-ttl")
    code, out, err = cli("lint", file, "--baseline", "known.json", "--format", "json")
    assert (code, found(out)) == (4, [("RT109", 3)])
    assert "1 of its findings is gone" in err


@pytest.mark.parametrize("text", ["{", "[]", '{"format_version": 2}', '{"format_version": 1, "document": "lint"}'])
def test_what_is_no_baseline_is_refused(cli: Cli, file: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "known.json").write_text(text, encoding="utf-8")
    code, _, err = cli("lint", file, "--baseline", "known.json")
    assert code == 2
    assert "known.json is no baseline" in err
    assert cli("lint", file, "--baseline", "nowhere.json")[0] == 2


def test_a_topology_that_plan_refuses_still_gets_all_of_its_findings(cli: Cli, file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(WRONG.replace("shop.orders: {type", "shop.orders: {typo: 1, type"), encoding="utf-8")
    code, out, _ = cli("lint", file, "--format", "json")
    assert (code, found(out)) == (4, [("RT900", 3), ("RT203", 7), ("RT201", 8)])
    assert cli("validate", file)[0] == 2


def test_what_cannot_be_read_is_no_finding(cli: Cli, file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text("version: [1\n", encoding="utf-8")
    code, out, err = cli("lint", file)
    assert (code, out) == (2, "")
    assert "this is no YAML" in err


def test_a_definitions_file_is_looked_at_too(cli: Cli, tmp_path: Path) -> None:
    queue = {"name": "q", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {"x-max-lenght": 5}}
    (tmp_path / "broker.json").write_text(json.dumps({"queues": [queue]}), encoding="utf-8")
    code, out, _ = cli("lint", "--from", str(tmp_path / "broker.json"), "--format", "json")
    assert code == 4
    assert {one for one, _ in found(out)} >= {"RT109"}
    assert all(one["object"]["name"] == "q" for one in json.loads(out)["findings"])


@pytest.mark.parametrize("version", [[], ["--target-version", "3.10"], ["--target-version", "4.3"]])
def test_what_a_broker_has_beside_its_topology_counts_for_every_release(
    cli: Cli, tmp_path: Path, version: list[str]
) -> None:
    limit = {"pattern": "^q$", "apply-to": "queues", "definition": {"max-length": 5}, "priority": 0}
    document = {
        "rabbitmq_version": "4.0.5",
        "queues": [{"vhost": "/", "name": "q", "durable": True, "auto_delete": False, "arguments": {}}],
        "parameters": [{"vhost": "/", "component": "operator_policy", "name": "limit", "value": limit}],
    }
    (tmp_path / "broker.json").write_text(json.dumps(document), encoding="utf-8")
    words = ("lint", "--from", str(tmp_path / "broker.json"), "--format", "json", *version)
    assert found(cli(*words, "--select", "RT405")[1]) == []


def test_it_judges_for_the_release_that_is_asked_for(cli: Cli, file: str, tmp_path: Path) -> None:
    policy = "policies:\n  mirror: {pattern: ^shop, definition: {ha-mode: all}}\n"
    (tmp_path / file).write_text(f"version: 1\n{policy}", encoding="utf-8")

    def codes(version: str) -> set[str]:
        return {one for one, _ in found(cli("lint", file, "--target-version", version, "--format", "json")[1])}

    assert "RT602" in codes("4.0")
    assert "RT602" not in codes("3.10")
    assert cli("lint", file, "--target-version", "four")[0] == 2


def test_all_formats_are_written_in_one_run(cli: Cli, file: str, tmp_path: Path) -> None:
    formats = ("json", "sarif", "github", "junit", "markdown")
    words = [word for one in formats for word in ("--format", f"{one}={one}.out")]
    code, out, _ = cli("lint", file, "--format", "text", *words)
    assert code == 4
    assert "RT203" in out
    for one in formats:
        assert "RT203" in (tmp_path / f"{one}.out").read_text(encoding="utf-8"), one


def test_what_plan_refuses_is_in_no_baseline(cli: Cli, file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(WRONG.replace("shop.orders: {type", "shop.orders: {typo: 1, type"), encoding="utf-8")
    code, _, err = cli("lint", file, "--write-baseline", "known.json")
    assert (code, err) == (0, "known.json: 2 findings; 1 finding that plan refuses must be mended\n")
    code, out, _ = cli("lint", file, "--baseline", "known.json", "--format", "json")
    assert (code, found(out)) == (4, [("RT900", 3)])


def test_rules_that_are_named_are_meant_whatever_the_configuration_ignores(cli: Cli, file: str) -> None:
    Path("rabbit-topo.yaml").write_text(f"sources: [{file}]\nlint: {{ignore: [RT2, RT3]}}\n")
    assert cli("lint", "--format", "json")[0] == 0
    assert found(cli("lint", "--select", "RT203", "--format", "json")[1]) == [("RT203", 7)]


def test_no_rule_at_all_is_a_mistake(cli: Cli, file: str) -> None:
    code, _, err = cli("lint", file, "--ignore", "ALL")
    assert code == 2
    assert "no rule is left to run" in err


def test_rules_are_listed_and_marked(cli: Cli, file: str) -> None:
    code, out, _ = cli("rules")
    assert code == 0
    assert all(rule.code in out for rule in RULES)
    document: dict[str, Any] = json.loads(cli("rules", "--format", "json")[1])
    assert [one["code"] for one in document["rules"]] == [rule.code for rule in RULES]
    Path("rabbit-topo.yaml").write_text(f"sources: [{file}]\nlint: {{extend_select: [RT405], ignore: [RT203]}}\n")
    running = {one["code"] for one in json.loads(cli("rules", "--format", "json")[1])["rules"] if one["runs"]}
    assert "RT405" in running
    assert "RT203" not in running
    assert found(cli("lint", "--format", "json")[1]) == [("RT405", 5), ("RT201", 8), ("RT405", 8)]


@pytest.mark.parametrize("word", ["RT203", "rt203", "topic-pattern-shadowed"])
def test_a_rule_is_explained(cli: Cli, word: str) -> None:
    code, out, _ = cli("explain", word)
    assert code == 0
    assert "RT203 topic-pattern-shadowed" in out
    assert "ignore[RT203]" in out


def test_of_a_rule_about_an_older_release_that_release_is_told(cli: Cli) -> None:
    assert "wrong on RabbitMQ 4.0" in cli("explain", "RT608")[1]


def test_a_rule_that_is_not_there_is_no_rule(cli: Cli) -> None:
    code, _, err = cli("explain", "RT20")
    assert code == 2
    assert "did you mean RT2" in err
