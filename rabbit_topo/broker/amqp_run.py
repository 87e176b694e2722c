"""Carry many talks through over one connection, and over the next one when it is lost.

What is decided here is told in `docs/decisions/fast-writes.md`.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.amqp_answers import Closed
from rabbit_topo.broker.amqp_login import words
from rabbit_topo.broker.amqp_talk import Lost, Refused
from rabbit_topo.errors import BrokerError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from rabbit_topo.broker.amqp_link import Link
    from rabbit_topo.broker.amqp_talk import Answer, Job

INTERRUPTED = "interrupted"
TOO_OLD = "too much time has passed since it was looked at"
LAST_ANSWERS = 2.0  # seconds that answers may take after an interrupt
FRAME_ERROR = 501
MAX_SILENT = 3  # connections one after the other that bring no answer
TOO_LARGE = "with {} bytes of arguments it is larger than an AMQP frame: the broker takes {}"
MAX_LOSSES = 2  # how often one method may be sent and its connection be lost


class Run:
    """The talks of some jobs on the connections that `connect` gives, one after the other.

    `forget` is told of each that is not to be used again, with the error that ended it, if one did.
    """

    def __init__(
        self, jobs: Iterable[Job[Any]], connect: Callable[[], Link], forget: Callable[[Exception | None], None]
    ) -> None:
        self._jobs = iter(jobs)
        self._connect = connect
        self._forget = forget
        self._going_on: deque[Job[Any]] = deque()  # answered, with their next method
        self._suspects: deque[Job[Any]] = deque()  # in flight when a connection was lost; sent again one by one
        self._alone: Job[Any] | None = None  # the suspect in flight
        self._over: deque[tuple[Job[Any], Any]] = deque()
        self._link: Link | None = None  # in use, or about to be
        self._silent = 0

    def results(self) -> Iterator[tuple[Job[Any], Any]]:
        """Yield each job with its talk's result, or `Lost`, as it ends."""
        reason, interrupt = "", None
        try:
            reason = yield from self._work()
        except KeyboardInterrupt as stop:
            reason, interrupt = INTERRUPTED, stop
            self._take_last()
        yield from self._told()
        for job in (*self._suspects, *self._going_on, *self._jobs):
            yield job, Lost(reason, job.sent)
        if interrupt:
            raise interrupt

    def _work(self) -> Generator[tuple[Job[Any], Any], None, str]:
        """Yield results until nothing is left to send; return why what is left is lost."""
        reason = ""
        while self._more() and self._silent < MAX_SILENT:
            yield from self._told()
            try:
                link = self._link = self._connect()
            except (BrokerError, Refusal) as error:
                return error.message
            try:
                self._fill(link)
                while link.in_flight:
                    link.read()
                    self._hear(link)
                    self._fill(link)
                    yield from self._told()
            except (OSError, Closed) as error:
                self._link = None
                self._hear(link)
                self._lose(link, error)
                self._give_up_looks(words(error))
                self._forget(error)
                reason = words(error)
            except KeyboardInterrupt:
                raise
            except BaseException:  # nobody listens any more: answers that are still to come are nobody's
                self._let_go()
                link.drop()
                raise
        return reason

    def _give_up_looks(self, reason: str) -> None:
        """Go on with nothing that was looked at over the connection that is lost."""
        for job in [job for job in self._going_on if job.once and job.sent]:
            self._going_on.remove(job)
            self._over.append((job, Lost(reason, sent=True)))

    def _let_go(self) -> None:
        self._link = None
        self._forget(None)

    def _told(self) -> Iterator[tuple[Job[Any], Any]]:
        while self._over:
            yield self._over.popleft()

    def _more(self) -> bool:
        """Start talks until a method waits to be sent; say whether one does."""
        while not (self._going_on or self._suspects):
            job = next(self._jobs, None)
            if job is None:
                return False
            self._go_on(job, None)
        return True

    def _go_on(self, job: Job[Any], answer: Answer | None) -> None:
        """Let a talk start, or hear an answer."""
        if job is self._alone:
            self._alone = None
        try:
            job.method = next(job.talk) if answer is None else job.talk.send(answer)
        except StopIteration as end:
            self._over.append((job, end.value))
        else:
            job.losses = 0
            self._going_on.append(job)

    def _fill(self, link: Link) -> None:
        """Give every free channel something to do."""
        while link.has_room and self._alone is None and self._more():
            if self._suspects:  # nothing else is in flight: there are suspects only on a new connection
                job = self._alone = self._suspects.popleft()
            else:
                job = self._going_on.popleft()
            if monotonic() > job.until:
                self._alone = None
                self._over.append((job, Lost(TOO_OLD, job.sent)))
            elif (size := max(len(method.payload) for method in job.methods)) <= link.largest:
                link.put(job)
            else:
                self._go_on(job, Refused(FRAME_ERROR, TOO_LARGE.format(size, link.largest)))
        link.flush()

    def _hear(self, link: Link) -> None:
        heard, link.heard = link.heard, []
        for job, answer in heard:
            self._go_on(job, answer)

    def _take_last(self) -> None:
        """Take the answers that are on their way, for a moment; send nothing more."""
        if (link := self._link) is None:
            return
        self._let_go()
        deadline = monotonic() + LAST_ANSWERS
        with suppress(OSError, Closed):
            while link.in_flight and (left := deadline - monotonic()) > 0:
                link.read(left)
        self._hear(link)
        self._over += [(job, Lost(INTERRUPTED, sent=True)) for job in link.drop()]

    def _lose(self, link: Link, error: OSError | Closed) -> None:
        """Decide about the methods that were in flight when the connection ended.

        Where the broker closed it over a single method, that one is refused. Over one of several, nobody knows which:
        they are sent again one by one. So are those that a broken line took along, once.
        """
        lost = link.drop()
        self._alone = None
        meant = isinstance(error, Closed) and error.over_us
        guilty = lost[0] if meant and len(lost) == 1 else None
        self._silent = 0 if link.answered or guilty else self._silent + 1
        if guilty and isinstance(error, Closed):
            self._go_on(guilty, Refused(error.code, words(error)))
            return
        for job in reversed(lost):
            job.losses += not meant
            if job.once or job.losses >= MAX_LOSSES:
                self._over.append((job, Lost(words(error), sent=True)))
            else:
                self._suspects.appendleft(job)
