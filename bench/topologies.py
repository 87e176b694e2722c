"""Topologies to measure with: exchanges, queues and bindings as 1 : 10 : 20, spelled for whoever reads them.

exchanges   direct, topic, fanout and headers in turn
queues      classic, with a length limit
bindings    two a queue, from two exchanges of different types
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rabbit_topo.model import Arguments, Binding, Exchange, Queue, Topology, Vhost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.model import Resource

TYPES = ("direct", "topic", "fanout", "headers")
PER_EXCHANGE = 31  # an exchange, ten queues, twenty bindings
LIMIT = 100_000


def topology(objects: int, vhost: str) -> Topology:
    """Return the topology of so many objects, a multiple of 31; the vhost comes on top."""
    found: list[Resource] = [Vhost(vhost), *_resources(objects, vhost)]
    return Topology(resources={resource.key: resource for resource in found})


def _resources(objects: int, vhost: str) -> Iterator[Exchange | Queue | Binding]:
    exchanges = max(1, objects // PER_EXCHANGE)
    for n in range(exchanges):
        yield Exchange(vhost, _exchange(n), TYPES[n % len(TYPES)])
    for n in range(exchanges * 10):
        yield Queue(vhost, _queue(n), "classic", arguments=Arguments({"x-max-length": LIMIT}))
        for at in _sources(n, exchanges):
            key, arguments = _ends(n, at)
            yield Binding(vhost, _exchange(at), "queue", _queue(n), key, Arguments(arguments))


def _exchange(n: int) -> str:
    return f"shop.exchange.{n:05}"


def _queue(n: int) -> str:
    return f"shop.queue.{n:06}"


def _sources(n: int, exchanges: int) -> tuple[int, int]:
    return n % exchanges, (n + 1) % exchanges


def _ends(n: int, at: int) -> tuple[str, dict[str, str] | None]:
    match TYPES[at % len(TYPES)]:
        case "headers":
            return "", {"x-match": "all", "region": "eu", "order": str(n)}
        case "topic":
            return f"order.{n}.#", None
        case kind:
            return f"order.{n}.{kind}", None


def yaml_text(objects: int) -> str:
    """Spell the topology as a topology file; the vhost is named on the command line."""
    exchanges = max(1, objects // PER_EXCHANGE)
    lines = ["version: 1", "exchanges:"]
    for n in range(exchanges):
        lines += [f"  {_exchange(n)}:", f"    type: {TYPES[n % len(TYPES)]}"]
    lines.append("queues:")
    for n in range(exchanges * 10):
        lines += [f"  {_queue(n)}:", "    type: classic", f"    max_length: {LIMIT}", "    bindings:"]
        for at in _sources(n, exchanges):
            key, arguments = _ends(n, at)
            lines.append(f"      - exchange: {_exchange(at)}")
            if arguments is None:
                lines.append(f"        routing_key: {key}")
            else:
                lines += ["        match: all", "        headers:", "          region: eu", f'          order: "{n}"']
    return "\n".join(lines) + "\n"


def definitions(objects: int, vhost: str) -> dict[str, Any]:
    """Spell the topology as RabbitMQ's own definitions."""
    found: dict[str, list[dict[str, Any]]] = {"exchanges": [], "queues": [], "bindings": []}
    item: dict[str, Any]
    for resource in _resources(objects, vhost):
        match resource:
            case Exchange():
                item = {"name": resource.name, "type": resource.type, "internal": False, "arguments": {}}
                found["exchanges"].append({"vhost": vhost, "durable": True, "auto_delete": False, **item})
            case Queue():
                arguments = {"x-queue-type": resource.type, **resource.arguments}
                item = {"name": resource.name, "arguments": arguments}
                found["queues"].append({"vhost": vhost, "durable": True, "auto_delete": False, **item})
            case Binding():
                ends = {"source": resource.source, "destination_type": "queue", "destination": resource.destination}
                key = {"routing_key": resource.routing_key, "arguments": dict(resource.arguments)}
                found["bindings"].append({"vhost": vhost, **ends, **key})
    return found


def write(folder: Path, objects: int, vhost: str) -> tuple[Path, Path]:
    """Write the topology as YAML and as definitions; answer both paths."""
    yaml, document = folder / f"{objects}.yaml", folder / f"{objects}.json"
    if not yaml.exists():
        yaml.write_text(yaml_text(objects), encoding="utf-8")
        document.write_text(json.dumps(definitions(objects, vhost)), encoding="utf-8")
    return yaml, document
