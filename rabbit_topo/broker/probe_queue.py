"""Read a queue by re-declaring it with a poison argument; see `probes`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from rabbit_topo.arguments import TYPE_ARGUMENT, compared_arguments
from rabbit_topo.broker import poisons
from rabbit_topo.broker.amqp_methods import declare_queue
from rabbit_topo.broker.amqp_talk import Ok, Refused
from rabbit_topo.broker.inequivalent import Absent, Unread, difference
from rabbit_topo.broker.probes import (
    ABSENT,
    ATTEMPTS,
    CHANGING,
    ENDS,
    LOCKED,
    PRECONDITION_FAILED,
    Seen,
    passive,
    words,
)
from rabbit_topo.model import Arguments, Queue, Unverified
from rabbit_topo.policies import release

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp_talk import Talk
    from rabbit_topo.broker.inequivalent import Difference
    from rabbit_topo.model import Plain

RELAXED: Final = (3, 11)  # since when a quorum queue may be declared as classic, and much is not compared then
NOT_COMPARED: Final = "the broker does not compare it"
ROUNDS: Final = 80

Step = Literal["again", "changed"]


def active_queue(queue: Queue, version: str) -> Talk[Seen]:
    """Ask for everything that a broker of this version compares of a queue; `queue` is what is declared."""
    for _ in range(ATTEMPTS):
        seen = yield from _Asking(queue, version).talk()
        if seen is not None:
            return seen
    return (yield from passive(queue, CHANGING))


class _Asking:
    """One attempt: what is believed of the queue so far, and where each belief comes from."""

    def __init__(self, declared: Queue, version: str) -> None:
        self.declared = declared
        self.version = version
        self.type = declared.type if declared.type in poisons.QUEUE else "classic"
        self.durable, self.auto_delete = declared.durable, declared.auto_delete
        self.arguments: dict[str, Plain] = dict(declared.arguments)
        self.types = {self.type}
        self.named = ""  # the type that the broker itself named
        self.learnt: set[str] = set()  # what the broker itself named: properties, and arguments with their values
        self.dropped: set[str] = set()  # arguments that differ, and are left out to be told their value
        self.confirming = False

    def talk(self) -> Talk[Seen | None]:
        """Ask until the broker finds no difference; None where it changes under our hands."""
        for _ in range(ROUNDS):
            try:
                method = declare_queue(self._sent(), self._wire())
            except ValueError as error:
                return (yield from passive(self.declared, f"AMQP cannot carry it: {error}"))
            answer = yield method
            if isinstance(answer, Ok):
                if self.type != "classic" or release(self.version) < RELAXED:
                    return self._whole()
                self.type, self.confirming = "quorum", True
                continue
            gap = difference(answer.text, self.declared.key) if answer.code == PRECONDITION_FAILED else None
            if gap is None:
                return (yield from self._refused(answer))
            step = self._take(gap)
            if isinstance(step, Seen):
                return step
            if step == "changed":
                return None
        return None

    def _wire(self) -> dict[str, Plain]:
        return {**self.arguments, **poisons.for_queue(self.type)}

    def _sent(self) -> Queue:
        return replace(self.declared, durable=self.durable, auto_delete=self.auto_delete)

    def _refused(self, answer: Refused) -> Talk[Seen]:
        poison, _ = poisons.QUEUE[self.type]
        if answer.text.startswith(f"PRECONDITION_FAILED - invalid arg '{poison}' for "):
            return ABSENT
        if answer.code == LOCKED:
            return Seen(exclusive=True)
        return (yield from passive(self.declared, words(answer)))

    def _take(self, gap: Difference) -> Seen | Step:
        """Correct what differs."""
        key = gap.key
        confirming, self.confirming = self.confirming, False
        if confirming and key == TYPE_ARGUMENT:
            self.type = "classic"
            return self._whole()
        if key in {"durable", "auto_delete"}:
            setattr(self, key, not getattr(self, key))
            return self._learn(key)
        if key == poisons.QUEUE[self.type][0]:
            return self._named(poisons.OWNER[key])
        if key == TYPE_ARGUMENT:
            return self._typed(gap.beside(self.type))
        if key in self.arguments:
            del self.arguments[key]
            self.dropped.add(key)
            return "changed" if key in self.learnt else "again"
        value = gap.alone()
        if isinstance(value, Unread):
            return self._cut(key, value)
        self.arguments[key] = value
        return self._learn(key)

    def _learn(self, key: str) -> Step:
        if key in self.learnt:
            return "changed"
        self.learnt.add(key)
        return "again"

    def _typed(self, current: str | Absent | Unread) -> Seen | Step:
        if isinstance(current, Absent):
            current = "classic"
        if isinstance(current, Unread):
            current = next((kind for kind in poisons.QUEUE if kind not in self.types), current.shown)
            if current in poisons.QUEUE:
                return self._retype(current)
        if current in poisons.QUEUE:
            return self._named(current)
        return self._stopped(replace(self._sent(), type=current), set(self.declared.arguments), "")

    def _named(self, kind: str) -> Step:
        """Believe a type that the broker names; a second one, or one without what was read so far, is another queue."""
        ours, theirs = (compared_arguments(one, self.version) for one in (self.type, kind))
        stale = (self.learnt | self.dropped) & (ours - theirs)
        if stale or self.named not in {"", kind}:
            return "changed"
        self.named = kind
        return self._retype(kind)

    def _retype(self, kind: str) -> Step:
        if kind in self.types:
            return "changed"
        self.type = kind
        self.types.add(kind)
        return "again"

    def _whole(self) -> Seen:
        queue = replace(self._sent(), type=self.type, arguments=Arguments(self.arguments))
        compared = compared_arguments(self.type, self.version) | self.learnt | self.dropped
        missing = [name for name in self.declared.arguments if name not in compared]
        gap = Unverified(NOT_COMPARED, _paths(missing)) if missing else None
        return Seen(queue, gap, renewed="x-expires" in queue.arguments)

    def _cut(self, key: str, value: Unread) -> Seen:
        """Tell a value that cannot be read as the difference that it is; nothing is compared behind it."""
        arguments = Arguments({**self.arguments, key: value.shown})
        known = len(self.types) > 1
        compared = compared_arguments(self.type if known else None, self.version)
        queue = replace(self._sent(), type=self.type if known else self.declared.type, arguments=arguments)
        return self._stopped(queue, set(compared) - {key}, "" if known else "type")

    def _stopped(self, queue: Queue, names: set[str], first: str) -> Seen:
        paths = ((first,) if first else ()) + _paths(names - self.learnt - self.dropped)
        reason = ENDS
        if queue.type not in poisons.QUEUE:
            reason = f"nobody here knows what a queue of type {queue.type} compares"
        return Seen(queue, Unverified(reason, paths) if paths else None)


def _paths(names: set[str] | list[str]) -> tuple[str, ...]:
    return tuple(f"arguments.{name}" for name in sorted(names))
