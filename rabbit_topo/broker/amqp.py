"""The road through AMQP: many talks at once, over many channels of one connection a vhost."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp_talk import Lost
from rabbit_topo.broker.expected import WITH_HTTP, refuse_another
from rabbit_topo.errors import Refusal, Unreachable
from rabbit_topo.plan.operations import NotAttempted, unsent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rabbit_topo.broker.amqp_link import Link, ServerProperties
    from rabbit_topo.broker.amqp_talk import Job, Result
    from rabbit_topo.broker.target import Target
    from rabbit_topo.plan.operations import Operation, Outcome

CHANNELS = 256
RECONNECT = 5.0  # seconds that a broker which was there may be away
PAUSE = 0.1  # seconds before the second try; doubled with each
UNKNOWN = "the connection was lost meanwhile ({}); nobody knows whether it arrived"
UNSENT = "it was not sent: {}"


class Amqp:
    """A broker behind its AMQP URL. Raises `UsageError` where the URL is wrong.

    `expected_cluster`, where set, is the name that every connection must find; another one is a `Refusal`.
    """

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        from rabbit_topo.broker.amqp_login import Login

        self._login = Login(target)
        self._timeout = target.timeout
        self._channels = target.channels or CHANNELS
        self._links: dict[str, Link] = {}
        self._known: set[str] = set()  # vhosts whose last login worked
        self.expected_cluster = ""
        # Beside HTTP, which shows the tags, only they are left to it.
        self._expected = replace(target.expected, tags=()) if target.broker else target.expected

    @property
    def url(self) -> str:
        """The URL without credentials."""
        return self._login.url

    @property
    def username(self) -> str:
        """Who logs in; empty where the client certificate says it."""
        return self._login.username

    def cluster_name(self, vhost: str) -> str:
        """Connect to a vhost, unless that is done, and say what the cluster calls itself. Raises `BrokerError`."""
        return self.server(vhost).cluster_name

    def server(self, vhost: str) -> ServerProperties:
        """Connect to a vhost, unless that is done, and say what the broker told of itself. Raises `BrokerError`."""
        return self._link(vhost).server

    def converse(self, vhost: str, jobs: Iterable[Job[Result]]) -> Iterator[tuple[Job[Result], Result | Lost]]:
        """Carry talks through, many at a time, each method on a channel of its own.

        Yields each job with what its talk returned, as it ends, or with `Lost`; a job is taken from `jobs` when a
        channel is free for it. A refusal is told to its own talk and touches no other. Where the broker is lost, what
        was in flight is sent once more, on a new connection; when there is none, everything left is `Lost`, and the
        iterator ends normally. Whoever leaves it early drops the connection.
        """
        from rabbit_topo.broker.amqp_run import Run

        return Run(jobs, lambda: self._link(vhost), lambda: self._forget(vhost)).results()

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Carry out operations, several at a time, vhost by vhost; see `Broker.execute`."""
        from rabbit_topo.broker.amqp_jobs import job

        by_vhost: defaultdict[str, list[Operation]] = defaultdict(list)
        for operation in wave:
            by_vhost[operation.key.vhost].append(operation)
        todo = deque(by_vhost.items())
        while todo:
            vhost, operations = todo.popleft()
            jobs = (job(operation, self.username) for operation in operations)
            try:
                for one, result in self.converse(vhost, jobs):
                    if isinstance(result, Lost):
                        reason = (UNKNOWN if result.sent else UNSENT).format(result.reason)
                        yield NotAttempted(one.about, reason, result.sent)
                    else:
                        yield result
            except KeyboardInterrupt:
                yield from unsent(operation for _, later in todo for operation in later)
                raise

    def close(self) -> None:
        """Say goodbye on every connection."""
        while self._links:
            self._links.popitem()[1].close()

    def _forget(self, vhost: str) -> None:
        self._links.pop(vhost, None)

    def _link(self, vhost: str) -> Link:
        link = self._links.get(vhost)
        if link is not None:
            if not link.stale:
                return link
            self._links.pop(vhost).drop()
        link = self._links[vhost] = self._patiently(vhost) if vhost in self._known else self._connect(vhost)
        self._known.add(vhost)
        return link

    def _patiently(self, vhost: str) -> Link:
        """Connect again, and wait a while for a broker that was there a moment ago."""
        deadline, pause = time.monotonic() + RECONNECT, PAUSE
        while True:
            try:
                return self._connect(vhost)
            except Unreachable:
                if time.monotonic() + pause > deadline:
                    self._known.discard(vhost)
                    raise
            time.sleep(pause)
            pause *= 2

    def _connect(self, vhost: str) -> Link:
        from rabbit_topo.broker.amqp_link import Link

        link = Link(self._login.open(vhost), self._timeout, self._channels)
        name = link.server.cluster_name
        if self.expected_cluster and name != self.expected_cluster:
            link.close()
            raise Refusal(
                f"the two URLs lead to different clusters: management to {self.expected_cluster!r},"
                f" AMQP ({self.url}) to {name!r}",
                "give two URLs of one cluster",
            )
        try:
            refuse_another(
                self._expected,
                self.url,
                cluster_name=name,
                version=link.server.version,
                tags=None,
                why_untold=WITH_HTTP if self._expected.tags else "",
            )
        except Refusal:
            link.close()
            raise
        return link
