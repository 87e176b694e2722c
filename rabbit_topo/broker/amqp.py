"""The road through AMQP: it writes exchanges, queues and bindings, one connection a vhost."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from rabbit_topo.broker.address import parse_address
from rabbit_topo.broker.refusals import permission_hint
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.model import Queue
from rabbit_topo.plan.operations import Done, Failed, NotAttempted, Remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.broker.amqp_jobs import Job
    from rabbit_topo.broker.amqp_link import Link
    from rabbit_topo.broker.target import Target
    from rabbit_topo.plan.operations import Operation, Outcome

CHANNELS = 8
CONNECTION_FORCED = 320
UNKNOWN = "the connection was lost meanwhile ({}); nobody knows whether it arrived"


class Amqp:
    """A broker behind its AMQP URL. Raises `UsageError` where the URL is wrong.

    `cluster_name`, where given, is the name that every connection must find; another one is a `Refusal`.
    """

    def __init__(self, target: Target, channels: int = CHANNELS) -> None:
        """Nothing is sent yet."""
        self._address = parse_address(target.amqp or "", target, ("amqp", "amqps", "pyamqp"), "the AMQP URL")
        self._tls = target.tls
        self._timeout = target.timeout
        self._channels = channels
        self._links: dict[str, Link] = {}
        self.expected_cluster = ""

    @property
    def url(self) -> str:
        """The URL without credentials."""
        return self._address.shown

    def cluster_name(self, vhost: str) -> str:
        """Connect to a vhost, unless that is done, and say what the cluster calls itself. Raises `BrokerError`."""
        return self._link(vhost).cluster_name

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Carry out operations, several at a time, vhost by vhost; see `Broker.execute`."""
        from rabbit_topo.broker.amqp_jobs import NotSendable, job

        by_vhost: defaultdict[str, deque[Job]] = defaultdict(deque)
        for operation in wave:
            try:
                by_vhost[operation.key.vhost].append(job(operation))
            except NotSendable as reason:
                yield Failed(operation, str(reason))
        for vhost, waiting in by_vhost.items():
            yield from self._run(vhost, waiting)

    def close(self) -> None:
        """Say goodbye on every connection."""
        while self._links:
            self._links.popitem()[1].close()

    def _link(self, vhost: str) -> Link:
        from rabbit_topo.broker.amqp_link import Link

        link = self._links.get(vhost)
        if link is None:
            link = Link(self._address, vhost, self._tls, self._timeout, self._channels)
            if self.expected_cluster and link.cluster_name != self.expected_cluster:
                link.close()
                raise Refusal(
                    f"the two URLs lead to different clusters: management to {self.expected_cluster!r},"
                    f" AMQP ({self.url}) to {link.cluster_name!r}",
                    "give two URLs of one cluster",
                )
            self._links[vhost] = link
        return link

    def _run(self, vhost: str, waiting: deque[Job]) -> Iterator[Outcome]:
        """Send everything; reconnect as often as the broker closes the connection over a single operation.

        When it does so over several at once, nobody knows which it meant: they are sent again one by one, which
        is harmless, as each may be repeated.
        """
        import amqp

        alone = 0
        while waiting:
            try:
                link = self._link(vhost)
            except (BrokerError, Refusal) as error:
                yield from (_not_attempted(job, error.message) for job in waiting)
                return
            try:
                while waiting or link.in_flight:
                    while waiting and link.has_room and not (alone and link.in_flight):
                        link.send(waiting.popleft())
                    for job, reason in link.finished():
                        alone = max(0, alone - 1)
                        yield self._outcome(job, reason)
            except (OSError, amqp.ConnectionError) as error:
                lost = self._links.pop(vhost).drop()
                meant = getattr(error, "reply_code", 0) not in {0, CONNECTION_FORCED}
                if meant and len(lost) == 1:
                    alone = max(0, alone - 1)
                    yield self._outcome(lost.pop(), _words(error))
                for job in lost:
                    job.losses += not meant
                    job.at = 0
                alone = alone or len(lost)
                again = [job for job in lost if job.losses <= 1 and not _drops(job)]
                waiting.extendleft(reversed(again))
                yield from (_not_attempted(job, _words(error)) for job in lost if job not in again)
            except BaseException:  # interrupted, or nobody listens: answers that are still to come are nobody's
                self._links.pop(vhost).drop()
                raise

    def _outcome(self, job: Job, reason: str) -> Outcome:
        if not reason:
            return Done(job.operation)
        hint = permission_hint(job.operation, self._address.username) if reason.startswith("ACCESS_REFUSED") else ""
        return Failed(job.operation, reason, hint)


def _drops(job: Job) -> bool:
    """Say whether it deletes a queue: what was seen of it before the line was lost counts no more, so no second try."""
    return isinstance(job.operation, Remove) and isinstance(job.operation.resource, Queue)


def _words(error: Exception) -> str:
    return str(getattr(error, "reply_text", None) or getattr(error, "strerror", None) or error)


def _not_attempted(job: Job, reason: str) -> Outcome:
    told = UNKNOWN.format(reason) if job.sent else f"it was not sent: {reason}"
    return NotAttempted(job.operation, told, sent=job.sent)
