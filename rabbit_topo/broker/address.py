"""Where a URL leads and who logs in there, apart from each other: only the first is ever shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from rabbit_topo.broker.target import DEFAULT
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from rabbit_topo.broker.target import Target

SCHEMES = frozenset({"http", "https", "amqp", "amqps"})
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


def resembles_url(text: str) -> bool:
    """Say whether a text that is no file's path was meant for a URL: a password may be in it, so it is not shown.

    >>> resembles_url("me:s3cret@shop:15672"), resembles_url("http:me@shop"), resembles_url("guest:s3cret")
    (True, True, True)
    >>> resembles_url("broker.json"), resembles_url("C:/broker.json")
    (False, False)
    """
    # A colon after the first letters is a login's, but for the one of a drive.
    return bool(re.search(r"@|://|^https?:|^amqp|^[^/\\\\.:]{2,}:", text, re.IGNORECASE))


def no_url(word: str, schemes: tuple[str, ...]) -> UsageError:
    """Say that a value is no URL, and nothing of what it is."""
    example = "http://host:15672 or the path of a definitions file" if "http" in schemes else "amqp://host:5672"
    return UsageError(f"{word} is not a URL", f"write {example}")


def split_url(url: str, schemes: tuple[str, ...], word: str) -> SplitResult:
    """Take a URL apart. Raises `UsageError`, which quotes nothing of it but a scheme that everybody knows."""
    if not url.partition(":")[2].startswith("//"):
        raise no_url(word, schemes)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise no_url(word, schemes) from None
    try:
        port = parts.port
    except ValueError as error:
        if not str(error).startswith("Port out of range"):
            raise no_url(word, schemes) from None
        port = 0
    if port == 0:
        raise UsageError(f"{word}: the port of the URL is out of range", "a port is a number from 1 to 65535")
    if parts.scheme not in schemes:
        if parts.scheme not in SCHEMES:
            raise no_url(word, schemes)
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise UsageError(
            f"{word}: the URL must begin with {wanted}, not {parts.scheme}://",
            "--broker takes http://host:15672 or a definitions file, --amqp takes amqp://host",
        )
    if "@" in parts.path + parts.query + parts.fragment:
        raise UsageError(
            f"{word}: the URL has an '@' behind its host",
            "in a user name or a password, '/' is written %2F, '?' %3F, '#' %23 and '@' %40",
        )
    if not parts.hostname:
        raise UsageError(f"{word}: the URL names no host", f"write it as {parts.scheme}://host:port")
    return parts


def parse_address(url: str, target: Target, schemes: tuple[str, ...], word: str) -> Address:
    """Read a URL; `word` is what the user knows it by. Raises `UsageError` as `split_url` does."""
    parts = split_url(url, schemes, word)
    username = target.username if target.username is not None else unquote(parts.username or "guest")
    password = target.password
    if password is None and parts.password and url != DEFAULT:
        password = unquote(parts.password)
    if password is None and username == "guest":
        password = "guest"  # noqa: S105 - what RabbitMQ gives that user
    return Address(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port,
        path=parts.path.rstrip("/"),
        username=username,
        password=password or "",
        password_given=password is not None,
    )
