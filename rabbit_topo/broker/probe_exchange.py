"""Read an exchange by re-declaring it with an alternate exchange that is a number; see `probes`."""

from __future__ import annotations

from dataclasses import replace
from struct import pack
from typing import TYPE_CHECKING, Any, Final, Literal

from rabbit_topo.arguments import ALTERNATE
from rabbit_topo.broker import poisons
from rabbit_topo.broker.amqp_methods import declare_exchange
from rabbit_topo.broker.amqp_talk import Ok
from rabbit_topo.broker.inequivalent import Absent, Unread, atom, difference, from_atom
from rabbit_topo.broker.probe_queue import NOT_COMPARED
from rabbit_topo.broker.probes import (
    ABSENT,
    ATTEMPTS,
    CHANGING,
    ENDS,
    PRECONDITION_FAILED,
    Seen,
    passive,
    words,
)
from rabbit_topo.model import Arguments, Exchange, Unverified

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp_talk import Talk
    from rabbit_topo.broker.inequivalent import Difference

# What every RabbitMQ has. Others are sent only where the broker named them: 3.10 closes connections over unknown ones.
CORE: Final = ("direct", "fanout", "topic", "headers")
ROUNDS: Final = 12
FLAGS: Final = frozenset({"durable", "auto_delete", "internal"})

Step = Literal["again", "changed"]


def active_exchange(exchange: Exchange) -> Talk[Seen]:
    """Ask for everything that RabbitMQ compares of an exchange; `exchange` is what is declared."""
    for _ in range(ATTEMPTS):
        seen = yield from _Asking(exchange).talk()
        if seen is not None:
            return seen
    return (yield from passive(exchange, CHANGING))


class _Asking:
    """One attempt: what is believed of the exchange so far."""

    def __init__(self, declared: Exchange) -> None:
        self.declared = declared
        self.asked = replace(declared, type=declared.type if declared.type in CORE else CORE[0])
        self.types = {self.asked.type}
        self.flags: set[str] = set()

    def talk(self) -> Talk[Seen | None]:
        """Ask until the broker names the alternate exchange; None where it changes under our hands."""
        for _ in range(ROUNDS):
            answer = yield declare_exchange(self.asked, poisons.EXCHANGE)
            if isinstance(answer, Ok):
                return (yield from passive(self.declared, "the broker took a number for an alternate exchange"))
            gap = difference(answer.text, self.declared.key) if answer.code == PRECONDITION_FAILED else None
            if gap is None:
                nothing = answer.text.startswith("PRECONDITION_FAILED - invalid type '")
                return ABSENT if nothing else (yield from passive(self.declared, words(answer)))
            if gap.key == ALTERNATE:
                return (yield from self._named(gap))
            step = self._take(gap)
            if isinstance(step, Seen):
                return step
            if step == "changed":
                return None
        return None

    def _take(self, gap: Difference) -> Seen | Step:
        if gap.key in FLAGS:
            if gap.key in self.flags:
                return "changed"
            self.flags.add(gap.key)
            flags: dict[str, Any] = {gap.key: not getattr(self.asked, gap.key)}
            self.asked = replace(self.asked, **flags)
            return "again"
        current = gap.beside(atom(self.asked.type or ""))
        if isinstance(current, str):
            current = from_atom(current)
        else:
            untried = next((kind for kind in CORE if kind not in self.types), "")
            if not untried:
                return self._of_a_plugin(current.shown if isinstance(current, Unread) else "")
            current = untried
        if current in self.types:
            return "changed"
        self.types.add(current)
        self.asked = replace(self.asked, type=current)
        return "again"

    def _of_a_plugin(self, shown: str) -> Seen:
        """Tell what is left when the broker's message has no room for the type, and it is none of the usual ones."""
        rest = ("durable", "auto_delete", "internal", *(f"arguments.{name}" for name in self._others(ALTERNATE)))
        if self.declared.type in CORE:
            return Seen(replace(self.declared, type=shown), Unverified(ENDS, rest))
        return Seen(self.declared, Unverified(ENDS, ("type", *rest)))

    def _named(self, gap: Difference) -> Talk[Seen | None]:
        """Take what the broker says of the alternate exchange; everything else is equal by now."""
        current = gap.beside(str(poisons.EXCHANGE[ALTERNATE]))
        wanted = self.declared.arguments.get(ALTERNATE)
        if isinstance(current, Unread) and isinstance(wanted, str):
            # Bytes of another class: equal to text when compared, refused when created.
            answer = yield declare_exchange(self.asked, _as_bytes(ALTERNATE, wanted))
            if isinstance(answer, Ok):
                return self._whole(wanted)
            again = difference(answer.text, self.declared.key)
            if again is None or again.key != ALTERNATE:
                return None
        if isinstance(current, Absent):
            return self._whole(None)
        if gap.silent and wanted is None:
            return self._whole(None, ALTERNATE)
        return self._whole(current.shown if isinstance(current, Unread) else current)

    def _whole(self, alternate: str | None, *unread: str) -> Seen:
        others = self.declared.arguments.without(ALTERNATE)
        arguments = Arguments({**others, **({} if alternate is None else {ALTERNATE: alternate})})
        paths = tuple(f"arguments.{name}" for name in self._others(*unread))
        gap = Unverified(ENDS if unread else NOT_COMPARED, paths) if paths else None
        return Seen(replace(self.asked, arguments=arguments), gap)

    def _others(self, *first: str) -> list[str]:
        return [*first, *self.declared.arguments.without(ALTERNATE)]


def _as_bytes(name: str, value: str) -> bytes:
    raw_name, raw = name.encode(), value.encode()
    body = pack("B", len(raw_name)) + raw_name + b"x" + pack(">I", len(raw)) + raw
    return pack(">I", len(body)) + body
