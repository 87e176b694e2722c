"""Make sure that objects exist, and take those that do as they are."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from amqp import spec
from amqp.exceptions import AccessRefused, NotFound, PreconditionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.connection import Connection

    from rabbit_topo.clients.needs import Needs
    from rabbit_topo.model import Binding, Exchange, Queue

_log = logging.getLogger(__name__)


def declare(connection: Connection, needs: Needs) -> None:
    """Declare what is missing, on a channel of its own: a refusal closes a channel.

    What this user may not look at, or not bind, is taken to be the tool's. Raises py-amqp's errors,
    such as AccessRefused for an object that is missing and that this user may not declare.
    """
    channel = connection.channel()
    try:
        for exchange in needs.exchanges:
            _ensure(exchange.name, "exchange", partial(_exchange, channel, exchange))
        for queue in needs.queues:
            _ensure(queue.name, "queue", partial(_queue, channel, queue))
        for binding in needs.bindings:
            _bind(channel, binding)
    finally:
        if channel.is_open and channel.connection is not None:
            channel.close()


def _ensure(name: str, kind: str, send: Callable[..., None]) -> None:
    """Ask first, and declare only what is not there."""
    try:
        send(passive=True)
    except AccessRefused as error:
        _log.warning("taking %s %s for declared: %s", kind, name, error.reply_text)
    except NotFound as error:
        # the same code says that the node of a queue is down, which declaring would not mend
        if f"no {kind} '" not in (error.reply_text or ""):
            raise
        try:
            send(passive=False)
        except PreconditionFailed as refusal:  # somebody else was faster
            if "inequivalent arg" not in (refusal.reply_text or ""):
                raise


def _exchange(channel: Any, exchange: Exchange, *, passive: bool) -> None:
    # by hand, since py-amqp's exchange_declare knows no `internal`
    flags = (passive, exchange.durable, exchange.auto_delete, exchange.internal, False)
    arguments = (0, exchange.name, exchange.type, *flags, dict(exchange.arguments))
    channel.send_method(spec.Exchange.Declare, "BssbbbbbF", arguments, wait=spec.Exchange.DeclareOk)


def _queue(channel: Any, queue: Queue, *, passive: bool) -> None:
    arguments = dict(queue.arguments)
    if queue.type is not None:
        arguments["x-queue-type"] = queue.type
    channel.queue_declare(
        queue.name,
        passive=passive,
        durable=queue.durable,
        exclusive=False,
        auto_delete=queue.auto_delete,
        arguments=arguments,
    )


def _bind(channel: Any, binding: Binding) -> None:
    try:
        bind = channel.queue_bind if binding.destination_kind == "queue" else channel.exchange_bind
        bind(binding.destination, binding.source, binding.routing_key, arguments=dict(binding.arguments))
    except AccessRefused as error:
        _log.warning("taking %s for bound to %s: %s", binding.destination, binding.source, error.reply_text)
