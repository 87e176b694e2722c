"""What the management API tells of one queue at this moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbit_topo.broker.http import NOT_FOUND, segment, tags_of
from rabbit_topo.broker.management_writes import path
from rabbit_topo.broker.readings import QUEUES, read_bindings, read_policy
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Binding, Key, Policy, Queue


@dataclass(frozen=True, slots=True)
class Details:
    """What the broker's statistics say of a queue; each part is None until they have been written, seconds later.

    `policies` merges the definitions of the policy and the operator policy in effect. `message_bytes` counts the bodies
    of `messages`.
    """

    policies: Mapping[str, Any] | None
    policy: str
    operator_policy: str
    messages: int | None
    message_bytes: int | None
    fed_directly: bool


def keeps(http: Http, queue: Queue, *, classic_only: bool = True) -> str:
    """Say why a queue must not be deleted now; empty where nothing speaks against it. Raises `BrokerError`.

    Its messages are counted by this very request: no guard of the server knows the unacknowledged ones. Consumers
    are left to whoever deletes: a classic queue has a guard against them, a quorum queue's passive declare tells.
    """
    item = look(http, queue)
    if item is None:
        return ""
    kind = item.get("type", "classic")
    if kind != (queue.type or "classic"):
        return f"it is a {kind} queue by now"
    if item.get("exclusive"):
        return "a connection holds an exclusive queue of this name by now"
    if classic_only and kind != "classic":
        return (
            f"it is a {kind} queue: by HTTP alone the broker deletes it without looking whether it is empty;"
            " give the AMQP URL too"
        )
    return _why_kept(counts_of(item, 0))


def count(http: Http, queue: Queue) -> Counts | None:
    """Count what a queue holds at this moment, its consumers left out; None where there is none."""
    item = look(http, queue)
    counts = counts_of(item, 0) if item is not None else None
    if item is not None and counts is None:
        raise BrokerError(f"{http.url} does not tell what queue {queue.name!r} holds")
    return counts


def look(http: Http, queue: Queue) -> dict[str, Any] | None:
    """Read one queue with the counts of this moment: only lists have them, so it is a list of one."""
    name = segment(f"(?-i)^{re.escape(queue.name)}$")  # the plugin asks caselessly
    page = http.get(f"/api/queues/{segment(queue.vhost)}{QUEUES}&page=1&page_size=100&use_regex=true&name={name}")
    items = page.get("items") if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise BrokerError(f"{http.url} answers otherwise than RabbitMQ to a question for queue {queue.name!r}")
    return next((item for item in items if item.get("name") == queue.name), None)


def counts_of(item: Mapping[str, Any], consumers: int) -> Counts | None:
    """Read the counts of a queue; None where the broker does not tell them."""
    numbers: list[Any] = [item.get(f"messages{which}") for which in ("", "_ready", "_unacknowledged")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    messages, ready, unacknowledged = numbers
    withheld = max(0, messages - ready - unacknowledged)
    return Counts(ready, unacknowledged, consumers, withheld, late=item.get("type") in {"quorum", "stream"})


def _why_kept(counts: Counts | None) -> str:
    """Say why a queue with these counts must not be deleted; empty where it may be."""
    if counts is None:
        return "its messages cannot be counted at the moment"
    if counts.idle:
        return ""
    withheld = f" and {counts.withheld} withheld" if counts.withheld else ""
    return (
        f"it holds {counts.ready} ready and {counts.unacknowledged} unacknowledged{withheld} messages"
        f" and has {counts.consumers} consumers"
    )


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
    return "impersonator" in tags_of(answer.body)
