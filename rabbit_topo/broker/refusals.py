"""What a user must be granted to do what it was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.broker import rights
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost
from rabbit_topo.plan.operations import Remove
from rabbit_topo.report.rabbitmqctl import enter_vhost, set_permissions

if TYPE_CHECKING:
    from rabbit_topo.plan.operations import Operation


def granting(vhost: str, user: str) -> str:
    """Say how to let a user into a vhost; doctor tells which permissions the files need."""
    return f"{set_permissions(vhost, user)}; `rabbit-topo doctor` tells which"


def entering(vhost: str, user: str) -> str:
    """Say how to let a user read what a vhost has, and no more."""
    return f"{enter_vhost(vhost, user)}; or name another with --vhost"


def permission_hint(operation: Operation, user: str) -> str:
    """Name the permissions with their objects, or the tag."""
    resource = operation.resource
    who = f"user {user!r}" if user else "the user of the client certificate"
    match resource:
        case Vhost():
            return f"{who} needs the tag administrator, or somebody to create vhost {resource.name!r} for it"
        case Policy():
            return f"{who} needs the tag policymaker, and permissions on vhost {resource.vhost!r}"
        case Exchange() | Queue() | Binding():
            removed = isinstance(operation, Remove) and not isinstance(resource, Binding)
            lacking = (rights.configure(resource.key),) if removed else rights.needs(resource)
            needs = ", ".join(f"{need.permission} on {need.kind} {need.called!r}" for need in lacking)
            return f"{who} needs these permissions in vhost {resource.vhost!r}: {needs}"
