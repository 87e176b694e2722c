"""Throwaway authorities and certificates for tests: good ones, and each kind of bad one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from rabbit_topo.broker.sandbox_host import ServerTls
from rabbit_topo.broker.target import Tls

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = b"s3cr3t"


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key, both PEM."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority whose files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self._folder = folder
        self._issued = 0
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, *names: str, common_name: str | None = None, expired: bool = False) -> Files:
        """Sign a certificate for host names or addresses; or, by its common name alone, for a user."""
        until = datetime.now(UTC) - timedelta(days=1) if expired else None
        since = until - timedelta(days=1) if until else None
        identities = names or ("client.invalid",)
        made = self._ca.issue_cert(*identities, common_name=common_name, not_after=until, not_before=since)
        self._issued += 1
        files = Files(self._folder / f"{self._issued}.pem", self._folder / f"{self._issued}.key")
        files.cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(files.key)
        return files

    def server(self, *names: str, expired: bool = False, client_required: bool = False) -> ServerTls:
        """Make what a sandbox needs to listen with TLS."""
        files = self.issue(*(names or ("127.0.0.1", "localhost")), expired=expired)
        return ServerTls(self.ca_file, files.cert, files.key, client_required=client_required)

    def self_signed(self) -> ServerTls:
        """Let a server show the authority's own certificate: nobody else vouches for it."""
        key = self._folder / "ca.key"
        self._ca.private_key_pem.write_to_path(key)
        return ServerTls(self.ca_file, self.ca_file, key)

    def client(self, common_name: str | None = None, *, expired: bool = False) -> Tls:
        """Trust this authority; with a name, show a certificate for it too."""
        if common_name is None:
            return Tls(ca_file=str(self.ca_file))
        files = self.issue(common_name=common_name, expired=expired)
        return Tls(str(self.ca_file), str(files.cert), str(files.key))


def encrypt(key: Path) -> Path:
    """Write the key again, with a passphrase; return the new file."""
    private = load_pem_private_key(key.read_bytes(), None)
    locked = key.with_suffix(".locked")
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)))
    return locked
