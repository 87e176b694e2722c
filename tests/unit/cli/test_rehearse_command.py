"""`rabbit-topo rehearse` before a broker is asked: what it wants, and what it refuses to begin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text("version: 1\nqueues: {q: {direct: true}}\n")
    Path("broker.json").write_text("{}")


def test_amqp_alone_shows_nothing_to_copy(cli: Cli) -> None:
    code, out, told = cli("rehearse", "shop.yaml", "--amqp", "amqp://127.0.0.1:9")
    assert (code, out) == (2, "")
    assert "AMQP alone does not show what is to be copied\n  give the management URL too: --broker" in told


def test_a_definitions_file_takes_a_throwaway_node(cli: Cli) -> None:
    code, _, told = cli("rehearse", "shop.yaml", "--broker", "broker.json")
    assert code == 2
    assert "a definitions file has no vhosts to rehearse in\n  rehearse on a throwaway node: --sandbox" in told


def test_the_broker_of_an_environment_is_not_used_without_a_yes(cli: Cli) -> None:
    Path("rabbit-topo.yaml").write_text(f"sources: [shop.yaml]\nenvironments: {{live: {{broker: {NOBODY}}}}}\n")
    code, _, told = cli("rehearse")
    assert code == 5
    assert "a rehearsal uses the broker of the environment live after a yes only" in told
    assert "rehearse on a throwaway node, with --sandbox" in " ".join(told.split())
    assert "test" not in told
    assert cli("rehearse", "--yes")[0] == 1  # asked for, and nobody answers there


def test_a_plan_that_deletes_too_much_is_not_rehearsed(cli: Cli) -> None:
    objects = ", ".join(f'{{"name": "old{n}", "vhost": "/", "durable": true, "arguments": {{}}}}' for n in range(12))
    Path("broker.json").write_text(f'{{"vhosts": [{{"name": "/"}}], "queues": [{objects}]}}')
    Path("shop.yaml").write_text('version: 1\nowns: ["old.*"]\nqueues: {q: {direct: true}}\n')
    code, out, told = cli("rehearse", "shop.yaml", "--broker", "broker.json", "--sandbox", "--prune")
    assert (code, out) == (5, "")
    assert "nothing was changed" in told
    assert "--max-delete" in told


def test_slips_of_the_pen_in_route_tests_matter_where_they_are_run(cli: Cli) -> None:
    Path("a.test.yaml").write_text(
        "version: 1\ntests: [{name: t, publish: {exchange: '', routing_key: q}, expect: [nobody]}]\n"
    )
    code, _, told = cli("rehearse", "shop.yaml", "a.test.yaml", "--broker", NOBODY)
    assert code == 2
    assert "nobody" in told
    assert cli("rehearse", "shop.yaml", "a.test.yaml", "--broker", NOBODY, "--no-tests")[0] == 1
