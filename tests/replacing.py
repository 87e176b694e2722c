"""For the tests of replacing: a broker with bindings of others around one object, and what is there of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from struct import unpack_from
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from amqp.connection import Connection

from rabbit_topo import Consent, apply, connect, diff, load, make_plan
from tests.proxy import Proxy

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rabbit_topo import Broker, Plan, Report
    from rabbit_topo.plan import Failed, NotAttempted
    from tests.brokers import Node

REPLACE = Consent(allow=frozenset({"replace"}))
Bound = tuple[str, str, str, str, str]


@contextmanager
def channel(node: Node, vhost: str) -> Iterator[Any]:
    where = urlsplit(node.amqp_url)
    connection = Connection(f"{where.hostname}:{where.port}", "guest", "guest", virtual_host=vhost)
    connection.connect()
    try:
        yield connection.channel()
    finally:
        connection.close()


@dataclass(frozen=True)
class Shop:
    """One vhost: words to make things in it by HTTP, and to read it."""

    node: Node
    vhost: str
    folder: Path

    def exchange(self, name: str, kind: str = "direct", **more: Any) -> None:
        body = {"durable": True, "auto_delete": False, "internal": False, "arguments": {}, **more, "type": kind}
        self.node.http("PUT", "exchanges", self.vhost, name, body=body)

    def queue(self, name: str, kind: str = "classic", *, durable: bool = True, **arguments: Any) -> None:
        body = {"durable": durable, "arguments": {"x-queue-type": kind, **arguments}}
        self.node.http("PUT", "queues", self.vhost, name, body=body)

    def bind(self, source: str, destination: str, key: str = "", *, to: str = "q", **arguments: Any) -> None:
        body = {"routing_key": key, "arguments": arguments}
        self.node.http("POST", "bindings", self.vhost, "e", source, to, destination, body=body)

    def bindings(self) -> set[Bound]:
        """Read every explicit binding; what integer width makes of it is left out."""
        return {
            (it["source"], it["destination_type"], it["destination"], it["routing_key"], str(it["arguments"]))
            for it in self.node.http("GET", "bindings", self.vhost)
            if it["source"]
        }

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """Read the properties of an exchange or a queue; empty where it is absent."""
        listed = self.node.http("GET", kind, self.vhost, query="disable_stats=true")
        found: dict[str, Any] = next((it for it in listed if it["name"] == name), {})
        names = ("type", "durable", "auto_delete", "internal", "arguments")
        return {name: found[name] for name in names if name in found}

    def names(self) -> set[str]:
        """Name every queue, and every exchange but the server's own."""
        listed = [
            it["name"]
            for kind in ("exchanges", "queues")
            for it in self.node.http("GET", kind, self.vhost, query="disable_stats=true&columns=name")
        ]
        return {name for name in listed if name and not name.startswith("amq.")}

    def messages(self, queue: str) -> int:
        with channel(self.node, self.vhost) as open_channel:
            return int(open_channel.queue_declare(queue, passive=True).message_count)

    def connect(self, road: str = "both", http: str = "", amqp: str = "", timeout: float = 30.0) -> Broker:
        urls = http or self.node.broker_url, amqp or self.node.amqp_url
        return connect(urls[0], amqp=urls[1] if road == "both" else None, timeout=timeout)

    def apply(
        self,
        text: str,
        road: str = "both",
        *,
        between: Callable[[], object] = lambda: None,
        consent: Consent = REPLACE,
        broker: Broker | None = None,
    ) -> tuple[Report, Plan]:
        """Plan, do what happens `between` that and the writing, and apply."""
        (self.folder / "shop.yaml").write_text(f"version: 1\n{text}\n")
        declared = load(self.folder / "shop.yaml", vhost=self.vhost)
        broker = broker or self.connect(road)
        try:
            observed = broker.observe(declared)
            plan = make_plan(diff(observed, declared), observed, declared, consent)
            between()
            return apply(plan, broker), plan
        finally:
            broker.close()


def notes(report: Report) -> list[str]:
    return [outcome.note for outcome in report.done if outcome.note]


def reasons(report: Report) -> str:
    untold: list[Failed | NotAttempted] = [*report.failed, *report.not_attempted, *report.unknown]
    return " / ".join(f"{one.reason} | {getattr(one, 'hint', '')}" for one in untold)


def deletion(kind: str, name: str) -> bytes:
    """Spell how the method begins that deletes it."""
    number = bytes([0, 40, 0, 20]) if kind == "exchange" else bytes([0, 50, 0, 40])
    return number + bytes([0, 0, len(name)]) + name.encode()


class Gap(Proxy):
    """A line on which something happens right behind one method: it alone goes on, then `meanwhile`, then the rest.

    Where `meanwhile` is None, the line breaks there once the broker has done it.
    """

    def __init__(self, url: str, method: bytes, meanwhile: Callable[[], object] | None) -> None:
        super().__init__(url)
        self._method, self._meanwhile = method, meanwhile

    def _pass_on(self, source: socket.socket) -> None:
        sink, way = self._pairs[source]
        data = source.recv(65_536)
        if not data:
            self._end(source, "close")
            return
        at = data.find(self._method) if way == "up" and not self.strikes else -1
        if at > 0:
            self.strikes += 1
            end = at + unpack_from(">I", data, at - 4)[0] + 1
            sink.sendall(data[:end])
            if self._meanwhile is None:
                sink.recv(1)  # the answer is on its way, and nobody hears it
                self._end(source, "reset")
                return
            self._meanwhile()
            data = data[end:]
        sink.sendall(data)
