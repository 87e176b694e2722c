"""Logging in over AMQP: which address, with TLS or without, as whom; and why it did not work."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amqp import exceptions as refusals
from amqp.connection import Connection
from amqp.transport import SSLTransport, TCPTransport

from rabbit_topo.broker.address import HEARTBEAT, TLS_PORTS, parse_addresses
from rabbit_topo.broker.failover import LONGEST_CONNECT, all_failed, cluster_changed
from rabbit_topo.broker.refusals import granting
from rabbit_topo.broker.tls import TLS_ALERT, tls_context, tls_failure
from rabbit_topo.errors import AccessRefused, BrokerError, LoginRefused, NotABroker, Unreachable, UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker.address import Address
    from rabbit_topo.broker.target import Target, Tls

PORT, TLS_PORT = 5672, TLS_PORTS["amqps"]
PRODUCT = {"product": "rabbit-topo", "connection_name": "rabbit-topo"}
# py-amqp lets the kernel (Linux) end a line that acknowledges nothing for a second, and the lock with it. Whoever waits
# here has a time limit of its own, and says what it waited for.
PATIENCE = {socket.TCP_USER_TIMEOUT: 0} if hasattr(socket, "TCP_USER_TIMEOUT") else {}


class VhostMissing(AccessRefused):
    """The login is good, and there is no vhost of that name."""


class _VerifiedTransport(SSLTransport):  # type: ignore[misc]  # py-amqp comes without annotations
    """TLS with a context of our own: py-amqp's options verify no name and set no oldest version."""

    def _wrap_socket(self, sock: Any, context: Any = None, **options: Any) -> Any:
        return context.wrap_socket(sock, do_handshake_on_connect=False, **options)

    def _write(self, data: bytes) -> None:
        """Write; where the line is closed, hear why: with TLS 1.3 a server looks at our certificate afterwards."""
        try:
            super()._write(data)
        except OSError:
            self.sock.settimeout(self.connect_timeout)
            with suppress(ssl.SSLEOFError, ConnectionError, TimeoutError, ValueError):
                self.sock.read(1)
            raise

    def _shutdown_transport(self) -> None:
        """Do not wait for the peer's close_notify, as py-amqp would."""


class _WantsTls(OSError):
    """The server answered AMQP with an alert of TLS."""


class _PlainTransport(TCPTransport):  # type: ignore[misc]  # the same
    """AMQP without TLS, which notices at once that something else answers."""

    def _read(self, count: int, initial: bool = False, *more: Any) -> Any:  # noqa: FBT001, FBT002 - py-amqp's own
        data = super()._read(count, initial, *more)
        if initial and data[:2] == TLS_ALERT.encode():
            raise _WantsTls
        if initial and data[:4] == b"HTTP":
            raise refusals.UnexpectedFrame("it answers HTTP")
        return data


class _Connection(Connection):  # type: ignore[misc]  # the same
    """A py-amqp connection with these transports."""

    def Transport(self, host: str, connect_timeout: float, ssl: Any, *timeouts: Any, **more: Any) -> Any:  # noqa: N802
        """Make the transport; py-amqp calls it, and takes its own `connect_timeout` for the login that follows."""
        self.connect_timeout = self.read_timeout
        names = dict(zip(("read_timeout", "write_timeout"), timeouts, strict=True))
        if ssl:
            return _VerifiedTransport(host, connect_timeout, ssl, **names, **more)
        return _PlainTransport(host, connect_timeout, **names, **more)


class Login:
    """Where AMQP is, and how to log in there: one address, or several of one cluster.

    `heartbeat` is what is asked for where a URL says nothing, in seconds. Every connection must find the cluster of the
    first one. Raises `UsageError` where a URL or a TLS file cannot be used.
    """

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self._addresses = parse_addresses(target.amqp or "", target, ("amqp", "amqps"), "the AMQP URL")
        self._tls = target.tls
        self._timeout = target.timeout
        self._context = None
        if any(address.scheme == "amqps" for address in self._addresses):
            self._context = tls_context(target.tls)
        if self._addresses[0].external and not target.tls.cert_file:
            raise UsageError(
                "auth_mechanism=external logs in with a client certificate, and none is given",
                "name it: --cert-file and --key-file, or tls: cert_file and key_file",
            )
        self.heartbeat = HEARTBEAT
        self._at = 0
        self._cluster: tuple[str, Address] | None = None  # what a connection found, and where

    @property
    def address(self) -> Address:
        """The address that answered last, else the first."""
        return self._addresses[self._at]

    @property
    def url(self) -> str:
        """Its URL without credentials."""
        return self.address.shown

    @property
    def username(self) -> str:
        """Who logs in; empty where the client certificate says it."""
        return self.address.username

    def open(self, vhost: str) -> Any:
        """Connect to a vhost and log in; return py-amqp's open connection.

        The addresses are tried in order, from the one that answered last, as long as nobody answers; a login that
        is refused is not tried elsewhere. Raises `BrokerError` (`VhostMissing`, `AccessRefused`, `LoginRefused`,
        `NotABroker`, and `Unreachable` with what each address said), and `Refusal` where another address leads to
        another cluster.
        """
        failures: list[Unreachable] = []
        count = len(self._addresses)
        for at in [(self._at + step) % count for step in range(count)]:
            address = self._addresses[at]
            if not address.heartbeat_given:
                address = replace(address, heartbeat=self.heartbeat)
            try:
                opened = login(address, vhost, self._tls, self._timeout, self._context)
            except Unreachable as failure:
                failures.append(failure)
                continue
            self._at = at
            self._same_cluster(opened)
            return opened
        raise all_failed(failures)

    def _same_cluster(self, opened: Any) -> None:
        name = str(opened.server_properties.get("cluster_name", ""))
        if self._cluster is None:
            self._cluster = name, self.address
            return
        before, address = self._cluster
        if name != before:
            goodbye(opened)
            raise cluster_changed(before, address.shown, name, self.url)


