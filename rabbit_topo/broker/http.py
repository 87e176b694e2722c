"""Requests to the management plugin, and what every way of failing means."""

from __future__ import annotations

import json
import re
import warnings
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rabbit_topo.broker.address import parse_address
from rabbit_topo.broker.target import DEFAULT, without_credentials
from rabbit_topo.errors import AccessRefused, BrokerError, LoginRefused, NotABroker, Unreachable, UsageError

if TYPE_CHECKING:
    import ssl

    from rabbit_topo.broker.target import Target, Tls

OK, MULTIPLE, UNAUTHORISED, NOT_FOUND, SERVER_ERROR = 200, 300, 401, 404, 500
NOTHING_CONFIGURED = "No broker is configured: name yours with --broker, with --env or in rabbit-topo.yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the body read as JSON (None where it is none)."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Say whether the server did what it was asked."""
        return OK <= self.status < MULTIPLE

    @property
    def reason(self) -> str:
        """The broker's own words, or the bare status."""
        reason = self.body.get("reason") if isinstance(self.body, dict) else None
        return str(reason) if reason else f"HTTP status {self.status} without a reason"


def segment(name: str) -> str:
    """Spell a name as one segment of a path."""
    return quote(name, safe="")


class Http:
    """A kept-alive connection to one management API."""

    def __init__(self, target: Target) -> None:
        """Read the URL and the TLS files; nothing is sent yet. Raises `UsageError`."""
        import urllib3

        self._address = parse_address(target.broker or "", target, ("http", "https"), "the management URL")
        login = b64encode(f"{self.user}:{self._address.password}".encode()).decode()
        self._headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
        self._by_default = target.broker == DEFAULT
        self._verified = target.tls.verify
        timeout = urllib3.Timeout(connect=min(target.timeout, 10.0), read=target.timeout)
        options: dict[str, Any] = {"timeout": timeout, "retries": False}
        address = self._address
        self._pool: urllib3.HTTPConnectionPool
        if address.scheme == "https":
            context = tls_context(target.tls)
            self._pool = urllib3.HTTPSConnectionPool(address.host, address.port, ssl_context=context, **options)
        else:
            self._pool = urllib3.HTTPConnectionPool(address.host, address.port, **options)

    @property
    def url(self) -> str:
        """The URL without credentials."""
        return self._address.shown

    @property
    def user(self) -> str:
        """Who logs in."""
        return self._address.username

    def get(self, path: str) -> Any:
        """Read one JSON document. Raises `BrokerError` for every answer but 200."""
        answer = self.ask("GET", path)
        if answer.status == UNAUTHORISED:
            raise self._refused(answer, path)
        if not answer.ok:
            raise BrokerError(f"{self.url} answered {answer.status} to GET {path}: {answer.reason}")
        return answer.body

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request and return what the broker said.

        Raises `Unreachable` when nobody knows what became of it, `NotABroker` when the answer is no management API's.
        A connection that the server had closed meanwhile is opened anew, once: every request here may be repeated.
        """
        import urllib3.exceptions as oops

        payload = None if body is None else json.dumps(body, allow_nan=False).encode()
        try:
            try:
                answer = self._send(method, path, payload)
            except oops.ProtocolError:
                answer = self._send(method, path, payload)
        except oops.HTTPError as error:
            raise self._unreachable(error) from None
        status, kind, data = answer
        if not data:
            return Answer(status, None)
        try:
            return Answer(status, json.loads(data))
        except ValueError:
            if status >= SERVER_ERROR and "html" not in kind:
                return Answer(status, None)
            raise NotABroker(
                f"{self.url} answers {kind or 'something'} where RabbitMQ's management API answers JSON"
                f" (status {status}, {method} {path})",
                "a proxy or another server stands there: give the URL of the management API, its path included",
            ) from None

    def _send(self, method: str, path: str, payload: bytes | None) -> tuple[int, str, bytes]:
        import urllib3.exceptions as oops

        with warnings.catch_warnings():
            if not self._verified:  # whoever turned verification off knows it
                warnings.simplefilter("ignore", oops.InsecureRequestWarning)
            response = self._pool.urlopen(
                method, self._address.path + path, body=payload, headers=self._headers, redirect=False
            )
        if elsewhere := response.get_redirect_location():
            place = without_credentials(re.split("[?#]", elsewhere)[0])
            raise NotABroker(f"{self.url} redirects to {place}", "redirects are not followed: give the last URL")
        return response.status, response.headers.get("content-type", "").split(";")[0], response.data

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.close()

    def _refused(self, answer: Answer, path: str) -> BrokerError:
        reason = answer.reason
        if "management user" in reason:
            return AccessRefused(
                f"user {self.user!r} may not use the management API of {self.url}: {reason}",
                f"give it the tag: rabbitmqctl set_user_tags {self.user} management",
            )
        if "authorised" in reason or "refused" in reason:
            return AccessRefused(
                f"user {self.user!r} may not read {path} of {self.url}: {reason}",
                f"give it permissions on the vhost: rabbitmqctl set_permissions -p VHOST {self.user} '.*' '.*' '.*'",
            )
        hint = self._address.login_hint
        if self.user == "guest" and not self._address.loopback:
            hint = "guest may log in from the broker's own machine only: use another user"
        return LoginRefused(f"{self.url} refuses the login of user {self.user!r}: {reason}", hint)

    def _unreachable(self, error: Exception) -> BrokerError:
        import urllib3.exceptions as oops

        where = self.url
        match error:
            case oops.NameResolutionError():
                return Unreachable(
                    f"{where}: the name {self._address.host!r} is not known", "check its spelling, and DNS"
                )
            case oops.NewConnectionError():
                hint = "is the broker running, and its management plugin (it listens on 15672) on?"
                if self._by_default:
                    hint += f" {NOTHING_CONFIGURED}"
                return Unreachable(f"{where}: no connection: {_cause(error)}", hint)
            case oops.ConnectTimeoutError():
                return Unreachable(f"{where}: nobody answered in time", "check host, port and firewall")
            case oops.ReadTimeoutError():
                return Unreachable(f"{where}: connected, but no answer in time", "is the broker overloaded?")
            case oops.SSLError():
                return Unreachable(f"{where}: TLS failed: {tls_reason(error)}", tls_hint(str(error)))
            case oops.ProtocolError() if "AMQP" in str(error):
                return NotABroker(
                    f"{where} speaks AMQP, not HTTP", "management listens on port 15672; AMQP goes to --amqp"
                )
            case oops.ProtocolError():
                hint = "is the port right, and does it want https:// rather than http://?"
                return Unreachable(f"{where}: the connection broke: {_cause(error)}", hint)
            case _:
                return Unreachable(f"{where}: {_cause(error)}")


def _cause(error: BaseException) -> str:
    """Find the operating system's words below what urllib3 wraps around them."""
    for argument in (error.__cause__, *error.args):
        if isinstance(argument, OSError) and argument.strerror:
            return argument.strerror
        if isinstance(argument, Exception):
            return str(argument)
    return str(error).rpartition("]: ")[2]


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Build the TLS settings of a road: verified, unless told otherwise. Raises `UsageError` for bad files."""
    import ssl

    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise UsageError(f"the CA file {tls.ca_file} cannot be used: {error.strerror or error}") from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (OSError, ValueError) as error:
            raise UsageError(f"the client certificate {tls.cert_file} cannot be used: {error}") from None
    return context


def tls_reason(error: BaseException) -> str:
    """Say in short what OpenSSL said."""
    return str(error).partition(" (_ssl.c")[0].rpartition("SSLError(")[2].strip("'\"()") or "no reason given"


def tls_hint(text: str) -> str:
    """Say what to try after a TLS failure."""
    if "WRONG_VERSION" in text or "RECORD_LAYER" in text:
        return "the port does not speak TLS: try http:// or amqp://, or the TLS port (15671, 5671)"
    if "ostname" in text or "IP address mismatch" in text:
        return "the certificate is for another name: use that name in the URL"
    if "CERTIFICATE_VERIFY" in text or "certificate verify" in text:
        return "name the authority that signed the broker's certificate as the CA file"
    return "check the TLS settings: CA file, client certificate, key"
