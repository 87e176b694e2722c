"""Command lines that cannot be meant as they are: what is told, and that nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import FAMILIES, RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]


def definitions(**more: Any) -> dict[str, Any]:
    objects = {"durable": True, "auto_delete": False, "arguments": {}}
    return {
        "vhosts": [{"name": "/"}],
        "exchanges": [{"name": "e", "vhost": "/", "type": "direct", **objects}],
        "queues": [{"name": name, "vhost": vhost, **objects} for name, vhost in (("q", "/"), ("lost", "nowhere"))],
        "bindings": [],
        **more,
    }


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text("version: 1\nqueues: {q: {direct: true, type: quorum}}\n")
    Path("broker.json").write_text(json.dumps(definitions()))


@pytest.mark.parametrize("command", ["lint", "test", "validate", "plan"])
@pytest.mark.parametrize("more", [{}, {"rabbit_version": "4.3.0"}])
def test_a_definitions_file_is_no_topology_file(cli: Cli, command: str, more: dict[str, str]) -> None:
    Path("broker.json").write_text(json.dumps(definitions(**more)))
    code, out, err = cli(command, "broker.json")
    assert (code, out) == (2, "")
    assert err.startswith("broker.json: this looks like a broker's definitions file")
    assert "--from broker.json" in err
    assert "1 problem" in err


def test_a_topology_of_wrong_shape_is_still_one(cli: Cli) -> None:
    Path("wrong.yaml").write_text("exchanges: []\nbindings: []\n")
    assert "definitions file" not in cli("validate", "wrong.yaml")[2]
    Path("wrong.yaml").write_text("- a\n")
    assert "definitions file" not in cli("validate", "wrong.yaml")[2]


def test_one_source_that_is_named_twice(cli: Cli) -> None:
    code, _, err = cli("lint", "--from", "broker.json", "broker.json")
    assert (code, "broker.json is named twice" in err) == (2, True)
    code, _, err = cli("lint", "--from", "broker.json", "shop.yaml")
    assert (code, "broker.json and shop.yaml are two topologies" in err) == (2, True)


def test_a_vhost_that_a_definitions_file_does_not_list_is_told(cli: Cli) -> None:
    _, out, err = cli("lint", "--from", "broker.json", "--select", "RT201")
    assert "warning: broker.json has no vhost 'nowhere': there are objects of it" in err
    assert "lost" not in out
    Path("broker.json").write_text(json.dumps(definitions(queues=[])))
    assert cli("lint", "--from", "broker.json", "--select", "RT201")[2] == ""


def test_a_release_that_nothing_was_tried_with_is_told(cli: Cli) -> None:
    said = "warning: the rules are not tried with RabbitMQ {}, but with 3.10 to 4.3\n"
    for version in ("3.9", "4.4.1", "5.0"):
        assert cli("lint", "shop.yaml", "--target-version", version)[2] == said.format(version)
    for version in ("3.10.8", "4.3.6"):
        assert cli("lint", "shop.yaml", "--target-version", version)[2] == ""


def test_a_file_cannot_be_asked(cli: Cli) -> None:
    code, _, err = cli("lint", "--from", "broker.json", "--live")
    assert (code, "--live asks a broker, and broker.json is a file" in err) == (2, True)


def test_two_formats_need_two_files(cli: Cli) -> None:
    code, out, err = cli("lint", "shop.yaml", "--format", "json=out", "--format", "sarif=./out")
    assert (code, out, Path("out").exists()) == (2, "", False)
    assert "two formats would go to one file" in " ".join(err.split())


def test_a_family_is_explained_by_its_rules(cli: Cli) -> None:
    for family, about in FAMILIES.items():
        code, out, _ = cli("explain", family.lower())
        assert code == 0
        head, _, *rules, _, _ = out.splitlines()
        assert head == f"{family}  {about}"
        assert [line.split()[0] for line in rules] == [one.code for one in RULES if one.code.startswith(family)]


def test_a_baseline_that_is_written_keeps_no_format_from_being_written(cli: Cli) -> None:
    Path("shop.yaml").write_text("version: 1\nqueues: {q: {type: quorum}}\n")
    words = ["lint", "shop.yaml", "--write-baseline", "known.json"]
    assert cli(*words, "--format", "text", "--format", "sarif=out.sarif") == (0, "", "known.json: 1 finding\n")
    (run,) = json.loads(Path("out.sarif").read_text())["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["RT201"]
    code, out, _ = cli(*words, "--format", "json")
    assert (code, len(json.loads(out)["findings"])) == (0, 1)
