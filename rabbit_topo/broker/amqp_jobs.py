"""How each operation is spelled in AMQP 0-9-1: one method, or a question and then a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amqp import spec
from amqp.serialization import dumps

from rabbit_topo.broker.amqp_table import table
from rabbit_topo.broker.readings import BLINDING, blinds_management, queue_arguments
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost
from rabbit_topo.plan.operations import Declare, Remove

if TYPE_CHECKING:
    from rabbit_topo.plan.operations import Operation

LARGEST = 131_072 - 64  # bytes: RabbitMQ's frame_max, less the frame's own
Check = Callable[[tuple[Any, ...]], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One method to send. `check` reads the server's answer and says why to stop; empty means go on."""

    method: tuple[int, int]
    payload: bytes
    check: Check | None = None


@dataclass(eq=False, slots=True)
class Job:
    """An operation on its way: its steps, how far it is, if it was sent, how often its connection was lost."""

    operation: Operation
    steps: tuple[Step, ...]
    at: int = 0
    sent: bool = False
    losses: int = 0


class NotSendable(Exception):
    """AMQP has no way to say this; the message says why."""


def job(operation: Operation) -> Job:
    """Spell an operation. Raises `NotSendable`."""
    try:
        steps = (_declare(operation),) if isinstance(operation, Declare) else _remove(operation)
    except NotSendable:
        raise
    except Exception as error:  # py-amqp leaks struct.error, ValueError, FrameSyntaxError
        raise NotSendable(f"AMQP cannot carry it: {error}") from error
    if max(len(step.payload) for step in steps) > LARGEST:
        raise NotSendable(f"its arguments are larger than an AMQP frame, {LARGEST} bytes")
    return Job(operation, steps)


def _declare(operation: Declare) -> Step:
    match operation.resource:
        case Exchange() as it:
            flags = (False, it.durable, it.auto_delete, it.internal, False)
            payload = dumps("Bssbbbbb", (0, it.name, it.type, *flags)) + table(it.arguments)
            return Step(spec.Exchange.Declare, payload)
        case Queue() as it:
            flags = (False, it.durable, False, it.auto_delete, False)
            return Step(spec.Queue.Declare, dumps("Bsbbbbb", (0, it.name, *flags)) + table(queue_arguments(it)))
        case Binding() as it:
            if blinds_management(it):
                raise NotSendable(BLINDING)
            method = spec.Queue.Bind if it.destination_kind == "queue" else spec.Exchange.Bind
            ends = (0, it.destination, it.source, it.routing_key)
            return Step(method, dumps("Bsssb", (*ends, False)) + table(it.arguments))
        case Policy() | Vhost() as it:
            raise NotSendable(f"AMQP cannot write a {it.key.kind.value}")


def _remove(operation: Remove) -> tuple[Step, ...]:
    match operation.resource:
        case Exchange() as it:
            return (Step(spec.Exchange.Delete, dumps("Bsbb", (0, it.name, True, False))),)
        case Queue(type="classic" | None) as it:
            return (Step(spec.Queue.Delete, dumps("Bsbbb", (0, it.name, True, True, False))),)
        case Queue() as it:
            passive = dumps("Bsbbbbb", (0, it.name, True, True, False, False, False)) + table({})
            return (
                Step(spec.Queue.Declare, passive, _in_use),
                Step(spec.Queue.Delete, dumps("Bsbbb", (0, it.name, False, False, False))),
            )
        case Binding() as it:
            if it.arguments:
                raise NotSendable("a binding with arguments is removed by HTTP: AMQP must know their exact classes")
            ends = (0, it.destination, it.source, it.routing_key)
            if it.destination_kind == "queue":
                return (Step(spec.Queue.Unbind, dumps("Bsss", ends) + table({})),)
            return (Step(spec.Exchange.Unbind, dumps("Bsssb", (*ends, False)) + table({})),)
        case Policy() | Vhost() as it:
            raise NotSendable(f"AMQP cannot remove a {it.key.kind.value}")


def _in_use(answer: tuple[Any, ...]) -> str:
    """Read a quorum queue or a stream before it is deleted: the server has no guard for these.

    Who holds an unacknowledged message of a quorum queue is counted among its consumers, at once
    (tried on 3.10.8, 4.0.5 and 4.3.6: basic.get, and a cancelled consumer).
    """
    _, ready, consumers = answer
    return f"it holds {ready} ready messages and has {consumers} consumers" if ready or consumers else ""
