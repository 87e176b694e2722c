"""Where a URL leads and who logs in there, apart from each other: only the first is ever shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from rabbit_topo.broker.target import DEFAULT, split_addresses
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

    from rabbit_topo.broker.target import Target

TLS_PORTS = {"https": 443, "amqps": 5671}  # where the URL names none
SCHEMES = frozenset({"http", "https", "amqp", "amqps"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEARTBEAT = 60  # seconds
LONGEST_HEARTBEAT = 65_535  # seconds: 16 bits of connection.tune
# RabbitMQ's own query parameters of a URL (https://www.rabbitmq.com/docs/uri-query-parameters), and what says it here.
ELSEWHERE = {
    "cacertfile": "the CA file is named with --ca-file, or tls: ca_file",
    "certfile": "the client certificate is named with --cert-file, or tls: cert_file",
    "keyfile": "the key is named with --key-file, or tls: key_file",
    "verify": "the broker's certificate is always verified, but for tls: {verify: false}",
    "server_name_indication": "the name in the URL is the one that is sent and verified",
    "connection_timeout": "--timeout says it, in seconds",
    "channel_max": "--channels says how many are used",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A server and a login. `port` is None where the URL names none; `path` has no slash at its end.

    `password_given` is False where nobody gave one: not even guest's, which is guest. `external` means that the
    client certificate is the login (SASL EXTERNAL): user and password are empty then. `vhost` is the one that the
    path of an AMQP URL names, None where it names none. `heartbeat` is in seconds; `heartbeat_given` is False where the
    URL does not say it.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    username: str
    password: str = field(repr=False)
    password_given: bool = True
    external: bool = False
    vhost: str | None = None
    heartbeat: int = HEARTBEAT
    heartbeat_given: bool = False

    @property
    def netloc(self) -> str:
        """Host and port, as a URL spells them."""
        return self.bracketed if self.port is None else f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host, as a URL spells it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def shown(self) -> str:
        """The URL without credentials."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def who(self) -> str:
        """Who logs in, in words."""
        return "the user of the client certificate" if self.external else f"user {self.username!r}"

    @property
    def login_hint(self) -> str:
        """What to try when this login is refused."""
        if self.external:
            return "the certificate's name must be a user: see ssl_cert_login_from in the broker's configuration"
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
    if parts.scheme in SCHEMES and "@" in parts.path + parts.query + parts.fragment:
        raise UsageError(
            f"{word}: the URL has an '@' behind its host",
            "in a user name or a password, '/' is written %2F, '?' %3F, '#' %23 and '@' %40",
        )
    _check_port(parts, schemes, word)
    if parts.scheme not in schemes:
        if parts.scheme not in SCHEMES:
            raise no_url(word, schemes)
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise UsageError(
            f"{word}: the URL must begin with {wanted}, not {parts.scheme}://",
            "--broker takes http://host:15672 or a definitions file, --amqp takes amqp://host",
        )
    if not parts.hostname:
        raise UsageError(f"{word}: the URL names no host", f"write it as {parts.scheme}://host:port")
    if ";" in parts.netloc.rpartition("@")[2] + parts.path:
        raise UsageError(
            f"{word}: behind a ';' another whole URL is expected", f"{parts.scheme}://one;{parts.scheme}://two"
        )
    return parts


def _check_port(parts: SplitResult, schemes: tuple[str, ...], word: str) -> None:
    try:
        port = parts.port
    except ValueError as error:
        if not str(error).startswith("Port out of range"):
            raise no_url(word, schemes) from None
        port = 0
    if port == 0:
        raise UsageError(f"{word}: the port of the URL is out of range", "a port is a number from 1 to 65535")


def parse_addresses(text: str, target: Target, schemes: tuple[str, ...], word: str) -> tuple[Address, ...]:
    """Read one URL or several with `;` between them. Raises `UsageError` as `split_url` does."""
    urls = split_addresses(text)
    found = tuple(parse_address(url, target, schemes, word) for url in urls)
    named = [bool(urlsplit(url).username) for url in urls]
    if target.username is None and any(named) and not all(named):
        raise UsageError(
            f"{word}: some of its URLs carry a login and others do not",
            "write it in each, or give one for all of them: --username and --password-file",
        )
    if len({address.external for address in found}) > 1:
        raise UsageError(
            f"{word}: some of its URLs ask for auth_mechanism=external and others do not", "write it in each"
        )
    return found


def parse_address(url: str, target: Target, schemes: tuple[str, ...], word: str) -> Address:
    """Read a URL; `word` is what the user knows it by. Raises `UsageError` as `split_url` does."""
    parts = split_url(url, schemes, word)
    external, heartbeat = _query(parts, word)
    if external and parts.username:
        raise UsageError(
            f"{word}: with auth_mechanism=external the client certificate is the login",
            "leave user name and password out of that URL",
        )
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
        username="" if external else username,
        password="" if external else password or "",
        password_given=password is not None,
        external=external,
        vhost=unquote(parts.path[1:]) or None if parts.scheme.startswith("amqp") else None,
        heartbeat=heartbeat or HEARTBEAT,
        heartbeat_given=bool(heartbeat),
    )


def check_vhost(target: Target, vhosts: Collection[str]) -> None:
    """Hold the vhost that an AMQP URL may name against those of the files, which decide. Raises `UsageError`."""
    for url in split_addresses(target.amqp) if target.amqp else ():
        named = parse_address(url, target, ("amqp", "amqps"), "the AMQP URL").vhost
        if named is not None and named not in vhosts:
            declared = " and ".join(repr(vhost) for vhost in sorted(vhosts)) or "no vhost"
            raise UsageError(
                f"the AMQP URL names vhost {named!r}, and the files are for {declared}",
                f"the vhost comes from the files: leave the URL's path out, write `vhost: {named}` into the files,"
                " or name it with --vhost where they name none",
            )


def _query(parts: SplitResult, word: str) -> tuple[bool, int]:
    """Read what stands behind `?`: is the login external, and how many seconds between heartbeats (0: unsaid)."""
    external, heartbeat = False, 0
    if parts.query and not parts.scheme.startswith("amqp"):
        raise UsageError(f"{word}: a management URL has nothing behind a '?'", "a '?' in a password is written %3F")
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        match name:
            case "auth_mechanism" if value.lower() in {"plain", "external"}:
                external = value.lower() == "external"
            case "auth_mechanism":
                raise UsageError(f"{word}: no such auth_mechanism here", "it is plain or external")
            case "heartbeat":
                if not value.isdecimal() or not 1 <= int(value) <= LONGEST_HEARTBEAT:
                    raise UsageError(f"{word}: heartbeat is a number of seconds", f"from 1 to {LONGEST_HEARTBEAT}")
                heartbeat = int(value)
            case _ if name in ELSEWHERE:
                raise UsageError(f"{word}: the URL's parameter {name} is not read here", ELSEWHERE[name])
            case _:
                raise UsageError(
                    f"{word}: the URL has an unknown parameter behind its '?'", "auth_mechanism and heartbeat are known"
                )
    if external and parts.scheme != "amqps":
        raise UsageError(
            f"{word}: auth_mechanism=external needs amqps:// and a client certificate",
            "name the certificate with --cert-file and --key-file, or in tls:",
        )
    return external, heartbeat
