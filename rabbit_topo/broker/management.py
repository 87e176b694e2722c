"""The road through RabbitMQ's management plugin: it reads and writes everything, by HTTP."""

from __future__ import annotations

from collections import Counter
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments.wire import VOID
from rabbit_topo.broker import management_writes
from rabbit_topo.broker.expected import cluster_tags, refuse_another
from rabbit_topo.broker.http import NOT_FOUND, UNAUTHORISED, Http, Unanswered, no_management_api, segment
from rabbit_topo.broker.inventory import read_inventory, write_inventory
from rabbit_topo.broker.lock import BY_HTTP_ALONE
from rabbit_topo.broker.lock_holder import Holder
from rabbit_topo.broker.queue_looks import counts_of, keeps
from rabbit_topo.broker.readings import EXCHANGES, QUEUES, read_bindings, read_exchange, read_policy, read_queue
from rabbit_topo.broker.refusals import entering, granting
from rabbit_topo.broker.side_by_side import side_by_side
from rabbit_topo.errors import AccessRefused, BrokerError, Refusal, Unreachable
from rabbit_topo.model import Binding, Counts, Exchange, Facts, Observed, Queue, Topology, Vhost
from rabbit_topo.plan.operations import Declare, Failed, Migrate, NotAttempted, Recreate, Remove, unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Inventory, Key, Policy, Resource
    from rabbit_topo.plan.operations import Operation, Outcome

_STARTING = 5.0  # seconds that a node may list bindings to queues, and no queues
_PAUSE = 0.1
GONE = "the connection to the broker was lost: {}"


