"""Sending messages on, into one queue, each with its own routing key and its bytes as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amqp import spec

from rabbit_topo.broker.amqp_methods import bind, declare_exchange
from rabbit_topo.broker.amqp_talk import Method
from rabbit_topo.broker.amqp_wire import END, FRAME, METHOD
from rabbit_topo.broker.mover_events import code
from rabbit_topo.broker.mover_frames import CHANNEL, HEADER_KIND
from rabbit_topo.broker.mover_header import COUNTERS, USER_ID, short, without
from rabbit_topo.model import Binding, Exchange, Kind, Mark, temporary_name

if TYPE_CHECKING:
    from rabbit_topo.broker.mover_events import Bytes
    from rabbit_topo.broker.mover_frames import Line
    from rabbit_topo.model import Queue

_PUBLISH = code(spec.Basic.Publish).to_bytes(4, "big") + b"\0\0"
_HEAD = 7  # bytes of a frame before its payload
_MANDATORY = b"\x01"


class Publisher:
    """Publishes into `into` over `line`, in confirm mode, through an exchange of its own that is bound to nothing else.

    A message with the user id of somebody else goes alone, so that its refusal touches no other: `foreign` is that
    user meanwhile.
    """

    def __init__(self, line: Line, into: Queue, username: str, *, drop_user_id: bool) -> None:
        self.line = line
        self.name = into.name
        self.foreign: str | None = None
        self._exchange = private_exchange(into)
        name = self._exchange.name.encode()
        self._before = _PUBLISH + bytes([len(name)]) + name
        self._drop_user_id = drop_user_id
        self._accepted = {username} - {""}
        self._last: tuple[Bytes, bytes] = b"", b""

    def begin(self) -> None:
        """Declare the exchange and bind it. Raises OSError, and `Closed` where the broker refuses."""
        line, exchange = self.line, self._exchange
        line.call(declare_exchange(exchange, exchange.arguments), spec.Exchange.DeclareOk)
        line.call(bind(Binding(exchange.vhost, exchange.name, "queue", self.name, "")), spec.Queue.BindOk)
        if not line.confirms:
            line.call(Method(spec.Confirm.Select, b"\0"), spec.Confirm.SelectOk)
            line.confirms = True

    def may_send(self, content: Bytes, *, alone: bool) -> bool:
        """Say whether a message may go now; `alone` where no other is on its way."""
        if self.foreign is not None:
            return False
        if not content[_HEAD + 13] & USER_ID or self._drop_user_id:
            return True
        user = short(_header(content), USER_ID)
        if user is None or user in self._accepted:
            return True
        if alone:
            self.foreign = user
        return alone

    def all_confirmed(self) -> None:
        """Note that everything sent is confirmed: what went alone, the broker accepts."""
        if self.foreign is not None:
            self._accepted.add(self.foreign)
            self.foreign = None

    def send(self, key: Bytes, content: Bytes, *, counters: bool) -> None:
        """Publish a message: its routing key as a short string, and its frames; with `counters`, less those."""
        if key != self._last[0]:
            payload = self._before + key + _MANDATORY
            self._last = key, FRAME.pack(METHOD, CHANNEL, len(payload)) + payload + bytes([END])
        line = self.line
        line.published += 1
        line.out += self._last[1]
        drop_user_id = self._drop_user_id and bool(content[_HEAD + 13] & USER_ID)
        if counters or drop_user_id:
            content = _edited(content, user_id=drop_user_id, counters=counters)
        line.out += content


def private_exchange(into: Queue) -> Exchange:
    """Return the exchange through which messages go into a queue, each with its own routing key."""
    mark = Mark("into", Kind.QUEUE, into.name)
    name = temporary_name("into", Kind.QUEUE, into.name)
    return Exchange(into.vhost, name, "fanout", durable=False, auto_delete=True, arguments=mark.arguments)


def _header(content: Bytes) -> Bytes:
    return content[_HEAD : _HEAD + int.from_bytes(content[3:_HEAD], "big")]


def _edited(content: Bytes, *, user_id: bool, counters: bool) -> bytes:
    old = _header(content)
    new = without(old, COUNTERS if counters else frozenset(), user_id=user_id)
    rest = memoryview(content)[_HEAD + len(old) + 1 :]
    return b"".join((FRAME.pack(HEADER_KIND, CHANNEL, len(new)), new, bytes([END]), rest))
