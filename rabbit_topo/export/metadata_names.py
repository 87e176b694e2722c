"""Names of custom resources: what Kubernetes takes, unique, stable, and as near to the object's name as can be."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Kind

if TYPE_CHECKING:
    from rabbit_topo.model import Key

LONGEST: Final = 253  # of a DNS-1123 subdomain
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DIGITS: Final = 10
_DIGESTED: Final = re.compile(rf".*-[0-9a-f]{{{_DIGITS}}}")
_BETWEEN: Final = "--"  # a vhost and a name
_USUAL: Final = "/"


def is_subdomain(text: str) -> bool:
    """Say whether Kubernetes takes it for a name (RFC 1123: small letters, digits, `-` and `.`).

    >>> is_subdomain("shop.orders"), is_subdomain("Shop_orders")
    (True, False)
    """
    return len(text) <= LONGEST and bool(_SUBDOMAIN.fullmatch(text))


def metadata_name(key: Key) -> str:
    """Return the name of an object's custom resource; no two objects of a kind have the same.

    A name that Kubernetes takes stays as it is, behind its vhost, where that is not the usual one. All others are
    made fit and end in a digest of the whole identity; a binding, which has no name, always does.

    >>> from rabbit_topo.model import Key, Kind
    >>> metadata_name(Key("/", Kind.QUEUE, "shop.mail")), metadata_name(Key("crm", Kind.QUEUE, "mail"))
    ('shop.mail', 'crm--mail')
    >>> metadata_name(Key("/", Kind.QUEUE, "Käse_1"))
    'kase-1-fe433e7f36'
    """
    parts = [key.vhost, key.name] if key.kind is not Kind.VHOST and key.vhost != _USUAL else [key.name]
    if key.kind is Kind.BINDING:
        parts[-1] = f"{key.name}-to-{key.destination}"
    name = _BETWEEN.join(parts)
    if key.kind is not Kind.BINDING and _is_plain(parts) and is_subdomain(name) and not _DIGESTED.fullmatch(name):
        return name
    readable = _BETWEEN.join(filter(None, map(_slug, parts))) or str(key.kind)
    return f"{readable[: LONGEST - 1 - _DIGITS].rstrip('-.')}-{_digest(key)}"


def _is_plain(parts: list[str]) -> bool:
    """Say whether the parts can be told from their joined text."""
    return all(_SUBDOMAIN.fullmatch(part) and _BETWEEN not in part for part in parts)


def _slug(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    labels = (label.strip("-") for label in re.sub(r"[^a-z0-9.]+", "-", bare).split("."))
    return ".".join(filter(None, labels))


def _digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:_DIGITS]
