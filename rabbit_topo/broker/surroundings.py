"""What a live broker says of itself that rules go by: its release, its exchange types, and what it does not permit."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.http import Http, segment
from rabbit_topo.broker.readings import read_policy
from rabbit_topo.policies import release

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Facts, Policy

_DENYING = frozenset({"denied_by_default", "disconnected", "removed"})
_TELLS_FEATURES = (3, 13)
_BUILT_IN = frozenset({"direct", "topic", "fanout", "headers"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A broker's version, the exchange types that its plugins brought, and its deprecated features that are denied.

    `exchange_types` is None where the broker does not tell, `denied` before 3.13, which does not. `nodes` is 0 where
    this user may not see them, or nobody asked. `operator_policies` are those of the vhosts that were asked for.
    """

    version: str
    exchange_types: frozenset[str] | None
    denied: frozenset[str] | None
    nodes: int
    operator_policies: tuple[Policy, ...] = ()


def surroundings(
    target: Target, vhosts: Iterable[str] = (), facts: Facts | None = None, *, nodes: bool = True
) -> Surroundings:
    """Ask a broker over HTTP, less what its `facts` tell where it was read already. Raises `BrokerError`."""
    with closing(Http(target)) as http:
        if facts is None:
            overview = http.get("/api/overview")
            version = str(overview.get("rabbitmq_version") or "")
            kinds = frozenset(str(one.get("name")) for one in _items(overview.get("exchange_types")))
            policies = tuple(policy for vhost in vhosts for policy in _operator_policies(http, vhost))
        else:
            version, kinds, policies = facts.version, facts.exchange_types, facts.operator_policies
        return Surroundings(
            version,
            kinds - _BUILT_IN if kinds else None,
            _denied(http) if release(version) >= _TELLS_FEATURES else None,
            _count(http) if nodes else 0,
            policies,
        )


def _operator_policies(http: Http, vhost: str) -> list[Policy]:
    """Read those of one vhost; one that is not there yet, or not for this user to see, has none that are known."""
    answer = http.ask("GET", f"/api/operator-policies/{segment(vhost)}")
    return [read_policy(vhost, item) for item in _items(answer.body)] if answer.ok else []


def _count(http: Http) -> int:
    answer = http.ask("GET", "/api/nodes?columns=name")
    return len(_items(answer.body)) if answer.ok else 0


def _denied(http: Http) -> frozenset[str] | None:
    """Go by the state; 4.0 tells none, and its phase is the state unless somebody configured another."""
    answer = http.ask("GET", "/api/deprecated-features")
    return frozenset(str(one.get("name")) for one in _items(answer.body) if _is_denied(one)) if answer.ok else None


def _is_denied(feature: dict[str, Any]) -> bool:
    if "state" in feature:
        return bool(feature["state"] == "denied")
    return feature.get("deprecation_phase") in _DENYING


def _items(body: Any) -> list[dict[str, Any]]:
    return [one for one in body if isinstance(one, dict)] if isinstance(body, list) else []