def login(address: Address, vhost: str, tls: Tls, timeout: float, context: ssl.SSLContext | None = None) -> Any:
    """Connect to one address and log in; return py-amqp's open connection. Raises as `Login.open` does.

    `timeout` is in seconds; `context` is the one that `tls_context` makes of `tls`, where there is one already.
    """
    secure = address.scheme == "amqps"
    wire = _Connection(
        host=f"{address.bracketed}:{address.port or (TLS_PORT if secure else PORT)}",
        userid=address.username,
        password=address.password,
        login_method="EXTERNAL" if address.external else "PLAIN",
        virtual_host=vhost,
        ssl={"context": context or tls_context(tls), "server_hostname": address.host} if secure else False,
        connect_timeout=min(timeout, LONGEST_CONNECT),
        read_timeout=timeout,
        write_timeout=timeout,
        heartbeat=address.heartbeat,
        client_properties=PRODUCT,
        socket_settings=PATIENCE,
    )
    try:
        wire.connect()
    except Exception as error:  # noqa: BLE001 - what answers may be anything, and py-amqp raises anything
        goodbye(wire)
        raise explain(error, address, vhost, tls) from None
    return wire


def goodbye(wire: Any) -> None:
    """Let go of a connection without a word to the broker, and without waiting for one."""
    wire.collect()


def explain(error: Exception, address: Address, vhost: str, tls: Tls) -> BrokerError:
    """Say why no connection to `vhost` came about."""
    where = address.shown
    match error:
        case refusals.AccessRefused() | refusals.NotAllowed() if _no_login(error):
            return LoginRefused(f"{where} refuses the login of {address.who}: {words(error)}", address.login_hint)
        case refusals.InvalidPath() | refusals.NotAllowed() if _no_vhost(error):
            return VhostMissing(
                f"{where}: there is no vhost {vhost!r}: {words(error)}", "the vhost comes from the files"
            )
        case refusals.NotAllowed():
            return AccessRefused(
                f"{where}: {address.who} may not use vhost {vhost!r}: {words(error)}",
                granting(vhost, address.username or "USER"),
            )
        case ssl.SSLError():
            return tls_failure(error, where, address.host, tls)
        case _WantsTls():
            return Unreachable(f"{where}: the port wants TLS", "write amqps:// in the URL")
        case TimeoutError():
            return Unreachable(f"{where}: nobody answered in time", "check host, port and firewall")
        case refusals.FrameSyntaxError() | refusals.UnexpectedFrame():
            return _no_amqp(where)
        case refusals.ConnectionError() if "auth mechanism" in words(error):
            offered = words(error).partition("available: ")[2].rstrip(")")
            wanted = "EXTERNAL" if address.external else "PLAIN"
            return LoginRefused(f"{where} does not offer the login {wanted}, only: {offered}", _mechanism(address))
        case OSError() | refusals.ConnectionError():
            return Unreachable(f"{where}: no connection: {words(error)}", _silence(address, tls))
        case _:
            return _no_amqp(where)


def _no_login(error: BaseException) -> bool:
    """Say whether the login is wrong: RabbitMQ's 403, and garagemq's 530."""
    return isinstance(error, refusals.AccessRefused) or "login failure" in words(error)


def _no_vhost(error: BaseException) -> bool:
    """Say whether the vhost is missing: the standard's 402, and RabbitMQ's 530, which it says of closed ones too."""
    return isinstance(error, refusals.InvalidPath) or words(error).endswith("not found")


def words(error: BaseException) -> str:
    """Quote the broker, else the operating system."""
    return str(getattr(error, "reply_text", None) or getattr(error, "strerror", None) or error)


def _no_amqp(where: str) -> NotABroker:
    return NotABroker(f"{where} does not speak AMQP", "AMQP listens on port 5672, with TLS on 5671")


def _mechanism(address: Address) -> str:
    if address.external:
        return "the broker needs the plugin rabbitmq_auth_mechanism_ssl and EXTERNAL among its auth_mechanisms"
    return "a broker that offers EXTERNAL only is logged in to with amqps://HOST?auth_mechanism=external"


def _silence(address: Address, tls: Tls) -> str:
    hint = "is the broker running, and the port right?"
    if address.scheme == "amqp":
        return f"{hint} A port that wants TLS is named with amqps://"
    return hint if tls.cert_file else f"{hint} It may want a client certificate: --cert-file"
