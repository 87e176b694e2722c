"""Plans from one topology to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.test_cases import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rabbit_topo.plan import Plan

HEAD = "version: 1\n"


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Plan from one topology to another, with everything agreed to unless it is said otherwise."""

    def make(observed: str, declared: str, **more: Any) -> Plan:
        consent = {"prune": True, "max_delete": 100, "allow": ["replace", "policy-limits", "policy-foreign"]}
        case = {"observed": HEAD + observed, "declared": HEAD + declared, "consent": consent, **more}
        return plan_of(case, tmp_path, monkeypatch)

    return make
