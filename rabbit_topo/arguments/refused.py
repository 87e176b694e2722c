"""What every RabbitMQ from 3.10 to 4.3 refuses of a queue. What only some refuse is not said here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.arguments.tables import QUEUE_ARGUMENTS

if TYPE_CHECKING:
    from rabbit_topo.model import Plain, Queue


class Refused(NamedTuple):
    """One reason: the argument or property it is about, what is wrong, and what to do."""

    subject: str
    reason: str
    hint: str

    def __str__(self) -> str:
        """Spell subject and reason."""
        return f"{self.subject}: {self.reason}"


def refused_everywhere(queue: Queue) -> list[Refused]:
    """Return why no supported version would declare this queue; empty when some version might.

    What depends on the type is left out for a queue whose type is unstated.
    """
    found = [refusal for name in queue.arguments for refusal in _argument(queue.type, name, queue.arguments[name])]
    if "x-dead-letter-routing-key" in queue.arguments and "x-dead-letter-exchange" not in queue.arguments:
        reason = "a dead-letter routing key needs a dead-letter exchange beside it, even if a policy sets one"
        found.append(Refused("x-dead-letter-routing-key", reason, 'name the exchange too; "" is the default exchange'))
    if queue.type in {"quorum", "stream"}:
        what = f"a {queue.type}{' queue' if queue.type == 'quorum' else ''}"
        if not queue.durable:
            found.append(Refused("durable", f"{what} cannot be transient", "leave `durable` out, or use type: classic"))
        if queue.auto_delete:
            hint = "leave `auto_delete` out, or use type: classic"
            found.append(Refused("auto_delete", f"{what} cannot be deleted automatically", hint))
    return found


def _argument(kind: str | None, name: str, value: Plain) -> list[Refused]:
    known = QUEUE_ARGUMENTS.get(name)
    if known is None:
        return []
    if known.claimed and kind and kind not in known.types:
        owners = " and ".join(f"{owner} queues" if owner != "stream" else "streams" for owner in known.types)
        what = "stream" if kind == "stream" else f"{kind} queue"
        return [Refused(name, f"a {what} does not take it; {owners} do", "leave it out, or change `type`")]
    wanted = known.check(value)
    return [Refused(name, f"the value must be {wanted}", "")] if wanted else []
