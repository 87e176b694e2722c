"""Brokers, and the roads to them.

A road reads a broker into an `Observed` and carries out operations. `management` speaks HTTP,
`amqp_alone` AMQP, `both` reads by the one and writes by the other, and `definitions` takes a
RabbitMQ `definitions.json` for a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.model import Inventory, Observed, Topology
    from rabbit_topo.plan.operations import Operation, Outcome


class Broker(Protocol):
    """What every road offers."""

    def observe(self, declared: Topology) -> Observed:
        """Read the vhosts that `declared` names, and the broker's facts.

        A road that can list nothing asks for the names in `declared` one by one, and says in `facts.unverified` what
        it could not see. A vhost that does not exist is left out: `facts.vhosts` tells. Raises `BrokerError`.
        """
        ...

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Carry out operations that do not depend on each other; yield one outcome each, as it comes.

        One refused operation never stops its neighbours. When the broker is lost, what was in flight
        and what was not sent yet is `NotAttempted`, and the iterator ends normally. An interrupt is raised when the
        answers that were on their way are out, and what was not sent is told.
        """
        ...

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        """Write what `inventory` holds for these vhosts where the next `observe` finds it. Raises `TopoError`."""
        ...

    def lock(self, vhosts: Sequence[str], wait: Wait) -> str:
        """Keep every other apply out of these vhosts, until `close`; return why this road cannot, empty where it can.

        A vhost that does not exist is left out. Raises `Refusal`, which names who holds the lock and since when as far
        as that can be read, and `BrokerError`. Where the lock is lost later, nothing more is written: what is left is
        `NotAttempted`.
        """
        ...

    def pulse(self) -> None:
        """Raise `LockLost` where a lock was taken and is lost; whoever writes by another connection asks first."""
        ...

    def close(self) -> None:
        """Let go of connections, and of the lock with them; for a file, nothing is left to do."""
        ...
