"""Where a URL leads and who logs in there, apart from each other: only the first is ever shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rabbit_topo.broker.target import DEFAULT, without_credentials
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from rabbit_topo.broker.target import Target

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a login. `port` is None where the URL names none; `path` has no slash at its end.

    `password_given` is False where nobody gave one: not even guest's, which is guest.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    username: str
    password: str = field(repr=False)
    password_given: bool = True

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
    def login_hint(self) -> str:
        """What to try when this login is refused."""
        if not self.password_given:
            return f"no password was given for {self.username!r}: --password-file, or the broker's URL, names it"
        return "check the user name and the password"

    @property
    def loopback(self) -> bool:
        """Say whether it is this machine."""
        return self.host in LOOPBACK


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
    username = target.username if target.username is not None else unquote(parts.username or "guest")
    password = target.password
    if password is None and parts.password and url != DEFAULT:
        password = unquote(parts.password)
    if password is None and username == "guest":
        password = "guest"  # noqa: S105 - what RabbitMQ gives that user
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        path=parts.path.rstrip("/"),
        username=username,
        password=password or "",
        password_given=password is not None,
    )
