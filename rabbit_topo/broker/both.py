"""Both roads to one broker: it is read by HTTP, and written by AMQP wherever AMQP can."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from rabbit_topo.broker.amqp import UNSENT, Amqp
from rabbit_topo.broker.lock import LockLost
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.queue_looks import keeps
from rabbit_topo.broker.recount import recount
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.model import Binding, Policy, Queue, Vhost
from rabbit_topo.plan.operations import Declare, Failed, NotAttempted, Recreate, Remove, unsent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Inventory, Observed, Topology
    from rabbit_topo.plan.operations import Operation, Outcome


class Both:
    """A broker behind a management URL and an AMQP URL. Raises `UsageError` where one of them is wrong."""

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self.target = target
        self.management = Management(target)
        self.amqp = Amqp(target)

    def observe(self, declared: Topology) -> Observed:
        """Read by HTTP, and make sure that AMQP leads to the same cluster.

        Raises `BrokerError`, and `Refusal` when the clusters differ. Where none of the vhosts exists yet, another one
        is asked; where this user may enter none, the comparison waits for the first connection that writes.
        """
        observed = self.management.observe(declared)
        facts = observed.facts
        self.amqp.expected_cluster = facts.cluster_name
        wanted = sorted(facts.vhosts.intersection(declared.vhosts))
        if wanted:
            self.amqp.cluster_name(wanted[0])
        else:
            for vhost in sorted(facts.vhosts)[:1]:
                with suppress(BrokerError):
                    self.amqp.cluster_name(vhost)
        able = replace(facts, deletes=frozenset({"classic", "quorum"}), writes_null=True, moves=True)
        return replace(observed, facts=replace(able, counts=recount(self.amqp, observed)))

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        """Write the inventory by HTTP, unless the lock is lost; see `Broker.remember`."""
        self.amqp.pulse()
        self.management.remember(inventory, vhosts)

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Send each operation down its road; see `Broker.execute`."""
        ways = {"http": self._by_http, "amqp": self.amqp.execute, "alone": self._one_by_one}
        todo = deque((ways[way], [one for one in wave if _way(one) == way]) for way in ways)
        while todo:
            carry_out, operations = todo.popleft()
            try:
                yield from carry_out(operations)
            except KeyboardInterrupt:
                yield from unsent(operation for _, later in todo for operation in later)
                raise

    def _by_http(self, operations: Sequence[Operation]) -> Iterator[Outcome]:
        """Write by HTTP, which the lock does not cover: look at least whether it is still there."""
        try:
            if operations:
                self.amqp.pulse()
        except LockLost as lost:
            yield from (NotAttempted(operation, UNSENT.format(lost.message)) for operation in operations)
        else:
            yield from self.management.execute(operations)

    def _one_by_one(self, operations: Sequence[Operation]) -> Iterator[Outcome]:
        todo = deque(operations)
        while todo:
            operation = todo.popleft()
            try:
                yield from self._recreate(operation) if isinstance(operation, Recreate) else self._drop(operation)
            except KeyboardInterrupt:
                yield from unsent(todo)
                raise

    def _drop(self, operation: Operation) -> Iterator[Outcome]:
        """Look and delete over a line that is up: next to nothing is between the look and the deletion."""
        if reason := self._kept(operation):
            yield Failed(operation, reason)
        else:
            yield from self.amqp.execute([operation])

    def _recreate(self, operation: Recreate) -> Iterator[Outcome]:
        from rabbit_topo.broker.recreate import recreate
        from rabbit_topo.broker.recreate_roads import ByAmqp

        return recreate(operation, self.management.http, ByAmqp(self.amqp, operation.key.vhost))

    def lock(self, vhosts: Sequence[str], wait: Wait) -> str:
        """Take the lock by AMQP, in the cluster that HTTP leads to; who holds it is read by HTTP. See `Broker.lock`."""
        self.amqp.expected_cluster = self.management.cluster_name()
        self.amqp.lock(vhosts, wait, lambda vhost: self.management.holder(vhost, wait.name))
        return ""

    def pulse(self) -> None:
        """Raise where the lock is lost; see `Broker.pulse`."""
        self.amqp.pulse()

    def close(self) -> None:
        """Let go of both connections."""
        self.amqp.close()
        self.management.close()

    def _kept(self, operation: Operation) -> str:
        """Say why a queue that is to be removed must stay; AMQP sees neither unacknowledged nor withheld messages."""
        match operation.resource:
            case Queue(type="stream"):
                return (
                    "the broker counts a stream's messages and consumers seconds late; nobody can tell if it is empty"
                )
            case Queue() as queue:
                try:
                    self.amqp.server(queue.vhost)
                    return keeps(self.management.http, queue, classic_only=False)
                except (BrokerError, Refusal) as error:
                    return f"its messages cannot be counted: {error.message}"
            case _:
                return ""


def _way(operation: Operation) -> Literal["http", "amqp", "alone"]:
    """Say how an operation is carried out; `alone` is by AMQP, after a look by HTTP."""
    match operation:
        case Declare(resource=Vhost() | Policy()) | Remove(resource=Policy()):
            return "http"
        case Remove(resource=Binding() as binding) if binding.arguments:
            return "http"
        case Remove(resource=Queue()) | Recreate():
            return "alone"
        case _:
            return "amqp"
