"""What HTTP shows of an object about to be replaced, and of all that goes with it, at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.broker.http import NOT_FOUND, segment
from rabbit_topo.broker.management_writes import path
from rabbit_topo.broker.queue_looks import look, policies_of
from rabbit_topo.broker.readings import EXCHANGES, read_bindings, read_exchange, read_queue
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import Binding, Exchange, Key, Kind, Queue
from rabbit_topo.policies import effective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Policy
    from rabbit_topo.plan.journal import Restored


@dataclass(frozen=True, slots=True)
class Sight:
    """What is there under the object's key, and what is missing of what must come back.

    `missing` is in the order to declare it, the object first where it is absent. `lost` are the bindings that cannot
    come back, as what they lead to or from is gone.
    """

    target: Exchange | Queue | None
    missing: tuple[Exchange | Queue | Binding, ...]
    lost: tuple[Binding, ...]


class Eye:
    """Reads the few objects around a replacement. Every method raises `BrokerError`."""

    def __init__(self, http: Http, vhost: str) -> None:
        """Nothing is sent yet."""
        self._http = http
        self._vhost = vhost

    def exchanges(self) -> dict[Key, Exchange]:
        """Read all exchanges."""
        items = self._http.get(f"/api/exchanges/{segment(self._vhost)}{EXCHANGES}")
        found = [read_exchange(self._vhost, item) for item in items]
        return {exchange.key: exchange for exchange in found}

    def queue(self, queue: Queue) -> Queue | None:
        """Read one queue; None where it is absent."""
        item = look(self._http, queue)
        return None if item is None else read_queue(self._vhost, item)

    def bindings(self, resource: Exchange | Queue) -> dict[Key, Binding]:
        """Read the bindings of one object, in and out, those of connections' own queues too."""
        found: dict[Key, Binding] = {}
        for side in ("/source", "/destination") if isinstance(resource, Exchange) else ("",):
            where = f"{path(resource)}/bindings{side}"
            answer = self._http.ask("GET", where)
            if answer.status == NOT_FOUND:
                continue
            items = answer.body if answer.ok else self._http.get(where)
            found |= {key: binding for key, (binding, _) in read_bindings(self._vhost, items).items()}
        return found

    def differs(self, before: Exchange | Queue, restore: Sequence[Restored]) -> str:
        """Say what is no longer as the plan saw it; empty where nothing is."""
        exchanges = self.exchanges()
        now = exchanges.get(before.key) if isinstance(before, Exchange) else self.queue(before)
        if now != before:
            return "it is no longer as the plan saw it" if now else "it is gone since the plan"
        expected = {one.key: one for one in restore}
        going: dict[Key, Binding] = {}
        vanished: set[Key] = set()
        pending = self.bindings(before)
        while pending:
            _, binding = pending.popitem()
            if binding.key in going:
                continue
            going[binding.key] = binding
            source = exchanges.get(binding.source_key)
            if source is None or not source.auto_delete or source.key in vanished or source.key == before.key:
                continue
            around = self.bindings(source)
            if all(key in going for key, one in around.items() if one.source_key == source.key):
                vanished.add(source.key)
                pending.update({key: one for key, one in around.items() if one.destination_key == source.key})
        if going.keys() | vanished != expected.keys():
            return "its bindings changed since the plan"
        changed = any(exchanges[key] != expected[key] for key in vanished)
        return "an exchange that would vanish with it changed since the plan" if changed else ""

    def look(self, wanted: Exchange | Queue, restore: Sequence[Restored]) -> Sight:
        """See what is there of `wanted` and `restore`."""
        exchanges = self.exchanges()
        target = exchanges.get(wanted.key) if isinstance(wanted, Exchange) else self.queue(wanted)
        objects = [one for one in restore if isinstance(one, Exchange) and one.key not in exchanges]
        there: dict[Key, Binding] = self.bindings(target) if target else {}
        for one in restore:
            if isinstance(one, Exchange) and one.key in exchanges:
                there |= self.bindings(one)
        unbound = [one for one in restore if isinstance(one, Binding) and one.key not in there]
        missing: list[Exchange | Queue | Binding] = [*([] if target else [wanted]), *objects]
        known = {*exchanges, *(one.key for one in missing)}
        if any(key.kind is Kind.QUEUE for one in unbound for key in (one.source_key, one.destination_key)):
            known |= self._queues()
        lost: list[Binding] = []
        for one in unbound:
            (missing if {one.source_key, one.destination_key} <= known else lost).append(one)
        return Sight(target, tuple(missing), tuple(lost))

    def marked(self, queue: Queue) -> dict[str, object]:
        """Read a queue as it was declared. Raises `BrokerError` where it is absent, too."""
        item = self._http.get(path(queue))
        if not isinstance(item, dict):
            raise BrokerError(
                f"{self._http.url} answers otherwise than RabbitMQ to a question for queue {queue.name!r}"
            )
        return item

    def expiring(self, queue: Queue) -> Policy | None:
        """Return the policy that lets a queue expire; the broker's own word of it comes seconds late."""
        version = self._http.get("/api/overview")["rabbitmq_version"]
        for kind in ("policies", "operator-policies"):
            found = effective(policies_of(self._http, self._vhost, kind), queue, version)
            if found and "expires" in found.definition:
                return found
        return None

    def _queues(self) -> set[Key]:
        items = self._http.get(f"/api/queues/{segment(self._vhost)}?disable_stats=true&columns=name")
        return {Key(self._vhost, Kind.QUEUE, item["name"]) for item in items}
