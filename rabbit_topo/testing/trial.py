"""Messages of route tests on a broker: published, counted where they lie, rejected, and taken away again."""

from __future__ import annotations

import re
from collections import Counter
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from amqp import Message
from amqp.exceptions import AMQPError, MessageNacked

from rabbit_topo.broker.amqp_login import goodbye
from rabbit_topo.broker.http import segment
from rabbit_topo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Plain
    from rabbit_topo.routing.cases import Case

Counts = Counter[str]
_PATIENCE: Final = 2.0  # seconds until a message that is not where it should be is told as such
_PAUSE: Final = 0.01
_POLICY: Final = "rabbit-topo.test."


class Refused(Exception):
    """The broker's words to a publish that it refuses."""


class Trial:
    """One scratch vhost, and the queues in it."""

    def __init__(self, http: Http, open_connection: Callable[[str], Any], vhost: str, queues: Sequence[str]) -> None:
        """Log in there."""
        self.http = http
        self.vhost = vhost
        self.queues = queues
        self._known = frozenset(queues)
        self._watched = queues
        self.seen: set[str] = set()  # queues that held a message since the last sweep
        self._connection = open_connection(vhost)
        self._channel = self._connection.channel()
        self._timeout = 30.0

    def close(self) -> None:
        """Log out; what the vhost holds goes with it."""
        goodbye(self._connection)

    def publish(self, case: Case) -> None:
        """Publish a message and wait for the confirm. Raises `Refused`, `BrokerError`.

        What a full queue refuses is not confirmed either; where its copies lie is counted all the same.
        """
        message, properties = case.message, _properties(case.properties)
        sent = Message(case.payload, application_headers=dict(message.headers), **properties)
        try:
            self._channel.basic_publish_confirm(
                sent, message.exchange, message.routing_key, confirm_timeout=self._timeout
            )
        except MessageNacked:
            pass
        except AMQPError as error:
            self._channel = self._connection.channel()
            raise Refused(getattr(error, "reply_text", "") or str(error)) from None
        except OSError as error:
            raise BrokerError(f"the line to the broker broke in the middle of a test: {error}") from None

    def watch(self, names: Collection[str] | None) -> None:
        """Count and clear these queues from now on, or all where None is given: each costs a question."""
        self._watched = self.queues if names is None else [name for name in sorted(names) if name in self._known]

    def sweep(self) -> Counts:
        """Take the messages of all queues away; return where some lay."""
        self.watch(None)
        found = self.counts()
        self.clear()
        self.seen.clear()
        return found

    def counts(self) -> Counts:
        """Count the messages of every watched queue that has some."""
        found = {name: count for name in self._watched if (count := self._count(name))}
        self.seen |= found.keys()
        return Counter(found)

    def _count(self, queue: str) -> int:
        return int(self._channel.queue_declare(queue, passive=True).message_count)

    def settled(self, wanted: Counts) -> Counts:
        """Wait until the messages lie where they are wanted; return where they lie, then or when patience ends."""
        until = monotonic() + _PATIENCE
        while True:
            if all(self._count(name) == count for name, count in wanted.items()) or monotonic() >= until:
                found = self.counts()
                if found == wanted or monotonic() >= until:
                    return found
            sleep(_PAUSE)

    def reject(self, queue: str) -> bool:
        """Take the oldest message of a queue and reject it; False where none comes."""
        until = monotonic() + _PATIENCE
        while (taken := self._channel.basic_get(queue)) is None:
            if monotonic() >= until:
                return False
            sleep(_PAUSE)
        self._channel.basic_reject(taken.delivery_tag, requeue=False)
        return True

    def clear(self) -> None:
        """Take every message of the watched queues away."""
        while left := self.counts():
            for queue in left:
                self._channel.queue_purge(queue)

    def limit(self, queue: str, definition: Mapping[str, Plain], priority: int) -> str:
        """Give a queue a policy of its own, and wait until the broker shows it. Returns why not, empty if it did."""
        name = f"{_POLICY}{queue}"
        body = {
            "pattern": f"^{re.escape(queue)}$",
            "apply-to": "queues",
            "priority": priority,
            "definition": dict(definition),
        }
        answer = self.http.ask("PUT", self._policy(name), body)
        if not answer.ok:
            return answer.reason
        path = f"/api/queues/{segment(self.vhost)}?disable_stats=true"  # of one queue 3.10 shows old statistics
        until = monotonic() + _PATIENCE
        while not any(one["name"] == queue and one.get("policy") == name for one in self.http.get(path)):
            if monotonic() >= until:
                return "the broker does not put a policy into effect on this queue"
            sleep(_PAUSE)
        return ""

    def unlimit(self, queue: str) -> None:
        """Take that policy away."""
        self.http.ask("DELETE", self._policy(f"{_POLICY}{queue}"))

    def _policy(self, name: str) -> str:
        return f"/api/policies/{segment(self.vhost)}/{segment(name)}"


def _properties(given: Mapping[str, Plain]) -> dict[str, Any]:
    """Spell properties as py-amqp does. Who publishes is the one who is logged in here."""
    properties = {name: value for name, value in given.items() if name != "user_id"}
    if (mode := properties.get("delivery_mode")) is not None:
        properties["delivery_mode"] = {"persistent": 2, "transient": 1}.get(mode, mode)
    return properties
