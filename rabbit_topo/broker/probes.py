"""Questions about one queue or one exchange that can create nothing and change nothing, as talks.

A passive declare says whether it is there. An active one makes the broker compare, and carries a poison: an argument
that RabbitMQ refuses when it creates, and does not compare of what exists (a queue), or compares last (an exchange).
So the answer is the first difference, or that there is none, or that there is nothing, and never a new object. What
differs is corrected and asked again; the last answer speaks of all compared properties at one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rabbit_topo.broker.amqp_methods import look_for
from rabbit_topo.broker.amqp_talk import Ok, Refused, Talk
from rabbit_topo.model import EVERYTHING, Exchange, Queue, Unverified

NOT_FOUND, LOCKED, PRECONDITION_FAILED, FAILED = 404, 405, 406, 541
ATTEMPTS: Final = 3
CHANGING: Final = "it changed each time that it was looked at"
ENDS: Final = "the broker's message ends before it"
PASSIVE: Final = "a passive declare shows only that it is there"


@dataclass(frozen=True, slots=True)
class Seen:
    """What became known of one object: as it is there, or None; what of it was not verified; if it is exclusive.

    `renewed` says that asking renewed its lease (`x-expires`).
    """

    resource: Exchange | Queue | None = None
    unverified: Unverified | None = None
    exclusive: bool = False
    renewed: bool = False


ABSENT: Final = Seen()


def passive(resource: Exchange | Queue, reason: str = PASSIVE, *, rabbitmq: bool = True) -> Talk[Seen]:
    """Ask whether it is there. `reason` says why no more is asked, where it is.

    RabbitMQ answers 404 also for a queue that is there, but down, in other words; of other brokers 404 is believed.
    """
    answer = yield look_for(resource)
    match answer:
        case Ok():
            expires = isinstance(resource, Queue) and "x-expires" in resource.arguments
            return Seen(resource, Unverified(reason, EVERYTHING), renewed=expires)
        case Refused(code, text) if code == NOT_FOUND:
            nothing = text.startswith(f"NOT_FOUND - no {resource.key.kind.value} '")
            return ABSENT if nothing or not rabbitmq else Seen(resource, Unverified(text, EVERYTHING))
        case Refused(code) if code == LOCKED:
            return Seen(exclusive=True)
        case Refused():
            return Seen(unverified=Unverified(words(answer)))


def words(answer: Refused) -> str:
    """Quote the broker, and say so where it failed."""
    return f"the broker failed over the question: {answer.text}" if answer.code == FAILED else answer.text
