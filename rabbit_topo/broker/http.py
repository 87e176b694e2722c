"""Requests to the management plugin, and what every way of failing means."""

from __future__ import annotations

import json
import re
import socket
import warnings
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rabbit_topo.broker.address import parse_addresses
from rabbit_topo.broker.failover import LONGEST_CONNECT, all_failed, cluster_changed
from rabbit_topo.broker.refusals import granting
from rabbit_topo.broker.target import DEFAULT, without_credentials
from rabbit_topo.broker.tls import TLS_ALERT, tls_context, tls_failure
from rabbit_topo.errors import AccessRefused, BrokerError, LoginRefused, NotABroker, Unreachable
from rabbit_topo.report.rabbitmqctl import set_user_tags

if TYPE_CHECKING:
    import ssl

    import urllib3
    from urllib3.connection import HTTPConnection

    from rabbit_topo.broker.address import Address
    from rabbit_topo.broker.target import Target

SIDE_BY_SIDE = 16  # requests at once; measured in docs/performance.md
OK, CREATED, MULTIPLE, UNAUTHORISED, NOT_FOUND, SERVER_ERROR = 200, 201, 300, 401, 404, 500
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
        """The broker's own words in one line, or the bare status. It writes `<` as HTML does, and breaks lines."""
        reason = self.body.get("reason") if isinstance(self.body, dict) else None
        said = " ".join(unescape(str(reason)).split()) if reason else ""
        return said or f"HTTP status {self.status} without a reason"


def segment(name: str) -> str:
    """Spell a name as one segment of a path."""
    return quote(name, safe="")


def tags_of(who: Any) -> frozenset[str]:
    """Return the tags in an answer to `GET /api/whoami`: a list, and before 3.9 a text with commas.

    >>> sorted(tags_of({"name": "me", "tags": "management,monitoring"})), tags_of(None)
    (['management', 'monitoring'], frozenset())
    """
    told = who.get("tags") if isinstance(who, dict) else None
    return frozenset(told.split(",") if isinstance(told, str) else told or ())


