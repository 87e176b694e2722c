"""The pages that are written from the code say what the code says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rabbit_topo.lint.catalogue import RULES
from scripts import manual

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the manual, and point its writer there."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    monkeypatch.setattr(manual, "ROOT", tmp_path)
    return tmp_path


def test_no_page_is_stale() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in manual.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run scripts/manual"


def test_a_stale_page_is_told_and_written_anew(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manual.main([])
    page = pages / "docs" / "lint" / "RT2.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before + "an edit\n", encoding="utf-8")
    capsys.readouterr()
    assert manual.main(["--check"]) == manual.STALE
    assert capsys.readouterr().out == "docs/lint/RT2.md is stale: run scripts/manual\n"
    assert manual.main([]) == 0
    assert page.read_text(encoding="utf-8") == before
    assert manual.main(["--check"]) == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_stands_in_its_page_with_its_examples(rule: object) -> None:
    (one,) = [each for each in RULES if each is rule]
    page = (ROOT / "docs" / "lint" / f"{one.code[:3]}.md").read_text(encoding="utf-8")
    assert f"## {one.code} {one.name}\n" in page
    assert f"```yaml\n{one.bad.strip()}\n```" in page
    assert f"```yaml\n{one.good.strip()}\n```" in page
