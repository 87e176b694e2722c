"""Where a broker is and how to log in there: what a road needs to know, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings of both roads; certificates are verified unless `verify` is False."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A broker: `broker` is a management URL or a definitions file, `amqp` an AMQP URL.

    Either may be None. `username` and `password` beat those inside a URL; where neither is given it
    is guest / guest, as in RabbitMQ's own tools. `target_version` is the version that a definitions
    file is taken for when it does not name one. `timeout` is in seconds.
    """

    broker: str | None = None
    amqp: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    target_version: str = ""
    timeout: float = 30.0
