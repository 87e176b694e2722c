"""Certificates: who they are for, who signed them, and until when they hold.

Python shows a certificate only once it is verified; the one that has expired is the one that is asked about. So its
DER form is read here, as far as that needs (RFC 5280, section 4.1).
"""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.address import Address
    from rabbit_topo.broker.target import Tls

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


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says; `names` are the hosts and addresses it is for, `not_after` is UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_after: datetime


class _Item(NamedTuple):
    tag: int
    body: bytes


def of_server(address: Address, tls: Tls, timeout: float) -> Facts | None:
    """Ask a server for its certificate, whatever it is worth: nothing else is sent. None where it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    port = address.port or {"https": 443, "amqps": 5671}[address.scheme]
    try:
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        with (
            socket.create_connection((address.host, port), timeout) as line,
            context.wrap_socket(line, server_hostname=address.host) as peer,
        ):
            der = peer.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return read(der) if der else None


def of_file(path: str) -> list[Facts]:
    """Read every certificate of a PEM file; those that cannot be read are left out."""
    found = []
    with suppress(OSError):
        for block in _PEM.findall(Path(path).read_text(encoding="ascii", errors="replace")):
            with suppress(ValueError):
                if facts := read(ssl.PEM_cert_to_DER_cert(block)):
                    found.append(facts)
    return found


def read(der: bytes) -> Facts | None:
    """Read a certificate in DER form; None where it is none."""
    try:
        fields = list(_items(next(_items(next(_items(der)).body)).body))
        if fields[0].tag == VERSION:
            del fields[0]
        _serial, _algorithm, issuer, validity, subject, _key, *rest = fields
        _, until = _items(validity.body)
        return Facts(_name(subject.body), _name(issuer.body), _alternatives(rest), _time(until))
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
