"""What must exist for one publisher or one consumer to lose nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.clients.entities import has_integer
from rabbit_topo.model import Binding, Exchange, Key, Kind, Queue

if TYPE_CHECKING:
    from rabbit_topo import model
    from rabbit_topo.model import Topology


@dataclass(frozen=True, slots=True)
class Needs:
    """Objects to declare, in an order that works; external ones are not among them."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def of_publisher(topology: Topology, entry: model.Publisher) -> Needs:
    """Take its exchange and everything that a message sent there can come to, dead letters included."""
    walk = _Walk(topology)
    if entry.exchange:
        walk.down(Key(entry.vhost, Kind.EXCHANGE, entry.exchange))
    else:
        walk.down(Key(entry.vhost, Kind.QUEUE, entry.routing_key))
    return walk.needs()


def of_consumer(topology: Topology, entry: model.Consumer) -> Needs:
    """Take its queues, what leads into them, and everything that their dead letters can come to."""
    walk = _Walk(topology)
    for name in entry.queues:
        key = Key(entry.vhost, Kind.QUEUE, name)
        walk.down(key)
        walk.up(key)
    return walk.needs()


class _Walk:
    """Follows bindings, alternate exchanges and dead-letter exchanges, each object once."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._down: set[Key] = set()
        self._up: set[Key] = set()
        self._bindings: set[Key] = set()

    def down(self, start: Key) -> None:
        waiting = [start]
        while waiting:
            key = waiting.pop()
            if key in self._down:
                continue
            self._down.add(key)
            for binding in self._topology.bindings_from(key):
                self._bindings.add(binding.key)
                waiting.append(binding.destination_key)
            waiting += self._fallbacks(key)

    def up(self, start: Key) -> None:
        waiting = [start]
        while waiting:
            key = waiting.pop()
            if key in self._up:
                continue
            self._up.add(key)
            for binding in self._topology.bindings_into(key):
                self._bindings.add(binding.key)
                waiting.append(binding.source_key)

    def _fallbacks(self, key: Key) -> list[Key]:
        match self._topology.resources.get(key):
            case Exchange(arguments=arguments):
                name = arguments.get("alternate-exchange")
                return [Key(key.vhost, Kind.EXCHANGE, name)] if isinstance(name, str) else []
            case Queue(arguments=arguments):
                name = arguments.get("x-dead-letter-exchange")
                if name == "":  # the default exchange: the routing key names a queue
                    target = arguments.get("x-dead-letter-routing-key")
                    return [Key(key.vhost, Kind.QUEUE, target)] if isinstance(target, str) else []
                return [Key(key.vhost, Kind.EXCHANGE, name)] if isinstance(name, str) else []
            case _:
                return []

    def needs(self) -> Needs:
        exchanges: list[Exchange] = []
        queues: list[Queue] = []
        bindings: list[Binding] = []
        for key in sorted(self._down | self._up | self._bindings):
            match self._topology.resources.get(key):
                case Exchange() as found if not self._topology.note(key).external and found.type is not None:
                    exchanges.append(found)
                case Queue() as found if not self._topology.note(key).external:
                    queues.append(found)
                case Binding() as found if not has_integer(found.arguments):
                    bindings.append(found)
                case _:
                    pass
        return Needs(tuple(exchanges), tuple(queues), tuple(bindings))