class Http:
    """Kept-alive connections to one management API, which may have several addresses: the nodes of one cluster.

    The addresses are tried in order, from the one that answered last, as long as nobody answers; another one must
    lead to the same cluster. Threads may share it: `width` connections are kept. Raises `UsageError` where a URL or a
    TLS file cannot be used.
    """

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self._addresses = parse_addresses(target.broker or "", target, ("http", "https"), "the management URL")
        self._by_default = target.broker == DEFAULT
        self._tls = target.tls
        secure = any(address.scheme == "https" for address in self._addresses)
        context = tls_context(target.tls) if secure else None
        if context and not target.tls.verify:  # whoever turned verification off knows it
            from urllib3.exceptions import InsecureRequestWarning

            warnings.simplefilter("ignore", InsecureRequestWarning)
        self.width = target.channels or SIDE_BY_SIDE
        self._lines: list[HTTPConnection] = []
        self._abandoned = 0
        self._pools = [_pool(address, target.timeout, context, self.width) for address in self._addresses]
        for pool in self._pools:
            self._remember_lines(pool)
        self._at = 0
        self._met: dict[int, str] = {}  # the cluster names that the addresses were found to lead to

    @property
    def url(self) -> str:
        """The URL without credentials, of the address that answered last."""
        return self._address.shown

    @property
    def user(self) -> str:
        """Who logs in."""
        return self._address.username

    @property
    def _address(self) -> Address:
        return self._addresses[self._at]

    def get(self, path: str) -> Any:
        """Read one JSON document. Raises `BrokerError` for every answer but 200."""
        answer = self.ask("GET", path)
        if answer.status == UNAUTHORISED:
            raise self._refused(answer, path)
        if not answer.ok:
            astray = answer.status == NOT_FOUND and path == "/api/overview"
            hint = "is this the URL of the management API, without /api at its end?" if astray else ""
            raise BrokerError(f"{self.url} answered {answer.status} to GET {path}: {answer.reason}", hint)
        return answer.body

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request and return what the broker said.

        Raises `Unreachable` when nobody knows what became of it, `NotABroker` when the answer is no management API's,
        `Refusal` when another address leads to another cluster. A connection that the server had closed meanwhile is
        opened anew, once, and what was lost on the way to one address is sent to the next: every request here may be
        repeated. Only a deletion that may have arrived is not: what was seen of the object counts no more.
        """
        payload = None if body is None else json.dumps(body, allow_nan=False).encode()
        failures: list[Unreachable] = []
        abandoned = self._abandoned
        first, count = self._at, len(self._addresses)
        for at in [(first + step) % count for step in range(count)]:
            try:
                self._meet(at)
            except Unreachable as failure:  # the request itself was not sent
                failures.append(Unreachable(failure.message, failure.hint))
                continue
            try:
                answer = self._exchange(at, method, path, payload)
            except Unreachable as failure:
                failures.append(failure)
                if isinstance(failure, Unanswered) and (method == "DELETE" or self._abandoned != abandoned):
                    break
            else:
                self._at = at
                return answer
        failed = all_failed(failures)
        doubt = any(isinstance(failure, Unanswered) for failure in failures)
        raise Unanswered(failed.message, failed.hint) if doubt else failed

    def _meet(self, at: int) -> None:
        """See that this address leads to the cluster of the others; of a single one there is nothing to see."""
        if len(self._addresses) == 1 or at in self._met:
            return
        answer = self._exchange(at, "GET", "/api/cluster-name", None)
        if answer.status == UNAUTHORISED:  # the request itself will be told so
            return
        here = self._addresses[at].shown
        if not answer.ok or not isinstance(answer.body, dict):
            raise BrokerError(f"{here} does not tell its cluster's name: {answer.reason}")
        name = str(answer.body.get("name"))
        for other, before in self._met.items():
            if name != before:
                raise cluster_changed(before, self._addresses[other].shown, name, here)
        self._met[at] = name

    def _exchange(self, at: int, method: str, path: str, payload: bytes | None) -> Answer:
        """Send a request to one address, and read what came back."""
        import urllib3.exceptions as oops

        abandoned, broke = self._abandoned, False
        try:
            try:
                status, kind, data = self._send(at, method, path, payload)
            except oops.ProtocolError:
                if method == "DELETE" or self._abandoned != abandoned:
                    raise
                broke = True
                status, kind, data = self._send(at, method, path, payload)
        except oops.HTTPError as error:
            failure = self._unreachable(error, self._addresses[at])
            if broke and isinstance(failure, Unreachable):  # the first of the two may have arrived
                failure = Unanswered(failure.message, failure.hint)
            raise failure from None
        if not data:
            return Answer(status, None)
        try:
            return Answer(status, json.loads(data))
        except ValueError:
            if status >= SERVER_ERROR and "html" not in kind:
                return Answer(status, None)
            raise NotABroker(
                f"{self._addresses[at].shown} answers {kind or 'something'} where RabbitMQ's management API answers"
                f" JSON (status {status}, {method} {path})",
                "a proxy or another server stands there: give the URL of the management API, its path included",
            ) from None

    def _send(self, at: int, method: str, path: str, payload: bytes | None) -> tuple[int, str, bytes]:
        import urllib3.exceptions as oops

        address = self._addresses[at]
        response = self._pools[at].urlopen(method, address.path + path, body=payload, redirect=False)
        if elsewhere := response.get_redirect_location():
            place = without_credentials(re.split("[?#]", elsewhere)[0])
            raise NotABroker(f"{address.shown} redirects to {place}", "redirects are not followed: give the last URL")
        if method == "GET" and response.status == OK and not response.data:
            # The line ended within the headers, which http.client takes for the end of them.
            raise oops.ProtocolError("its answer was cut off")
        return response.status, response.headers.get("content-type", "").split(";")[0], response.data

    def _remember_lines(self, pool: urllib3.HTTPConnectionPool) -> None:
        make = pool.ConnectionCls

        def remembered(**options: Any) -> Any:
            line: Any = make(**options)
            self._lines.append(line)
            return line

        pool.ConnectionCls = remembered  # type: ignore[assignment]

    def abandon(self) -> None:
        """Break every connection: a request that another thread waits for ends as `Unanswered`, and is not repeated."""
        self._abandoned += 1
        for line in list(self._lines):
            if line.sock is not None:
                with suppress(OSError):
                    line.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connections."""
        for pool in self._pools:
            pool.close()

    def sees_all_vhosts(self) -> bool:
        """Say whether the broker tells this user of all vhosts, and not only of those that it may enter."""
        return not {"administrator", "monitoring"}.isdisjoint(tags_of(self.ask("GET", "/api/whoami").body))

    def _refused(self, answer: Answer, path: str) -> BrokerError:
        reason = answer.reason
        if "management user" in reason:
            return AccessRefused(
                f"user {self.user!r} may not use the management API of {self.url}: {reason}",
                f"give it the tag: {set_user_tags(self.user, 'management')}",
            )
        if "authorised" in reason or "refused" in reason:
            return AccessRefused(
                f"user {self.user!r} may not read {path} of {self.url}: {reason}",
                granting("VHOST", self.user),
            )
        hint = self._address.login_hint
        if self.user == "guest" and not self._address.loopback:
            hint = "guest may log in from the broker's own machine only: use another user"
        return LoginRefused(f"{self.url} refuses the login of user {self.user!r}: {reason}", hint)

    def _unreachable(self, error: Exception, address: Address) -> BrokerError:
        import urllib3.exceptions as oops

        where = address.shown
        match error:
            case oops.NameResolutionError():
                return Unreachable(f"{where}: the name {address.host!r} is not known", "check its spelling, and DNS")
            case oops.NewConnectionError():
                hint = "is the broker running, and its management plugin (it listens on 15672) on?"
                if self._by_default:
                    hint += f" {NOTHING_CONFIGURED}"
                return Unreachable(f"{where}: no connection: {_cause(error)}", hint)
            case oops.ConnectTimeoutError():
                return Unreachable(f"{where}: nobody answered in time", "check host, port and firewall")
            case oops.ReadTimeoutError():
                return Unanswered(
                    f"{where}: connected, but no answer in time", "is the broker overloaded? --timeout waits longer"
                )
            case oops.SSLError():
                return tls_failure(_tls_error(error), where, address.host, self._tls)
            case oops.ProtocolError() if "AMQP" in str(error):
                return NotABroker(
                    f"{where} speaks AMQP, not HTTP", "management listens on port 15672; AMQP goes to --amqp"
                )
            case oops.ProtocolError() if TLS_ALERT in _cause(error):
                return Unreachable(f"{where}: the port wants TLS", "write https:// in the URL")
            case oops.ProtocolError():
                hint = "is the port right, and does it want https:// rather than http://?"
                said = _cause(error)
                return Unanswered(f"{where}: the connection broke: {said if said.isprintable() else repr(said)}", hint)
            case _:
                return Unreachable(f"{where}: {_cause(error)}")


