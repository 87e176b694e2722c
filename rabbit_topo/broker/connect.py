"""Choose the road that a target asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from rabbit_topo.broker.address import parse_addresses
from rabbit_topo.broker.target import DEFAULT, Expected, Target, Tls
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker import Broker

__all__ = ["DEFAULT", "connect", "connect_target"]


def connect(
    broker: str | None = None,
    *,
    amqp: str | None = None,
    username: str | None = None,
    password: str | None = None,
    tls: Tls = Tls(),  # noqa: B008 - a frozen value
    target_version: str = "",
    timeout: float = 30.0,
    channels: int | None = None,
    probe: Literal["active", "passive"] = "active",
    expected: Expected = Expected(),  # noqa: B008 - a frozen value
    project: str = "",
) -> Broker:
    """Open a broker: a management URL, an AMQP URL, both of one broker, or a definitions file.

    Either URL may be several addresses of one cluster with `;` between them. Without any it is
    `http://guest:guest@localhost:15672`, as in RabbitMQ's own tools. `timeout` is in seconds.
    `channels` is how many channels, or requests over HTTP alone, work side by side; None is the road's own choice.
    `probe` is how AMQP alone looks. A broker that is not what is `expected` is refused when it is first read. Under the
    name `project` an inventory is kept on it. Nothing is sent yet. Raises `UsageError` where a URL, a TLS file or the
    definitions file cannot be used.

    >>> connect("http://me@shop.example:15672", password="secret").close()
    """
    target = Target(broker, amqp, username, password, tls, target_version, timeout, channels, probe, expected, project)
    return connect_target(target)


def connect_target(target: Target) -> Broker:
    """Open the broker that `target` describes; see `connect`."""
    if target.broker is None:
        if target.amqp is not None:
            from rabbit_topo.broker.amqp_alone import AmqpAlone

            return AmqpAlone(target)
        return connect_target(replace(target, broker=DEFAULT))
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", target.broker):
        from rabbit_topo.broker.definitions import Definitions

        file = Definitions(target.broker, target.target_version, target.expected, target.project)
        if target.amqp is not None:
            raise UsageError(
                f"{target.broker} is a file, and an AMQP URL is given with it", "a definitions file takes no --amqp"
            )
        return file
    parse_addresses(target.broker, target, ("http", "https"), "--broker")
    if target.amqp is not None:
        from rabbit_topo.broker.both import Both

        return Both(target)
    from rabbit_topo.broker.management import Management

    return Management(target)
