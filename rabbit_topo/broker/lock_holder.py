"""Who holds a lock, and how that is said to whoever wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments.versions import OLDEST, read_release
from rabbit_topo.errors import Refusal
from rabbit_topo.model import Arguments, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "held by another apply"
NO_LOCK = "--no-lock applies without one"
KHEPRI = (4, 0)  # from here on the metadata store may be one that keeps a dead node's exclusive queues


@dataclass(frozen=True, slots=True)
class Holder:
    """The queue that has the lock's name, as the management plugin shows it."""

    mark: Mark | None
    connection: str = ""
    state: str = ""
    node: str = ""

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Holder:
        """Read what `GET /api/queues/VHOST/NAME` answers."""
        arguments = item.get("arguments")
        owner = item.get("owner_pid_details")
        return cls(
            mark=Mark.read(Arguments(arguments if isinstance(arguments, dict) else None)),
            connection=str(owner.get("name", "")) if isinstance(owner, dict) else "",
            state=str(item.get("state", "")),
            node=str(item.get("node", "")),
        )

    def __str__(self) -> str:
        """Say who holds it.

        >>> from rabbit_topo.model import Kind
        >>> str(Holder(Mark("lock", Kind.VHOST, "shop", {"user": "me", "host": "ci", "process": 7, "since": "noon"})))
        "held by user 'me' on host 'ci' (process 7) since noon"
        >>> str(Holder(None, "10.0.0.1:4001 -> 10.0.0.2:5672"))
        "held by connection '10.0.0.1:4001 -> 10.0.0.2:5672', which is no apply of rabbit-topo"
        """
        if self.mark is None or self.mark.purpose != "lock":
            which = f"connection {self.connection!r}" if self.connection else "another connection"
            return f"held by {which}, which is no apply of rabbit-topo"
        said = self.mark.more
        user = said.get("user")
        who = f"user {user!r}" if user else "the user of a client certificate"
        return f"held by {who} on host {said.get('host')!r} (process {said.get('process')}) since {said.get('since')}"


def still_held(vhost: str, holder: Holder | None, seconds: float, version: str) -> Refusal:
    """Return the refusal of whoever waited so long: who holds the lock, since when, and what to do.

    >>> still_held("shop", None, 0.0, "3.10.8").message
    "the lock of vhost 'shop' is still held by another apply; nothing was changed"
    """
    held = str(holder or UNKNOWN)
    if holder and holder.state == "down":
        held += f", whose node {holder.node!r} is down"
    waited = f" after {seconds:g} seconds" if seconds else ""
    hint = f"wait until it ends, or longer: --lock-timeout; {NO_LOCK}"
    if (read_release(version) or OLDEST) >= KHEPRI:
        hint += (
            ". In a cluster with Khepri the lock of a node that is down stays until that node is back, or is"
            " forgotten (rabbitmqctl forget_cluster_node)"
        )
    return Refusal(f"the lock of vhost {vhost!r} is still {held}{waited}; nothing was changed", hint)