class Unanswered(Unreachable):
    """The request was sent, and nobody knows what became of it."""


def no_management_api(url: str, path: str) -> NotABroker:
    """Say that JSON came back, but not what RabbitMQ answers."""
    return NotABroker(
        f"{url} answers JSON to GET {path}, but not as RabbitMQ's management API does", "check host, port and path"
    )


def _pool(address: Address, timeout: float, context: ssl.SSLContext | None, width: int) -> urllib3.HTTPConnectionPool:
    import urllib3

    login = b64encode(f"{address.username}:{address.password}".encode()).decode()
    options: dict[str, Any] = {
        "headers": {"authorization": f"Basic {login}", "content-type": "application/json"},
        "timeout": urllib3.Timeout(connect=min(timeout, LONGEST_CONNECT), read=timeout),
        "retries": False,
        "maxsize": width,
    }
    if address.scheme == "https":
        return urllib3.HTTPSConnectionPool(address.host, address.port, ssl_context=context, **options)
    return urllib3.HTTPConnectionPool(address.host, address.port, **options)


def _tls_error(error: Exception) -> ssl.SSLError:
    """Find OpenSSL's error below what urllib3 wraps around it."""
    import ssl

    for found in (error.__cause__, error.__context__, *error.args):
        if isinstance(found, ssl.SSLError):
            return found
    return ssl.SSLError(str(error))


def _cause(error: BaseException) -> str:
    """Find the operating system's words below what urllib3 wraps around them."""
    for argument in (error.__cause__, *error.args):
        if isinstance(argument, OSError) and argument.strerror:
            return argument.strerror
        if isinstance(argument, Exception):
            return str(argument)
    return str(error).rpartition("]: ")[2]
