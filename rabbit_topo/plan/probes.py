"""Messages that show what a plan does to routing: those that are known, and one for each binding that changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.model import Binding, Exchange, Key, Kind
from rabbit_topo.routing import Message
from rabbit_topo.routing.cases import cases_of
from rabbit_topo.routing.kinds import DELAYED, LOCAL_RANDOM, ONE_OF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.model import Origin, Plain, Topology
    from rabbit_topo.routing import Router

Sender: TypeAlias = Literal["publisher", "test", "binding", "exchange"]
OTHERWISE: Final = "rabbit-topo.no-binding-names-this-key"
_WORD: Final = "x"  # for a wildcard
_SEVERAL: Final[tuple[list[str], ...]] = ([_WORD], [], [_WORD, _WORD])  # what `#` may stand for
_ANY_KEY: Final = frozenset({"fanout", "x-recent-history", LOCAL_RANDOM, *ONE_OF})


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that may be published: by a publisher or a test, or as a binding or an alternate exchange takes it.

    `messages` are to be followed one after the other until one shows a difference. `shown` is the routing key, or the
    binding's pattern for it.
    """

    sender: Sender
    name: str
    messages: tuple[Message, ...]
    shown: str
    origin: Origin | None = None

    @property
    def message(self) -> Message:
        """The first and likeliest message."""
        return self.messages[0]


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


def bindings(
    before: Router, after: Router, changed: Iterable[Key], declared: Topology
) -> tuple[list[Probe], list[Probe]]:
    """Return probes for bindings that go or leave an exchange which becomes another one, and for those that are new.

    What leaves an exchange that was not there before is left out: nobody can have published there. So is what leaves
    one that goes: that nobody can publish there goes without saying.
    """
    found: dict[Key, Binding] = {}
    for key in changed:
        if key.kind is Kind.BINDING:
            one = before.topology.resources.get(key) or after.topology.resources.get(key)
            found |= {key: one} if isinstance(one, Binding) else {}
        elif key.kind is Kind.EXCHANGE and key in before.topology.resources:
            found |= {one.key: one for one in after.topology.bindings_from(key)}
    there: list[Probe] = []
    new: list[Probe] = []
    for key, binding in sorted(found.items()):
        if before.exchange(key.vhost, key.name) and after.exchange(key.vhost, key.name):
            messages = tuple(_messages(binding, _kinds(binding.source_key, before, after)))
            shown = binding.routing_key if messages[0].routing_key else ""
            probe = Probe("binding", "", messages, shown, declared.note(key).origin)
            (there if key in before.topology.resources else new).append(probe)
    return there, new


def otherwise(before: Router, after: Router, changed: Iterable[Key], declared: Topology) -> Iterator[Probe]:
    """Return a message that no binding names for each exchange that becomes another, or whose alternate exchange does.

    That is one that it has or names, by itself or by a policy.
    """
    exchanges = {key for key in changed if key.kind is Kind.EXCHANGE}
    if not exchanges and not any(key.kind is Kind.POLICY for key in changed):
        return
    for key, exchange in sorted(before.topology.resources.items()):
        other = after.topology.resources.get(key)
        if not isinstance(exchange, Exchange) or not isinstance(other, Exchange):
            continue
        was, will = before.alternate(exchange), after.alternate(other)
        ends = {key, *(Key(key.vhost, Kind.EXCHANGE, it[0]) for it in (was, will) if it)}
        if was != will or not exchanges.isdisjoint(ends):
            message = Message(key.name, OTHERWISE, vhost=key.vhost)
            yield Probe("exchange", key.name, (message,), OTHERWISE, declared.note(key).origin)


def _kinds(key: Key, *routers: Router) -> set[str | None]:
    """Return by which types' rules an exchange routes before and after."""
    found = [router.exchange(key.vhost, key.name) for router in routers]
    inner = "x-delayed-type"
    return {one.arguments.get(inner) if one.type == DELAYED else one.type for one in found if one}


def _messages(binding: Binding, kinds: set[str | None]) -> Iterator[Message]:
    if not kinds - _ANY_KEY:
        yield Message(binding.source, vhost=binding.vhost)
        return
    headers: dict[str, Plain] = {}
    if "headers" in kinds:
        headers = {
            name: _WORD if value is None else value
            for name, value in binding.arguments.items()
            if name not in {"x-match", "CC", "BCC"}
        }
    for key in _keys(binding.routing_key) if "topic" in kinds else (binding.routing_key,):
        yield Message(binding.source, key, headers, binding.vhost)


def _keys(pattern: str) -> list[str]:
    """Return routing keys that a topic pattern takes, the likeliest first.

    >>> _keys("order.*.done"), _keys("order.#")
    (['order.x.done'], ['order.x', 'order', 'order.x.x'])
    """
    words = [_WORD if word == "*" else word for word in pattern.split(".")]
    if "#" not in words:
        return [".".join(words)]
    return [".".join(more for word in words for more in (several if word == "#" else [word])) for several in _SEVERAL]
