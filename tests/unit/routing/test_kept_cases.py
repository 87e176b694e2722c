"""Every case under `tests/cases/routing`, by the router alone; the integration tests ask real brokers the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.routing import Router
from tests.routing_cases import CASES, read_case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("version", ["3.10.8", "3.12", "3.13.7", "4.0.5", "4.3.6"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case(path: Path, version: str) -> None:
    case = read_case(path, "shop", version)
    router = Router(case.world.topology, version)
    for number, message in enumerate(case.world.messages):
        said = router.route(message)
        assert said.refusal == case.refused[number], message
        assert list(said.perhaps) == case.perhaps[number], message
        assert set(said.queues) == set(case.expected[number]) - set(said.perhaps), message
        assert bool(said.notes) >= bool(said.perhaps), message
