"""Certificates are read as others read them, and nothing that is none breaks the reading."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.broker.address import parse_address
from rabbit_topo.broker.certificates import NoCertificate, of_file, of_server, of_target, read
from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.report.diagnosis import Certificate
from tests.certificates import Authority, Files

if TYPE_CHECKING:
    from collections.abc import Iterator

SELF_SIGNED = Path(__file__).parent / "tls" / "cert.pem"
DER = ssl.PEM_cert_to_DER_cert(SELF_SIGNED.read_text(encoding="ascii"))


def _by_cryptography(pem: bytes) -> tuple[str, datetime]:
    """Ask another reader for the common name and the end."""
    one = x509.load_pem_x509_certificate(pem)
    names = one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "", one.not_valid_after_utc


@pytest.mark.parametrize("expired", [False, True])
def test_subject_issuer_names_and_end(tmp_path: Path, expired: bool) -> None:  # noqa: FBT001
    authority = Authority(tmp_path)
    files = authority.issue("shop.example", "127.0.0.1", "::1", common_name="the shop", expired=expired)
    (facts,) = of_file(str(files.cert), "client")[:1]
    name, until = _by_cryptography(files.cert.read_bytes())
    assert name == "the shop"
    assert f"CN={name}" in facts.subject.split(", ")
    assert facts.not_after == until
    assert (until < datetime.now(UTC)) is expired
    assert facts.names == ("shop.example", "127.0.0.1", "::1")
    (root,) = of_file(str(authority.ca_file), "authority")
    assert root.subject == facts.issuer == root.issuer
    assert root.names == ()


def test_a_file_may_hold_several_and_other_things(tmp_path: Path) -> None:
    one, two = Authority(tmp_path / "one").issue("one"), Authority(tmp_path / "two").issue("two")
    bundle = tmp_path / "bundle.pem"
    broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"
    bundle.write_bytes(b"a comment\n" + one.cert.read_bytes() + broken + two.cert.read_bytes() + two.key.read_bytes())
    assert [facts.names for facts in of_file(str(bundle), "authority") if facts.names] == [("one",), ("two",)]
    with pytest.raises(NoCertificate, match="No such file"):
        of_file(str(tmp_path / "nothing"), "authority")
    bundle.write_bytes(broken)
    with pytest.raises(NoCertificate, match="none in it that can be read"):
        of_file(str(bundle), "authority")


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    assert read(data, "broker", "here") is None


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_no_damage_breaks_the_reading(at: int, byte: int) -> None:
    assert read(DER[:at], "broker", "here") is None
    damaged = read(DER[:at] + bytes([byte]) + DER[at + 1 :], "broker", "here")
    assert damaged is None or isinstance(damaged, Certificate)


@contextmanager
def tls_server(files: Files) -> Iterator[int]:
    """Shake hands with TLS, and say nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                line, _ = listener.accept()
                with context.wrap_socket(line, server_side=True) as peer:
                    peer.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_the_certificate_of_a_server_is_seen_whatever_it_is_worth(tmp_path: Path) -> None:
    with tls_server(Authority(tmp_path).issue("shop.example", expired=True)) as port:
        address = parse_address(f"https://127.0.0.1:{port}", Target(), ("https",), "it")
        facts = of_server(address, Tls(), 5.0)
    assert (facts.what, facts.place) == ("broker", address.shown)
    assert facts.names == ("shop.example",)
    assert facts.not_after < datetime.now(UTC)


def test_where_nobody_speaks_tls_there_is_no_certificate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = parse_address(f"amqps://127.0.0.1:{port}", Target(), ("amqps",), "it")
    with pytest.raises(NoCertificate, match="refused"):
        of_server(address, Tls(), 5.0)


def test_of_everything_that_is_not_shown_the_reason_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing", encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    target = Target(f"https://127.0.0.1:{port}", tls=Tls(str(empty), str(tmp_path / "nothing")))
    address = parse_address(target.broker or "", target, ("https",), "it")
    found, unshown = of_target(target, [address])
    assert found == ()
    assert [(one.what, one.place) for one in unshown] == [
        ("broker", address.shown),
        ("client", str(tmp_path / "nothing")),
        ("authority", str(empty)),
    ]
    assert all(one.reason for one in unshown)
    plain = parse_address(f"http://127.0.0.1:{port}", target, ("http",), "it")
    assert of_target(target, [plain]) == ((), ())
