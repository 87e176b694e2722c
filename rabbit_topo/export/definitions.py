"""A topology as the definitions file that RabbitMQ loads: all of it, or one vhost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.export.carried import carried, refused
from rabbit_topo.export.items import SECTION, Item, spelled
from rabbit_topo.model import Vhost

if TYPE_CHECKING:
    from rabbit_topo.export.carried import LeftOut
    from rabbit_topo.model import Topology


@dataclass(frozen=True, slots=True)
class Definitions:
    """The document of a definitions file, and what of the topology it cannot carry."""

    document: Item
    left_out: tuple[LeftOut, ...] = ()


def definitions(topology: Topology, vhost: str | None = None) -> Definitions:
    """Spell a topology as a definitions file: whole, with its vhosts, or that of one vhost, whose items name none.

    A node loads the whole one at boot (`load_definitions`), `rabbitmqctl import_definitions` and `POST
    /api/definitions` at any time; the one of a vhost is for `POST /api/definitions/{vhost}`. The same topology gives
    the same bytes, with any order of its objects. A queue whose type is unstated has none here: the broker gives it
    its default.
    """
    taken, left_out = carried(topology, vhost, refused)
    if vhost is None:
        document: Item = {"vhosts": [{"name": one.name} for one in taken if isinstance(one, Vhost)]}
    else:
        document = {"original_vhost_name": vhost}
    document |= {section: [] for section in SECTION.values()}
    for one in taken:
        if not isinstance(one, Vhost):
            document[SECTION[one.key.kind]].append(spelled(one, single=vhost is not None))
    return Definitions(document, left_out)
