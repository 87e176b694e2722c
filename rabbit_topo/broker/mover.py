"""Moving messages from one queue to another of the same vhost, at least once, with every byte of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Final

from amqp import spec

from rabbit_topo.broker.amqp_answers import Closed, declared
from rabbit_topo.broker.amqp_login import Login, words
from rabbit_topo.broker.amqp_methods import delete_exchange, look_for
from rabbit_topo.broker.expected import clusters_differ
from rabbit_topo.broker.mover_frames import Line
from rabbit_topo.broker.mover_heads import Head, give_back, look_at
from rabbit_topo.broker.mover_publish import Publisher, private_exchange
from rabbit_topo.broker.mover_run import NO_HARM, Run, Stuck

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Queue

__all__ = ["Head", "Moved", "Mover", "Stuck"]

NEWS: Final = 2.0  # seconds that a quorum queue may take to count what was done with it
PAUSE: Final = 0.01
WINDOW: Final = 500  # messages under way at once; measured: 1000 and 2000 are slower on 3.10, no faster on 4.3


@dataclass(frozen=True, slots=True)
class Moved:
    """What one `move` did.

    `moved` messages are confirmed in the target and acknowledged in the source; `Stuck` tells where some are in doubt.
    """

    moved: int
    seconds: float


class Mover:
    """Moves messages between queues of one vhost, over two connections of its own that it opens when it needs them.

    One takes and acknowledges, the other publishes: an alarm that stops publishing does not stop acknowledging, and
    large messages that come faster than they go do not keep confirms from being heard. `expected_cluster`, where
    set, is the name that both must find; another one is a `Refusal`. `drop_user_id` leaves the user id of messages
    behind. `window` is how many messages are under way at once, which are 16 MiB at most and one message more. The
    target's timeout is how many seconds nothing may happen before it is `Stuck`.

    What stays: routing key, body and properties, headers with their AMQP classes, byte for byte. What goes: counters
    that a quorum queue adds to a delivery. A message's TTL begins anew. The order stays while nothing fails.
    """

    def __init__(
        self,
        target: Target,
        vhost: str,
        *,
        expected_cluster: str = "",
        drop_user_id: bool = False,
        window: int = WINDOW,
    ) -> None:
        """Nothing is sent yet. Raises `UsageError` where the URL is wrong."""
        self._login = Login(target)
        self._vhost = vhost
        self._expected_cluster = expected_cluster
        self._drop_user_id = drop_user_id
        self._window = window
        self._patience = target.timeout
        self._take: Line | None = None
        self._give: Line | None = None

    def move(
        self,
        source: Queue,
        into: Queue,
        *,
        once: bool = False,
        on_moved: Callable[[int], object] = lambda _: None,
        idle: Callable[[], object] = lambda: None,
    ) -> Moved:
        """Move messages until none is ready in `source` and none is under way; with `once`, those that are there now.

        `on_moved` hears some times a second how many were moved; `idle` is called as often. A source that is deleted
        with its last consumer is emptied without one. Raises `Stuck` with the broker's own words, and `BrokerError`
        where there is no connection.
        """
        began = perf_counter()
        _, consumers = self.ready(source)
        take = self._taking()
        try:
            publisher = self._publisher(into)
            run = Run(
                take,
                publisher,
                source,
                once=once,
                window=self._window,
                patience=self._patience,
                on_moved=on_moved,
                idle=idle,
            )
            moved = run.go()
            _end_exchange(take, into)
            self._wait_for_news(source, 0, consumers)
        except (OSError, Closed) as error:
            self._let_go(into)
            raise _stuck(f"{source.name} -> {into.name}", error) from None
        except BaseException:
            self._let_go(into)
            raise
        return Moved(moved, perf_counter() - began)

    def ready(self, queue: Queue) -> tuple[int, int]:
        """Count a queue's ready messages and its consumers, exact at this moment. Raises `BrokerError`."""
        try:
            _, ready, consumers = declared(self._taking().call(look_for(queue), spec.Queue.DeclareOk))
        except (OSError, Closed) as error:
            self.close()
            raise _stuck(queue.name, error) from None
        return ready, consumers

    def heads(self, queue: Queue, most: int, *, limit: int | None = None) -> list[Head]:
        """Look at a queue's first messages, `most` at most, and give them back in their order.

        To look is to take and to give back, which a quorum queue counts. What was tried:

        - 3.10: basic.nack puts messages at the end of a quorum queue that has no delivery limit; a channel that is
          closed puts them where they were. Both count as a delivery.
        - 4.0: both put them where they were, and count.
        - 4.3: both put them where they were; basic.nack does not count, a closed channel does.

        Returned messages are delivered first, and among each other in the order in which they were returned last.

        So they go back by closing the channel before 4.0, and by basic.nack since then. `limit` is the queue's
        effective delivery limit: after so many returns a message is dropped. Where it is given, the look ends with the
        first message that was never returned, as returned ones are delivered before it. A message that cannot be given
        back any more is put at the end of the queue instead, with a confirm (`put_last`). Raises `BrokerError`.
        """
        before = self.ready(queue)
        take = self._taking()
        try:
            found = look_at(
                take, lambda: self._publisher(queue), queue, most=most, limit=limit, patience=self._patience
            )
            if any(head.put_last for head in found):
                _end_exchange(take, queue)
            give_back(take)
            self._wait_for_news(queue, *before)
        except (OSError, Closed) as error:
            self._let_go(queue)
            raise _stuck(queue.name, error) from None
        except BaseException:
            self._let_go(queue)
            raise
        return found

    def _wait_for_news(self, queue: Queue, ready: int, consumers: int) -> None:
        """Wait a moment until a quorum queue shows again what it showed before: it counts some time later."""
        until = monotonic() + NEWS
        while queue.type != "classic" and monotonic() < until:
            now = self.ready(queue)
            if now[0] >= ready and now[1] <= consumers:
                break
            sleep(PAUSE)

    def close(self) -> None:
        """Say goodbye; what was taken and not acknowledged is back in its queue then."""
        lines, self._take, self._give = (self._give, self._take), None, None
        for line in lines:
            if line:
                line.close()

    def _let_go(self, into: Queue) -> None:
        """Publish no more, give back what was taken and let the private exchange end, as far as that is possible."""
        if give := self._give:
            self._give = None
            give.drop()
        if take := self._take:
            with suppress(OSError, Closed):
                take.inbox.clear()
                give_back(take)
                _end_exchange(take, into)
        self.close()

    def _taking(self) -> Line:
        self._take = take = self._usable(self._take)
        return take

    def _giving(self) -> Line:
        self._give = give = self._usable(self._give)
        return give

    def _publisher(self, into: Queue) -> Publisher:
        publisher = Publisher(self._giving(), into, self._login.username, drop_user_id=self._drop_user_id)
        publisher.begin()
        return publisher

    def _usable(self, line: Line | None) -> Line:
        if line:
            if line.is_usable():
                return line
            line.close()
        opened = self._login.open(self._vhost)
        line = Line(opened, self._patience)
        name = line.server.cluster_name
        if self._expected_cluster and name != self._expected_cluster:
            line.close()
            raise clusters_differ(self._expected_cluster, self._login.url, name)
        return line


def _end_exchange(take: Line, into: Queue) -> None:
    """Delete the private exchange of a queue, with its binding; what was published before is there already."""
    take.call(delete_exchange(private_exchange(into), guarded=False), spec.Exchange.DeleteOk)


def _stuck(where: str, error: OSError | Closed) -> Stuck:
    if isinstance(error, Closed):
        return Stuck(f"{where}: the broker says {error.code} {error}")
    return Stuck(f"{where}: the connection was lost: {words(error)}", NO_HARM)
