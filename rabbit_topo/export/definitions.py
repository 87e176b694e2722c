"""A topology as the definitions file that RabbitMQ loads: all of it, or one vhost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rabbit_topo.export.carried import carried, refused
from rabbit_topo.export.items import SECTION, Item, definitions_item
from rabbit_topo.model import Vhost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.export.carried import NotCarried
    from rabbit_topo.model import Topology


CLASSIC: Final = "classic"  # what a vhost gives that says nothing of it
NO_TYPES: Final[Mapping[str, str]] = {}
_VERSIONS: Final = ("rabbit_version", "rabbitmq_version")


@dataclass(frozen=True, slots=True)
class Definitions:
    """The document of a definitions file, and what of the topology it cannot carry."""

    document: Item
    left_out: tuple[NotCarried, ...] = ()


def definitions(
    topology: Topology, vhost: str | None = None, *, version: str = "", default_types: Mapping[str, str] = NO_TYPES
) -> Definitions:
    """Spell a topology as a definitions file: whole, with its vhosts, or that of one vhost, whose items name none.

    A node loads the whole one at boot (`load_definitions`), `rabbitmqctl import_definitions` and `POST
    /api/definitions` at any time; the one of a vhost is for `POST /api/definitions/{vhost}`. The same topology gives
    the same bytes, with any order of its objects. A queue whose type is unstated has none here: the broker gives it
    its default.

    `version` is that of the broker that the topology was read of, where it is known: who reads the file then knows what
    that broker takes. `default_types` are the queue types of its vhosts, which the whole file tells: of a queue that an
    application declares without one, the broker makes such a queue.
    """
    taken, left_out = carried(topology, vhost, refused)
    document: Item = dict.fromkeys(_VERSIONS, version) if version else {}
    if vhost is None:
        vhosts = [one.name for one in taken if isinstance(one, Vhost)]
        document["vhosts"] = [_vhost(name, default_types.get(name, CLASSIC)) for name in vhosts]
    else:
        document["original_vhost_name"] = vhost
    document |= {section: [] for section in SECTION.values()}
    for one in taken:
        if not isinstance(one, Vhost):
            document[SECTION[one.key.kind]].append(definitions_item(one, single=vhost is not None))
    return Definitions(document, left_out)


def _vhost(name: str, default_type: str) -> Item:
    """Spell a vhost; the type stands twice, for brokers look in the one place or in the other."""
    if default_type == CLASSIC:
        return {"name": name}
    return {"name": name, "default_queue_type": default_type, "metadata": {"default_queue_type": default_type}}
