"""What comes and goes with some program: by its name, and by what it is.

Names as the programs make them: kombu's `pidbox` and `Broadcast`, Celery's event receiver, MassTransit's
`TemporaryEndpoint`, Spring's anonymous groups and queues, EasyNetQ's conventions, Nameko's templates, oslo.messaging's
reply and fanout queues, the JMS client's naming strategy, and the plugins of RabbitMQ itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from rabbit_topo.adopt.spelling import escaped
from rabbit_topo.adopt.types import Ignored
from rabbit_topo.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rabbit_topo.model import Queue

_UUID: Final = "[0-9a-f-]{36}"
_HEX: Final = "[0-9a-f]{32}"
_BASE64: Final = "[A-Za-z0-9_-]{22}"
_NEW_ID: Final = "[ybndrfg8ejkmcpqxot1uwisza345h769]{26}"
_PURPOSE: Final = "x-internal-purpose"
_UPSTREAM: Final = "x-federation-upstream"
_WIDE: Final = 5  # so many families of names with a UUID, and one pattern serves for all
_ONE_EACH: Final = re.compile(
    r"(?P<before>.*?)(?<![0-9A-Za-z])(?:"
    r"(?P<uuid>[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})|(?P<hex>[0-9A-Fa-f]{32})"
    r")(?![0-9A-Za-z])(?P<after>.*)",
    re.DOTALL,
)
ONE_EACH: Final = "named for one run of a program"


@dataclass(frozen=True)
class Ephemeral:
    """Names that a program makes anew: `why` says which, `passing` what an object of such a name must be.

    One that `leaves` ends with its users or after a while without them (`auto_delete`, `x-expires`); a `transient` one
    does so, or at the latest when its node stops; an `internal` one is made by RabbitMQ for itself; one of `events`
    leaves, or is the exchange of a program's own events; a `shard` is a queue that is there for each node.
    """

    pattern: str
    why: str
    passing: Literal["leaves", "transient", "internal", "events", "shard"]

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.DOTALL)

    def matches(self, name: str) -> bool:
        """Say whether the whole name is such a one."""
        return self._compiled.fullmatch(name) is not None

    def holds(self, resource: Exchange | Queue) -> bool:
        """Say whether an object is such a one, by its name and by what it is."""
        return self.matches(resource.name) and _PASSES[self.passing](resource)


def _leaves(resource: Exchange | Queue) -> bool:
    return resource.auto_delete or (not isinstance(resource, Exchange) and "x-expires" in resource.arguments)


_PASSES: Final[Mapping[str, Callable[[Exchange | Queue], bool]]] = {
    "leaves": _leaves,
    "transient": lambda resource: not resource.durable or _leaves(resource),
    "internal": lambda resource: _PURPOSE in resource.arguments or resource.type == _UPSTREAM or _leaves(resource),
    "events": lambda resource: _leaves(resource) or (isinstance(resource, Exchange) and resource.type == "topic"),
    "shard": lambda resource: not isinstance(resource, Exchange) and not resource.arguments,
}

TABLE: Final = (
    Ephemeral(r"(.+\.)?celery\.pidbox", "Celery's remote control", "transient"),
    Ephemeral(r".+\.pidbox", "kombu's remote control", "transient"),
    Ephemeral(r"celeryev(\..+)?", "Celery's events", "events"),
    Ephemeral(rf"bcast\.{_UUID}", "kombu's broadcasts", "leaves"),
    Ephemeral(rf".+[_-]{_NEW_ID}", "MassTransit's temporary endpoints", "leaves"),
    Ephemeral(rf".+\.anonymous\.{_BASE64}", "Spring Cloud Stream's anonymous groups", "leaves"),
    Ephemeral(rf"spring\.gen-{_BASE64}", "Spring AMQP's anonymous queues", "transient"),
    Ephemeral(rf"easynetq\.response\.{_UUID}", "EasyNetQ's responses", "transient"),
    Ephemeral(rf"rpc\.reply-.+-{_UUID}", "Nameko's replies", "transient"),
    Ephemeral(rf"reply_{_HEX}", "oslo.messaging's replies", "leaves"),
    Ephemeral(rf".+_fanout_{_HEX}", "oslo.messaging's fanouts", "leaves"),
    Ephemeral(r"mqtt-subscription-.+qos[01]", "MQTT clients' subscriptions", "transient"),
    Ephemeral(rf"stomp-subscription-{_BASE64}", "STOMP clients' subscriptions", "leaves"),
    Ephemeral(rf"jms-(temp-queue|temp-topic|cons|ndtop-slx)-{_UUID}", "JMS clients' temporary objects", "transient"),
    Ephemeral(r"federation: .+", "made by RabbitMQ's federation", "internal"),
    Ephemeral(r"sharding: .+ - .+@.+ - [0-9]+", "made by RabbitMQ's sharding", "shard"),
)


@dataclass(frozen=True, slots=True)
class Family:
    """Names of one kind that come and go: a pattern for all of them, and whose they are."""

    pattern: str
    why: str


_ANY_RUN: Final = Family(".*[0-9A-Fa-f-]{32}.*", ONE_EACH)


def family(resource: Exchange | Queue) -> Family | None:
    """Say to which family of names that come and go an exchange or a queue belongs; None where it is to stay.

    >>> from rabbit_topo.model import Queue
    >>> family(Queue("/", "celery@host.celery.pidbox", "classic", durable=False, auto_delete=True)).why
    "Celery's remote control"
    >>> family(Queue("/", "celery", "classic")) is None
    True
    """
    for known in TABLE:
        if known.holds(resource):
            return Family(known.pattern, known.why)
    if _leaves(resource) and (found := _ONE_EACH.fullmatch(resource.name)):
        digits = found["uuid"] or found["hex"]
        letters = "0-9a-f" if digits == digits.lower() else "0-9A-Fa-f"
        part = f"[{letters}-]{{36}}" if found["uuid"] else f"[{letters}]{{32}}"
        return Family(f"{escaped(found['before'])}{part}{escaped(found['after'])}", ONE_EACH)
    return None


def ignored(families: Mapping[str, Family], taken: Collection[str]) -> tuple[tuple[Ignored, ...], frozenset[str]]:
    """Return the patterns for names that come and go, and those names that no pattern can ignore.

    `families` holds them by name. No pattern matches a name that is `taken`: where a family's would, exact names stand
    in its place; a name that is taken too, for an object of another kind, cannot be ignored at all.
    """
    members: defaultdict[Family, list[str]] = defaultdict(list)
    for name in sorted(families.keys() - set(taken)):
        members[families[name]].append(name)
    rows = [row for found, names in _widened(members).items() for row in _rows(found, names, taken)]
    return tuple(sorted(rows, key=lambda row: (row.why, row.pattern))), frozenset(families.keys() & set(taken))


def _widened(members: Mapping[Family, list[str]]) -> Mapping[Family, list[str]]:
    """Put the many families of names that hold a UUID under one."""
    each = [found for found in members if found.why == ONE_EACH]
    if len(each) <= _WIDE:
        return members
    others = {found: names for found, names in members.items() if found.why != ONE_EACH}
    return {**others, _ANY_RUN: sorted(name for found in each for name in members[found])}


def _rows(found: Family, names: list[str], taken: Collection[str]) -> list[Ignored]:
    matches = re.compile(found.pattern, re.DOTALL).fullmatch
    if not any(map(matches, taken)):
        return [Ignored(found.pattern, found.why, tuple(names))]
    return [Ignored(escaped(name), found.why, (name,)) for name in names]
