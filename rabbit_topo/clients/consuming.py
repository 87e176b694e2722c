"""Consume as one entry of `consumers:` says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from kombu.messaging import Consumer as KombuConsumer

from rabbit_topo.clients.declare import declare
from rabbit_topo.clients.entities import queue, unknown
from rabbit_topo.clients.needs import of_consumer
from rabbit_topo.model import Key, Kind, Queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.connection import Connection
    from kombu.message import Message

    from rabbit_topo import model
    from rabbit_topo.model import Topology

_log = logging.getLogger(__name__)
# A stream is not delivered without a limit (its consumers need a prefetch).
STREAM_PREFETCH = 100
# A worker waits for its broker as long as it takes.
RETRY_POLICY = {"max_retries": None, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 5.0}


def consumer(topology: Topology, name: str, connection: Connection, on_message: Callable[[Message], None]) -> Consumer:
    """Return a kombu consumer for the entry `name` of `consumers:`, its queues declared and bound.

    `on_message` gets each `kombu.Message` (its `payload` is the decoded body) and has to `ack()` or
    `reject()` it. Consuming starts with `consume()`, or with entering it as a context.
    Raises UsageError for an unknown name, and what `declare` raises.
    """
    if name not in topology.consumers:
        raise unknown("consumer", name, topology.consumers)
    return Consumer(topology, topology.consumers[name], connection, on_message)


class Consumer(KombuConsumer):
    """A kombu consumer that declares by the files, and comes back after a lost connection."""

    def __init__(
        self,
        topology: Topology,
        entry: model.Consumer,
        connection: Connection,
        on_message: Callable[[Message], None],
    ) -> None:
        """Open a channel, declare what is needed, set the prefetch."""
        self.entry = entry
        self._connection = connection
        self._needs = of_consumer(topology, entry)
        self._handle = on_message
        self._failure: Exception | None = None
        prefetch = entry.options.get("prefetch")
        if prefetch is None and any(_is_stream(topology, entry.vhost, name) for name in entry.queues):
            prefetch = STREAM_PREFETCH
        super().__init__(  # type: ignore[no-untyped-call]
            connection.channel(),
            queues=[queue(topology, name, vhost=entry.vhost) for name in entry.queues],
            on_message=self._on_message,
            prefetch_count=prefetch,
            no_ack=entry.options.get("no_ack"),
            accept=entry.options.get("accept"),
        )

    def declare(self) -> None:
        """Declare what is missing; kombu calls this for every new channel."""
        declare(self._connection, self._needs)

    def drain(self, timeout: float = 1.0) -> bool:
        """Handle one event of the connection, waiting at most `timeout` seconds; say whether there was one.

        A lost connection, or a queue deleted under the consumer, is logged; then this waits for the
        broker, declares again and goes on consuming. What `on_message` raises is raised here.
        """
        self._failure = None
        try:
            if self._connection.heartbeat:
                self._connection.heartbeat_check()
            self._connection.drain_events(timeout=timeout)
        except TimeoutError as error:
            if error is self._failure:
                raise
            return False
        except self._connection.recoverable_connection_errors as error:
            if error is self._failure and self._connection.connected:
                raise
            _log.warning("connecting again: %s: %s", type(error).__name__, error)
            self._resume()
            return False
        return True

    def _on_message(self, message: Message) -> None:
        try:
            self._handle(message)
        except Exception as error:
            self._failure = error
            raise

    def _resume(self) -> None:
        active = bool(self._active_tags)

        def restart() -> None:
            super(Consumer, self).revive(self._connection.channel())  # type: ignore[no-untyped-call]
            if active:
                self.consume()  # type: ignore[no-untyped-call]

        self._connection.collect()
        self._connection.ensure(_NothingToRevive(), restart, **RETRY_POLICY)()


class _NothingToRevive:
    """What kombu's `ensure` asks for: everything is made anew by the function itself."""

    def revive(self, channel: Any) -> None:
        """Leave the channel alone."""


def _is_stream(topology: Topology, vhost: str, name: str) -> bool:
    found = topology.resources.get(Key(vhost, Kind.QUEUE, name))
    return isinstance(found, Queue) and found.type == "stream"
