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


def test_a_rule_that_nobody_knows_is_told(cli: Cli, tmp_path: Path) -> None:
    configure(tmp_path, "lint: {select: [RT299]}\n")
    code, _, err = cli("plan", "shop.yaml", "--broker", "broker.json")
    assert code == 2
    assert "no rule or family 'RT299'" in err


def test_where_nothing_changes_nothing_is_looked_for(cli: Cli) -> None:
    assert cli("apply", "shop.yaml", "--broker", "broker.json", "--yes", "--quiet")[0] == 0
    assert found(cli) == []
