"""What a vhost is beside its objects, read from a broker and given to a copy: operator policies and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.broker.http import segment
from rabbit_topo.broker.management_writes import policy_body
from rabbit_topo.errors import BrokerError
from rabbit_topo.policies import release

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Facts

_QUEUES: Final = "max-queues"
_OF_NODES: Final = (3, 13)  # since then a node has a default queue type too, and `classic` must be said


@dataclass(slots=True)
class Told:
    """What is to be told of it: the limits that the copy has, and what it does not have, with the reason."""

    limits: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def default_queue_type(facts: Facts, vhost: str) -> str:
    """Return the default queue type that a copy of this vhost must be given; empty where it needs none."""
    found = facts.default_queue_types.get(vhost, "") if vhost in facts.vhosts else ""
    return "" if found == "classic" and release(facts.version) < _OF_NODES else found


def copy_operator_policies(http: Http, facts: Facts, vhosts: Mapping[str, str], told: Told) -> None:
    """Give each vhost's copy its operator policies."""
    for policy in facts.operator_policies:
        path = f"/api/operator-policies/{segment(vhosts[policy.vhost])}/{segment(policy.name)}"
        answer = http.ask("PUT", path, policy_body(policy))
        if not answer.ok:
            told.gaps.append(f"operator policy {policy.name}: {answer.reason}")


def read_limits(http: Http | None, vhosts: Iterable[str]) -> dict[str, dict[str, Any] | str]:
    """Read the limits of vhosts; of one whose limits are not known, why."""
    return {vhost: _limits(http, vhost) if http else "a definitions file is not asked for them" for vhost in vhosts}


def copy_limits(
    http: Http,
    limits: Mapping[str, dict[str, Any] | str],
    vhosts: Mapping[str, str],
    less: Mapping[str, int],
    told: Told,
) -> None:
    """Give each vhost's copy its limit of queues, less those that are not in the copy.

    Connections are not limited: those that the vhost has already are none of the copy's.
    """
    for vhost, found in limits.items():
        if isinstance(found, str):
            told.gaps.append(f"the limits of vhost {vhost}: {found}")
            continue
        for name, value in sorted(found.items()):
            if not isinstance(value, int) or value < 0:
                continue
            if name != _QUEUES:
                told.gaps.append(f"{name} {value:,} of vhost {vhost}: the copy has no share in what it counts")
                continue
            room = max(value - less.get(vhost, 0), 0)
            path = f"/api/vhost-limits/{segment(vhosts[vhost])}/{segment(name)}"
            answer = http.ask("PUT", path, {"value": room})
            if answer.ok:
                missing = f", less {less[vhost]:,} that are not in the copy" if less.get(vhost) else ""
                told.limits.append(f"{name} {value:,} of vhost {vhost}{missing}")
            else:
                told.gaps.append(f"{name} {value:,} of vhost {vhost}: {answer.reason}")


def _limits(http: Http, vhost: str) -> dict[str, Any] | str:
    """Return the limits of a vhost, or why they are not known."""
    try:
        answer = http.ask("GET", f"/api/vhost-limits/{segment(vhost)}")
    except BrokerError as error:
        return error.message
    if not answer.ok or not isinstance(answer.body, list):
        return answer.reason
    values = [item.get("value") for item in answer.body if isinstance(item, dict)]
    return {name: limit for value in values if isinstance(value, dict) for name, limit in value.items()}
