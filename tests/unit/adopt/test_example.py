"""The example, applied to a broker and read back, against what a person wrote."""

from __future__ import annotations

import re
from pathlib import Path

from rabbit_topo.cli import run

ROOT = Path(__file__).parents[3]
_NOT_ON_A_BROKER = ("publishers", "consumers", "tests")
_NOTES = re.compile(r"\s+(description|owner|protect|direct|retry|open_bindings):")


def lines_of(folder: Path) -> int:
    """Count the lines that say something a broker keeps: no comments, no notes, no tests."""
    count, section = 0, ""
    for file in sorted(folder.rglob("*.yaml")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.strip().startswith("#"):
                continue
            section = section if line[0].isspace() else line.partition(":")[0]
            count += section not in _NOT_ON_A_BROKER and not _NOTES.match(line)
    return count


def test_it_comes_back_as_short_as_it_was(tmp_path: Path) -> None:
    broker = tmp_path / "broker.json"
    broker.write_text('{"vhosts": [{"name": "/"}]}', encoding="utf-8")
    assert run(["apply", "--yes", "-q", str(ROOT / "topology"), "--broker", str(broker)]) == 0

    assert run(["import", "-q", str(broker), "-o", str(tmp_path)]) == 0

    original, found = lines_of(ROOT / "topology"), lines_of(tmp_path / "topology")
    assert 0 < found <= 1.3 * original, (found, original)
    assert run(["lint", "-q", str(tmp_path / "topology"), "--fail-on", "error"]) == 0
    assert run(["fmt", "-q", "--check", str(tmp_path / "topology")]) == 0
