"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAME = "rabbit_topo.testing.plugin"
TOPOLOGY = """\
version: 1
exchanges: {e: {type: direct}}
queues: {q: {bindings: [{exchange: e, routing_key: a}]}}
tests: [{name: not collected here, publish: {exchange: e}, expect: [q]}]
"""
TESTS = """\
version: 1
tests:
  - {name: it arrives, publish: {exchange: e, routing_key: a}, expect: [q]}
  - {name: it arrives, publish: {exchange: e, routing_key: a}, expect: [q]}
  - name: a table
    publish: {exchange: e}
    cases:
      - {routing_key: a, expect: [q]}
      - {name: b, routing_key: b, expect: [q]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "topo").mkdir()
    (tmp_path / "topo/a.yaml").write_text(TOPOLOGY)
    (tmp_path / "topo/a.test.yaml").write_text(TESTS)
    return tmp_path


def _pytest(folder: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:rabbit-topo", "-p", NAME, "-p", "no:cacheprovider", *words]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_each_case_is_an_item(folder: Path) -> None:
    code, said = _pytest(folder, "topo", "--collect-only", "-q")
    assert code == 0, said
    assert said.splitlines()[:4] == [
        "topo/a.test.yaml::it arrives",
        "topo/a.test.yaml::it arrives (2)",
        "topo/a.test.yaml::a table [a]",
        "topo/a.test.yaml::a table [b]",
    ]


def test_a_failure_tells_the_route_and_no_traceback(folder: Path) -> None:
    code, said = _pytest(folder, "topo", "-v")
    assert code == 1
    assert "1 failed, 3 passed" in said
    assert "expected q: it does not reach q" in said
    assert '. queue q  "b" is not "a"' in said
    assert "topo/a.test.yaml:9" in said
    assert "Traceback" not in said
    assert "plugin.py" not in said
    assert "FAILED topo/a.test.yaml::a table [b] - expected q: it does not reach q\n" in said


def test_a_name_drives_no_terminal(folder: Path) -> None:
    (folder / "topo/a.test.yaml").write_text(TESTS.replace("it arrives", '"\\e[31mred"'))
    code, said = _pytest(folder, "topo", "--collect-only", "-q")
    assert code == 0, said
    assert said.splitlines()[:2] == ["topo/a.test.yaml::\\x1b[31mred", "topo/a.test.yaml::\\x1b[31mred (2)"]


def test_the_topology_of_the_configuration(folder: Path) -> None:
    (folder / "tests").mkdir()
    (folder / "topo/a.test.yaml").rename(folder / "tests/a.test.yaml")
    (folder / "rabbit-topo.yaml").write_text("sources: [topo]\n")
    code, said = _pytest(folder, "tests", "-k", "arrives")
    assert code == 0, said
    assert "2 passed, 2 deselected" in said


def test_files_that_are_wrong_are_told_as_the_command_does(folder: Path) -> None:
    (folder / "topo/b.test.yaml").write_text("version: 1\ntests: [{name: t, publish: {exchange: e}, expect: [qq]}]\n")
    code, said = _pytest(folder, "topo")
    assert code == 2
    assert 'topo/b.test.yaml:2:52: the queue "qq" is not declared in the vhost "/"' in said
    (folder / "topo/b.test.yaml").unlink()
    (folder / "rabbit-topo.yaml").write_text("sauces: [topo]\n")
    code, said = _pytest(folder, "topo")
    assert code == 2
    assert "sauces" in said
    assert "Traceback" not in said


FOREIGN = [
    "suite: a chart\ntests:\n  - it: works\n",
    "version: 2\ntests: []\n",
    "- a\n",
    "version: 1\n",
    "a: [\n",
    "\xff",
]


def test_files_of_other_tools_are_let_alone(folder: Path) -> None:
    (folder / "theirs").mkdir()
    for number, text in enumerate(FOREIGN):
        (folder / f"theirs/{number}.test.yaml").write_text(text, encoding="latin-1")
    code, said = _pytest(folder)
    assert (code, "theirs" in said) == (1, False), said
    code, said = _pytest(folder, "theirs/0.test.yaml")
    assert (code, "collecting theirs/0.test.yaml" in said) == (2, True), said  # it was named
    (folder / "rabbit-topo.yaml").write_text("sources: [topo]\n")
    code, said = _pytest(folder)
    assert (code, "theirs/1.test.yaml:" in said) == (2, True), said


def test_ours_are_known_however_they_are_written(folder: Path) -> None:
    rest = "tests:\n- {name: ours, publish: {exchange: e}, expect: []}\n"
    heads = [
        "---\nversion: 1  # the form\nvhost: /\n",
        "%YAML 1.1\n---\n'version': 1\n",
        '\ufeff# ours\n"version" : 1\n',
    ]
    for number, head in enumerate(heads):
        (folder / f"topo/{number}.test.yaml").write_text(head + rest, "utf-8")
    code, said = _pytest(folder, "topo", "-k", "ours")
    assert (code, "3 passed" in said) == (0, True), said


def test_it_costs_nothing_where_there_is_no_test_file(folder: Path) -> None:
    (folder / "topo/a.test.yaml").write_text(FOREIGN[0])
    (folder / "test_it.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    heavy = {'yaml', 'click', 'rabbit_topo.load', 'rabbit_topo.routing', 'rabbit_topo.model'}\n"
        "    assert 'rabbit_topo.testing.plugin' in sys.modules\n    assert not heavy & sys.modules.keys()\n"
    )
    code, said = _pytest(folder)
    assert code == 0, said


def test_the_package_names_its_plugin() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    entry = EntryPoint("rabbit-topo", project["entry-points"]["pytest11"]["rabbit-topo"], "pytest11")
    assert entry.load().__name__ == NAME
