"""`fmt`, called as a script would call it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from rabbit_topo import atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., tuple[int, str, str]]

MESSY = "queues:\n  q: {message_ttl: '60s', type: quorum} # mine\nversion: 1\n"
NEAT = "version: 1\n\nqueues:\n  q: {type: quorum, message_ttl: 1m} # mine\n"
DIFF = """\
--- topology/b.yaml
+++ topology/b.yaml (formatted)
@@ -1,3 +1,4 @@
+version: 1
+
 queues:
-  q: {message_ttl: '60s', type: quorum} # mine
-version: 1
+  q: {type: quorum, message_ttl: 1m} # mine
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rabbit-topo.yaml").write_text("sources:   [topology/]\n", encoding="utf-8")
    found = tmp_path / "topology"
    found.mkdir()
    (found / "a.yaml").write_text(NEAT, encoding="utf-8")
    (found / "b.yaml").write_text(MESSY, encoding="utf-8")
    (found / "c.test.yaml").write_text("tests:\n- name: 't'\nversion: 1\n", encoding="utf-8")
    return found


def _stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_the_files_of_the_configuration_are_formatted_and_named(cli: Cli, folder: Path) -> None:
    said = "formatted topology/b.yaml\nformatted topology/c.test.yaml\n2 of 3 files formatted\n"
    assert cli("fmt") == (0, said, "")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == NEAT
    assert (folder / "c.test.yaml").read_text(encoding="utf-8") == "version: 1\n\ntests:\n  - name: t\n"
    assert (folder.parent / "rabbit-topo.yaml").read_text(encoding="utf-8") == "sources:   [topology/]\n"
    assert cli("fmt") == (0, "3 files: nothing to format\n", "")
    assert cli("fmt", "-q") == (0, "", "")


def test_check_names_files_and_writes_nothing(cli: Cli, folder: Path) -> None:
    assert cli("fmt", "--check", "topology/b.yaml") == (3, "topology/b.yaml\n1 of 1 file would change\n", "")
    assert cli("fmt", "--check", "-q") == (3, "topology/b.yaml\ntopology/c.test.yaml\n", "")
    assert cli("fmt", "--check", "topology/a.yaml") == (0, "1 file: nothing to format\n", "")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY


def test_diff_shows_what_would_change_and_writes_nothing(cli: Cli, folder: Path) -> None:
    assert cli("fmt", "--diff", "topology/a.yaml", "topology/b.yaml") == (3, DIFF, "1 of 2 files would change\n")
    assert cli("fmt", "--diff", "topology/a.yaml") == (0, "", "1 file: nothing to format\n")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY


def test_a_diff_tells_of_a_missing_end_of_line(cli: Cli, folder: Path) -> None:
    (folder / "a.yaml").write_text("version: 1", encoding="utf-8")
    _, out, _ = cli("fmt", "--diff", "topology/a.yaml")
    assert out.endswith("-version: 1\n\\ No newline at end of file\n+version: 1\n")


def test_objects_are_sorted_where_that_is_asked_for(cli: Cli, folder: Path) -> None:
    (folder / "b.yaml").write_text("version: 1\nqueues:\n  b: {}\n  # a\n  a: {}\n", encoding="utf-8")
    assert cli("fmt", "topology/b.yaml", "-q") == (0, "", "")
    assert cli("fmt", "topology/b.yaml", "--sort", "-q") == (0, "", "")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == "version: 1\nqueues:\n  # a\n  a: {}\n  b: {}\n"


def test_stdin_goes_to_stdout(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _stdin(monkeypatch, b"\xef\xbb\xbf" + MESSY.encode())
    assert cli("fmt", "-") == (0, NEAT, "")
    _stdin(monkeypatch, MESSY.encode())
    assert cli("fmt", "-", "--check") == (3, "", "")
    _stdin(monkeypatch, MESSY.encode())
    code, out, _ = cli("fmt", "-", "--diff")
    assert (code, out) == (3, DIFF.replace("topology/b.yaml", "stdin"))
    _stdin(monkeypatch, b"a: [\n")
    code, out, err = cli("fmt", "-")
    assert (code, out) == (2, "")
    assert err.startswith("stdin:2:1: this is no YAML")


@pytest.mark.usefixtures("folder")
def test_stdin_that_is_no_text_or_not_alone_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _stdin(monkeypatch, b"a: \xff\n")
    code, out, err = cli("fmt", "-")
    assert (code, out) == (2, "")
    assert err.startswith("stdin:1:4: this file is not UTF-8 text\n")
    code, _, err = cli("fmt", "-", "topology")
    assert (code, err.split("\n")[0]) == (2, "rabbit-topo: stdin (`-`) and files at once")


def test_one_broken_file_leaves_all_as_they_are(cli: Cli, folder: Path) -> None:
    (folder / "z.yaml").write_text("version: 1\nversion: 1\n", encoding="utf-8")
    (folder / "y.yaml").write_text("version: &a 1\n", encoding="utf-8")
    code, out, err = cli("fmt")
    assert (code, out) == (2, "")
    assert err.startswith("topology/y.yaml:1:10: fmt leaves files with anchors and aliases alone\n")
    assert 'topology/z.yaml:2:1: the key "version" stands here a second time' in err
    assert err.endswith("rabbit-topo: 2 problems; nothing was done\n")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY


@pytest.mark.usefixtures("folder")
def test_the_configuration_is_no_topology(cli: Cli) -> None:
    code, _, err = cli("fmt", "rabbit-topo.yaml")
    assert (code, err.split("\n")[0]) == (2, "rabbit-topo: rabbit-topo.yaml is the configuration, no topology file")


def test_a_file_that_cannot_be_read_or_written_is_named(cli: Cli, folder: Path) -> None:
    code, _, err = cli("fmt", "topology/b.yaml", "missing.yaml")
    assert (code, err.split("\n")[0]) == (2, "missing.yaml: there is no such file or folder")
    (folder / "d.yaml").mkdir()
    (folder / "d.yaml" / "e.yaml").write_bytes(b"a: \xff\n")
    code, _, err = cli("fmt")
    assert (code, err.split("\n")[0]) == (2, "topology/d.yaml/e.yaml:1:4: this file is not UTF-8 text")
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY


def test_modes_and_links_stay(cli: Cli, folder: Path) -> None:
    (folder / "b.yaml").chmod(0o640)
    (folder / "d.yaml").symlink_to("b.yaml")
    assert cli("fmt", "topology/d.yaml", "-q") == (0, "", "")
    assert (folder / "d.yaml").is_symlink()
    assert (folder / "b.yaml").read_text(encoding="utf-8") == NEAT
    assert (folder / "b.yaml").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_formatted_is_not_written(cli: Cli, folder: Path) -> None:
    os.utime(folder / "a.yaml", (1, 1))
    assert cli("fmt", "topology/a.yaml", "-q") == (0, "", "")
    assert (folder / "a.yaml").stat().st_mtime == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["definitions.json", "docker-compose.yaml", "topology/operator.yaml"])
