"""What the management API tells of one queue at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.http import NOT_FOUND, segment
from rabbit_topo.broker.management_writes import path
from rabbit_topo.broker.readings import read_bindings, read_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Binding, Key, Policy, Queue


@dataclass(frozen=True, slots=True)
class Details:
    """What the broker's statistics say of a queue; each part is None until they have been written, seconds later.

    `policies` merges the definitions of the policy and the operator policy in effect. `message_bytes` counts the bodies of
    `messages`.
    """

    policies: Mapping[str, Any] | None
    policy: str
    operator_policy: str
    messages: int | None
    message_bytes: int | None
    fed_directly: bool


def details(http: Http, queue: Queue) -> Details | None:
    """Return what is told of a queue; None where there is no such queue. Raises `BrokerError`."""
    where = path(queue)
    answer = http.ask("GET", where)
    if answer.status == NOT_FOUND:
        return None
    item: dict[str, Any] = answer.body if answer.ok else http.get(where)
    told = item.get("effective_policy_definition")
    names = [entry.get("exchange", {}).get("name") for entry in item.get("incoming") or ()]
    return Details(
        # an older server writes an empty table as an empty list
        policies=told if isinstance(told, dict) else {} if told == [] else None,
        policy=str(item.get("policy") or ""),
        operator_policy=str(item.get("operator_policy") or ""),
        messages=item.get("messages"),
        message_bytes=item.get("message_bytes"),
        fed_directly="" in names,
    )


def bindings_into(http: Http, queue: Queue) -> dict[Key, tuple[Binding, tuple[str, ...]]]:
    """Return the bindings into a queue, less the implicit one, each with the server's own names of its copies."""
    return read_bindings(queue.vhost, http.get(f"{path(queue)}/bindings"))


def policies_of(http: Http, vhost: str, kind: str = "policies") -> list[Policy]:
    """Return the `policies` of a vhost, or its `operator-policies`."""
    return [read_policy(vhost, item) for item in http.get(f"/api/{kind}/{segment(vhost)}")]


def alarms(http: Http) -> list[str]:
    """Name the alarms that keep publishers waiting, node by node; empty where this user may not see the nodes."""
    answer = http.ask("GET", "/api/nodes?columns=name,mem_alarm,disk_free_alarm")
    if not answer.ok:  # it takes the tag `monitoring`
        return []
    kinds = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
    return [f"{kinds[key]} on {node.get('name')}" for node in answer.body for key in kinds if node.get(key) is True]


def may_impersonate(http: Http, user: str) -> bool:
    """Say whether this user may publish with another's user_id; False where HTTP knows us by another name."""
    answer = http.ask("GET", "/api/whoami")
    if not answer.ok or answer.body.get("name") != user:
        return False
    tags = answer.body.get("tags")  # a list; before 3.9, joined by commas
    return "impersonator" in (tags.split(",") if isinstance(tags, str) else tags or ())
