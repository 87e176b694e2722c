"""The road for those who have nothing but AMQP: it asks for every declared name, and writes what AMQP can write."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.inventory import BY_HTTP_ONLY
from rabbit_topo.broker.poisons import RABBITMQ, may_be_poisoned
from rabbit_topo.errors import BrokerError, Refusal, Unreachable
from rabbit_topo.model import (
    EVERYTHING,
    Binding,
    Exchange,
    Facts,
    Inventory,
    Key,
    Kind,
    Observed,
    Queue,
    Topology,
    Unverified,
    Vhost,
)
from rabbit_topo.plan.operations import Declare, Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.broker.amqp_talk import Job, Talk
    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.broker.probes import Seen
    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Resource, Road
    from rabbit_topo.plan.operations import Operation, Outcome

BLIND = {Kind.BINDING: "AMQP shows no bindings", Kind.POLICY: "AMQP shows no policies"}
REFUSED = "ACCESS_REFUSED"
NO_CONFIGURE = "there, but not compared: this user lacks the configure permission"
NO_PERMISSION = "nobody knows whether it is there: this user has no permission on it"
NEEDS_HTTP = "AMQP alone does not do this; give the management URL too (--broker)"


class AmqpAlone:
    """A broker behind its AMQP URL, and no other. Raises `UsageError` where the URL is wrong.

    Another broker than RabbitMQ, and one older than 3.10, is asked passively, whatever the target says: it may create a
    queue with the argument that RabbitMQ refuses.
    """

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self.amqp = Amqp(target)
        self._probe = target.probe
        self._project = target.project

    def observe(self, declared: Topology) -> Observed:
        """Ask for each queue and exchange of `declared`, and for the names in `declared.absent`.

        A queue or exchange of the result is the declared one, with what differs corrected. Raises `BrokerError`.
        """
        from rabbit_topo.broker.amqp_login import VhostMissing

        reading = _Reading()
        keys: dict[str, list[Key]] = {vhost: [] for vhost in declared.vhosts}
        for key in sorted(declared.resources.keys() | declared.absent.keys()):
            keys[key.vhost].append(key)
        for vhost in declared.vhosts:
            try:
                server = self.amqp.server(vhost)
            except VhostMissing:
                continue
            reading.enter(vhost, server.product, server.version, server.cluster_name)
            self._ask(vhost, keys[vhost], declared, reading)
        if not reading.vhosts:
            with suppress(BrokerError):  # the declared vhosts are still to be made; the default one tells the version
                server = self.amqp.server("/")
                reading.told = server.product, server.version, server.cluster_name
        product, version, cluster_name = reading.told
        facts = Facts(
            target=self.amqp.url,
            version=version,
            cluster_name=cluster_name,
            vhosts=frozenset(reading.vhosts),
            exclusive=frozenset(reading.exclusive),
            deletes=frozenset(),
            writes_null=True,
            product=product,
            road=self._road(product, version),
            lists=False,
            unverified=reading.unverified,
            renewed=tuple(sorted(reading.renewed)),
            inventory=Inventory(self._project, gap=BY_HTTP_ONLY) if self._project else None,
        )
        return Observed(Topology(resources=reading.resources), facts)

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        """Refuse: an inventory is written by HTTP only."""
        raise Refusal(
            f"the inventory of project {inventory.project} is not written for {', '.join(vhosts)}", NEEDS_HTTP
        )

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Declare exchanges, queues and bindings; see `Broker.execute`. Nothing is removed or replaced."""
        plain = []
        for operation in wave:
            if isinstance(operation, Declare) and isinstance(operation.resource, Exchange | Queue | Binding):
                plain.append(operation)
            else:
                yield Failed(operation, NEEDS_HTTP)
        yield from self.amqp.execute(plain)

    def lock(self, vhosts: Sequence[str], wait: Wait) -> str:
        """Take the lock; AMQP does not tell who holds it. See `Broker.lock`."""
        self.amqp.lock(vhosts, wait)
        return ""

    def pulse(self) -> None:
        """Raise where the lock is lost; see `Broker.pulse`."""
        self.amqp.pulse()

    def close(self) -> None:
        """Let go of the connections."""
        self.amqp.close()

    def _road(self, product: str, version: str) -> Road:
        return self._probe if may_be_poisoned(product, version) else "passive"

    def _talk(self, key: Key, declared: Topology, told: tuple[str, str, str]) -> Talk[Seen] | None:
        from rabbit_topo.broker.probe_exchange import active_exchange
        from rabbit_topo.broker.probe_queue import active_queue
        from rabbit_topo.broker.probes import PASSIVE, passive

        product, version, _ = told
        rabbitmq = product.endswith(RABBITMQ)
        reason = (
            PASSIVE if rabbitmq else f"{product} is asked passively only, which shows no more than that it is there"
        )
        active = self._road(product, version) == "active"
        match declared.resources.get(key):
            case Exchange() as it:
                return active_exchange(it) if active else passive(it, reason, rabbitmq=rabbitmq)
            case Queue() as it:
                return active_queue(it, version) if active else passive(it, reason, rabbitmq=rabbitmq)
            case None if key.kind is Kind.EXCHANGE:
                return passive(Exchange(key.vhost, key.name, None), rabbitmq=rabbitmq)
            case None if key.kind is Kind.QUEUE:
                return passive(Queue(key.vhost, key.name), rabbitmq=rabbitmq)
            case _:
                return None

    def _ask(self, vhost: str, keys: Sequence[Key], declared: Topology, reading: _Reading) -> None:
        from rabbit_topo.broker.amqp_talk import Job, Lost

        jobs: list[Job[Seen]] = []
        for key in keys:
            if key.kind in BLIND:
                reading.unverified[key] = Unverified(BLIND[key.kind])
            elif key.name and (talk := self._talk(key, declared, reading.told)):
                jobs.append(Job(key, talk))
        lost: tuple[Key, str] | None = None
        for job, seen in self.amqp.converse(vhost, jobs):
            if isinstance(seen, Lost):
                lost = lost or (job.about, seen.reason)  # an interrupt is raised when all are told
            else:
                reading.take(job.about, seen, declared)
        if lost:
            key, reason = lost
            raise Unreachable(
                f"{self.amqp.url}: the connection was lost while {key.kind.value} {key.name!r} was asked for: {reason}",
                "nothing was changed; try again",
            )


