"""One move: messages come by one line and go by another, and are acknowledged when the broker has them again."""

from __future__ import annotations

from math import inf
from struct import pack, unpack_from
from time import monotonic
from typing import TYPE_CHECKING, Final

from amqp import spec

from rabbit_topo.broker.amqp_answers import Closed, reason
from rabbit_topo.broker.mover_events import CHANNEL_CLOSE, CONNECTION_CLOSE, LineLost, code
from rabbit_topo.broker.mover_frames import exchange
from rabbit_topo.broker.mover_source import DELIVER, GET_OK, Consumer, Getter
from rabbit_topo.broker.mover_window import Window
from rabbit_topo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.broker.mover_events import Event
    from rabbit_topo.broker.mover_frames import Line
    from rabbit_topo.broker.mover_publish import Publisher
    from rabbit_topo.broker.mover_source import Source
    from rabbit_topo.model import Queue

MOST_BYTES: Final = 16 * 2**20  # under way at once
LAST_ANSWERS: Final = 2.0  # seconds that confirms may take after an interrupt
_TELL: Final = 0.2  # seconds between two calls of on_moved and idle
_LOOK: Final = 0.5  # seconds between two looks at the source, which show which acknowledgements have arrived
_ACK, _NACK, _RETURN = code(spec.Basic.Ack), code(spec.Basic.Nack), code(spec.Basic.Return)
_CANCEL: Final = code(spec.Basic.Cancel)
NO_HARM: Final = "nothing is lost: what is not in the target stays in the source"

UNREACHED: Final = f"it was deleted, or somebody unbound it; {NO_HARM}"
NOT_FOUND: Final = 404


class Stuck(BrokerError):
    """A move cannot go on; nothing is lost: what is not confirmed in the target stays in the source.

    `moved` is how many messages are confirmed in the target and acknowledged in the source, `unsure` of how many
    nobody knows whether they are in both.
    """

    def __init__(self, message: str, hint: str = NO_HARM, moved: int = 0, unsure: int = 0) -> None:
        super().__init__(message, hint)
        self.moved = moved
        self.unsure = unsure


