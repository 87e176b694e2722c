"""One AMQP connection to one vhost, with several channels, each with one method outstanding.

A channel is a process in the server, and works on its own; one thread reads the answers as they come.
"""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING, Any

from amqp import exceptions as refusals
from amqp import spec
from kombu.connection import Connection
from kombu.transport import pyamqp

from rabbit_topo.broker.http import tls_hint, tls_reason
from rabbit_topo.errors import AccessRefused, BrokerError, LoginRefused, NotABroker, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.address import Address
    from rabbit_topo.broker.amqp_jobs import Job
    from rabbit_topo.broker.target import Tls

ANSWERS = (
    spec.Exchange.DeclareOk,
    spec.Exchange.DeleteOk,
    spec.Exchange.BindOk,
    spec.Exchange.UnbindOk,
    spec.Queue.DeclareOk,
    spec.Queue.DeleteOk,
    spec.Queue.BindOk,
    spec.Queue.UnbindOk,
)
HEARTBEAT = 60  # seconds
TICK = 1.0  # seconds between two looks at the heartbeat


class _Channel(pyamqp.Channel):
    """A channel that notes answers on its connection, and survives being closed by the server."""

    def _setup_listeners(self) -> None:
        super()._setup_listeners()
        self._callbacks.update(dict.fromkeys(ANSWERS, self._note))

    def _note(self, *answer: Any) -> None:
        self.connection.answers.append((self, answer))

    def _on_close(self, *reason: Any) -> None:
        connection = self.connection
        try:
            super()._on_close(*reason)
        except refusals.ChannelError as refusal:
            connection.answers.append((self, refusal))


class _Connection(pyamqp.Connection):
    Channel = _Channel

    def __init__(self, **options: Any) -> None:
        self.answers: list[tuple[_Channel, Any]] = []
        super().__init__(**options)


class _Transport(pyamqp.Transport):
    Connection = _Connection


class Link:
    """An open connection. Raises `BrokerError` when it cannot be opened."""

    def __init__(self, address: Address, vhost: str, tls: Tls, timeout: float, channels: int) -> None:
        """Connect, log in, open the channels."""
        self.vhost = vhost
        self._timeout = timeout
        self._flight: dict[Any, Job] = {}
        connection: Any = Connection
        client = connection(
            hostname=address.host,
            port=address.port or (5671 if address.scheme.endswith("s") else 5672),
            userid=address.username,
            password=address.password,
            virtual_host=vhost,
            ssl=_tls_options(address, tls) if address.scheme == "amqps" else False,
            connect_timeout=min(timeout, 10.0),
            heartbeat=HEARTBEAT,
            transport=_Transport,
            transport_options={
                "read_timeout": timeout,
                "write_timeout": timeout,
                "client_properties": {"connection_name": "rabbit-topo"},
            },
        )
        self._wire: Any = None
        try:
            self._wire = client.transport.establish_connection()
            self._idle = [self._wire.channel() for _ in range(channels)]
        except Exception as error:  # noqa: BLE001 - what answers may be anything, and py-amqp raises anything
            self.drop()
            raise _why_closed(error, address, vhost) from None
        self.cluster_name = str(self._wire.server_properties.get("cluster_name", ""))

    def send(self, job: Job) -> None:
        """Send a job's next step on a free channel. Raises `OSError` and py-amqp's errors when the line is dead."""
        channel = self._idle.pop()
        self._flight[channel] = job
        job.sent = True
        self._write(channel, job)

    def _write(self, channel: Any, job: Job) -> None:
        step = job.steps[job.at]
        self._wire.frame_writer(1, channel.channel_id, step.method, step.payload, None)

    @property
    def in_flight(self) -> int:
        """How many jobs wait for an answer."""
        return len(self._flight)

    @property
    def has_room(self) -> bool:
        """Say whether a channel is free."""
        return bool(self._idle)

    def finished(self) -> Iterator[tuple[Job, str]]:
        """Wait for answers; yield each finished job with the reason why it failed, empty where it is done.

        Raises `OSError` and py-amqp's connection errors when the connection ends.
        """
        self._read()
        while self._wire.answers:
            channel, answer = self._wire.answers.pop(0)
            job = self._flight.pop(channel, None)
            if job is None:
                continue
            if isinstance(answer, Exception):
                reason = words(answer)
            else:
                check = job.steps[job.at].check
                reason = check(answer) if check else ""
                job.at += 1
                if not reason and job.at < len(job.steps):
                    self._flight[channel] = job
                    self._write(channel, job)
                    continue
            self._idle.append(channel)
            yield job, reason

    def _read(self) -> None:
        """Read one frame; keep the heartbeat going meanwhile, and lose patience after the time-out."""
        since = monotonic()
        while not self._wire.answers:
            try:
                self._wire.blocking_read(TICK)
            except TimeoutError:
                self._wire.heartbeat_tick()
                if monotonic() - since > self._timeout:
                    raise OSError(f"no answer for {self._timeout:g} seconds") from None

    def drop(self) -> list[Job]:
        """Forget the connection without a word; return the jobs whose answers are lost."""
        lost = list(self._flight.values())
        self._flight = {}
        self._idle = []
        if self._wire is not None:
            self._wire.collect()
        return lost

    def close(self) -> None:
        """Say goodbye."""
        try:
            self._wire.close()
        except (OSError, refusals.AMQPError):
            self.drop()


def words(refusal: BaseException) -> str:
    """Quote the broker."""
    return str(getattr(refusal, "reply_text", None) or refusal)


def _tls_options(address: Address, tls: Tls) -> dict[str, Any]:
    options: dict[str, Any] = {"server_hostname": address.host, "cert_reqs": ssl.CERT_REQUIRED}
    if not tls.verify:
        options = {"cert_reqs": ssl.CERT_NONE}
    files = {"ca_certs": tls.ca_file, "certfile": tls.cert_file, "keyfile": tls.key_file}
    return options | {name: value for name, value in files.items() if value}


def _why_closed(error: Exception, address: Address, vhost: str) -> BrokerError:
    where, user = address.shown, address.username
    match error:
        case refusals.AccessRefused():
            return LoginRefused(f"{where} refuses the login of user {user!r}: {words(error)}", address.login_hint)
        case refusals.NotAllowed():
            return AccessRefused(
                f"{where}: user {user!r} may not use vhost {vhost!r}: {words(error)}",
                f"does it exist? Else: rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'",
            )
        case ssl.SSLError():
            return Unreachable(f"{where}: TLS failed: {tls_reason(error)}", tls_hint(str(error)))
        case refusals.FrameSyntaxError() | refusals.UnexpectedFrame():
            return NotABroker(f"{where} does not speak AMQP", "AMQP listens on port 5672, with TLS on 5671")
        case OSError() | refusals.ConnectionError():
            reason = getattr(error, "strerror", None) or words(error)
            return Unreachable(f"{where}: no connection: {reason}", "is the broker running, and the port right?")
        case _:
            return NotABroker(f"{where} does not speak AMQP: {error}", "AMQP listens on port 5672, with TLS on 5671")
