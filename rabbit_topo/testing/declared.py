"""Declare a topology in vhosts that are made for it, and learn what the broker does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.diff import diff
from rabbit_topo.plan import Failed, NotAttempted, make_plan

if TYPE_CHECKING:
    from rabbit_topo.broker import Broker
    from rabbit_topo.model import Facts, Key, Topology


class Declared(NamedTuple):
    """What the broker says of itself, and what it refused, with its words; `lost` says why something was not asked."""

    facts: Facts
    refused: dict[Key, str]
    lost: str


def declare_all(broker: Broker, topology: Topology) -> Declared:
    """Declare a topology wave by wave, and learn what the broker does not take.

    A binding with an end that was refused is not tried, and no part of the result. Raises `BrokerError` and `Refusal`
    as the broker does.
    """
    observed = broker.observe(topology)
    plan = make_plan(diff(observed, topology), observed, topology)
    refused: dict[Key, str] = {}
    lost = ""
    for wave in plan.waves:
        ready = [operation for operation in wave if not any(end in refused for end in operation.key.ends)]
        for outcome in broker.execute(ready):
            if isinstance(outcome, Failed | NotAttempted):
                refused[outcome.operation.key] = outcome.reason
                lost = lost or (outcome.reason if isinstance(outcome, NotAttempted) else "")
    for row in plan.blocked:
        refused[row.change.key] = row.reason
    return Declared(observed.facts, refused, lost)
