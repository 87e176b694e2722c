"""What a broker says: its topology at one moment, and the facts around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model.inventory import Inventory
    from rabbit_topo.model.resources import Binding, Key, Policy, Queue
    from rabbit_topo.model.topology import Topology


ALL_TYPES = frozenset({"classic", "quorum", "stream"})
EVERYTHING: Final = ("*",)  # the paths of an object of which nothing but its existence was seen


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages ready, messages unacknowledged, consumers of one queue.

    `withheld` messages are neither: on their way to a dead-letter exchange at least once, or delayed. `late` counts are
    some seconds old: what has come meanwhile is not in them.
    """

    ready: int
    unacknowledged: int
    consumers: int
    withheld: int = 0
    late: bool = False

    @property
    def messages(self) -> int:
        """Every message that would be lost with the queue."""
        return self.ready + self.unacknowledged + self.withheld

    @property
    def idle(self) -> bool:
        """No message and no consumer."""
        return not (self.messages or self.consumers)


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a road could not see of one declared object: these paths, or all of it where none are named.

    `EVERYTHING` stands for every property: the object is there, and no more is known. `reason` is a sentence that many
    objects share ("AMQP shows no bindings"), or the broker's own words.
    """

    reason: str
    paths: tuple[str, ...] = ()


Road: TypeAlias = Literal["management", "active", "passive", "file"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a broker says of itself, beside its topology.

    `target` is its URL without credentials, or the file's path. `counts` lacks a queue whose
    counts could not be had. `binding_ids` holds, for each binding, the `properties_key` of every
    copy that the server keeps (integer widths make twins). `exclusive` queues are nobody's to
    manage; they and server-named queues are `hidden`: no part of the topology, but policies reach them.
    `hidden_bindings` are the bindings into them.
    `moves` says whether the road can move messages from queue to queue.
    `deletes` names the queue types that the road can delete without losing what arrives meanwhile; None is a type that
    nobody knows.
    `writes_null` says whether it can write a null in a binding's arguments.
    `road` is how it was read: by HTTP, by AMQP's active or passive declares, or from a file. `lists` says whether the
    road shows objects that no file names, bindings and policies among them; `unverified` holds, by key, what it
    could not see of the declared ones. `renewed` are the queues whose `x-expires` lease the reading renewed.
    `inventory` is what the broker keeps of this project, None where none is asked for. `unlisted` are vhosts that a
    definitions file has objects of, and not among its vhosts. `tells_internal` says whether internal exchanges are
    told: some exports leave them out.
    """

    target: str
    version: str
    cluster_name: str = ""
    vhosts: frozenset[str] = frozenset()
    exchange_types: frozenset[str] = frozenset()
    default_queue_types: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[Key, Counts] = field(default_factory=dict)
    binding_ids: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    exclusive: frozenset[Key] = frozenset()
    operator_policies: tuple[Policy, ...] = ()
    hidden: tuple[Queue, ...] = ()
    hidden_bindings: tuple[Binding, ...] = ()
    moves: bool = False
    deletes: frozenset[str | None] = ALL_TYPES
    writes_null: bool = True
    product: str = "RabbitMQ"
    road: Road = "management"
    lists: bool = True
    unverified: Mapping[Key, Unverified] = field(default_factory=dict)
    renewed: tuple[Key, ...] = ()
    inventory: Inventory | None = None
    unlisted: frozenset[str] = frozenset()
    tells_internal: bool = True


@dataclass(frozen=True, slots=True)
class Observed:
    """A broker at one moment: its topology, less the server's own objects, and its facts.

    The topology holds everything of the vhosts asked for except `amq.*` queues, exclusive queues
    with the bindings into them, the default exchange and its implicit bindings. The `amq.*` exchanges are
    in it: they may be named as external, and bound.
    """

    topology: Topology
    facts: Facts
