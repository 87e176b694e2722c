"""Where a broker is and how to log in there: what a road needs to know, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal

# A URL whose host is where it seems to be: else a `;` may stand in a password.
_WHOLE = r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#@\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#@:;\s]+)(:[0-9]+)?([/?][^@]*)?"
DEFAULT = "http://guest:guest@localhost:15672"  # where nothing names a broker, as in RabbitMQ's own tools


def without_credentials(url: str) -> str:
    """Take user names and passwords out of a URL, or of several with `;` between them, however broken they are.

    >>> without_credentials("http://me:s3cr/et#?@shop:15672/x")
    'http://shop:15672/x'
    >>> without_credentials("amqp://me:s3cret@one;amqps://two:5671")
    'amqp://one;amqps://two:5671'
    """
    parts = split_addresses(url)
    if len(parts) > 1 and all(re.fullmatch(_WHOLE, part) for part in parts):
        return ";".join(without_credentials(part) for part in parts)
    return re.sub(r"//.*@" if "//" in url else r"^.*@", "//" if "//" in url else "", url, flags=re.DOTALL)


def split_addresses(text: str) -> list[str]:
    """Take a list of URLs apart at each `;` that another URL follows.

    >>> split_addresses("amqp://one; amqp://two:5673")
    ['amqp://one', 'amqp://two:5673']
    >>> split_addresses("http://me:a;b@shop")
    ['http://me:a;b@shop']
    """
    return re.split(r"\s*;\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)", text)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings of both roads, files in PEM form; certificates and names are verified unless `verify` is False.

    `cert_file` and `key_file` are what this client shows; the key may lie in `cert_file` too, and is not encrypted.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What the right broker says of itself; what is empty is not compared.

    `version` is a release or a longer version, which the broker's must begin with, part by part. `tags` are those of
    the cluster, sorted, as RabbitMQ 4.0 and newer have them. `where` is the place that says so, for messages.
    """

    cluster_name: str = ""
    version: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    where: str = ""

    @property
    def words(self) -> str:
        """Say it in a few words; empty where nothing is expected.

        >>> Expected("rabbit@shop", "4.3", (("region", "eu"),)).words
        'cluster rabbit@shop, version 4.3, tag region=eu'
        """
        said = [f"cluster {self.cluster_name}"] if self.cluster_name else []
        said += [f"version {self.version}"] if self.version else []
        return ", ".join([*said, *(f"tag {name}={value}" for name, value in self.tags)])


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A broker: `broker` is a management URL or a definitions file, `amqp` an AMQP URL.

    Either may be None. Either URL may be several addresses of one cluster with `;` between them, which are tried in
    order as long as nobody answers. `username` and `password` beat those inside a URL; where neither is given it
    is guest / guest, as in RabbitMQ's own tools. `target_version` is the version that a definitions
    file is taken for when it does not name one. `timeout` is in seconds. `channels` is how many channels of one
    AMQP connection, or requests over HTTP alone, work side by side; None is the road's own choice. `probe` is how AMQP
    alone looks: by `active` declares that can create nothing, or by `passive` ones. A broker that is not what is
    `expected` is refused before anything else is read. `project` is the name under which an inventory is kept on the
    broker; where it is empty, none is.
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
    expected: Expected = Expected()
    project: str = ""

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
