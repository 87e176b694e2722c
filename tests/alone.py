"""For the tests of reading over AMQP alone: making objects over HTTP, and asking for them."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from amqp.connection import Connection

from rabbit_topo.model import Exchange, Key, Note, Queue, Resource, Topology, Unverified, Vhost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.amqp_alone import AmqpAlone
    from rabbit_topo.model import Observed
    from tests.brokers import Node

HASH = "x-consistent-hash"


def topology(vhost: str, *resources: Resource, notes: dict[Key, Note] | None = None, **more: Any) -> Topology:
    whole = {resource.key: resource for resource in (Vhost(vhost), *resources)}
    return Topology(resources=whole, notes=notes or {}, **more)


def make(node: Node, *resources: Exchange | Queue) -> None:
    for it in resources:
        body: dict[str, Any] = {"durable": it.durable, "auto_delete": it.auto_delete, "arguments": {**it.arguments}}
        if isinstance(it, Queue):
            body["arguments"] |= {"x-queue-type": it.type} if it.type else {}
            node.http("PUT", "queues", it.vhost, it.name, body=body)
        else:
            node.http("PUT", "exchanges", it.vhost, it.name, body=body | {"type": it.type, "internal": it.internal})


def state(node: Node, vhost: str) -> Any:
    """Everything of a vhost that is no statistic."""
    queues = node.http("GET", "queues", vhost, query="disable_stats=true&columns=name,durable,auto_delete,arguments")
    exchanges = node.http("GET", "exchanges", vhost, query="disable_stats=true")
    bindings = node.http("GET", "bindings", vhost)
    return [sorted(items, key=repr) for items in (queues, exchanges, bindings)]


def look(road: AmqpAlone, *resources: Resource) -> Observed:
    return road.observe(topology(resources[0].key.vhost, *resources))


def one(road: AmqpAlone, resource: Exchange | Queue, note: Note | None = None) -> tuple[Any, Unverified | None]:
    """Ask for one object; return it as it was seen, and what was not verified."""
    notes = {resource.key: note} if note else {}
    observed = road.observe(topology(resource.vhost, resource, notes=notes))
    return observed.topology.resources.get(resource.key), observed.facts.unverified.get(resource.key)


@contextmanager
def connection(node: Node, vhost: str) -> Iterator[Any]:
    """Connect by py-amqp alone."""
    opened = Connection(urlsplit(node.amqp_url).netloc, virtual_host=vhost, userid="guest", password="guest")
    opened.connect()
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def user_of(node: Node, vhost: str, configure: str, write: str, read: str) -> Iterator[str]:
    """Make a user with these permissions; the password is the name."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    node.http("PUT", "users", name, body={"password": name, "tags": ""})
    node.http("PUT", "permissions", vhost, name, body={"configure": configure, "write": write, "read": read})
    yield name
    node.http("DELETE", "users", name)