def test_what_is_no_topology_file_keeps_all_as_they_are(cli: Cli, folder: Path, name: str) -> None:
    texts = {
        "definitions.json": '{"rabbitmq_version": "4.3.6", "queues": []}',
        "docker-compose.yaml": "services:   {}\nversion: '3'\n",
        "topology/operator.yaml": "spec: {}\nkind:   Queue\n",
    }
    file = folder.parent / name
    file.write_text(texts[name], encoding="utf-8")
    code, out, err = cli("fmt", "topology/b.yaml", "topology" if name.startswith("topology") else name)
    assert (code, out) == (2, "")
    assert err.startswith(name)
    assert file.read_text(encoding="utf-8") == texts[name]
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY


def test_json_is_no_yaml_to_its_readers(cli: Cli, folder: Path) -> None:
    (folder / "a.json").write_text('{"version": 1,\n"queues": {}}', encoding="utf-8")
    code, _, err = cli("fmt", "topology/a.json")
    assert (code, err.split("\n")[0]) == (2, "topology/a.json: fmt writes YAML, and this file is named as JSON")
    assert (folder / "a.json").read_text(encoding="utf-8") == '{"version": 1,\n"queues": {}}'


def test_a_byte_order_mark_and_other_ends_of_lines_go(cli: Cli, folder: Path) -> None:
    data = b"\xef\xbb\xbf" + NEAT.replace("\n", "\r\n").encode()
    (folder / "a.yaml").write_bytes(data)
    told = "note: topology/a.yaml begins with a byte order mark and ends lines with \\r, and not with \\n alone\n"
    assert cli("fmt", "--check", "topology/a.yaml") == (3, "topology/a.yaml\n1 of 1 file would change\n", told)
    assert cli("fmt", "--diff", "topology/a.yaml") == (3, "", f"{told}1 of 1 file would change\n")
    assert cli("fmt", "topology/a.yaml", "-q") == (0, "", "")
    assert (folder / "a.yaml").read_bytes() == NEAT.encode()


def test_a_file_that_nobody_may_write_is_left_with_all_others(cli: Cli, folder: Path) -> None:
    (folder / "b.yaml").chmod(0o444)
    code, out, err = cli("fmt")
    assert (code, out) == (2, "")
    assert err == "rabbit-topo: 1 file cannot be written; nothing was written\ntopology/b.yaml: it is read-only\n"
    assert (folder / "b.yaml").read_text(encoding="utf-8") == MESSY
    assert (folder / "c.test.yaml").read_text(encoding="utf-8").startswith("tests")


def _changing(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    """Let somebody change files between the reading and the writing."""

    def why_not(_: str) -> str:
        for file in files:
            file.write_text("# newer\n", encoding="utf-8")
        return ""

    monkeypatch.setattr(atomic, "why_not", why_not)


def test_what_changed_meanwhile_is_not_written_over(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _changing(monkeypatch, folder / "b.yaml")
    code, out, err = cli("fmt")
    assert (code, out) == (6, "formatted topology/c.test.yaml\n1 of 3 files formatted\n")
    assert err == (
        "topology/b.yaml: somebody else has changed it since it was read\n"
        "rabbit-topo: 1 file not written\n"
        "  fmt again once that is mended: what is formatted stays as it is\n"
    )
    assert (folder / "b.yaml").read_text(encoding="utf-8") == "# newer\n"
    assert sorted(one.name for one in folder.iterdir()) == ["a.yaml", "b.yaml", "c.test.yaml"]


def test_where_nothing_could_be_written_nothing_was_done(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _changing(monkeypatch, folder / "b.yaml")
    code, out, err = cli("fmt", "topology/b.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("rabbit-topo: nothing was written\ntopology/b.yaml: somebody else has changed it")


def test_names_of_files_are_shown_without_control_characters(cli: Cli, folder: Path) -> None:
    (folder / "\x1b[31m.yaml").write_text(MESSY, encoding="utf-8")
    for words in (("--check",), ("--diff",), ()):
        _, out, err = cli("fmt", *words)
        assert "\x1b" not in out + err
        assert "[31m.yaml" in out
