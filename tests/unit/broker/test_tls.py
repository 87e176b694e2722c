"""TLS files that cannot be used, servers that are too old for it, and lines where nothing is said."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.http import Http
from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.broker.tls import tls_context
from rabbit_topo.errors import BrokerError, NotABroker, Unreachable, UsageError
from tests.certificates import PASSPHRASE, Authority, encrypt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROADS = ("http", "amqp")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def refused(tls: Tls) -> str:
    with pytest.raises(UsageError) as caught:
        tls_context(tls)
    return f"{caught.value.message} | {caught.value.hint}"


def test_files_that_are_not_there(ca: Authority, tmp_path: Path) -> None:
    files, none = ca.issue("x"), str(tmp_path / "none.pem")
    assert f"the CA file {none} cannot be used: No such file" in refused(Tls(none))
    assert f"the client certificate {none} cannot be used: No such file" in refused(Tls(cert_file=none))
    assert f"the key file {none} cannot be used: No such file" in refused(Tls(None, str(files.cert), none))
    assert f"the CA file {tmp_path} cannot be used: Is a directory" in refused(Tls(str(tmp_path)))


def test_a_key_that_does_not_fit(ca: Authority) -> None:
    one, two = ca.issue("x"), ca.issue("x")
    told = refused(Tls(None, str(one.cert), str(two.key)))
    assert f"the key file {two.key} does not fit the client certificate {one.cert}" in told


def test_a_key_that_is_encrypted(ca: Authority) -> None:
    files = ca.issue("x")
    locked = encrypt(files.key)
    told = refused(Tls(None, str(files.cert), str(locked)))
    assert f"the key file {locked} cannot be used: it is encrypted" in told
    assert f"openssl pkey -in {locked}" in told
    assert PASSPHRASE.decode() not in told


def test_a_key_without_its_certificate(ca: Authority) -> None:
    assert "a key is given without its certificate" in refused(Tls(key_file=str(ca.issue("x").key)))


def test_a_certificate_without_its_key(ca: Authority) -> None:
    assert "--key-file" in refused(Tls(cert_file=str(ca.issue("x").cert)))


def test_files_that_are_no_pem(ca: Authority, tmp_path: Path) -> None:
    der = tmp_path / "ca.der"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(ca.ca_file.read_text(encoding="ascii")))
    assert "it holds no certificate in PEM form" in refused(Tls(str(der)))
    assert "openssl x509 -inform der" in refused(Tls(str(der)))
    assert "it holds no certificate in PEM form" in refused(Tls(str(ca.issue("x").key)))
    assert "both are PEM files" in refused(Tls(None, str(der), str(ca.issue("x").key)))


def test_certificate_and_key_may_be_one_file(ca: Authority, tmp_path: Path) -> None:
    files, both = ca.issue("x"), tmp_path / "both.pem"
    both.write_bytes(files.cert.read_bytes() + files.key.read_bytes())
    assert isinstance(tls_context(Tls(cert_file=str(both))), ssl.SSLContext)


def test_what_is_verified() -> None:
    context = tls_context(Tls())
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context(Tls(verify=False)).verify_mode is ssl.CERT_NONE


def test_files_are_read_before_anything_is_sent(tmp_path: Path) -> None:
    none = Tls(str(tmp_path / "none.pem"))
    with pytest.raises(UsageError):
        Http(Target("https://localhost", tls=none))
    with pytest.raises(UsageError):
        Login(Target(amqp="amqps://localhost", tls=none))
    Http(Target("http://localhost", tls=none)).close()


@contextmanager
def peer(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Listen, and let `serve` have each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            held.append(line)
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for line in (listener, *held):
            line.close()


def ask(road: str, port: int, tls: Tls | None = None, timeout: float = 5.0) -> BrokerError:
    secure = "s" if tls else ""
    http, amqp = (f"{scheme}{secure}://127.0.0.1:{port}" for scheme in ROADS)
    target = Target(http, amqp, tls=tls or Tls(), timeout=timeout)
    with pytest.raises(BrokerError) as caught:
        Http(target).get("/api/overview") if road == "http" else Login(target).open("/")
    return caught.value


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_that_is_older_than_1_2_is_refused(ca: Authority, road: str) -> None:
    files = ca.issue("127.0.0.1")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(files.cert, files.key)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")

    def serve(line: socket.socket) -> None:
        with pytest.raises(OSError, match="protocol"):
            old.wrap_socket(line, server_side=True)

    with peer(serve) as port:
        error = ask(road, port, ca.client())
    assert isinstance(error, Unreachable)
    assert "TLS failed" in error.message
    assert "no TLS 1.2 or newer" in error.hint


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_says_nothing_is_not_waited_for(ca: Authority, road: str, *, secure: bool) -> None:
    with peer(lambda line: line) as port:
        error = ask(road, port, ca.client() if secure else None, timeout=0.2)
    assert isinstance(error, Unreachable)
    assert "in time" in error.message


def test_a_web_server_is_no_amqp_broker() -> None:
    def serve(line: socket.socket) -> None:
        line.recv(8)
        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with peer(serve) as port:
        error = ask("amqp", port)
    assert isinstance(error, NotABroker)
    assert "does not speak AMQP" in error.message
