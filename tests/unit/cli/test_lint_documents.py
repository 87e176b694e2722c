"""What `lint` and `rules` write for programs fits its schemas, and does not depend on the order of the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from rabbit_topo.load.schemas import schema_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

FILES = {
    "a.yaml": "version: 1\nexchanges: {shop.orders: {type: topic}}\nqueues: {shop.list: {type: quorum, typo: 1}}\n",
    "b.yaml": (
        "version: 1\nqueues:\n  shop.mail: {type: quorum, max_length: 5}\nbindings:\n"
        '- {exchange: shop.orders, queue: shop.mail, routing_key: "order.*"}\n'
        "- {exchange: shop.orders, queue: shop.mail, routing_key: order.paid}\n"
        "- {exchange: shop.orders, queue: shop.male, routing_key: order.paid}\n"
    ),
    "c.yaml": "version: 1\npolicies:\n  p: {pattern: ^shop, definition: {expires: 1h}} # rabbit-topo: ignore[RT299]\n",
}
FORMATS = ("text", "json", "sarif", "github", "junit", "markdown")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")


def fits(text: str, schema: str) -> None:
    jsonschema.validate(json.loads(text), json.loads(schema_text(schema)))


@pytest.mark.parametrize("select", ["ALL", "RT1,RT9"])
def test_findings_fit_their_schema(cli: Cli, select: str) -> None:
    code, out, _ = cli("lint", *FILES, "--select", select, "--format", "json")
    assert code == 4
    fits(out, "lint")
    assert {"RT101", "RT900", "RT902"} <= {one["code"] for one in json.loads(out)["findings"]}


def test_the_list_of_rules_fits_its_schema(cli: Cli) -> None:
    fits(cli("rules", "--format", "json")[1], "rules")


def test_a_baseline_fits_its_schema(cli: Cli) -> None:
    assert cli("lint", *FILES, "--write-baseline", "known.json")[0] == 0
    fits(Path("known.json").read_text(encoding="utf-8"), "lint-baseline")
    assert cli("schema", "lint-baseline", "--check", "known.json")[0] == 0


def test_the_order_of_the_files_changes_no_byte(cli: Cli) -> None:
    written = []
    for files in (list(FILES), list(FILES)[::-1], ["b.yaml", "a.yaml", "c.yaml", "a.yaml"], ["."]):
        words = [word for one in FORMATS for word in ("--format", f"{one}={one}.out")]
        assert cli("lint", *files, "--select", "ALL", *words)[0] == 4
        assert cli("lint", *files, "--select", "ALL", "--write-baseline", "known.json")[0] == 0
        outputs = (*(f"{one}.out" for one in FORMATS), "known.json")
        written.append({name: Path(name).read_text(encoding="utf-8") for name in outputs})
    first = written[0]
    assert all(first.values())
    assert [name for one in written for name in first if one[name] != first[name]] == []
