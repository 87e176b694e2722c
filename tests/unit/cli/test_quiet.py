"""`--quiet`: problems only, and nothing where there are none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Cli = Callable[..., tuple[int, str, str]]

TOPOLOGY = """\
version: 1
exchanges: {e: {type: direct}}
queues: {q: {bindings: [{exchange: e, routing_keys: [a, b]}]}, lost: {}}
tests:
  - {name: it arrives, publish: {exchange: e, routing_key: a}, expect: [q]}
  - {name: it does not, publish: {exchange: e, routing_key: c}, expect: [q]}
"""


def test_quiet_tells_what_failed_only(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("topo.yaml").write_text(TOPOLOGY)
    code, said, _ = cli("test", "topo.yaml", "-q")
    assert code == 4
    assert "it does not" in said
    assert "source" not in said
    assert said.splitlines()[-1] == "  2 tests, 1 failed; 1 invariant holds, 1 not."
    code, said, _ = cli("test", "topo.yaml", "-q", "-k", "arrives", "--fail-under", "51")
    assert code == 4
    assert said.splitlines()[0] == "  coverage  50 % of 2 bindings (1 exercised), and 51 % is wanted"
    assert cli("test", "topo.yaml", "-q", "-k", "arrives") == (0, "", "")
