"""Both roads to one broker: it is read by HTTP, and written by AMQP wherever AMQP can."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.management import Management
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import Binding, Policy, Queue, Vhost
from rabbit_topo.plan.operations import Declare, Failed, Remove

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Observed
    from rabbit_topo.plan.operations import Operation, Outcome


class Both:
    """A broker behind a management URL and an AMQP URL. Raises `UsageError` where one of them is wrong."""

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self.management = Management(target)
        self.amqp = Amqp(target)

    def observe(self, vhosts: Collection[str]) -> Observed:
        """Read by HTTP, and make sure that AMQP leads to the same cluster.

        Raises `BrokerError`, and `Refusal` when the clusters differ. Where none of the vhosts exists yet, another one
        is asked; where this user may enter none, the comparison waits for the first connection that writes.
        """
        observed = self.management.observe(vhosts)
        facts = observed.facts
        self.amqp.expected_cluster = facts.cluster_name
        wanted = sorted(facts.vhosts.intersection(vhosts))
        if wanted:
            self.amqp.cluster_name(wanted[0])
        else:
            for vhost in sorted(facts.vhosts)[:1]:
                with suppress(BrokerError):
                    self.amqp.cluster_name(vhost)
        return replace(observed, facts=replace(facts, deletes_quorum=True, writes_null=True))

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Send each operation down its road; see `Broker.execute`."""
        by_http = [operation for operation in wave if _needs_http(operation)]
        by_amqp: list[Operation] = []
        yield from self.management.execute(by_http)
        for operation in wave:
            if _needs_http(operation):
                continue
            if reason := self._kept(operation):
                yield Failed(operation, reason)
            else:
                by_amqp.append(operation)
        yield from self.amqp.execute(by_amqp)

    def close(self) -> None:
        """Let go of both connections."""
        self.amqp.close()
        self.management.close()

    def _kept(self, operation: Operation) -> str:
        """Say why a queue that is to be removed must stay; AMQP cannot see unacknowledged messages."""
        match operation:
            case Remove(resource=Queue(type="classic" | "stream" | None) as queue):
                try:
                    return self.management.keeps(queue, classic_only=queue.type != "stream")
                except BrokerError as error:
                    return f"its messages cannot be counted: {error.message}"
            case _:
                return ""


def _needs_http(operation: Operation) -> bool:
    match operation:
        case Declare(resource=Vhost() | Policy()) | Remove(resource=Policy()):
            return True
        case Remove(resource=Binding() as binding):
            return bool(binding.arguments)
        case _:
            return False
