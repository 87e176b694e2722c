"""What of a topology another format can carry, and what not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.arguments import refused_everywhere
from rabbit_topo.arguments.wire import BLINDING, blinds_management
from rabbit_topo.model import EMPTY, PREDECLARED, Binding, Exchange, Kind, Policy, Queue, Vhost, holds_null

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.model import Arguments, Key, Resource, Topology

EXTERNAL = "it is external: somebody else makes it"


@dataclass(frozen=True, slots=True)
class NotCarried:
    """An object that a format cannot carry, and why: a few words, without the object's name."""

    resource: Resource
    reason: str


def carried(
    topology: Topology, vhost: str | None, refusal: Callable[[Resource], str]
) -> tuple[list[Resource], tuple[NotCarried, ...]]:
    """Return what can be carried, in the order of `Key.order`, and what cannot: of all vhosts, or of one.

    `refusal` says why the format cannot carry an object, empty where it can. What the server makes itself is in
    neither; a binding is carried where both of its ends will be there.
    """
    taken: dict[Key, Resource] = {}
    left_out: list[NotCarried] = []
    for key, resource in sorted(topology.resources.items(), key=lambda one: one[0].order):
        if vhost not in (None, key.vhost) or _in_every_vhost(resource):
            continue
        reason = EXTERNAL if topology.note(key).external else refusal(resource)
        if reason := reason or _without_end(resource, taken):
            left_out.append(NotCarried(resource, reason))
        else:
            taken[key] = resource
    return list(taken.values()), tuple(left_out)


def refused(resource: Resource) -> str:
    """Say why no RabbitMQ would take it from a file or over HTTP; empty where one would.

    >>> from rabbit_topo.model import Arguments
    >>> refused(Binding("/", "shop.documents", "queue", "shop.pdf", "", Arguments({"format": None})))
    'a null in its arguments: only AMQP can write one'
    """
    match resource:
        case Queue() if found := refused_everywhere(resource):
            return str(found[0])
        case Binding() if blinds_management(resource):
            return BLINDING
        case Policy() if holds_null(dict(resource.definition)):
            return "a null in its definition"
        case _:
            return "a null in its arguments: only AMQP can write one" if holds_null(dict(arguments(resource))) else ""


def arguments(resource: Resource) -> Arguments:
    """Return the arguments of an object, or a policy's definition; none of a vhost."""
    match resource:
        case Exchange() | Queue() | Binding():
            return resource.arguments
        case Policy():
            return resource.definition
        case Vhost():
            return EMPTY


def _in_every_vhost(resource: Resource) -> bool:
    return isinstance(resource, Exchange) and resource.name in PREDECLARED


def _without_end(resource: Resource, taken: dict[Key, Resource]) -> str:
    return next(_missing_ends(resource, taken), "") if isinstance(resource, Binding) else ""


def _missing_ends(binding: Binding, taken: dict[Key, Resource]) -> Iterator[str]:
    for key, way in ((binding.source_key, "leads from"), (binding.destination_key, "leads to")):
        if key not in taken and not (key.kind is Kind.EXCHANGE and key.name in PREDECLARED):
            yield f'it {way} the {key.kind} "{key.name}", which is not in it'
