"""`plan` shows what `lint` finds about what it changes, as the configuration and the files want it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., tuple[int, str, str]]

WRONG = """\
version: 1
queues:
  shop.mail: {type: quorum}
  shop.list: {type: quorum} # rabbit-topo: ignore[RT201] filled by hand
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(WRONG, encoding="utf-8")
    (tmp_path / "broker.json").write_text("{}", encoding="utf-8")


def configure(folder: Path, text: str) -> None:
    (folder / "rabbit-topo.yaml").write_text(text, encoding="utf-8")


def found(cli: Cli) -> list[tuple[str, int]]:
    code, out, _ = cli("plan", "shop.yaml", "--broker", "broker.json", "--format", "json")
    assert code == 0
    return [(one["code"], one["line"]) for one in json.loads(out)["findings"]]


def test_findings_are_shown_and_fail_nothing(cli: Cli) -> None:
    code, out, _ = cli("plan", "shop.yaml", "--broker", "broker.json")
    assert code == 0
    assert "  LINT  " in out
    assert "    shop.yaml:3:3  warning  RT201 queue-unreachable\n" in out


def test_comments_in_the_files_are_heeded(cli: Cli) -> None:
    assert found(cli) == [("RT201", 3)]


def test_rules_are_those_of_the_configuration(cli: Cli, tmp_path: Path) -> None:
    configure(tmp_path, "lint: {ignore: [RT2], extend_select: [unbounded-queue]}\n")
    assert found(cli) == [("RT405", 3), ("RT405", 4)]


def test_a_baseline_is_heeded(cli: Cli, tmp_path: Path) -> None:
    assert cli("lint", "shop.yaml", "--write-baseline", "known.json")[0] == 0
    configure(tmp_path, "lint: {baseline: known.json}\n")
    assert found(cli) == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [("select: [RT299]", "there is no rule or family 'RT299'"), ("baseline: nowhere.json", "cannot read the baseline")],
)
def test_no_plan_fails_by_the_linter(cli: Cli, tmp_path: Path, settings: str, why: str) -> None:
    configure(tmp_path, f"lint: {{{settings}}}\n")
    code, out, err = cli("plan", "shop.yaml", "--broker", "broker.json", "--out", "saved.json")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith(f"nothing was linted: {why}")
    assert "Plan: 3 to create" in out
    assert "LINT" not in out
    assert cli("apply", "--plan", "saved.json", "--broker", "broker.json", "--yes")[0] == 0
    assert cli("plan", "shop.yaml", "--broker", "broker.json")[::2] == (0, err)  # with nothing to do it is told, too


def test_apply_shows_what_plan_shows(cli: Cli) -> None:
    shown = cli("plan", "shop.yaml", "--broker", "broker.json")[1]
    code, out, _ = cli("apply", "shop.yaml", "--broker", "broker.json", "--yes")
    assert code == 0
    assert "  LINT  " in shown
    assert out.startswith(shown)


def test_an_operator_policy_of_the_broker_counts(cli: Cli, tmp_path: Path) -> None:
    configure(tmp_path, "lint: {select: [RT405]}\n")
    assert found(cli) == [("RT405", 3), ("RT405", 4)]
    limit = {"pattern": "^shop.mail$", "apply-to": "queues", "definition": {"max-length": 5}, "priority": 0}
    policy = {"vhost": "/", "component": "operator_policy", "name": "limit", "value": limit}
    (tmp_path / "broker.json").write_text(json.dumps({"parameters": [policy]}), encoding="utf-8")
    assert found(cli) == [("RT405", 4)]


def test_where_nothing_changes_nothing_is_looked_for(cli: Cli) -> None:
    assert cli("apply", "shop.yaml", "--broker", "broker.json", "--yes", "--quiet")[0] == 0
    assert found(cli) == []
