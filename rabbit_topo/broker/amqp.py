"""The road through AMQP: many talks at once, over many channels of one connection a vhost."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp_talk import Lost
from rabbit_topo.broker.expected import WITH_HTTP, clusters_differ, refuse_another
from rabbit_topo.errors import BrokerError, Refusal, Unreachable
from rabbit_topo.plan.operations import NotAttempted, unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rabbit_topo.broker.amqp_link import Link, ServerProperties
    from rabbit_topo.broker.amqp_talk import Job, Result
    from rabbit_topo.broker.lock import Lock, Wait
    from rabbit_topo.broker.lock_holder import Holder
    from rabbit_topo.broker.target import Target
    from rabbit_topo.plan.operations import Operation, Outcome

CHANNELS = 128
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
        self._lock: Lock | None = None
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

    def converse(
        self, vhost: str, jobs: Iterable[Job[Result]], *, writes: bool = False
    ) -> Iterator[tuple[Job[Result], Result | Lost]]:
        """Carry talks through, many at a time, each method on a channel of its own.

        Yields each job with what its talk returned, as it ends, or with `Lost`; a job is taken from `jobs` when a
        channel is free for it. A refusal is told to its own talk and touches no other. Where the broker is lost, what
        was in flight is sent once more, on a new connection; when there is none, everything left is `Lost`, and the
        iterator ends normally. Whoever leaves it early drops the connection. With `writes`, nothing is sent once the
        lock is lost.
        """
        from rabbit_topo.broker.amqp_run import Run

        def connect() -> Link:
            if writes:
                self.pulse()
            return self._link(vhost)

        return Run(jobs, connect, lambda error: self._forget(vhost, error)).results()

    def lock(self, vhosts: Iterable[str], wait: Wait, who: Callable[[str], Holder | None] | None = None) -> None:
        """Take the lock of each vhost that exists, on the connection that will write there; see `Broker.lock`.

        `who` looks up who holds the lock of a vhost.
        """
        from rabbit_topo.broker.amqp_login import VhostMissing
        from rabbit_topo.broker.lock import HEARTBEAT, Lock

        self.close()
        self._login.heartbeat = HEARTBEAT
        lock = self._lock = Lock(wait, self.url, self.username, who)
        try:
            for vhost in sorted(vhosts):
                with suppress(VhostMissing):
                    lock.take(vhost, lambda vhost=vhost: self._link(vhost))  # type: ignore[misc]  # its type is plain
            lock.check()
        except BaseException:
            self.close()
            raise

    def pulse(self) -> None:
        """Raise `LockLost` where a lock was taken and a connection that held it has ended."""
        if self._lock:
            self._lock.check()

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
                for one, result in self.converse(vhost, jobs, writes=True):
                    if isinstance(result, Lost):
                        reason = (UNKNOWN if result.sent else UNSENT).format(result.reason)
                        yield NotAttempted(one.about, reason, result.sent)
                    else:
                        yield result
            except KeyboardInterrupt:
                yield from unsent(operation for _, later in todo for operation in later)
                raise

    def close(self) -> None:
        """Say goodbye on every connection; the broker lets go of a lock before it answers."""
        if self._lock:
            self._lock.end()
            self._lock = None
        while self._links:
            self._links.popitem()[1].close()

    def _forget(self, vhost: str, error: Exception | None, why: str = "") -> None:
        from rabbit_topo.broker.amqp_answers import Closed
        from rabbit_topo.broker.amqp_login import words
        from rabbit_topo.broker.lock import LockLost

        self._links.pop(vhost, None)
        if self._lock:
            owed = isinstance(error, Closed) and error.over_us
            self._lock.gone(vhost, why or (words(error) if error else "it was let go of"), owed=owed)
            if self._lock.owed(vhost):
                with suppress(LockLost):  # whoever writes next is told
                    self._link(vhost)

    def _link(self, vhost: str) -> Link:
        link = self._links.get(vhost)
        if link is not None:
            trouble = link.trouble
            if not trouble:
                return link
            self._forget(vhost, None, trouble)
            link.drop()
        if self._lock and self._lock.owed(vhost):
            link = self._locked_again(vhost, self._lock)
        else:
            link = self._patiently(vhost) if vhost in self._known else self._connect(vhost)
        self._links[vhost] = link
        self._known.add(vhost)
        return link

    def _locked_again(self, vhost: str, lock: Lock) -> Link:
        """Connect, and take the lock before anything else; without patience, as others may take it meanwhile."""
        from rabbit_topo.broker.lock import LockLost

        try:
            link = self._connect(vhost)
        except (BrokerError, Refusal) as error:
            lock.lose(vhost, error.message)
            raise LockLost(lock.lost) from None
        try:
            lock.retake(vhost, link)
        except BaseException:
            link.drop()
            raise
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
            raise clusters_differ(self.expected_cluster, self.url, name)
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
