"""Certificates: who they are for, who signed them, and until when they hold.

Python shows a certificate only once it is verified; the one that has expired is the one that is asked about. So its
DER form is read here, as far as that needs (RFC 5280, section 4.1).
"""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.broker.address import TLS_PORTS
from rabbit_topo.broker.failover import LONGEST_CONNECT
from rabbit_topo.report.diagnosis import Certificate, Unshown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.broker.address import Address
    from rabbit_topo.broker.target import Target, Tls
    from rabbit_topo.report.diagnosis import What

SEQUENCE, OCTETS, OID, UTC_TIME, VERSION, EXTENSIONS = 0x30, 0x04, 0x06, 0x17, 0xA0, 0xA3
DNS_NAME, IP_ADDRESS = 0x82, 0x87
UTF_16 = 0x1E
LONG = 0x80  # a length of more than 127 says first how many bytes it takes
SUBJECT_ALT_NAME = bytes.fromhex("551d11")
ATTRIBUTES = {
    "550403": "CN",
    "550406": "C",
    "550407": "L",
    "550408": "ST",
    "55040a": "O",
    "55040b": "OU",
    "2a864886f70d010901": "emailAddress",
    "0992268993f22c640119": "DC",
}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class NoCertificate(Exception):
    """A certificate is not to be had; the message says why."""


class _Item(NamedTuple):
    tag: int
    body: bytes


def of_target(target: Target, addresses: Sequence[Address]) -> tuple[tuple[Certificate, ...], tuple[Unshown, ...]]:
    """Look at everything that TLS needs with these addresses; say of what it cannot see why not."""
    found: list[Certificate] = []
    unshown: list[Unshown] = []
    secure = [address for address in addresses if address.scheme in TLS_PORTS]
    for address in secure:
        try:
            found.append(of_server(address, target.tls, min(target.timeout, LONGEST_CONNECT)))
        except NoCertificate as why:
            unshown.append(Unshown("broker", address.shown, str(why)))
    issuers = {one.issuer for one in found}
    files: tuple[tuple[What, str | None], ...] = (("client", target.tls.cert_file), ("authority", target.tls.ca_file))
    for what, file in files:
        if not secure or not file:
            continue
        try:
            held = of_file(file, what)
        except NoCertificate as why:
            unshown.append(Unshown(what, file, str(why)))
            continue
        if what == "client":
            found += held[:1]  # the others lead from it to an authority
        else:
            found += [one for one in held if len(held) == 1 or one.subject in issuers]
    return tuple(found), tuple(unshown)


def of_server(address: Address, tls: Tls, timeout: float) -> Certificate:
    """Ask a server for its certificate, whatever it is worth: nothing else is sent. Raises `NoCertificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        with (
            socket.create_connection((address.host, address.port or TLS_PORTS[address.scheme]), timeout) as line,
            context.wrap_socket(line, server_hostname=address.host) as peer,
        ):
            der = peer.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise NoCertificate(f"TLS failed: {error.reason or error}") from None
    except (OSError, ValueError) as error:
        raise NoCertificate(str(getattr(error, "strerror", None) or error)) from None
    found = read(der or b"", "broker", address.shown)
    if found is None:
        raise NoCertificate("what it showed cannot be read")
    return found


def of_file(path: str, what: What) -> list[Certificate]:
    """Read the certificates of a PEM file that can be read. Raises `NoCertificate` where there are none."""
    found = []
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise NoCertificate(str(error.strerror)) from None
    for block in _PEM.findall(text):
        with suppress(ValueError):
            if one := read(ssl.PEM_cert_to_DER_cert(block), what, path):
                found.append(one)
    if not found:
        raise NoCertificate("there is none in it that can be read")
    return found


def read(der: bytes, what: What, place: str) -> Certificate | None:
    """Read a certificate in DER form; None where it is none."""
    try:
        fields = list(_items(next(_items(next(_items(der)).body)).body))
        if fields[0].tag == VERSION:
            del fields[0]
        _serial, _algorithm, issuer, validity, subject, _key, *rest = fields
        _, until = _items(validity.body)
        return Certificate(what, place, _name(subject.body), _name(issuer.body), _alternatives(rest), _time(until))
    except (ValueError, IndexError, StopIteration, RuntimeError):
        return None


def _items(data: bytes) -> Iterator[_Item]:
    """Take tags, lengths and values apart. Raises `ValueError` and `IndexError` for what is no DER."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= LONG:
            wide = length - LONG
            length = int.from_bytes(data[at : at + wide], "big")
            at += wide
        if at + length > len(data):
            raise ValueError("cut off")
        yield _Item(tag, data[at : at + length])
        at += length


def _name(data: bytes) -> str:
    """Spell a name as OpenSSL does: `CN=shop, O=Example`, what is most particular first."""
    parts = []
    for group in _items(data):
        for pair in _items(group.body):
            kind, value = _items(pair.body)
            text = value.body.decode("utf-16-be" if value.tag == UTF_16 else "utf-8", "replace")
            parts.append(f"{ATTRIBUTES.get(kind.body.hex(), 'OID')}={text}")
    return ", ".join(reversed(parts))


def _time(item: _Item) -> datetime:
    text = item.body.decode("ascii")
    if item.tag == UTC_TIME:  # two digits of a year, of 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternatives(fields: list[_Item]) -> tuple[str, ...]:
    names = []
    for outer in fields:
        if outer.tag != EXTENSIONS:
            continue
        for extension in _items(next(_items(outer.body)).body):
            kind, *_, value = _items(extension.body)
            if kind.body == SUBJECT_ALT_NAME:
                names += [_alternative(one) for one in _items(next(_items(value.body)).body)]
    return tuple(name for name in names if name)


def _alternative(item: _Item) -> str:
    if item.tag == IP_ADDRESS:
        return str(ip_address(item.body))
    return item.body.decode("ascii", "replace") if item.tag == DNS_NAME else ""
