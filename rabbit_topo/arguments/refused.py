"""What every RabbitMQ from 3.10 to 4.3 refuses of a queue. What only some refuse is in `by_version`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.arguments.tables import QUEUE_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.model import Plain, Queue


class Refused(NamedTuple):
    """One reason: the argument or property it is about, what is wrong, what to do, and the linter's code for it."""

    subject: str
    reason: str
    hint: str
    code: str = ""

    def __str__(self) -> str:
        """Spell subject and reason."""
        return f"{self.subject}: {self.reason}"


NOT_FOR_TYPE = "RT103"
PROPERTY = "RT104"
VALUE = "RT105"
KEY_WITHOUT_EXCHANGE = "RT303"


def refused_everywhere(queue: Queue) -> list[Refused]:
    """Return why no supported version would declare this queue; empty when some version might.

    What depends on the type is left out for a queue whose type is unstated.
    """
    found = [refusal for name in queue.arguments for refusal in _argument(queue.type, name, queue.arguments[name])]
    if "x-dead-letter-routing-key" in queue.arguments and "x-dead-letter-exchange" not in queue.arguments:
        reason = "a dead-letter routing key needs a dead-letter exchange beside it, even if a policy sets one"
        hint = 'name the exchange too; "" is the default exchange'
        found.append(Refused("x-dead-letter-routing-key", reason, hint, KEY_WITHOUT_EXCHANGE))
    if queue.type in {"quorum", "stream"}:
        what = a_queue(queue.type)
        if not queue.durable:
            hint = "leave `durable` out, or use type: classic"
            found.append(Refused("durable", f"{what} cannot be transient", hint, PROPERTY))
        if queue.auto_delete:
            hint = "leave `auto_delete` out, or use type: classic"
            found.append(Refused("auto_delete", f"{what} cannot be deleted automatically", hint, PROPERTY))
    return found


def _argument(kind: str | None, name: str, value: Plain) -> list[Refused]:
    known = QUEUE_ARGUMENTS.get(name)
    if known is None:
        return []
    if known.claimed and kind and kind not in known.types:
        return [for_others(kind, name, known.types)]
    wanted = known.check(value)
    return [Refused(name, f"the value must be {wanted}", "", VALUE)] if wanted else []


def for_others(kind: str, name: str, owners: Iterable[str]) -> Refused:
    """Say that an argument is for queues of other types."""
    takers = " and ".join(f"{owner} queues" if owner != "stream" else "streams" for owner in owners)
    reason = f"{a_queue(kind)} does not take it; {takers} do"
    return Refused(name, reason, "leave it out, or change `type`", NOT_FOR_TYPE)


def a_queue(kind: str | None) -> str:
    """Name a queue of a type: `a quorum queue`, `a stream`."""
    return "a stream" if kind == "stream" else f"a {kind} queue"
