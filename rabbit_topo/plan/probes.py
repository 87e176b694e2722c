"""Messages that show what a plan does to routing: those that are known, and those that changed bindings take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.model import PREDECLARED, Binding, Exchange, Key, Kind
from rabbit_topo.plan.shapes import Shape, keys_of
from rabbit_topo.routing import Message
from rabbit_topo.routing.cases import cases_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.model import Origin, Topology
    from rabbit_topo.plan.downstream import Downstream

Sender: TypeAlias = Literal["publisher", "test", "binding", "exchange"]
OTHERWISE: Final = "rabbit-topo.no-binding-names-this-key"
_DEEPER: Final = 4_000  # messages for what lies behind changed bindings, shared out among them
_LEAST: Final = 4


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that may be published: by a publisher or a test, or as a binding or an alternate exchange takes it.

    `messages` are to be followed one after the other until one shows a difference. `shown` is the routing key, or the
    binding's pattern for it. `subject` is the binding or exchange that changes.
    """

    sender: Sender
    name: str
    messages: tuple[Message, ...]
    shown: str
    origin: Origin | None = None
    subject: Key | None = None

    @property
    def message(self) -> Message:
        """The first and likeliest message."""
        return self.messages[0]

    @property
    def any_other(self) -> bool:
        """Whether it stands for every key that no binding names."""
        return self.shown == OTHERWISE


def publishers(declared: Topology) -> Iterator[Probe]:
    """Return what the publishers of the files send, by their names."""
    for name, publisher in sorted(declared.publishers.items()):
        headers = publisher.options.get("headers") or {}
        message = Message(publisher.exchange, publisher.routing_key, headers, publisher.vhost)
        yield Probe("publisher", name, (message,), publisher.routing_key, publisher.note.origin)


def tests(declared: Topology) -> Iterator[Probe]:
    """Return what the route tests of the files publish, in the order of the files."""
    for case in cases_of(declared):
        yield Probe("test", case.name, (case.message,), case.message.routing_key, case.origin)


