"""Each exit code, from the command line down to a definitions file."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.load.schemas import schema_text

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
SHOP = """\
version: 1
owns: ["shop\\\\..*"]
exchanges:
  shop.orders: {type: topic}
queues:
  shop.created:
    type: classic
    bindings: [{exchange: shop.orders, routing_key: order.created}]
"""
QUORUM = SHOP.replace("type: classic", "type: quorum")
STRAY = {"name": "shop.stray", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(SHOP)
    Path("quorum.yaml").write_text(QUORUM)
    Path("broker.json").write_text("{}")


TARGET = ("--broker", "broker.json")


def _add(kind: str, item: dict[str, object]) -> None:
    known = json.loads(Path("broker.json").read_text())
    known.setdefault(kind, []).append(item)
    Path("broker.json").write_text(json.dumps(known))


def test_the_whole_way(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("validate", "shop.yaml")[0] == 0
    assert cli("check", "shop.yaml", *TARGET)[0] == 3
    code, out, _ = cli("plan", "shop.yaml", *TARGET)
    assert (code, "Plan: 4 to create" in out) == (0, True), out
    assert cli("plan", "--fail-on-changes", "shop.yaml", *TARGET)[0] == 3
    assert json.loads(Path("broker.json").read_text()) == {}
    code, out, _ = cli("apply", "--yes", "shop.yaml", *TARGET)
    assert (code, "Applied: 4 done" in out) == (0, True), out
    assert cli("plan", "--fail-on-changes", "shop.yaml", *TARGET)[0] == 0
    code, out, _ = cli("check", "shop.yaml", *TARGET)
    assert (code, "No drift: 3 objects are as declared." in out) == (0, True), out
    code, out, _ = cli("apply", "shop.yaml", *TARGET)
    assert (code, "Nothing to do" in out) == (0, True), out


def test_nobody_to_ask_is_a_refusal(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = cli("apply", "shop.yaml", *TARGET)
    assert (code, "--yes" in err, "+ queue shop.created" in out) == (5, True, True)
    assert json.loads(Path("broker.json").read_text()) == {}


def test_a_blocked_row_is_refused_whole_and_applied_around(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("apply", "--yes", "shop.yaml", *TARGET)
    Path("quorum.yaml").write_text(QUORUM + "  shop.more: {type: classic, direct: true}\n")
    before = Path("broker.json").read_text()
    code, out, err = cli("apply", "--yes", "quorum.yaml", *TARGET)
    assert (code, Path("broker.json").read_text()) == (5, before)
    assert "classic -> quorum" in out
    assert "--partial" in err
    assert cli("plan", "quorum.yaml", *TARGET)[0] == 0
    code, out, _ = cli("apply", "--yes", "--partial", "quorum.yaml", *TARGET)
    assert (code, "Incomplete: 1 done, 0 failed, 0 not attempted, 1 blocked" in out) == (6, True), out
    code, out, _ = cli("apply", "--yes", "--partial", "quorum.yaml", *TARGET)
    assert code == 5, out


def test_strays_are_drift_and_go_only_on_request(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("apply", "--yes", "shop.yaml", *TARGET)
    _add("queues", STRAY)
    assert cli("check", "shop.yaml", *TARGET)[0] == 3
    assert cli("plan", "--fail-on-changes", "shop.yaml", *TARGET)[0] == 0
    assert cli("apply", "--yes", "shop.yaml", *TARGET)[0] == 0
    assert "shop.stray" in Path("broker.json").read_text()
    assert cli("apply", "--yes", "--prune", "shop.yaml", *TARGET)[0] == 0
    assert "shop.stray" not in Path("broker.json").read_text()
    assert cli("check", "shop.yaml", *TARGET)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "nowhere.yaml", *TARGET], "nowhere.yaml"),
        (["plan", "shop.yaml", "--broker", "nothing.json"], "nothing.json"),
        (["plan", "shop.yaml", "--format", "yaml", *TARGET], "json"),
        (["plan", "shop.yaml", "--format", "text", "--format", "json", *TARGET], "stdout"),
        (["plan", "shop.yaml", "--format", "json=no/such/folder/x.json", *TARGET], "no/such/folder"),
        (["plan", *TARGET], "sources"),
        (["paln", "shop.yaml"], "did you mean 'plan'"),
        (["schema", "nonsense"], "topology"),
    ],
)
def test_what_is_wrong_on_the_command_line(
    cli: Callable[..., tuple[int, str, str]], words: list[str], says: str
) -> None:
    code, out, err = cli(*words)
    assert (code, says in err + out) == (2, True), err
    assert "Traceback" not in err


def test_every_problem_of_a_file_is_shown_with_its_place(cli: Callable[..., tuple[int, str, str]]) -> None:
    Path("bad.yaml").write_text("version: 1\nqueues:\n  a: {typ: classic}\n  b: {type: quorum, durable: false}\n")
    code, out, err = cli("validate", "bad.yaml", "--format", "json")
    assert code == 2
    found = json.loads(out)
    jsonschema.validate(found, json.loads(schema_text("validate")))
    assert [problem["line"] for problem in found["problems"]] == [3, 4]
    assert "bad.yaml:3:7" in err
    assert "did you mean" in err.lower()


def test_quiet_prints_nothing_when_all_is_well(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("apply", "-q", "--yes", "shop.yaml", *TARGET) == (0, "", "")
    assert cli("check", "-q", "shop.yaml", *TARGET) == (0, "", "")


def test_a_bug_is_told_without_a_traceback(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rabbit_topo.cli.session.files_of", lambda _common: 1 / 0)
    monkeypatch.setattr("rabbit_topo.cli.validate.files_of", lambda _common: 1 / 0)
    code, _, err = cli("validate", "shop.yaml")
    assert (code, "bug" in err, "Traceback" in err) == (1, True, False)


@pytest.mark.parametrize("signal_code", [KeyboardInterrupt, "terminated"])
def test_an_interrupt_has_its_own_code(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, signal_code: object
) -> None:
    from rabbit_topo.cli.signals import Terminated

    def stop(_common: object) -> None:
        raise Terminated if signal_code == "terminated" else KeyboardInterrupt

    monkeypatch.setattr("rabbit_topo.cli.validate.files_of", stop)
    assert cli("validate", "shop.yaml")[0] == (143 if signal_code == "terminated" else 130)


def test_schemas_are_printed(cli: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("topology", "config", "plan", "check", "apply", "validate"):
        code, out, _ = cli("schema", name)
        assert code == 0
        jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_a_document_is_held_against_its_schema(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("plan", "-q", "shop.yaml", *TARGET, "--format", "json=plan.json")[0] == 0
    assert cli("schema", "plan", "--check", "plan.json")[0] == 0
    assert cli("schema", "topology", "--check", "shop.yaml")[0] == 0
    code, _, err = cli("schema", "check", "--check", "plan.json")
    assert (code, "'check' was expected" in err) == (2, True), err
    assert cli("schema", "plan", "--check", "nowhere.json")[0] == 2
    Path("bad.json").write_text("{")
    assert cli("schema", "plan", "--check", "bad.json")[0] == 2


def test_color_is_asked_for_and_refused(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[" in cli("plan", "shop.yaml", *TARGET, "--color", "always")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in cli("plan", "shop.yaml", *TARGET)[1]


def test_colored_and_plain_say_the_same(cli: Callable[..., tuple[int, str, str]]) -> None:
    import re

    colored = cli("plan", "shop.yaml", *TARGET, "--color", "always")[1]
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == cli("plan", "shop.yaml", *TARGET, "--color", "never")[1]


def test_a_file_of_a_format_is_written_whole(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = cli("plan", "shop.yaml", *TARGET, "--format", "text", "--format", "json=plan.json")
    assert code == 0
    assert "CREATE" in out
    jsonschema.validate(json.loads(Path("plan.json").read_text()), json.loads(schema_text("plan")))
    assert [path.name for path in Path().iterdir() if path.name.startswith("tmp")] == []


def test_a_file_that_cannot_be_written_is_said_before_anything_is(cli: Callable[..., tuple[int, str, str]]) -> None:
    Path("folder").mkdir()
    for file in ("no/such/x.json", "folder"):
        code, _, err = cli("apply", "--yes", "shop.yaml", *TARGET, "--format", f"json={file}")
        assert (code, file in err) == (2, True)
    assert json.loads(Path("broker.json").read_text()) == {}
    assert list(Path("folder").iterdir()) == []


def test_a_link_and_a_pipe_stay_what_they_are(cli: Callable[..., tuple[int, str, str]]) -> None:
    Path("real.json").write_text("old")
    Path("link.json").symlink_to("real.json")
    assert cli("plan", "-q", "shop.yaml", *TARGET, "--format", "json=link.json")[0] == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("real.json").read_text())["document"] == "plan"
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cli("validate", "-q", "shop.yaml", "--format", "json=pipe")[0] == 0
        assert json.loads(os.read(reader, 65536))["document"] == "validate"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def _command(*words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "rabbit_topo", *words], check=False, stderr=subprocess.PIPE, env=environment, **more
    )


def test_a_full_disk_is_no_bug_and_does_not_change_what_was_done() -> None:
    with Path("/dev/full").open("wb") as full:
        planned = _command("plan", "shop.yaml", *TARGET, stdout=full)
        assert (planned.returncode, b"No space left" in planned.stderr, b"bug" in planned.stderr) == (1, True, False)
        applied = _command("apply", "--yes", "--format", "json", "shop.yaml", *TARGET, stdout=full)
    assert applied.returncode == 0, applied.stderr
    assert b"No space left" in applied.stderr
    assert "shop.created" in Path("broker.json").read_text()


def test_a_reader_that_leaves_before_the_work_stops_it() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        applied = _command("apply", "--yes", "shop.yaml", *TARGET, stdout=gone)
    assert (applied.returncode, b"Traceback" in applied.stderr) == (1, False), applied.stderr
    assert json.loads(Path("broker.json").read_text()) == {}


def test_always_is_always(cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" in cli("plan", "shop.yaml", *TARGET, "--color", "always")[1]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 5), ("", 5)])
def test_a_terminal_is_asked(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(answer))
    found, _, err = cli("apply", "shop.yaml", *TARGET)
    assert found == code, err
    assert "Send 4 operations to broker.json?" in err
    assert ("shop.created" in Path("broker.json").read_text()) == (code == 0)