class Run:
    """One move over two lines: `take` gets and acknowledges, `publisher` sends and hears confirms.

    With `once`, only what is there when it begins is moved. `patience` is how many seconds nothing may happen. `go`
    raises `Stuck`.
    """

    def __init__(
        self,
        take: Line,
        publisher: Publisher,
        source: Queue,
        *,
        once: bool,
        window: int,
        patience: float,
        on_moved: Callable[[int], object],
        idle: Callable[[], object],
    ) -> None:
        way = Getter if source.auto_delete else Consumer
        self._take, self._publisher, self._give = take, publisher, publisher.line
        self._source: Source = way(take, source, window, MOST_BYTES, once=once)
        self._name = source.name
        self._counts = source.type != "classic"  # it adds counters to what it delivers
        self._window = Window(self._give.published + 1)
        self._patience, self._on_moved, self._idle = patience, on_moved, idle
        self._stopped: tuple[str, str] | None = None  # message and hint
        self._progress = self._told = self._looked = monotonic()

    @property
    def moved(self) -> int:
        """How many messages were acknowledged in the source."""
        return self._window.acknowledged

    def go(self) -> int:
        """Move until the source is as empty as wanted; return how many messages were moved."""
        self._source.begin()
        try:
            try:
                self._turns()
            except KeyboardInterrupt:
                self._settle()
                raise
        except LineLost as lost:
            raise self._lost(lost) from None
        except Closed as closed:
            raise self._closed(closed) from None
        if self._stopped:
            raise self._stuck(*self._stopped)
        self._on_moved(self.moved)
        return self.moved

    def _turns(self, until: float = inf) -> None:
        while (self._window or not (self._source.done or self._stopped)) and monotonic() < until:
            self._turn()
            if self._stopped and self._window.is_settled:
                break

    def _settle(self) -> None:
        """Take nothing more, and wait a moment for the confirms that are on their way: each of them spares a twin."""
        self._stop("interrupted")
        self._turns(monotonic() + LAST_ANSWERS)
        self._acknowledge()
        exchange([self._take], [])

    def _turn(self) -> None:
        give, take = self._give, self._take
        while give.inbox:
            self._hear_target(give.inbox.popleft())
        self._acknowledge()
        while take.inbox and (self._stopped or self._has_room()):
            if not self._hear_source(take.inbox[0]):
                break
            take.inbox.popleft()
        self._tell()
        if self._window or not (self._source.done or self._stopped):
            listening = [give] if take.inbox else [give, take]
            exchange([give, take], listening)

    def _has_room(self) -> bool:
        return self._window.bytes < MOST_BYTES and len(self._give.out) < MOST_BYTES

    def _hear_source(self, event: Event) -> bool:
        """Take an event of the source; False leaves it for later."""
        number, payload, content = event
        if number in {DELIVER, GET_OK}:
            if self._stopped:
                return True  # it stays where it is
            at = 1 + payload[0] if number == DELIVER else 0
            tag, redelivered = unpack_from(">Q?", payload, at)
            at += 9
            at += 1 + payload[at]
            key = payload[at : at + 1 + payload[at]]
            if not self._publisher.may_send(content, alone=not self._window):
                return False
            self._publisher.send(key, content, counters=self._counts and (redelivered or number == GET_OK))
            self._window.sent(tag, len(content))
            self._source.taken(len(content), self.moved)
            self._progress = monotonic()
            if number == DELIVER:
                return True
        elif number == _CANCEL:
            self._stop(f"the broker cancelled the consumer of {self._name}: the queue was deleted, or its node is down")
        elif number in {CHANNEL_CLOSE, CONNECTION_CLOSE}:
            raise Closed(*reason(payload))
        self._source.hear(event)
        return True

    def _hear_target(self, event: Event) -> None:
        number, payload, _ = event
        self._progress = monotonic()
        if number in {_ACK, _NACK}:
            published, bits = unpack_from(">QB", payload)
            multiple = bool(bits & 1)  # the next bit of basic.nack is another one
            if number == _ACK:
                self._window.confirm(published, multiple=multiple)
                if not self._window:
                    self._publisher.all_confirmed()
            else:
                self._window.refuse(published, multiple=multiple)
                self._stop(f"{self._publisher.name} refuses messages (basic.nack): it is full, or cannot store them",
                           f"see its length limit and its overflow behaviour (reject-publish); {NO_HARM}")  # fmt: skip
        elif number == _RETURN:
            self._window.came_back()
            reply, text = reason(payload)
            self._stop(f"{self._publisher.name} is not reached: a message came back ({reply} {text})",
                       UNREACHED)  # fmt: skip
        elif number in {CHANNEL_CLOSE, CONNECTION_CLOSE}:
            raise self._refused(*reason(payload))

    def _acknowledge(self) -> None:
        if (tag := self._window.acknowledgeable()) is not None:
            self._take.put(spec.Basic.Ack, pack(">Q?", tag, True))  # noqa: FBT003 - multiple

    def _tell(self) -> None:
        now = monotonic()
        if now - self._told >= _TELL:
            self._told = now
            self._on_moved(self.moved)
            self._idle()
        if now - self._looked >= _LOOK and not self._stopped:
            self._looked = now
            self._source.look(self.moved)
        if self._give.blocked:
            self._progress = now
            if now - self._give.blocked_since > self._patience:
                raise self._stuck(
                    f"the broker lets nobody publish for {self._patience:g} seconds: {self._give.blocked}",
                    f"wait until its memory and disk alarms are over; {NO_HARM}",
                )
        elif now - self._progress > self._patience:
            what = f"no confirm from {self._publisher.name}" if self._window else f"{self._name} gives no message"
            hint = "is a majority of its nodes up?" if self._window else "is somebody else its single active consumer?"
            raise self._stuck(f"{what} for {self._patience:g} seconds", f"{hint} {NO_HARM}")

    def _stop(self, message: str, hint: str = NO_HARM) -> None:
        self._stopped = self._stopped or (message, hint)

    def _stuck(self, message: str, hint: str = NO_HARM) -> Stuck:
        """Acknowledge what can be, and say why it ends here."""
        self._acknowledge()
        for tag in self._window.leftovers():
            self._take.put(spec.Basic.Ack, pack(">Q?", tag, False))  # noqa: FBT003 - it alone
        return Stuck(message, hint, self.moved, self._window.unsure)

    def _refused(self, reply: int, text: str) -> Stuck:
        """Say that the broker closed the channel or the connection that publishes."""
        if reply == NOT_FOUND:
            return self._stuck(f"{self._publisher.name} is not reached: {reply} {text}", UNREACHED)
        if (user := self._publisher.foreign) is None:
            return self._stuck(f"the broker closed the channel that publishes: {reply} {text}")
        self._window.refuse(self._give.published, multiple=False)
        return self._stuck(
            f"a message has the user_id {user!r}, and only that user may publish it: {reply} {text}",
            f"--drop-user-id moves it without; or log in as a user with the tag impersonator; {NO_HARM}",
        )

    def _closed(self, closed: Closed) -> Stuck:
        return Stuck(f"{self._name}: the broker says {closed.code} {closed}", NO_HARM, *self._known())

    def _lost(self, lost: LineLost) -> Stuck:
        message = f"the connection was lost: {lost}"
        if lost.line is self._take:
            return Stuck(message, NO_HARM, *self._known())
        while self._give.inbox:
            self._hear_target(self._give.inbox.popleft())
        return self._stuck(message)

    def _known(self) -> tuple[int, int]:
        """Count where acknowledgements may not have arrived: moved for sure, and unsure."""
        sure = self._source.synced
        return sure, self.moved - sure + len(self._window) - len(self._window.refused) - self._window.returned
