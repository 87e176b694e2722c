"""Operations for tests that talk to a road without a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.diff import Create
from rabbit_topo.model import NO_NOTE
from rabbit_topo.plan.operations import Declare, Done, Failed, NotAttempted, Outcome, Remove

if TYPE_CHECKING:
    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Resource


def declare(resource: Resource) -> Declare:
    return Declare(resource, Create(resource, NO_NOTE))


def remove(resource: Resource, *binding_ids: str) -> Remove:
    return Remove(resource, Create(resource, NO_NOTE), binding_ids=binding_ids)


def run(broker: Broker, *operations: Declare | Remove) -> list[str]:
    """Carry out one wave; answer, in the order of the operations, "" or why not."""
    outcomes = {id(outcome.operation): outcome for outcome in broker.execute(operations)}
    assert len(outcomes) == len(operations)
    return [_told(outcomes[id(operation)]) for operation in operations]


def _told(outcome: Outcome) -> str:
    match outcome:
        case Done():
            return ""
        case Failed():
            return f"{outcome.reason} | {outcome.hint}"
        case NotAttempted():
            return f"not attempted: {outcome.reason}"
