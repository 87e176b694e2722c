"""What a user may learn of a broker and of its own rights over AMQP."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amqp import exceptions as refusals

from rabbit_topo.broker.diagnosis_http import POISON_EXCHANGE, POISON_QUEUE
from rabbit_topo.broker.rights import DEFAULT_EXCHANGE, Verdict
from rabbit_topo.model import Binding, Exchange, Kind, Queue
from rabbit_topo.report.diagnosis import Need, Server, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.broker.rights import Task

# `access to queue 'q' in vhost 'v' refused`, from 3.13 on with the permission before it, and `topic 'k' in exchange`.
# The server cuts words that are longer than 255 bytes off, and the name's end with them.
_REFUSED = re.compile(r"(?:(configure|write|read) )?access to (queue|exchange|topic) '(?:(.*?)' in )?", re.DOTALL)
_ERLANG = re.compile(r"Erlang/OTP (\S+)")


def server(connection: Any) -> Server:
    """Return what a broker says of itself when somebody logs in."""
    said = connection.server_properties
    erlang = _ERLANG.search(str(said.get("platform", "")))
    untold = "AMQP does not tell it: give the management URL too"
    return Server(
        product=str(said.get("product", "")),
        version=str(said.get("version", "")),
        erlang=erlang[1] if erlang else "",
        cluster_name=str(said.get("cluster_name", "")),
        untold=dict.fromkeys(("exchange_types", "nodes", "alarms", "deprecated", "tags"), untold),
    )


def wire(connection: Any) -> Wire:
    """Return what the connection agreed on."""
    mechanisms = connection.mechanisms
    listed = [one.decode() if isinstance(one, bytes) else str(one) for one in mechanisms]
    return Wire(
        tuple(sorted(listed)),
        int(connection.channel_max or 0),
        int(connection.frame_max or 0),
        int(connection.heartbeat or 0),
    )


class Asker:
    """Judges tasks by requests that can change nothing, on a connection to their vhost.

    A declare carries an argument that keeps the broker from creating anything; a removal names a binding that nobody
    has. Each is refused where the user lacks a permission, before anything else is looked at.
    """

    def __init__(self, connection: Any) -> None:
        """Open a channel."""
        self._channel = connection.channel()
        self._nobodys = {"x-rabbit-topo": uuid.uuid4().hex}
        self._known: dict[str, str] = {}

    def __call__(self, task: Task) -> Verdict:
        """Say what this user lacks. Raises what py-amqp raises when the line breaks."""
        for at, said in enumerate(self._answers(task)):
            if found := _REFUSED.search(said):
                needs = task.needs[at:] if task.action == "bind" or at else task.needs[:1]
                return Verdict(_lacks(needs, found), said)
        return Verdict(())

    def _answers(self, task: Task) -> Iterator[str]:
        """Ask for one need after the other, so that it is known which one is refused."""
        match task.resource:
            case Binding() as binding:
                yield self._unbind(binding.destination_kind, binding.destination, binding.source, binding.routing_key)
            case Queue() as queue if isinstance(dead := queue.arguments.get("x-dead-letter-exchange"), str):
                yield self._declare(Kind.QUEUE, queue.name)
                yield self._declare(Kind.QUEUE, queue.name, **{"x-dead-letter-exchange": dead})
            case Exchange() as exchange if isinstance(other := exchange.arguments.get("alternate-exchange"), str):
                yield self._declare(Kind.EXCHANGE, exchange.name)
                yield self._unbind("exchange", other, exchange.name, "")
            case _:
                yield self._declare(task.key.kind, task.key.name)

    def _declare(self, kind: Kind, name: str, **more: str) -> str:
        if kind is Kind.QUEUE:
            arguments = {**POISON_QUEUE, **more}
            return self._refusal("queue_declare", name, durable=True, auto_delete=True, arguments=arguments)
        arguments = dict(POISON_EXCHANGE)
        return self._refusal("exchange_declare", name, "direct", durable=True, auto_delete=False, arguments=arguments)

    def _unbind(self, kind: str, destination: str, source: str, routing_key: str) -> str:
        return self._refusal(f"{kind}_unbind", destination, source, routing_key, arguments=self._nobodys)

    def _refusal(self, method: str, *arguments: object, **options: object) -> str:
        """Ask once, and return the broker's words where it refuses."""
        key = repr((method, arguments, options))
        if key not in self._known:
            self._known[key] = _words(getattr(self._channel, method), *arguments, **options)
        return self._known[key]


def _words(method: Callable[..., object], *arguments: object, **options: object) -> str:
    try:
        method(*arguments, **options)
    except refusals.ChannelError as refusal:
        return str(refusal.reply_text)
    return ""


def _lacks(needs: tuple[Need, ...], found: re.Match[str]) -> tuple[Need, ...]:
    """Name what is missing, by the broker's words; those of 3.10 leave the permission out."""
    _, kind, name = found.groups()
    if kind == "topic":
        return tuple(need for need in needs if need.topic is not None)
    plain = [replace(need, topic=None) for need in needs]
    return tuple(need for need in plain if (need.kind, need.name or DEFAULT_EXCHANGE) == (kind, name)) or (plain[0],)
