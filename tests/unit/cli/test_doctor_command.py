"""`doctor` where no broker is needed: files, roads that lead nowhere, and what it prints where."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from rabbit_topo.cli import run
from rabbit_topo.load.schemas import schema_text
from tests.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOP = "version: 1\nqueues: {q: {type: classic}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("shop.yaml").write_text(SHOP)
    Path("broker.json").write_text('{"rabbitmq_version": "4.0.5"}')
    Path("password").write_text("s3cr3t\n")
    Path("password").chmod(0o600)


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str) -> tuple[int, str, str]:
        code = run(["doctor", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def nobody() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer every connection with the same bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), tls.wrap_socket(line, server_side=True) if tls else line as peer:
                peer.recv(65536)
                peer.sendall(answer)
            line.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_definitions_file_needs_no_login(doctor: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = doctor("shop.yaml", "--broker", "broker.json")
    assert code == 0
    assert "nothing to log in to" in out
    assert "taken for RabbitMQ 4.0.5" in out


@pytest.mark.parametrize(
    "words",
    [
        ("--broker", "nothing.json"),
        ("--broker", "broker.json", "--amqp", "amqp://localhost"),
        ("--broker", "ftp://localhost"),
        ("--amqp", "amqp://local host:x"),
        ("missing.yaml", "--broker", "broker.json"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(doctor: Callable[..., tuple[int, str, str]], words: list[str]) -> None:
    assert doctor(*words)[0] == 2


def test_each_road_that_leads_nowhere_is_told(doctor: Callable[..., tuple[int, str, str]], nobody: int) -> None:
    url = f"127.0.0.1:{nobody}"
    asked = ("--broker", f"http://{url}", "--amqp", f"amqp://{url}", "--password-file", "password")
    code, out, err = doctor("shop.yaml", *asked, "--format", "text", "--format", "json=out.json")
    assert code == 1
    assert out.count("no login: see above") == 2
    assert f"http://{url}: no connection" in " ".join(out.split())
    assert out.endswith("  2 problems.\n")
    document = json.loads(Path("out.json").read_text())
    jsonschema.validate(document, json.loads(schema_text("doctor")))
    assert document["exit_code"] == 1
    assert [login["ok"] for login in document["logins"]] == [False, False]
    assert document["server"] is None
    assert "s3cr3t" not in out + err + Path("out.json").read_text()


def test_quiet_tells_problems_only(doctor: Callable[..., tuple[int, str, str]], nobody: int) -> None:
    code, out, err = doctor("--broker", f"http://127.0.0.1:{nobody}", "-q")
    assert (code, out) == (1, "")
    assert err.startswith(f"rabbit-topo: http://127.0.0.1:{nobody}: no connection")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"name": 1}',
        b'{"name": "guest", "tags": ["administrator"]}',
        b'{"name": "guest", "rabbitmq_version": "4.0.5"}',
        b'{"name": "guest", "rabbitmq_version": "4.0.5", "exchange_types": 5}',
        b"<html>",
    ],
)
def test_an_answer_that_is_no_rabbitmqs_is_no_login(doctor: Callable[..., tuple[int, str, str]], body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    with answering(answer % (len(body), body)) as port:
        code, out, _ = doctor("--broker", f"http://127.0.0.1:{port}")
    assert code == 1
    assert "PROBLEMS" in out
    assert "no login: see above" in out


def test_an_expired_certificate_is_told_with_its_end(
    doctor: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    files = authority.issue("127.0.0.1", expired=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    with answering(b"", context) as port:
        url = f"https://127.0.0.1:{port}"
        code, out, err = doctor(
            "--broker", url, "--ca-file", str(authority.ca_file), "--format", "text", "--format", "json=out.json"
        )
    assert code == 1, err
    told = " ".join(out.split())
    assert f"the broker's certificate of {url} has expired" in told
    assert "names: 127.0.0.1" in told
    found = {one["of"]: one["days_left"] for one in json.loads(Path("out.json").read_text())["certificates"]}
    assert found["broker"] < 0 < found["authority"]
