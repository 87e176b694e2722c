"""Publish as one entry of `publishers:` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from amqp.exceptions import ChannelError, MessageNacked
from kombu.messaging import Producer
from kombu.serialization import dumps

from rabbit_topo.clients.declare import declare
from rabbit_topo.clients.entities import unknown
from rabbit_topo.clients.needs import of_publisher
from rabbit_topo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from kombu.connection import Connection

    from rabbit_topo import model
    from rabbit_topo.model import Plain, Topology

CONFIRM_TIMEOUT_S = 30.0
# About twenty seconds in all: long enough for a node to restart.
RETRY_POLICY = {"max_retries": 10, "interval_start": 0.2, "interval_step": 0.4, "interval_max": 3.0}


class NotRouted(BrokerError):
    """The broker returned a mandatory message: no queue takes it."""


class NotConfirmed(BrokerError):
    """The broker refused the message: a queue is full, or cannot take it now."""


def publisher(topology: Topology, name: str, connection: Connection) -> Publisher:
    """Return what publishes as the entry `name` of `publishers:` says; nothing is sent yet.

    Raises UsageError for an unknown name.
    """
    if name not in topology.publishers:
        raise unknown("publisher", name, topology.publishers)
    return Publisher(topology, topology.publishers[name], connection)


class Publisher:
    """Publishes on a channel of its own, with publisher confirms.

    The entry's exchange, and what hangs on it, is declared before the first publish and again after
    a lost connection.
    """

    def __init__(self, topology: Topology, entry: model.Publisher, connection: Connection) -> None:
        """Remember what to do; the broker is not talked to before the first publish."""
        self.entry = entry
        self._connection = connection
        self._needs = of_publisher(topology, entry)
        self._channel: Any = None
        self._returned: list[str] = []

    def publish(
        self,
        body: Plain,
        *,
        routing_key: str | None = None,
        headers: Mapping[str, Plain] | None = None,
        confirm_timeout: float = CONFIRM_TIMEOUT_S,
        **overrides: Any,
    ) -> None:
        """Publish one message, and return when the broker has taken it over.

        `overrides` are options of the entry, or message properties such as `correlation_id`;
        `expiration` is in seconds, as in kombu, and so is `confirm_timeout`. With `retry` a message
        that was on its way when the connection broke is sent again: it may arrive twice.

        Raises NotRouted, NotConfirmed, py-amqp's ChannelError (the exchange was deleted, no
        permission), or a connection error of kombu's when the broker stays away.
        """
        options: dict[str, Any] = {**_kombu_options(self.entry.options), **overrides}
        retry = options.pop("retry", False)
        policy = {**RETRY_POLICY, **(options.pop("retry_policy", None) or {})}
        options["headers"] = {**(options.get("headers") or {}), **(headers or {})}
        options["routing_key"] = self.entry.routing_key if routing_key is None else routing_key
        serializer = options.pop("serializer", None) or "json"
        if options.get("content_type"):  # kombu would take the body for encoded already
            _, encoding, body = dumps(body, serializer)
            options.setdefault("content_encoding", encoding)
        else:
            options["serializer"] = serializer
        send = self._connection.ensure(self, self._send, **policy) if retry else self._send
        send(body, options, confirm_timeout)

    def revive(self, _channel: Any) -> None:
        """Forget the channel of a lost connection; kombu calls this when it has a new one."""
        self._channel = None

    def close(self) -> None:
        """Close the channel; the connection is the application's. The next publish opens a new one."""
        channel, self._channel = self._channel, None
        if channel is not None and channel.is_open and channel.connection is not None:
            channel.close()

    def __enter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, unless the connection is what failed."""
        if not isinstance(error, self._connection.connection_errors):
            self.close()

    def _send(self, body: Plain, options: Mapping[str, Any], confirm_timeout: float) -> None:
        channel = self._ready()
        self._returned.clear()

        def confirmed(*args: Any, **kwargs: Any) -> None:
            kwargs["confirm_timeout"] = confirm_timeout
            channel.basic_publish_confirm(*args, **kwargs)

        channel.basic_publish = confirmed
        try:
            Producer(channel, auto_declare=False).publish(body, exchange=self.entry.exchange, **options)
        except MessageNacked:
            raise NotConfirmed(f"the broker did not take a message for exchange {self.entry.exchange!r}") from None
        except ChannelError:
            self.close()  # py-amqp opens it anew, but no longer in confirm mode
            raise
        except BaseException:
            self._channel = None  # a late confirm would be taken for the next message's
            raise
        if self._returned:
            raise NotRouted(self._returned[0], "is the binding declared? rabbit-topo check")

    def _ready(self) -> Any:
        """Return an open channel, everything declared."""
        channel = self._channel
        if channel is None or not channel.is_open or not channel.connection or not channel.connection.connected:
            self._channel = None
            channel = self._connection.channel()
            declare(self._connection, self._needs)
            channel.events["basic_return"].add(self._on_return)
            self._channel = channel
        return channel

    def _on_return(self, error: Exception, exchange: str, routing_key: str, _message: object) -> None:
        reason = getattr(error, "reply_text", "") or "returned"
        self._returned.append(f"no queue takes {routing_key!r} from exchange {exchange!r}: {reason}")


def _kombu_options(options: Mapping[str, Plain]) -> dict[str, Any]:
    """Turn the entry's options into kombu's: durations are milliseconds there, seconds here."""
    made = dict(options)
    if isinstance(made.get("expiration"), int):
        made["expiration"] /= 1000
    return made
