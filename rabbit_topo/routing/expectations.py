"""What a route test expects of the queues that a message reaches, and whether a route meets it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.model import Kind
from rabbit_topo.routing.kinds import ONE_OF

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rabbit_topo.model import Plain
    from rabbit_topo.routing.router import Router
    from rabbit_topo.routing.types import Hop, Route

Way: TypeAlias = Literal["exactly", "at least", "one of", "some"]
_WAYS: Final[Mapping[str, Way]] = {"expect": "exactly", "expect_at_least": "at least", "expect_one_of": "one of"}
_NOWHERE: Final = "expect_unroutable"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which queues are to be reached: exactly these, at least these, one of these, or some queue whatever its name.

    Exactly none is what `expect_unroutable: true` and `expect: []` say.
    """

    way: Way
    queues: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Spell it as a sentence goes on after `expected`."""
        match self.way, self.queues:
            case "some", _:
                return "at least one queue"
            case "exactly", ():
                return "no queue"
            case "exactly", _:
                return _listed(self.queues)
            case way, _:
                return f"{way} {_listed(self.queues)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a route differs from the exact set of queues that was expected of it.

    `unknown` says in a sentence which of them are no queues at all, where that was looked up.
    """

    queues: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    uncertain: tuple[str, ...]
    refusal: str = ""
    unknown: str = ""

    @property
    def met(self) -> bool:
        """Whether it came as expected. What only may get the message is neither expected nor unexpected."""
        return not (self.missing or self.unexpected or self.uncertain or self.refusal)


def verdict(route: Route, queues: Iterable[str], router: Router | None = None) -> Verdict:
    """Hold a route against the queues that it was expected to reach, no more and no fewer."""
    wanted = set(queues)
    missing = tuple(sorted(wanted - {*route.queues, *route.perhaps}))
    return Verdict(
        queues=tuple(sorted(wanted)),
        missing=missing,
        unexpected=tuple(sorted(set(route.queues) - wanted)),
        uncertain=route.perhaps,
        refusal=route.refusal,
        unknown=strangers(router, route.vhost, missing) if router else "",
    )


def expectation_of(written: Mapping[str, Plain]) -> Expectation | None:
    """Take the expectation of a test, a case or a step; None where there is none.

    >>> str(expectation_of({"expect_one_of": ["a", "b"]}))
    'one of a, b'
    """
    for key, way in _WAYS.items():
        if (names := written.get(key)) is not None:
            return Expectation(way, tuple(sorted(set(names))))
    if (nowhere := written.get(_NOWHERE)) is not None:
        return Expectation("exactly" if nowhere else "some")
    return None


def unmet(expected: Expectation, reached: Route) -> str:
    """Say in a sentence how what is reached differs from what is expected; empty where it does not."""
    sure, perhaps = set(reached.queues), set(reached.perhaps)
    wanted = set(expected.queues)
    match expected.way:
        case "some":
            return "" if sure or perhaps else "it reaches no queue"
        case "one of":
            return _one_of(wanted, sure, perhaps)
        case "at least":
            return _sentence(wanted - sure - perhaps, (), (wanted - sure) & perhaps)
        case "exactly":
            held = verdict(reached, wanted)
            return _sentence(held.missing, held.unexpected, held.uncertain)


def _one_of(wanted: set[str], sure: set[str], perhaps: set[str]) -> str:
    if strays := (sure | perhaps) - wanted:
        return f"it {'reaches' if strays & sure else 'may reach'} {_listed(sorted(strays))}, which is none of these"
    if len(sure) > 1 or (sure and perhaps):
        return f"it reaches more than one: {_listed(sorted(sure | perhaps))}"
    return "" if sure or perhaps else "it reaches none of these"


def _sentence(missing: Collection[str], extra: Collection[str], unsure: Collection[str]) -> str:
    parts = [
        f"it does not reach {_listed(sorted(missing))}" if missing else "",
        f"it reaches {_listed(sorted(extra))} too" if extra else "",
        f"whether it reaches {_listed(sorted(unsure))} depends on more than the message (`expect_one_of` takes that)"
        if unsure
        else "",
    ]
    return "; ".join(part for part in parts if part)


def not_one(route: Route) -> str:
    """Say why nobody can tell that a message reaches exactly one of its uncertain queues; empty where it does."""
    if not route.perhaps:
        return ""
    forks = [hop for hop in route.hops if any(not one.certain for one in hop.taken)]
    if len(forks) == 1 and _chooses(forks[0]):
        return ""
    where = ", ".join(hop.exchange for hop in forks) or "the queue"
    return f"whether it is exactly one cannot be told: {where} may send it to several queues, or to none"


def _chooses(fork: Hop) -> bool:
    """Say whether an exchange sends a message to one of its queues, by its type."""
    return fork.kind in ONE_OF and all(one.destination.kind is Kind.QUEUE and not one.missing for one in fork.taken)


def strangers(router: Router, vhost: str, names: Iterable[str]) -> str:
    """Say which names no queue has, and which one is meant; empty where all are there."""
    unknown = sorted(name for name in set(names) if router.queue(vhost, name) is None)
    if not unknown:
        return ""
    queues = [key.name for key in router.topology.resources if key.kind is Kind.QUEUE and key.vhost == vhost]
    close = [near[0] for name in unknown if (near := difflib.get_close_matches(name, queues, 1))]
    hint = f"; did you mean {_listed(close)}?" if close else ""
    return f"there is no queue {_listed(unknown)}{hint}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


__all__ = ["Expectation", "Verdict", "expectation_of", "not_one", "strangers", "unmet", "verdict"]
