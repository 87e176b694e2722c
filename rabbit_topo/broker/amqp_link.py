"""One AMQP connection to one vhost, with several channels, each with one method outstanding.

A channel is a process in the server, and works on its own; one thread reads the answers as they come. A channel is
opened with the batch that first uses it, and again with the next one after the server has closed it: nobody waits
for its open-ok.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - it is a class
from time import perf_counter
from typing import TYPE_CHECKING, Any

from amqp import spec

from rabbit_topo.broker.amqp_answers import Closed, declared, reason
from rabbit_topo.broker.amqp_login import goodbye, words
from rabbit_topo.broker.amqp_talk import Burst, Ok, Refused
from rabbit_topo.broker.amqp_wire import OVERHEAD, Wire

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp_talk import Answer, Job
    from rabbit_topo.broker.amqp_wire import Frame, Number

GOODBYE = 2.0  # seconds that an answer to it may take
QUIET = 1.5  # heartbeats without a word; after two of them the broker may have given up the line, and the lock
NUMBER = 4  # bytes of a method's number
IGNORED = frozenset({spec.Connection.Blocked, spec.Connection.Unblocked})  # only who publishes is ever blocked


@dataclass(frozen=True, slots=True)
class ServerProperties:
    """What a broker says of itself when somebody logs in, and what was agreed on for the connection.

    `heartbeat` is in seconds, 0 is off; `frame_max` is in bytes.
    `platform` is what it runs on, in its own words.
    """

    product: str
    version: str
    cluster_name: str
    mechanisms: tuple[str, ...]
    channel_max: int
    frame_max: int
    heartbeat: int
    platform: str = ""


class Link:
    """The channels of py-amqp's `connection`, at most so many as given here and as the broker allows.

    Raises OSError when the line fails, and `Closed`; `heard` then still holds the answers that came before.
    """

    def __init__(self, connection: Any, timeout: float, channels: int) -> None:
        self.server = read_server(connection)
        self.heard: list[tuple[Job[Any], Answer]] = []
        self.answered = 0
        self._connection = connection
        self._wire = Wire(connection, timeout)
        self._limit = min(channels, connection.channel_max)
        self._opened = 0
        self._opening: set[int] = set()
        self._idle: list[int] = []
        self._flight: dict[int, Job[Any]] = {}

    @property
    def largest(self) -> int:
        """How many bytes a method's arguments may have: it must fit into one frame."""
        return self.server.frame_max - OVERHEAD - NUMBER

    @property
    def in_flight(self) -> int:
        """How many methods wait for an answer."""
        return len(self._flight)

    @property
    def has_room(self) -> bool:
        """Say whether a channel is free, or can be opened."""
        return bool(self._idle) or self._opened < self._limit

    @property
    def trouble(self) -> str:
        """Say why a connection that nobody uses is lost, or may be, as its heart stood still; empty if all is well."""
        try:
            self._take(self._wire.glance())
        except (OSError, Closed) as error:
            return words(error)
        if self.server.heartbeat and self._wire.idle > QUIET * self.server.heartbeat:
            return f"no sign of life for {self._wire.idle:.0f} seconds"
        return ""

    def beat(self) -> None:
        """Show a sign of life if one is due; the one method that another thread may call."""
        self._wire.beat()

    def put(self, job: Job[Any]) -> None:
        """Add a job's method, or its burst, to the next batch, on a free channel."""
        if self._idle:
            channel = self._idle.pop()
        else:
            self._opened = channel = self._opened + 1
            self._open(channel)
        job.sent = True
        self._flight[channel] = job
        if isinstance(job.method, Burst):
            job.method.done.clear()
            job.method.sent = perf_counter()
        for method in job.methods:
            self._wire.put(channel, method.number, method.payload)

    def flush(self) -> None:
        """Send the batch."""
        self._wire.flush()

    def read(self, patience: float | None = None) -> None:
        """Wait until something is heard, `patience` seconds where it is given; it may be no answer."""
        self._take(self._wire.read(patience))

    def drop(self) -> list[Job[Any]]:
        """Forget the connection without a word; return the jobs whose answers are lost."""
        lost = list(self._flight.values())
        self._flight = {}
        goodbye(self._connection)
        return lost

    def close(self) -> None:
        """Say goodbye, and wait for the answer, as it comes after all that was sent before."""
        with suppress(OSError):
            self._wire.put(0, spec.Connection.Close, b"\0\0\0\0\0\0\0")
            self._wire.flush()
            while not any(number == spec.Connection.CloseOk for _, number, _ in self._wire.read(GOODBYE)):
                pass
        self.drop()

    def _open(self, channel: int) -> None:
        self._opening.add(channel)
        self._wire.put(channel, spec.Channel.Open, b"\0")

    def _take(self, frames: list[Frame]) -> None:
        try:
            for frame in frames:
                self._hear(*frame)
        except (StructError, IndexError, UnicodeDecodeError) as error:
            raise OSError(f"what it sent is no AMQP: {error}") from error

    def _hear(self, channel: int, number: Number, payload: bytes) -> None:
        if channel == 0:
            self._hear_connection(number, payload)
        elif channel > self._opened:
            raise OSError(f"an answer that nobody asked for: method {number} on channel {channel}")
        elif number == spec.Channel.Close:
            self._wire.put(channel, spec.Channel.CloseOk, b"")
            self._open(channel)
            self._answer(channel, Refused(*reason(payload)))
        elif number == spec.Channel.OpenOk:
            self._opening.discard(channel)
        elif channel not in self._opening:
            job = self._flight.get(channel)
            if job is None or number != _ok(job.awaited.number):
                raise OSError(f"an answer that nobody asked for: method {number} on channel {channel}")
            if isinstance(job.method, Burst):
                job.method.done.append(perf_counter())
                if len(job.method.done) < len(job.method.methods):
                    return
            self._answer(channel, Ok(declared(payload) if number == spec.Queue.DeclareOk else ()))

    def _hear_connection(self, number: Number, payload: bytes) -> None:
        if number == spec.Connection.Close:
            with suppress(OSError):
                self._wire.put(0, spec.Connection.CloseOk, b"")
                self._wire.flush()
            raise Closed(*reason(payload))
        if number not in IGNORED:
            raise OSError(f"an answer that nobody asked for: method {number} of the connection")

    def _answer(self, channel: int, answer: Answer) -> None:
        if job := self._flight.pop(channel, None):
            self._idle.append(channel)
            self.answered += 1
            self.heard.append((job, answer))


def read_server(connection: Any) -> ServerProperties:
    """Read what py-amqp kept of the login."""
    told = connection.server_properties
    return ServerProperties(
        product=str(told.get("product", "")),
        version=str(told.get("version", "")),
        cluster_name=str(told.get("cluster_name", "")),
        mechanisms=tuple(name.decode(errors="replace") for name in connection.mechanisms),
        channel_max=connection.channel_max,
        frame_max=connection.frame_max,
        heartbeat=connection.heartbeat or 0,
        platform=str(told.get("platform", "")),
    )


def _ok(number: Number) -> Number:
    return spec.Exchange.UnbindOk if number == spec.Exchange.Unbind else (number[0], number[1] + 1)
