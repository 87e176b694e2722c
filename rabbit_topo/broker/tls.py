"""TLS as both roads use it: one way to set it up, and what every way of failing means."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.errors import Unreachable, UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker.target import Tls

EXPIRED, NOT_YET = 10, 9  # numbers of OpenSSL, x509_vfy.h
UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21}
OTHER_NAME = {62, 64}
TLS_ALERT = "\x15\x03"  # how a server that wants TLS answers what is none
# What a server says about our certificate, by the alerts of RFC 8446 as OpenSSL spells them.
CLIENT_MISSING = ("CERTIFICATE_REQUIRED",)
CLIENT_REFUSED = (
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",
)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Build the TLS settings of a road: TLS 1.2 or newer, certificate and host name verified unless told otherwise.

    Raises `UsageError` for files that cannot be used.
    """
    if tls.key_file and not tls.cert_file:
        raise UsageError("a key is given without its certificate", "name it too: --cert-file, or tls: cert_file")
    _readable("CA file", tls.ca_file)
    _readable("client certificate", tls.cert_file)
    _readable("key file", tls.key_file)
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError:
        raise UsageError(
            f"the CA file {tls.ca_file} cannot be used: it holds no certificate in PEM form",
            "it begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der -in FILE turns DER into PEM",
        ) from None
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        _show_certificate(context, tls.cert_file, tls.key_file)
    return context


def _readable(what: str, file: str | None) -> None:
    if file is None:
        return
    try:
        with Path(file).open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise UsageError(f"the {what} {file} cannot be used: {error.strerror}") from None


def _show_certificate(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    """Load the client's certificate and its key."""
    asked = False

    def passphrase() -> str:
        nonlocal asked
        asked = True
        return ""

    try:
        context.load_cert_chain(cert_file, key_file, password=passphrase)
    except (OSError, ValueError) as error:
        key = key_file or cert_file
        if asked:
            raise UsageError(
                f"the key file {key} cannot be used: it is encrypted",
                f"nobody is there to type its passphrase: openssl pkey -in {key} writes it plainly",
            ) from None
        if "KEY_VALUES_MISMATCH" in str(error):
            raise UsageError(
                f"the key file {key} does not fit the client certificate {cert_file}",
                "name the two that were made together",
            ) from None
        raise UsageError(
            f"the client certificate {cert_file} cannot be used"
            + (f" with the key file {key_file}" if key_file else ": its key is not in it, or it is no PEM file"),
            "both are PEM files: -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----"
            + ("" if key_file else "; a key in a file of its own is named with --key-file"),
        ) from None


def tls_failure(error: ssl.SSLError, where: str, host: str, tls: Tls) -> Unreachable:
    """Explain why a TLS connection to `where` did not come about, or ended at once."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(*_unverified(error, where, host, tls))
    reason = error.reason or str(error)
    said = f"{where}: TLS failed: {_words(error)}"
    if "WRONG_VERSION" in reason or "RECORD_LAYER" in reason or "UNKNOWN_PROTOCOL" in reason:
        return Unreachable(
            said, "the port does not speak TLS: try http:// or amqp://, or the TLS port (15671, or 5671 for AMQP)"
        )
    if any(alert in reason for alert in CLIENT_MISSING):
        return Unreachable(
            f"{where}: the broker wants a client certificate", "name one: --cert-file and --key-file, or tls: cert_file"
        )
    if any(alert in reason for alert in CLIENT_REFUSED):
        return Unreachable(
            f"{where}: the broker refuses the client certificate: {_words(error)}",
            "its authority must be one that the broker trusts (its cacertfile), and it must not have expired"
            if tls.cert_file
            else "name one that it trusts: --cert-file and --key-file, or tls: cert_file",
        )
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Unreachable(
            f"{where}: the broker ended the connection as soon as TLS began",
            "does it accept the client certificate? Its log says why"
            if tls.cert_file
            else "it may want a client certificate: --cert-file and --key-file",
        )
    if "HANDSHAKE_FAILURE" in reason or "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        hint = "it offers no TLS 1.2 or newer, or no cipher that is allowed here"
        return Unreachable(said, hint if tls.cert_file else f"{hint}; or it wants a client certificate: --cert-file")
    return Unreachable(said, "check the TLS settings: CA file, client certificate, key")


def _unverified(error: ssl.SSLCertVerificationError, where: str, host: str, tls: Tls) -> tuple[str, str]:
    said = f"{where}: the broker's certificate is not accepted: {error.verify_message}"
    code = error.verify_code
    if code in OTHER_NAME:
        return (
            f"{where}: the broker's certificate is for another name than {host!r}: {error.verify_message}",
            "use the name that stands in the certificate in the URL: openssl x509 -noout -ext subjectAltName shows it",
        )
    if code == EXPIRED:
        return said, "it must be renewed on the broker; until then nobody can tell who answers there"
    if code == NOT_YET:
        return said, "is the clock of this machine right?"
    if code in UNKNOWN_AUTHORITY:
        if tls.ca_file:
            return said, f"{tls.ca_file} does not hold the authority that signed it: is it the right CA file?"
        return said, "name the authority that signed it as the CA file: --ca-file, or tls: ca_file"
    return said, "check the certificate of the broker, and the CA file"


def _words(error: ssl.SSLError) -> str:
    """Say in short what OpenSSL said."""
    reason = re.sub(r"^(ssl|tls)v\d+ alert ", "", (error.reason or "").replace("_", " ").lower())
    return reason or str(error).partition(" (_ssl.c")[0]
