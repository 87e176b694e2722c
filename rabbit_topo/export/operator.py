"""A topology as custom resources of RabbitMQ's messaging topology operator for Kubernetes.

What they can say follows the operator's own definitions of them: https://github.com/rabbitmq/messaging-topology-operator
(config/crd/bases). It declares over the management API, and every number goes through a double on the way there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.export.carried import arguments, carried, refused
from rabbit_topo.export.items import plain
from rabbit_topo.export.metadata_names import metadata_name
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost

if TYPE_CHECKING:
    from rabbit_topo.export.carried import NotCarried
    from rabbit_topo.model import Arguments, Plain, Resource, Topology

API: Final = "rabbitmq.com/v1beta1"
APPLY_TO: Final = ("all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges")
_EXACT: Final = 2**53  # the greatest number up to which a double holds every integer


@dataclass(frozen=True, slots=True)
class Cluster:
    """The RabbitmqCluster that the resources are for; without a namespace it is in theirs."""

    name: str = "rabbitmq"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """Custom resources as plain values, each one a document, and what of the topology they cannot carry."""

    documents: tuple[dict[str, Any], ...]
    left_out: tuple[NotCarried, ...] = ()


def custom_resources(topology: Topology, cluster: Cluster, vhost: str | None = None) -> Resources:
    """Spell a topology, or one vhost of it, as custom resources, in the order in which they need each other.

    The vhost `/` has none: every RabbitMQ has it, and with the resource the operator would delete the vhost too.
    """
    taken, left_out = carried(topology, vhost, _refusal)
    reference = {"name": cluster.name} | ({"namespace": cluster.namespace} if cluster.namespace else {})
    documents = tuple(_resource(one, reference) for one in taken if one != Vhost("/"))
    return Resources(documents, left_out)


def _refusal(resource: Resource) -> str:
    if reason := refused(resource):
        return reason
    if (number := _changed(plain(arguments(resource)))) is not None:
        return f"the operator would send another number than {number}"
    match resource:
        case Exchange() if resource.internal:
            return "the operator knows no internal exchanges"
        case Policy() if not isinstance(resource.priority, int):
            return "the operator takes whole numbers only as the priority of a policy"
        case Policy() if resource.apply_to not in APPLY_TO:
            return f"the operator takes no policies for {resource.apply_to}"
        case _:
            return ""


def _changed(value: Plain) -> int | float | None:
    """Find a number that is another one, or of another class, once it was a double: 1.0 is sent as 1."""
    match value:
        case bool() | str():
            return None
        case int():
            return value if abs(value) > _EXACT else None
        case float():
            return value if value.is_integer() else None
        case dict():
            return _changed(list(value.values()))
        case _:
            return next((number for number in map(_changed, value) if number is not None), None)


def _resource(resource: Resource, reference: dict[str, str]) -> dict[str, Any]:
    kind = str(resource.key.kind).capitalize()
    spec = {**_spec(resource), "rabbitmqClusterReference": dict(reference)}
    return {"apiVersion": API, "kind": kind, "metadata": {"name": metadata_name(resource.key)}, "spec": spec}


def _spec(resource: Resource) -> dict[str, Any]:
    match resource:
        case Vhost():
            return {"name": resource.name}
        case Exchange():
            return {
                "name": resource.name,
                "vhost": resource.vhost,
                "type": resource.type,
                "durable": resource.durable,
                "autoDelete": resource.auto_delete,
                **_arguments(resource.arguments),
            }
        case Queue():
            return {
                "name": resource.name,
                "vhost": resource.vhost,
                **({"type": resource.type} if resource.type else {}),
                "durable": resource.durable,
                "autoDelete": resource.auto_delete,
                **_arguments(resource.arguments),
            }
        case Binding():
            return {
                "vhost": resource.vhost,
                "source": resource.source,
                "destination": resource.destination,
                "destinationType": resource.destination_kind,
                "routingKey": resource.routing_key,
                **_arguments(resource.arguments),
            }
        case Policy():
            return {
                "name": resource.name,
                "vhost": resource.vhost,
                "pattern": resource.pattern,
                "applyTo": resource.apply_to,
                "priority": resource.priority,
                "definition": plain(resource.definition),
            }


def _arguments(given: Arguments) -> dict[str, Any]:
    """Leave an empty table out: a binding without one is deleted by another way than a binding with an empty one."""
    return {"arguments": plain(given)} if given else {}
