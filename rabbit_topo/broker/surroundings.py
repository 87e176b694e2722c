"""What a live broker says of itself that rules go by: its release, its exchange types, and what it does not permit."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.http import Http

if TYPE_CHECKING:
    from rabbit_topo.broker.target import Target

_DENYING = frozenset({"denied_by_default", "disconnected", "removed"})
_BUILT_IN = frozenset({"direct", "topic", "fanout", "headers"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A broker's version, the exchange types that its plugins brought, and its deprecated features that are denied.

    `exchange_types` is None where the broker does not tell, `denied` before 3.13, which does not. `nodes` is 0 where
    this user may not see them.
    """

    version: str
    exchange_types: frozenset[str] | None
    denied: frozenset[str] | None
    nodes: int


def surroundings(target: Target) -> Surroundings:
    """Ask a broker over HTTP. Raises `BrokerError`."""
    with closing(Http(target)) as http:
        overview = http.get("/api/overview")
        kinds = frozenset(str(one.get("name")) for one in _items(overview.get("exchange_types")))
        features = http.ask("GET", "/api/deprecated-features")
        nodes = http.ask("GET", "/api/nodes?columns=name")
        return Surroundings(
            str(overview.get("product_version") or overview.get("rabbitmq_version") or ""),
            kinds - _BUILT_IN if kinds else None,
            _denied(features.body) if features.ok else None,
            len(_items(nodes.body)) if nodes.ok else 0,
        )


def _denied(body: Any) -> frozenset[str]:
    """Go by the state; 4.0 tells none, and its phase is the state unless somebody configured another."""
    return frozenset(str(one.get("name")) for one in _items(body) if _is_denied(one))


def _is_denied(feature: dict[str, Any]) -> bool:
    if "state" in feature:
        return bool(feature["state"] == "denied")
    return feature.get("deprecation_phase") in _DENYING


def _items(body: Any) -> list[dict[str, Any]]:
    return [one for one in body if isinstance(one, dict)] if isinstance(body, list) else []
