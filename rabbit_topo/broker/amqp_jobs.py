"""How each operation is said in AMQP 0-9-1: one method, or a question and then a method."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from rabbit_topo.arguments.wire import BLINDING, blinds_management
from rabbit_topo.broker import amqp_methods as methods
from rabbit_topo.broker.amqp_talk import Job, Refused
from rabbit_topo.broker.refusals import permission_hint
from rabbit_topo.export.items import queue_arguments
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost
from rabbit_topo.plan.operations import Declare, Done, Failed, Migrate, Recreate, Remove

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp_talk import Answer, Method, Talk
    from rabbit_topo.plan.operations import Operation

ACCESS_REFUSED = 403
LOOK = 1.0  # seconds that a look at a queue counts for


class NotSendable(Exception):
    """AMQP has no way to say this; the message says why."""


def job(operation: Operation, user: str) -> Job[Done | Failed]:
    """Make an operation ready to be sent; nothing is spelled yet.

    What was seen of a queue before the line was lost counts no more: its deletion gets no second try, and none at all
    once it is `LOOK` seconds old.
    """
    drops = isinstance(operation, Remove) and isinstance(operation.resource, Queue)
    return Job(operation, _talk(operation, user), once=drops, until=monotonic() + LOOK if drops else inf)


def _talk(operation: Operation, user: str) -> Talk[Done | Failed]:
    try:
        look, method = _spell(operation)
    except NotSendable as reason:
        return Failed(operation, str(reason))
    except Exception as error:  # noqa: BLE001 - py-amqp leaks struct.error, ValueError, FrameSyntaxError
        return Failed(operation, f"AMQP cannot carry it: {error}")
    if look:
        answer = yield look
        if isinstance(answer, Refused):
            return _outcome(operation, user, answer)
        if why := in_use(*answer.fields):
            return Failed(operation, why)
    return _outcome(operation, user, (yield method))


def _outcome(operation: Operation, user: str, answer: Answer) -> Done | Failed:
    if not isinstance(answer, Refused):
        return Done(operation)
    hint = permission_hint(operation, user) if answer.code == ACCESS_REFUSED else ""
    return Failed(operation, answer.text, hint)


def _spell(operation: Operation) -> tuple[Method | None, Method]:
    """Return the question to ask first, if there is one, and the method. Raises `NotSendable`."""
    match operation:
        case Declare():
            return None, _declare(operation)
        case Remove():
            return _remove(operation)
        case Recreate() | Migrate():
            raise NotSendable("AMQP alone replaces nothing: it does not show the bindings that must come back")


def _declare(operation: Declare) -> Method:
    match operation.resource:
        case Exchange() as it:
            return methods.declare_exchange(it, it.arguments)
        case Queue() as it:
            return methods.declare_queue(it, queue_arguments(it))
        case Binding() as it:
            if blinds_management(it):
                raise NotSendable(BLINDING)
            return methods.bind(it)
        case Policy() | Vhost() as it:
            raise NotSendable(f"AMQP cannot write a {it.key.kind.value}")


def _remove(operation: Remove) -> tuple[Method | None, Method]:
    match operation.resource:
        case Exchange() as it:
            return None, methods.delete_exchange(it)
        case Queue(type="classic" | None) as it:
            return None, methods.delete_queue(it, guarded=True)
        case Queue() as it:
            return methods.look_for(it), methods.delete_queue(it, guarded=False)
        case Binding() as it:
            if it.arguments:
                raise NotSendable("a binding with arguments is removed by HTTP: AMQP must know their exact classes")
            return None, methods.unbind(it)
        case Policy() | Vhost() as it:
            raise NotSendable(f"AMQP cannot remove a {it.key.kind.value}")


def in_use(_: str, ready: int, consumers: int) -> str:
    """Read a quorum queue or a stream before it is deleted: the server has no guard for these.

    Who holds an unacknowledged message of a quorum queue is counted among its consumers, at once
    (tried on 3.10.8, 4.0.5 and 4.3.6: basic.get, and a cancelled consumer).
    """
    return f"it holds {ready} ready messages and has {consumers} consumers" if ready or consumers else ""
