"""Where a URL leads and who logs in there, apart from each other: only the first is ever shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from rabbit_topo.broker.target import Target

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a login. `port` is None where the URL names none; `path` has no slash at its end."""

    scheme: str
    host: str
    port: int | None
    path: str
    username: str
    password: str = field(repr=False)

    @property
    def netloc(self) -> str:
        """Host and port, as a URL spells them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL without credentials."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def loopback(self) -> bool:
        """Say whether it is this machine."""
        return self.host in LOOPBACK


def without_credentials(url: str) -> str:
    """Take user name and password out of a URL, however broken it is.

    >>> without_credentials("http://me:s3cr/et@shop:15672/x")
    'http://shop:15672/x'
    """
    return re.sub(r"//[^?#]*@", "//", url)


def parse_address(url: str, target: Target, schemes: Collection[str], word: str) -> Address:
    """Read a URL; `word` is what the user knows it by. Raises `UsageError`, never with a password in it."""
    shown = without_credentials(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{word}: {shown!r} is no URL", f"write it as {min(schemes)}://host:port") from None
    if parts.scheme not in schemes:
        raise UsageError(f"{word}: {shown!r} does not start with {' or '.join(f'{s}://' for s in sorted(schemes))}")
    if not parts.hostname:
        raise UsageError(f"{word}: {shown!r} names no host", f"write it as {parts.scheme}://host:port")
    username, password = parts.username, parts.password
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        path=parts.path.rstrip("/"),
        username=target.username if target.username is not None else unquote(username or "guest"),
        password=target.password if target.password is not None else unquote((password or "") if username else "guest"),
    )
