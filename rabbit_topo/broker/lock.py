"""One apply at a time: an exclusive queue in each vhost, on the very connection that writes there.

The server deletes the queue with its connection, so whoever lost the lock has lost the way to write, too. What it
does not cover, and what a broken node does to it, is told in `docs/locking.md`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.lock_holder import NO_LOCK, UNKNOWN, still_held
from rabbit_topo.errors import AccessRefused, BrokerError, Refusal, Unreachable
from rabbit_topo.model import LOCK_NAME, Kind, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.broker.amqp_link import Link
    from rabbit_topo.broker.amqp_talk import Answer, Method, Talk
    from rabbit_topo.broker.lock_holder import Holder

HEARTBEAT = 10  # seconds, where the URL asks for no other: a dead holder keeps the lock for two of them, about
WAIT = 60.0  # seconds
FIRST, LONGEST = 0.05, 1.0  # seconds between two tries: at first, and after a while
ACCESS_REFUSED, NOT_FOUND, LOCKED = 403, 404, 405
BY_HTTP_ALONE = "nothing keeps a second apply out: only AMQP can lock; give the AMQP URL too (--amqp)"
BY_FILE = "a file needs no lock: what somebody else wrote meanwhile is not overwritten"


class LockLost(BrokerError):
    """The connection that held the lock is gone, and nothing more may be written."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How to take a lock: `name` is the queue's, `seconds` is how long another may keep it (0: do not wait).

    `tell` is called with a line for people, again and again, while another has it.
    """

    seconds: float = WAIT
    name: str = LOCK_NAME
    tell: Callable[[str], None] = field(default=lambda _line: None)


class Lock:
    """The lock of some vhosts, each on the connection that is given with it, and whether it is still ours.

    A thread keeps the hearts of these connections beating while nobody uses them. `who` looks up a vhost's holder,
    and is None where nobody can.
    """

    def __init__(self, wait: Wait, url: str, username: str, who: Callable[[str], Holder | None] | None) -> None:
        """Nothing is taken yet."""
        self.lost = ""
        self._wait = wait
        self._url = url
        self._username = username
        self._who = who
        self._until = monotonic() + wait.seconds
        self._links: dict[str, Link] = {}
        self._owed: set[str] = set()
        self._ended = Event()
        self._heart: Thread | None = None

    def take(self, vhost: str, connect: Callable[[], Link]) -> None:
        """Wait until the lock of `vhost` is ours, on the connection that `connect` gives.

        Raises `Refusal` where another keeps it for too long, or where the name is another queue's; `BrokerError`
        where this user may not take it, or the broker is lost.
        """
        pause = FIRST
        while not self._try(vhost, link := connect()):
            holder = self._who(vhost) if self._who else None
            left = self._until - monotonic()
            if left <= 0:
                raise still_held(vhost, holder, self._wait.seconds, link.server.version)
            self._wait.tell(f"waiting for the lock of vhost {vhost!r}, {holder or UNKNOWN} ...")
            sleep(min(pause, left))
            pause = min(2 * pause, LONGEST)

    def owed(self, vhost: str) -> bool:
        """Say whether the broker closed the connection over something we sent: the next one takes the lock again."""
        return vhost in self._owed

    def retake(self, vhost: str, link: Link) -> None:
        """Take it again, on a new connection, before anything else is sent there. Raises `LockLost`."""
        self._owed.discard(vhost)
        try:
            taken = self._try(vhost, link)
        except (BrokerError, Refusal) as error:
            self.lose(vhost, error.message)
        else:
            if not taken:
                self.lose(vhost, "another took it meanwhile")
        if self.lost:
            raise LockLost(self.lost)

    def gone(self, vhost: str, why: str, *, owed: bool) -> None:
        """Take note that the connection to a vhost ended; `owed` where the broker closed it over what we sent."""
        if self._links.pop(vhost, None) is None:
            return
        if owed:
            self._owed.add(vhost)
        else:
            self.lose(vhost, why)

    def lose(self, vhost: str, why: str) -> None:
        """Write nothing more, in no vhost."""
        self._owed.discard(vhost)
        self.lost = self.lost or f"the lock of vhost {vhost!r} was lost with its connection: {why}"

    def check(self) -> None:
        """Raise `LockLost` where a connection that holds it has ended."""
        for vhost, link in tuple(self._links.items()):
            if trouble := link.trouble:
                self.gone(vhost, trouble, owed=False)
        if self.lost:
            raise LockLost(self.lost)

    def end(self) -> None:
        """Let go of it, and let the hearts stand still; the connections are their owner's to close.

        It would go with the connection too, but 4.3 shows such a queue for some milliseconds after the goodbye.
        """
        from rabbit_topo.broker.amqp_methods import delete_queue
        from rabbit_topo.model import Queue

        self._ended.set()
        if self._heart:
            self._heart.join()
        for vhost, link in self._links.items():
            if not link.in_flight and not link.trouble:
                with suppress(BrokerError):
                    self._ask(vhost, link, delete_queue(Queue(vhost, self._wait.name), guarded=False))
        self._links = {}

    def _try(self, vhost: str, link: Link) -> bool:
        """Ask for the lock once; say whether it is ours."""
        from rabbit_topo.broker.amqp_methods import declare_exclusive, look_for
        from rabbit_topo.broker.amqp_talk import Refused
        from rabbit_topo.broker.refusals import granting
        from rabbit_topo.model import Queue

        name = self._wait.name
        answer = self._ask(vhost, link, declare_exclusive(name, self._arguments(vhost)))
        if not isinstance(answer, Refused):
            self._hold(vhost, link)
            return True
        if answer.code == LOCKED:  # the same for an exclusive queue of another, and for one that is not exclusive
            if not isinstance(self._ask(vhost, link, look_for(Queue(vhost, name))), Refused):
                raise Refusal(
                    f"queue {name!r} of vhost {vhost!r} is in the way of the lock: it is no exclusive queue",
                    f"delete it if nobody needs it, or give the lock another name: --lock-name; {NO_LOCK}",
                )
            return False
        if answer.code == NOT_FOUND:  # another's, on its way out
            return False
        if answer.code == ACCESS_REFUSED:
            raise AccessRefused(
                f"{self._url}: the lock needs the permission configure on queue {name!r} in vhost {vhost!r}:"
                f" {answer.text}",
                f"{granting(vhost, self._username or 'USER')}; {NO_LOCK}",
            )
        raise BrokerError(f"{self._url}: the lock of vhost {vhost!r} cannot be taken: {answer.text}", NO_LOCK)

    def _hold(self, vhost: str, link: Link) -> None:
        self._links[vhost] = link
        if self._heart is None:
            self._heart = Thread(target=self._beat, name="heartbeats", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        links = tuple(self._links.values())
        while not self._ended.wait(min((link.server.heartbeat or HEARTBEAT for link in links), default=HEARTBEAT) / 4):
            links = tuple(self._links.values())
            for link in links:
                link.beat()

    def _ask(self, vhost: str, link: Link, method: Method) -> Answer:
        from rabbit_topo.broker.amqp_answers import Closed
        from rabbit_topo.broker.amqp_login import words

        try:
            return ask(link, method)
        except (OSError, Closed) as error:
            raise Unreachable(
                f"{self._url}: the connection was lost while the lock of vhost {vhost!r} was asked for: {words(error)}",
                "is the broker well? Try again",
            ) from None

    def _arguments(self, vhost: str) -> dict[str, Any]:
        import os
        from datetime import UTC, datetime
        from socket import gethostname

        more: dict[str, Any] = {
            "user": self._username,
            "host": gethostname(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        return {"x-queue-type": "classic", **Mark("lock", Kind.VHOST, vhost, more).arguments}


def ask(link: Link, method: Method) -> Answer:
    """Say one thing on a connection that is at rest, and wait for the answer. Raises OSError and `Closed`."""
    from rabbit_topo.broker.amqp_talk import Job

    def talk() -> Talk[None]:
        yield method

    job: Job[None] = Job("the lock", talk())
    job.method = next(job.talk)
    link.put(job)
    link.flush()
    while not link.heard:
        link.read()
    heard, link.heard, link.answered = link.heard, [], 0
    return heard[0][1]
