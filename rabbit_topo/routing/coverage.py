"""Which bindings the route tests exercise, and which ones could go without any test noticing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rabbit_topo.model import Binding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.routing.cases import CaseResult
    from rabbit_topo.routing.router import Router
    from rabbit_topo.routing.types import Route


@dataclass(frozen=True, slots=True)
class Coverage:
    """The bindings of a topology, sorted: those that a message of a test took, and those that none did."""

    exercised: tuple[Binding, ...]
    missed: tuple[Binding, ...]

    @property
    def total(self) -> int:
        """How many bindings there are."""
        return len(self.exercised) + len(self.missed)

    @property
    def percent(self) -> int:
        """Whole per cent, rounded down, so that 100 means all of them; 100 where there is no binding."""
        return 100 * len(self.exercised) // self.total if self.total else 100


def coverage(router: Router, results: Iterable[CaseResult]) -> Coverage:
    """Say which bindings the messages of these results took, as they were published or as dead letters."""
    taken = {one.key for result in results if result.case for route in _routes(result) for one in _bindings(route)}
    bindings = [binding for binding in router.topology.of(Kind.BINDING) if isinstance(binding, Binding)]
    return Coverage(
        tuple(binding for binding in bindings if binding.key in taken),
        tuple(binding for binding in bindings if binding.key not in taken),
    )


def _routes(result: CaseResult) -> Iterator[Route]:
    if result.route is not None:
        yield result.route
    for step in result.steps:
        if step.dead is not None and step.dead.route is not None:
            yield step.dead.route


def _bindings(route: Route) -> Iterator[Binding]:
    for hop in route.hops:
        for one in hop.taken:
            if one.binding is not None:
                yield one.binding
