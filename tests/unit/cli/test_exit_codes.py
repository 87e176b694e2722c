"""Each exit code, from the command line down to a definitions file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from rabbit_topo.cli import run
from rabbit_topo.load.schemas import schema_text

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


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
        (["plan", "shop.yaml", "--amqp", "amqp://localhost"], "--broker"),
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
    from rabbit_topo.cli import Terminated

    def stop(_common: object) -> None:
        raise Terminated if signal_code == "terminated" else KeyboardInterrupt

    monkeypatch.setattr("rabbit_topo.cli.validate.files_of", stop)
    assert cli("validate", "shop.yaml")[0] == (143 if signal_code == "terminated" else 130)


def test_schemas_are_printed(cli: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("topology", "config", "plan", "check", "apply", "validate"):
        code, out, _ = cli("schema", name)
        assert code == 0
        jsonschema.Draft202012Validator.check_schema(json.loads(out))


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
