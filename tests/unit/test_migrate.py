"""What is told of a migration that could not go on; everything else of it is tried on real brokers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rabbit_topo.broker.mover import Stuck
from rabbit_topo.diff import Create
from rabbit_topo.migrate import _failed
from rabbit_topo.model import NO_NOTE, Queue
from rabbit_topo.plan import Migrate

AFTER = Queue("/", "orders", "quorum")
HOLDING = Queue("/", "rabbit-topo.migrate.orders", "classic")


@pytest.mark.parametrize(("unsure", "told"), [(0, "nothing is lost"), (2, "up to 2 messages may come twice")])
def test_how_many_messages_may_come_twice_is_told(unsure: int, told: str) -> None:
    operation = Migrate(Queue("/", "orders", "classic"), AFTER, HOLDING, Create(AFTER, NO_NOTE))
    one: Any = SimpleNamespace(operation=operation, touched=True)
    failed = _failed(one, Stuck("the connection was lost", moved=3, unsure=unsure))
    assert failed.reason.endswith(told)
