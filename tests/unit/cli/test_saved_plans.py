"""A saved plan from the command line, on a definitions file: what may change in between, and what may not."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

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
QUEUE = {"name": "shop.stray", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
TARGET = ("--broker", "broker.json")
SAVED = ("--plan", "plan.json", *TARGET)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(SHOP)
    Path("broker.json").write_text("{}")


def _saved() -> dict[str, Any]:
    return dict(json.loads(Path("plan.json").read_text()))


def _broker(**kinds: list[dict[str, Any]]) -> None:
    known = json.loads(Path("broker.json").read_text())
    Path("broker.json").write_text(
        json.dumps({**known, **{name: known.get(name, []) + it for name, it in kinds.items()}})
    )


def _refused(cli: Callable[..., tuple[int, str, str]], *words: str) -> str:
    """Apply the saved plan, which must write nothing; return what is said."""
    before = Path("broker.json").read_text()
    code, out, err = cli("apply", "--yes", *SAVED, *words)
    assert (code, Path("broker.json").read_text()) == (5, before), err
    assert "nothing was changed" in err
    assert out == ""
    return err


def test_a_saved_plan_is_applied_as_it_was_read(cli: Callable[..., tuple[int, str, str]]) -> None:
    mask = os.umask(0o027)
    try:
        code, out, _ = cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)
    finally:
        os.umask(mask)
    assert (code, "Plan: 4 to create" in out) == (0, True)
    jsonschema.validate(_saved(), json.loads(schema_text("saved-plan")))
    assert cli("schema", "saved-plan", "--check", "plan.json")[0] == 0
    assert stat.S_IMODE(Path("plan.json").stat().st_mode) == 0o640
    assert _saved()["files"] == ["shop.yaml"]
    code, out, err = cli("apply", "--yes", *SAVED)
    assert (code, "Applied: 4 done" in out) == (0, True), err
    assert "shop.orders: was not there" in _refused(cli)  # what it was for is done
    assert cli("check", "shop.yaml", *TARGET)[0] == 0


def test_the_same_state_gives_the_same_bytes(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)
    first = Path("plan.json").read_bytes()
    cli("plan", "shop.yaml", "--out", "plan.json", "--format", "json=other.json", *TARGET)
    assert Path("plan.json").read_bytes() == first
    assert json.loads(Path("other.json").read_text())["document"] == "plan"


def test_what_changed_on_the_broker_is_named(cli: Callable[..., tuple[int, str, str]]) -> None:
    _broker(queues=[QUEUE, {**QUEUE, "name": "other"}])
    cli("plan", "shop.yaml", "--prune", "--out", "plan.json", *TARGET)
    Path("broker.json").write_text("{}")
    _broker(queues=[{**QUEUE, "arguments": {"x-max-length": 5}}, {**QUEUE, "name": "new"}])
    said = _refused(cli)
    for line in (
        "the broker is not as it was when the plan was saved",
        "~ queue shop.stray: changed",
        "+ queue new: was not there",
        "- queue other: is gone",
        "no longer planned: remove queue shop.stray",
        "now planned: remove queue shop.stray",
    ):
        assert line in said, said


def test_what_changed_in_the_files_is_named(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)
    Path("shop.yaml").write_text(SHOP + "# a remark\n")
    assert cli("plan", "shop.yaml", *TARGET)[0] == 0
    Path("shop.yaml").write_text(
        SHOP.replace("order.created", "order.#") + "  shop.more: {type: classic, direct: true}\n"
    )
    said = _refused(cli)
    for line in (
        "the files changed, or what queues hold",
        "no longer planned: declare binding shop.orders --[order.created]--> queue shop.created",
        "now planned: declare binding shop.orders --[order.#]--> queue shop.created",
        "now planned: declare queue shop.more",
    ):
        assert line in said, said
    Path("shop.yaml").write_text("# a remark\n" + SHOP)
    assert cli("apply", "--yes", *SAVED)[0] == 0


def test_a_plan_with_blocked_rows_ends_as_apply_does(cli: Callable[..., tuple[int, str, str]]) -> None:
    _broker(queues=[{**QUEUE, "name": "shop.created", "arguments": {"x-queue-type": "quorum"}}])
    assert cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)[0] == 0
    before = Path("broker.json").read_text()
    code, out, err = cli("apply", "--yes", *SAVED)
    assert (code, Path("broker.json").read_text()) == (5, before)
    assert "quorum -> classic" in out
    assert "blocked" in err
    Path("shop.yaml").write_text(SHOP.replace("type: classic", "type: quorum"))
    said = _refused(cli)
    assert "no longer blocked: queue shop.created" in said
    Path("shop.yaml").write_text(SHOP)
    code, out, err = cli("apply", "--yes", "--partial", *SAVED)
    assert (code, "Incomplete" in out) == (6, True), err
    Path("broker.json").write_text(before)
    Path("shop.yaml").write_text(SHOP.replace("type: classic", "type: quorum"))
    cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)
    Path("shop.yaml").write_text(SHOP)
    assert "now blocked: queue shop.created: it would have to be deleted" in _refused(cli)


def test_the_consent_is_the_saved_one(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("apply", "--yes", "shop.yaml", *TARGET)
    _broker(queues=[QUEUE])
    cli("plan", "shop.yaml", "--prune", "--out", "plan.json", *TARGET)
    for flag in (
        ["--prune"],
        ["--allow", "replace"],
        ["--migrate"],
        ["--max-delete", "30"],
        ["--wait-consumers", "1s"],
    ):
        code, _, err = cli("apply", "--yes", *SAVED, *flag)
        assert (code, f"{flag[0]} beside --plan" in err) == (2, True), err
    assert "shop.stray" in Path("broker.json").read_text()
    assert cli("apply", "--yes", *SAVED)[0] == 0
    assert "shop.stray" not in Path("broker.json").read_text()


def test_the_vhost_of_documents_that_name_none_is_saved(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("plan", "shop.yaml", "--vhost", "shop", "--out", "plan.json", *TARGET)
    assert _saved()["vhosts"] == ["shop"]
    assert "now planned: declare vhost other" in _refused(cli, "--vhost", "other")
    assert cli("apply", "--yes", *SAVED)[0] == 0
    assert {queue["vhost"] for queue in json.loads(Path("broker.json").read_text())["queues"]} == {"shop"}


def test_configured_files_are_found_again(cli: Callable[..., tuple[int, str, str]]) -> None:
    Path("rabbit-topo.yaml").write_text("sources: [shop.yaml]\n")
    assert cli("plan", "--out", "plan.json", *TARGET)[0] == 0
    assert _saved()["files"] == []
    assert cli("apply", "--yes", *SAVED)[0] == 0


def _without_checksum(**changes: Any) -> str:
    return json.dumps({**_saved(), **changes})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda: "{", "is no saved plan: it is not JSON"),
        (lambda: "\udcff", "is no saved plan"),
        (lambda: "[]", "is no saved plan"),
        (lambda: '{"document": "plan"}', "`plan --out FILE` saves a plan"),
        (lambda: _without_checksum(format_version=2), "format version 2"),
        (lambda: _without_checksum(consent={"prune": True}), "$.consent: "),
        (lambda: _without_checksum(extra=1), "is no whole saved plan: $: "),
        (lambda: _without_checksum(fingerprint="0" * 16), "was changed after it was written"),
        (lambda: _without_checksum(consent={**_saved()["consent"], "prune": True}), "was changed after it was written"),
    ],
)
def test_what_is_no_saved_plan(cli: Callable[..., tuple[int, str, str]], spoil: Callable[[], str], says: str) -> None:
    cli("plan", "shop.yaml", "--out", "plan.json", *TARGET)
    Path("plan.json").write_bytes(spoil().encode(errors="surrogateescape"))
    code, _, err = cli("apply", "--yes", *SAVED)
    assert (code, says in err, "Traceback" in err) == (2, True, False), err
    assert json.loads(Path("broker.json").read_text()) == {}


def test_a_plan_that_cannot_be_read_or_written(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = cli("apply", "--yes", *SAVED)
    assert (code, "cannot read plan.json" in err) == (2, True), err
    code, _, err = cli("plan", "shop.yaml", "--out", "no/such/folder/plan.json", *TARGET)
    assert (code, "no/such/folder" in err) == (2, True), err


def test_a_saved_plan_holds_no_password(cli: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cr3t\n")
    cli("plan", "shop.yaml", "--out", "plan.json", *TARGET, "--username", "u", "--password-file", "password")
    assert "s3cr3t" not in Path("plan.json").read_text()