def _alike(gap: Unverified | None) -> Unverified | None:
    """Say of every object that this user may not ask about the same, so that they stand on one line."""
    if gap is None or not gap.reason.startswith(REFUSED):
        return gap
    return Unverified(NO_CONFIGURE if gap.paths else NO_PERMISSION, gap.paths)


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.told = (RABBITMQ, "", "")
        self.vhosts: set[str] = set()
        self.resources: dict[Key, Resource] = {}
        self.unverified: dict[Key, Unverified] = {}
        self.exclusive: set[Key] = set()
        self.renewed: list[Key] = []

    def enter(self, vhost: str, *told: str) -> None:
        product, version, cluster_name = told
        self.told = (product, version, cluster_name)
        self.vhosts.add(vhost)
        self.resources[Vhost(vhost).key] = Vhost(vhost)

    def take(self, key: Key, seen: Seen, declared: Topology) -> None:
        if seen.resource is not None:
            self.resources[key] = seen.resource
        if seen.exclusive:
            self.exclusive.add(key)
        gap, note = _alike(seen.unverified), declared.note(key)
        if gap is not None and gap.paths and note.external and gap.paths != EVERYTHING:
            stated = tuple(path for path in gap.paths if path in note.stated)
            gap = replace(gap, paths=stated) if stated else None
        # Of what is to be absent, nothing but its existence is of interest.
        if gap is not None and (key in declared.resources or seen.resource is None):
            self.unverified[key] = gap
        if seen.renewed:
            self.renewed.append(key)
