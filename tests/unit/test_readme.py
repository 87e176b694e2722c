"""The README and the manual print what the tool prints, and every file they show is valid.

`<!-- run: COMMAND -->`, with ` (exit N)` where it does not end with 0, stands before a block that begins with
`$ COMMAND` and goes on with its output; a line `...` stands for any lines. `<!-- file: NAME -->` stands before a
file, `<!-- drift -->` for somebody's work behind our back, `<!-- python -->` before code that runs. They are worked
off from top to bottom, in a folder of their own, with a definitions file for the broker.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_MARKED = re.compile(
    r"^<!-- (?P<what>run|file|python|drift)(?:: (?P<about>.+?))?(?: \(exit (?P<exit>\d+)\))? -->\n"
    r"(?:```\w*\n(?P<body>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_TARGET = re.compile(r"^  (target|read by)   .*$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One marked place of a page."""

    what: str
    about: str
    exit_code: int
    body: str


def steps_of(page: Path) -> list[Step]:
    text = page.read_text(encoding="utf-8")
    return [
        Step(found["what"], found["about"] or "", int(found["exit"] or 0), found["body"] or "")
        for found in _MARKED.finditer(text)
    ]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RABBIT_TOPO_")}
    environ |= {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "RABBIT_TOPO_BROKER": "broker.json", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def drift(broker: Path) -> None:
    """Remove one binding of the example and leave a queue behind."""
    definitions = json.loads(broker.read_text(encoding="utf-8"))
    bindings = definitions["bindings"]
    bindings.remove(next(binding for binding in bindings if binding["routing_key"] == "mcard.mint"))
    stray = {"name": "shop.orders.test", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    definitions["queues"].append({**stray, "arguments": {"x-queue-type": "classic"}})
    broker.write_text(json.dumps(definitions), encoding="utf-8")


def assert_prints(shown: str, printed: str) -> None:
    """Compare, with `...` for any lines, and without what differs from broker to broker."""
    wanted = _TARGET.sub(r"  \1", shown).rstrip("\n").split("\n")
    pattern = "\n".join(r"(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in wanted)
    real = _TARGET.sub(r"  \1", printed).rstrip("\n")
    assert re.fullmatch(pattern, real), f"the page shows\n{shown}\nand the tool prints\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_the_tool_does(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "topology", tmp_path / "topology")
    broker = tmp_path / "broker.json"
    broker.write_text('{"vhosts": [{"name": "/"}]}', encoding="utf-8")
    for step in steps_of(page):
        match step.what:
            case "file":
                (tmp_path / step.about).write_text(step.body, encoding="utf-8")
            case "drift":
                drift(broker)
            case "python":
                done = run(["-c", step.body], tmp_path)
                assert done.returncode == 0, done.stderr
            case _:
                program, *arguments = shlex.split(step.about)
                assert program == "rabbit-topo"
                command, _, shown = step.body.partition("\n")
                assert command == f"$ {step.about}"
                done = run(["-m", "rabbit_topo", *arguments], tmp_path)
                assert done.returncode == step.exit_code, done.stdout + done.stderr
                assert_prints(shown, done.stdout + done.stderr)


def test_the_readme_shows_commands_files_and_help() -> None:
    steps = steps_of(ROOT / "README.md")
    assert {step.what for step in steps} == {"run", "file", "python", "drift"}
    assert all(step.body for step in steps if step.what != "drift")
    assert "rabbit-topo --help" in {step.about for step in steps}


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\n...\nb", "a\nx\ny\nb", True),
        ("...\nb", "x\nb", True),
        ("a\n...", "a\nx\ny", True),
        ("a\nb", "a\nx\nb", False),
        ("a.", "ab", False),
        ("  target    here", "  target    there", True),
    ],
)
def test_the_comparison_can_fail(shown: str, printed: str, fits: bool) -> None:  # noqa: FBT001
    if fits:
        assert_prints(shown, printed)
    else:
        with pytest.raises(AssertionError, match="the tool prints"):
            assert_prints(shown, printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not broken
