"""What becomes of a road whose other end is not what it should be."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.both import Both
from rabbit_topo.broker.connect import connect, connect_target
from rabbit_topo.broker.http import NOTHING_CONFIGURED
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.errors import BrokerError, LoginRefused, NotABroker, TopoError, Unreachable, UsageError
from rabbit_topo.model import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE = str(Path(__file__).parent / "tls" / "cert.pem")
KEY = str(Path(__file__).parent / "tls" / "key.pem")
SECRET = "s3cr3t"


@contextmanager
def server(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer every connection with the same bytes, whatever it says."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            try:
                with tls.wrap_socket(line, server_side=True) if tls else line as peer:
                    peer.recv(65536)
                    peer.sendall(answer)
            except OSError:
                line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def http(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    return "\r\n".join(lines).encode()


def tls_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def failure(port: int, scheme: str = "http", tls: Tls = Tls(), host: str = "127.0.0.1") -> BrokerError:  # noqa: B008
    target = Target(f"{scheme}://me:{SECRET}@{host}:{port}", tls=tls, timeout=5.0)
    with pytest.raises(BrokerError) as caught:
        connect_target(target).observe(Topology.naming("/"))
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    return caught.value


def amqp_failure(port: int, scheme: str = "amqp", tls: Tls = Tls(), host: str = "127.0.0.1") -> BrokerError:  # noqa: B008
    with pytest.raises(BrokerError) as caught:
        Amqp(Target(amqp=f"{scheme}://me:{SECRET}@{host}:{port}", tls=tls, timeout=5.0)).cluster_name("/")
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    return caught.value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_nobody_listens() -> None:
    for error in (failure(closed_port()), amqp_failure(closed_port())):
        assert isinstance(error, Unreachable)
        assert "Connection refused" in error.message
        assert "is the broker running" in error.hint


def test_nobody_listens_where_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    usual = failure(port)
    monkeypatch.setattr("rabbit_topo.broker.http.DEFAULT", f"http://me:{SECRET}@127.0.0.1:{port}")
    assert failure(port).hint == f"{usual.hint} {NOTHING_CONFIGURED}"


def test_a_refused_login_without_a_password() -> None:
    body = '{"error": "not_authorized", "reason": "Login failed"}'
    with server(http("401 Unauthorized", body, "Content-Type: application/json")) as port:
        given = failure(port)
        with pytest.raises(LoginRefused) as caught:
            connect(f"http://127.0.0.1:{port}", username="joe").observe(Topology.naming("/"))
    assert isinstance(given, LoginRefused)
    assert given.hint == "check the user name and the password"
    assert "no password was given for 'joe'" in caught.value.hint


def test_an_unknown_name() -> None:
    assert "not known" in failure(1, host="no-such-host.invalid").message
    assert isinstance(amqp_failure(1, host="no-such-host.invalid"), Unreachable)


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "502 Bad Gateway"])
def test_a_proxy_that_answers_html(status: str) -> None:
    with server(http(status, "<html>hello</html>", "Content-Type: text/html; charset=utf-8")) as port:
        error = failure(port)
    assert isinstance(error, NotABroker)
    assert "text/html" in error.message
    assert "proxy" in error.hint


def test_a_redirect_is_not_followed() -> None:
    with server(http("302 Found", "", f"Location: https://me:{SECRET}@login.example/sso?to=a@b")) as port:
        error = failure(port)
    assert isinstance(error, NotABroker)
    assert "https://login.example/sso" in error.message


def test_json_of_something_else() -> None:
    with server(http("200 OK", '{"hello": 1}', "Content-Type: application/json")) as port:
        assert isinstance(failure(port), NotABroker)


def test_a_server_that_fails() -> None:
    with server(http("500 Oops", "", "Content-Type: application/json")) as port:
        assert "500" in failure(port).message


def test_amqp_where_http_is_wanted_and_the_other_way_round() -> None:
    with server(b"AMQP\x00\x00\x09\x01") as port:
        error = failure(port)
    assert isinstance(error, NotABroker)
    assert "AMQP" in error.message
    with server(http("400 Bad Request", "x" * 100)) as port:
        assert isinstance(amqp_failure(port), BrokerError)


@pytest.mark.parametrize("length", [1, 12, 15, 17, 20, 40, 58, 61])
def test_an_answer_that_is_cut(length: int) -> None:
    with server(http("200 OK", "[]", "Content-Type: application/json")[:length]) as port:
        assert isinstance(failure(port), Unreachable)


def test_a_line_that_is_cut() -> None:
    with server(b"") as port:
        assert isinstance(failure(port), Unreachable)
        assert isinstance(amqp_failure(port), Unreachable)


def test_tls_that_nobody_vouches_for() -> None:
    with server(b"", tls_server()) as port:
        for error in (failure(port, "https"), amqp_failure(port, "amqps")):
            assert isinstance(error, Unreachable)
            assert "is not accepted: self signed certificate" in error.message.replace("-", " ")
            assert "--ca-file" in error.hint


def test_tls_for_another_host() -> None:
    tls = Tls(ca_file=CERTIFICATE)
    with server(b"", tls_server()) as port:
        for error in (failure(port, "https", tls), amqp_failure(port, "amqps", tls)):
            assert isinstance(error, Unreachable)
            assert "for another name than '127.0.0.1'" in error.message


def test_tls_that_is_not_verified_gets_through() -> None:
    tls = Tls(verify=False)
    with server(http("200 OK", "{}"), tls_server()) as port:
        assert isinstance(failure(port, "https", tls), NotABroker)
        assert "certificate" not in amqp_failure(port, "amqps", tls).message


def test_tls_where_there_is_none() -> None:
    with server(http("400 Bad Request", "")) as port:
        for error in (failure(port, "https"), amqp_failure(port, "amqps")):
            assert "TLS" in error.message
            assert "does not speak TLS" in error.hint


def test_tls_files_that_cannot_be_used(tmp_path: Path) -> None:
    for tls in (Tls(ca_file=str(tmp_path / "none.pem")), Tls(cert_file=str(tmp_path / "none.pem")), Tls(ca_file=KEY)):
        with pytest.raises(UsageError, match="cannot be used"):
            connect("https://localhost", tls=tls)


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@host:port",
        f"amqp://me:{SECRET}@host",
        f"ftp://me:{SECRET}@host/",
        f"http://me:{SECRET}@[::1",
    ],
)
def test_a_url_that_is_none_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(TopoError) as caught:
        connect(url)
    assert isinstance(caught.value, UsageError)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_which_road(tmp_path: Path) -> None:
    assert isinstance(connect(), Management)
    assert isinstance(connect("https://shop.example/rabbit/"), Management)
    assert isinstance(connect("http://localhost:15672", amqp="amqps://localhost"), Both)
    assert isinstance(connect(amqp="amqp://localhost"), AmqpAlone)
    a_file = tmp_path / "broker.json"
    a_file.touch()
    with pytest.raises(UsageError, match="is a file"):
        connect(str(a_file), amqp="amqp://localhost")
    with pytest.raises(UsageError, match="amqp://"):
        connect("http://localhost", amqp="http://localhost")


def test_who_logs_in() -> None:
    road = Management(Target("http://m%40e:p%2Fw@[::1]:15672/path/"))
    assert (road.http.user, road.http.url) == ("m@e", "http://[::1]:15672/path")
    assert Management(Target("http://me:pw@h", username="you")).http.user == "you"
    assert Management(Target("http://h")).http.user == "guest"
    assert SECRET not in repr(Target("http://h", password=SECRET))