class Management:
    """A broker behind its management URL. Raises `UsageError` where the URL or a TLS file is wrong."""

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self.http = Http(target)
        self._expected = target.expected
        self._project = target.project

    def observe(self, declared: Topology) -> Observed:
        """Read the vhosts of `declared` in six list calls each, side by side. Raises `BrokerError`."""
        vhosts = declared.vhosts
        overview = self._overview()
        described = {item["name"]: item for item in self.http.get("/api/vhosts")}
        for vhost in set(vhosts) - described.keys():
            self._must_be_missing(vhost)
        reading = _Reading()
        for vhost in sorted(set(vhosts) & described.keys()):
            self._read(vhost, reading)
        node_default = overview.get("default_queue_type")
        facts = Facts(
            target=self.http.url,
            version=overview["rabbitmq_version"],
            cluster_name=overview.get("cluster_name", ""),
            vhosts=frozenset(described),
            exchange_types=frozenset(kind["name"] for kind in overview.get("exchange_types", ())),
            default_queue_types={name: _default_type(item, node_default) for name, item in described.items()},
            counts=reading.counts,
            binding_ids=reading.binding_ids,
            exclusive=frozenset(reading.exclusive),
            operator_policies=tuple(reading.operator_policies),
            hidden=tuple(reading.hidden),
            hidden_bindings=tuple(reading.hidden_bindings),
            deletes=frozenset({"classic"}),
            writes_null=False,
            product=overview.get("product_name") or "RabbitMQ",
            inventory=read_inventory(self.http, self._project, vhosts),
        )
        return Observed(Topology(resources=reading.resources), facts)

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        """Write the inventory of these vhosts; see `Broker.remember`."""
        write_inventory(self.http, inventory, vhosts)

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Declare objects several at a time, and do everything else one after another; see `Broker.execute`.

        When the broker is lost, what was in flight may have arrived.
        """
        lost = ""
        begun: set[int] = set()

        def attempt(operation: Operation) -> Outcome:
            nonlocal lost
            begun.add(id(operation))
            if lost:
                return NotAttempted(operation, lost)
            try:
                return self._carry_out(operation)
            except (Unreachable, Refusal) as error:
                lost = GONE.format(error.message)
                if isinstance(error, Unanswered):
                    return NotAttempted(operation, f"{lost}; nobody knows whether it arrived", sent=True)
                return NotAttempted(operation, lost)
            except BrokerError as error:
                return Failed(operation, error.message, error.hint)

        beside = [operation for operation in wave if _goes_beside(operation)]
        try:
            yield from side_by_side(attempt, beside, self.http.width, self.http.abandon)
            for operation in wave:
                if isinstance(operation, Recreate):
                    begun.add(id(operation))
                    yield from self._recreate(operation)
                elif not _goes_beside(operation):
                    yield attempt(operation)
        except KeyboardInterrupt:
            yield from unsent(operation for operation in wave if id(operation) not in begun)
            raise

    def lock(self, _vhosts: Sequence[str], _wait: Wait) -> str:
        """Say that HTTP has no lock; see `Broker.lock`."""
        return BY_HTTP_ALONE

    def pulse(self) -> None:
        """There is no lock to lose."""

    def cluster_name(self) -> str:
        """Say what the cluster calls itself. Raises `BrokerError`, and `Refusal` where another one is expected."""
        return str(self._overview().get("cluster_name", ""))

    def holder(self, vhost: str, name: str) -> Holder | None:
        """Look who holds the lock of this name; None where nobody does, or where it is not told."""
        try:
            answer = self.http.ask("GET", f"/api/queues/{segment(vhost)}/{segment(name)}")
        except BrokerError:
            return None
        return Holder.read(answer.body) if answer.ok and isinstance(answer.body, dict) else None

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def _overview(self) -> dict[str, Any]:
        overview = self.http.get("/api/overview")
        if not isinstance(overview, dict) or "rabbitmq_version" not in overview:
            raise no_management_api(self.http.url, "/api/overview")
        refuse_another(
            self._expected,
            self.http.url,
            cluster_name=overview.get("cluster_name", ""),
            version=overview["rabbitmq_version"],
            tags=cluster_tags(overview.get("cluster_tags")),
        )
        return overview

    def _must_be_missing(self, vhost: str) -> None:
        """Tell a vhost that does not exist from one that is only hidden from this user, where the broker tells."""
        if self.http.ask("GET", f"/api/exchanges/{segment(vhost)}?columns=name").status == UNAUTHORISED:
            user = self.http.user
            raise AccessRefused(
                f"user {user!r} may not see vhost {vhost!r} of {self.http.url}",
                granting(vhost, user),
            )

    def _read(self, vhost: str, reading: _Reading) -> None:
        reading.add(Vhost(vhost))
        try:
            found = self._lists(vhost)
        except BrokerError as error:
            if not (isinstance(error, AccessRefused) or self._is_closed(vhost)):
                raise
            user = self.http.user
            raise AccessRefused(
                f"user {user!r} may not enter vhost {vhost!r} of {self.http.url}", entering(vhost, user)
            ) from None
        for item in found["exchanges"]:
            if item["name"]:
                reading.add(read_exchange(vhost, item))
        hidden = self._take_queues(vhost, found["queues"], found["consumers"], reading)
        for binding, ids in read_bindings(vhost, found["bindings"]).values():
            if binding.destination_kind == "queue" and binding.destination in hidden:
                reading.hidden_bindings.append(binding)
            else:
                reading.add(binding)
                reading.binding_ids[binding.key] = tuple(sorted(set(ids)))
        for item in found["policies"]:
            reading.add(read_policy(vhost, item))
        reading.operator_policies += (read_policy(vhost, item) for item in found["operator policies"])

    def _is_closed(self, vhost: str) -> bool:
        """Say whether this user may not enter a vhost that is there; 4.3.6 tells so by not finding its queues."""
        return self.http.ask("GET", f"/api/queues/{segment(vhost)}?columns=name").status in {UNAUTHORISED, NOT_FOUND}

    def _lists(self, vhost: str) -> dict[str, Any]:
        """Read what the broker lists of a vhost. Raises `BrokerError` where it has not yet come to know its queues.

        A node that starts answers by HTTP before it lists its queues, though their bindings are there (seen on 4.0.5,
        for a moment): whoever believed it would take every queue for missing.
        """
        deadline = monotonic() + _STARTING
        while True:
            found = self._ask_for_lists(vhost)
            if found["queues"]:
                return found
            bound = sum(bool(item["source"]) and item["destination_type"] == "queue" for item in found["bindings"])
            if not bound:
                return found
            if monotonic() > deadline:
                raise BrokerError(
                    f"{self.http.url} lists {bound} bindings to queues in vhost {vhost!r}, and not one queue",
                    "a node that is still starting does so: wait until `rabbitmqctl await_startup` ends, and run again",
                )
            sleep(_PAUSE)

    def _ask_for_lists(self, vhost: str) -> dict[str, Any]:
        v = segment(vhost)
        return self._fetch(
            {
                "bindings": lambda: self._bindings(vhost),
                "queues": lambda: self.http.get(f"/api/queues/{v}{QUEUES}"),
                "exchanges": lambda: self.http.get(f"/api/exchanges/{v}{EXCHANGES}"),
                "consumers": lambda: self._consumers(vhost),
                "policies": lambda: self.http.get(f"/api/policies/{v}"),
                "operator policies": lambda: self.http.get(f"/api/operator-policies/{v}"),
            }
        )

    def _fetch(self, asked: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        """Ask for lists that do not depend on each other, the longest first, and wait for all of them."""
        return dict(side_by_side(lambda name: (name, asked[name]()), asked, self.http.width, self.http.abandon))

    def _take_queues(
        self, vhost: str, items: list[dict[str, Any]], consumers: Counter[str] | None, reading: _Reading
    ) -> set[str]:
        """Take the queues with their counts; return the names of those that are nobody's to manage."""
        streams = self._streams(vhost) if any(item.get("type") == "stream" for item in items) else {}
        hidden = set()
        for item in items:
            queue = read_queue(vhost, item)
            if item.get("exclusive"):
                reading.exclusive.add(queue.key)
            if item.get("exclusive") or queue.name.startswith("amq."):
                reading.hidden.append(queue)
                hidden.add(queue.name)
            else:
                reading.add(queue)
            if consumers is not None:
                counts = counts_of(streams.get(queue.name, item), consumers[queue.name])
                if counts is not None:
                    reading.counts[queue.key] = counts
        return hidden

    def _streams(self, vhost: str) -> dict[str, dict[str, Any]]:
        """Read the statistics of streams: the only count of a stream that there is, and some seconds old."""
        items = self.http.get(
            f"/api/queues/{segment(vhost)}?columns=name,type,messages,messages_ready,messages_unacknowledged"
        )
        return {item["name"]: item for item in items if item.get("type") == "stream"}

    def _consumers(self, vhost: str) -> Counter[str] | None:
        """Count consumers by queue; None where this broker keeps no statistics."""
        answer = self.http.ask("GET", f"/api/consumers/{segment(vhost)}")
        if not answer.ok or not isinstance(answer.body, list):
            return None
        return Counter(item["queue"]["name"] for item in answer.body)

    def _bindings(self, vhost: str) -> list[dict[str, Any]]:
        path = f"/api/bindings/{segment(vhost)}"
        answer = self.http.ask("GET", path)
        if answer.status == 500:  # noqa: PLR2004 - the plugin's crash, see `blinds_management`
            raise BrokerError(
                f"the management plugin of {self.http.url} fails to list the bindings of vhost {vhost!r} (status 500)",
                "a known cause is a binding that has arguments and a '~' in its routing key: remove it by AMQP",
            )
        bindings: list[dict[str, Any]] = self.http.get(path) if not answer.ok else answer.body
        return bindings

    def _carry_out(self, operation: Operation) -> Outcome:
        match operation:
            case Declare():
                return management_writes.declare(self.http, operation)
            case Remove(resource=Queue() as queue):
                if reason := keeps(self.http, queue):
                    return Failed(operation, reason)
                return management_writes.remove_queue(self.http, operation, queue)
            case Remove():
                return management_writes.remove(self.http, operation)
            case Recreate() | Migrate():
                return Failed(operation, "HTTP alone does not move messages")

    def _recreate(self, operation: Recreate) -> Iterator[Outcome]:
        from rabbit_topo.broker.recreate import recreate
        from rabbit_topo.broker.recreate_roads import ByHttp

        return recreate(operation, self.http, ByHttp(self.http))


def _goes_beside(operation: Operation) -> bool:
    """Say whether it may run beside others: the few policies and vhosts, and what is removed after a look, do not."""
    return isinstance(operation, Declare) and isinstance(operation.resource, Exchange | Queue | Binding)


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.resources: dict[Key, Resource] = {}
        self.counts: dict[Key, Counts] = {}
        self.binding_ids: dict[Key, tuple[str, ...]] = {}
        self.exclusive: set[Key] = set()
        self.hidden: list[Queue] = []
        self.hidden_bindings: list[Binding] = []
        self.operator_policies: list[Policy] = []

    def add(self, resource: Resource) -> None:
        self.resources[resource.key] = resource


def _default_type(vhost: Mapping[str, Any], node_default: str | None) -> str:
    own = vhost.get("default_queue_type")
    return own if own and own != VOID else node_default or "classic"