class Changed:
    """The probes for what changes: the bindings and exchanges of a plan, and what lies behind them.

    `cut` are those behind which there is more than was tried.

    What leaves an exchange that was not there before is left out: nobody can have published there. So is what leaves
    one that goes: that nobody can publish there goes without saying.
    """

    def __init__(self, ways: Downstream, changed: Iterable[Key], declared: Topology) -> None:
        self._ways = ways
        self._declared = declared
        self._changed = frozenset(changed)
        self.cut: set[Key] = set()
        self._bindings = {key: one for key, one in sorted(self._found().items()) if self._stays(one.source_key)}
        self._exchanges = list(self._become())

    def _found(self) -> dict[Key, Binding]:
        before, after = self._ways.routers
        found: dict[Key, Binding] = {}
        for key in self._changed:
            if key.kind is Kind.BINDING:
                one = before.topology.resources.get(key) or after.topology.resources.get(key)
                found |= {key: one} if isinstance(one, Binding) else {}
            elif key.kind is Kind.EXCHANGE and key in before.topology.resources:
                found |= {one.key: one for one in after.topology.bindings_from(key)}
        return found

    def _stays(self, key: Key) -> bool:
        return all(router.exchange(key.vhost, key.name) for router in self._ways.routers)

    def _was(self, key: Key) -> bool:
        return key in self._ways.before.topology.resources

    def bindings(self, *, new: bool) -> Iterator[Probe]:
        """Return probes for bindings that are new, or for those that go or leave an exchange that becomes another."""
        for key, binding in self._bindings.items():
            if self._was(key) is not new:
                messages = [*chain.from_iterable(self._messages(binding, one) for one in self._ways.own(binding))]
                shown = binding.routing_key if messages[0].routing_key else ""
                yield Probe("binding", "", tuple(messages), shown, self._declared.note(key).origin, key)

    def _messages(self, binding: Binding, shape: Shape) -> Iterator[Message]:
        keys = keys_of(shape.words, self._ways.fresh, self._ways.longest)
        if shape.words is None and self._ways.by_key(binding.source_key):
            keys.append(OTHERWISE)
        for key in keys:
            yield Message(binding.source, key, shape.headers, binding.vhost)

    def otherwise(self) -> Iterator[Probe]:
        """Return a message that no binding names for each exchange that becomes another, or whose alternate does.

        That is one that it has or names, by itself or by a policy.
        """
        for key, _ in self._exchanges:
            message = Message(key.name, OTHERWISE, vhost=key.vhost)
            yield Probe("exchange", key.name, (message,), OTHERWISE, self._declared.note(key).origin, key)

    def _become(self) -> Iterator[tuple[Key, tuple[str | None, str | None]]]:
        exchanges = {key for key in self._changed if key.kind is Kind.EXCHANGE}
        if not exchanges and not any(key.kind is Kind.POLICY for key in self._changed):
            return
        before, after = self._ways.routers
        always = (Key(vhost, Kind.EXCHANGE, name) for vhost in before.topology.vhosts for name in PREDECLARED)
        there = {key for key, one in before.topology.resources.items() if isinstance(one, Exchange)}
        for key in sorted({*there, *always}):
            one, other = (router.exchange(key.vhost, key.name) for router in (before, after))
            if one and other:
                was, will = before.alternate(one), after.alternate(other)
                ends = {key, *(Key(key.vhost, Kind.EXCHANGE, it[0]) for it in (was, will) if it)}
                if was != will or not exchanges.isdisjoint(ends):
                    yield key, (was[0] if was else None, will[0] if will else None)

    def behind(self) -> Iterator[Probe]:
        """Return probes for what further bindings take of the messages that changed ones take: what goes comes first.

        Behind an exchange that is a binding's end, or that becomes another; behind alternate exchanges that come or
        go; and, where something falls through to an alternate exchange, behind every binding of the exchange.
        """
        deep = [binding for binding in self._bindings.values() if self._is_deep(binding)]
        share = max(_LEAST, _DEEPER // max(1, len(deep) + len(self._exchanges)))
        for binding in sorted(deep, key=lambda it: not self._was(it.key)):
            yield from self._probes(binding.key, binding.source_key, self._behind(binding), share)
        for key, alternates in self._exchanges:
            yield from self._probes(key, key, self._fallen(key, alternates), share)

    def _is_deep(self, binding: Binding) -> bool:
        """Say whether what lies behind decides about its messages, and there is more than one of them."""
        leads_on = binding.destination_kind == "exchange" or self._falls(binding)
        return leads_on and (self._ways.headers or any(shape.is_wide for shape in self._ways.own(binding)))

    def _falls(self, binding: Binding) -> bool:
        return self._ways.falls(binding.source_key)

    def _behind(self, binding: Binding) -> Iterator[Shape]:
        before, after = self._ways.routers
        start = binding.source_key if self._falls(binding) else binding.destination_key
        for shape in self._ways.own(binding):
            for router in (before, after) if self._was(binding.key) else (after, before):
                yield from self._ways.behind(router, start, shape)

    def _fallen(self, key: Key, alternates: tuple[str | None, str | None]) -> Iterator[Shape]:
        for router, name in zip(self._ways.routers, alternates, strict=True):
            if name is not None:
                yield from self._ways.behind(router, Key(key.vhost, Kind.EXCHANGE, name), Shape())
        if key in self._changed:
            for router in self._ways.routers:
                yield from self._ways.behind(router, key, Shape())

    def _probes(self, subject: Key, at: Key, shapes: Iterator[Shape], share: int) -> Iterator[Probe]:
        sender: Sender = "exchange" if subject.kind is Kind.EXCHANGE else "binding"
        name, origin = at.name if subject == at else "", self._declared.note(subject).origin
        for shape in islice(shapes, share):
            if shape == Shape():
                continue  # any message will do, and one is tried already
            keys = keys_of(shape.words, self._ways.fresh, self._ways.longest)
            messages = tuple(Message(at.name, key, shape.headers, at.vhost) for key in keys)
            yield Probe(sender, name, messages, shape.shown, origin, subject)
        if self._ways.is_short or next(shapes, None) is not None:
            self.cut.add(subject)
