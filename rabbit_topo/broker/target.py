"""Where a broker is and how to log in there: what a road needs to know, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal

DEFAULT = "http://guest:guest@localhost:15672"  # where nothing names a broker, as in RabbitMQ's own tools


def without_credentials(url: str) -> str:
    """Take user name and password out of a URL, however broken it is.

    >>> without_credentials("http://me:s3cr/et#?@shop:15672/x")
    'http://shop:15672/x'
    """
    return re.sub(r"//.*@" if "//" in url else r"^.*@", "//" if "//" in url else "", url, flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings of both roads; certificates are verified unless `verify` is False."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A broker: `broker` is a management URL or a definitions file, `amqp` an AMQP URL.

    Either may be None. `username` and `password` beat those inside a URL; where neither is given it
    is guest / guest, as in RabbitMQ's own tools. `target_version` is the version that a definitions
    file is taken for when it does not name one. `timeout` is in seconds. `channels` is how many channels of one
    AMQP connection, or requests over HTTP alone, work side by side; None is the road's own choice. `probe` is how AMQP
    alone looks: by `active` declares that can create nothing, or by `passive` ones.
    """

    broker: str | None = None
    amqp: str | None = None
    username: str | None = None
    password: str | None = None
    tls: Tls = Tls()
    target_version: str = ""
    timeout: float = 30.0
    channels: int | None = None
    probe: Literal["active", "passive"] = "active"

    def __repr__(self) -> str:
        """Show everything but credentials: the password is left out, and so is a URL's login.

        >>> Target("http://me:secret@shop:15672", password="secret")
        Target(broker='http://shop:15672')
        """
        shown = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default and one.name != "password":
                shown.append(f"{one.name}={without_credentials(value) if isinstance(value, str) else value!r}")
        return f"Target({', '.join(shown)})"
