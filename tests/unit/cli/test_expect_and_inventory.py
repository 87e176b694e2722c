"""`expect:`, `project:` and `inventory:` of rabbit-topo.yaml, from the command line down to a definitions file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

CONFIG = """\
project: shop
inventory: broker
environments:
  production:
    broker: broker.json
    expect: {cluster_name: production, tags: {region: eu}}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text("version: 1\nqueues: {kept: {type: classic, protect: true, direct: true}}\n")
    Path("gone.yaml").write_text("version: 1\nowns: [kept]\n")
    Path("rabbit-topo.yaml").write_text(CONFIG)
    exported("production", "eu")


def exported(name: str, region: str) -> None:
    parameters = [{"name": "cluster_name", "value": name}, {"name": "cluster_tags", "value": {"region": region}}]
    document = {"rabbitmq_version": "4.3.6", "vhosts": [{"name": "/"}], "global_parameters": parameters}
    Path("broker.json").write_text(json.dumps(document))


@pytest.mark.parametrize("command", [("plan",), ("check",), ("apply", "--yes"), ("doctor",)])
def test_a_wrong_target_ends_every_command_with_5(cli: Cli, command: tuple[str, ...]) -> None:
    exported("test", "eu")
    before = Path("broker.json").read_bytes()
    code, out, err = cli(*command, "shop.yaml")
    assert (code, out) == (5, "")
    assert "the cluster's name should be 'production', it is 'test'" in err
    assert "rabbit-topo.yaml:6:28" in err
    assert Path("broker.json").read_bytes() == before


def test_what_is_expected_is_not_asked_of_a_url_from_the_command_line(cli: Cli) -> None:
    exported("test", "us")
    assert cli("plan", "--broker", "broker.json", "shop.yaml")[0] == 0


def test_a_protection_outlives_its_file(cli: Cli) -> None:
    code, out, _ = cli("apply", "--yes", "shop.yaml")
    assert code == 0
    assert "Noted there, too: what is ours and what is protected." in out
    code, _, err = cli("apply", "--yes", "--prune", "gone.yaml")
    assert code == 5
    assert "1 row is blocked" in err
    # The command line's own URL switches no protection off.
    code, out, _ = cli("plan", "--prune", "--broker", "broker.json", "gone.yaml")
    assert "protected in the inventory of project shop" in out
    code, out, _ = cli("check", "--broker", "broker.json", "gone.yaml")
    assert (code, "queue kept" in out) == (3, True)


def test_the_report_tells_programs_what_became_of_it(cli: Cli) -> None:
    for status in ("written", "unchanged"):
        code, out, _ = cli("apply", "--yes", "--format", "json", "shop.yaml")
        assert code == 0
        assert json.loads(out[out.index("{") :])["inventory"] == {"status": status, "reason": ""}


def test_what_is_no_inventory_refuses_an_apply_and_fails_a_strict_check(cli: Cli) -> None:
    document = json.loads(Path("broker.json").read_text())
    document["global_parameters"].append({"name": "rabbit-topo.shop./", "value": "mine"})
    Path("broker.json").write_text(json.dumps(document))
    code, out, _ = cli("plan", "shop.yaml")
    assert code == 0
    assert "the inventory" in out
    code, _, err = cli("apply", "--yes", "shop.yaml")
    assert code == 5
    assert "is no inventory that this version can read" in err
    Path("gone.yaml").write_text("version: 1\nowns: [nothing]\n")
    assert cli("check", "gone.yaml")[0] == 0
    assert cli("check", "--strict", "gone.yaml")[0] == 3
