"""What a user must be granted to do what it was refused."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost

if TYPE_CHECKING:
    from rabbit_topo.plan.operations import Operation


def granting(vhost: str, user: str) -> str:
    """Say how to let a user into a vhost; doctor tells which permissions the files need."""
    patterns = "CONFIGURE WRITE READ"
    return f"rabbitmqctl set_permissions -p {quote(vhost)} {quote(user)} {patterns}; `rabbit-topo doctor` tells which"


def permission_hint(operation: Operation, user: str) -> str:
    """Name the permission or the tag, and the object; source: RabbitMQ's access control guide."""
    resource = operation.resource
    who = f"user {user!r}" if user else "the user of the client certificate"
    match resource:
        case Vhost():
            return f"{who} needs the tag administrator, or somebody to create vhost {resource.name!r} for it"
        case Policy():
            return f"{who} needs the tag policymaker, and permissions on vhost {resource.vhost!r}"
        case Binding():
            return (
                f"{who} needs the write permission on {resource.destination_kind} {resource.destination!r}"
                f" and the read permission on exchange {resource.source!r} in vhost {resource.vhost!r}"
            )
        case Exchange() | Queue():
            kind = resource.key.kind.value
            hint = f"{who} needs the configure permission on {kind} {resource.name!r} in vhost {resource.vhost!r}"
            for argument in ("alternate-exchange", "x-dead-letter-exchange"):
                if argument in resource.arguments:
                    other = resource.arguments[argument] or "amq.default"
                    hint += f", the read permission on it, and the write permission on exchange {other!r}"
            return hint
