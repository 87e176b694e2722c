"""One index over a topology that all rules share: what is ours, who reaches it, and what holds there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from rabbit_topo.lint.names import is_made_at_run_time
from rabbit_topo.lint.ways import Ways
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Policy, Queue
from rabbit_topo.routing import Router

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rabbit_topo.lint.types import Context
    from rabbit_topo.model import Topology
    from rabbit_topo.policies import Option

_Kind = TypeVar("_Kind", Exchange, Queue, Binding, Policy)


class Index:
    """A topology as rules look at it; each part is worked out when a rule first asks, and once.

    `exchanges`, `queues`, `bindings` and `policies` are ours, in the order of their keys: what is somebody else's, and
    the server's own, is no business of a rule, and neither is what plugins and clients make on a broker for themselves.
    `router` knows all of them.
    """

    def __init__(self, topology: Topology, context: Context, router: Router | None = None) -> None:
        """Index nothing yet; without a `router` there are no operator policies and nothing hidden."""
        self.topology = topology
        self.context = context
        self.router = router or Router(topology, context.version)

    @cached_property
    def exchanges(self) -> Sequence[Exchange]:
        """Our exchanges."""
        return [one for one in self._ours(Exchange) if one.name not in PREDECLARED]

    @cached_property
    def queues(self) -> Sequence[Queue]:
        """Our queues."""
        return self._ours(Queue)

    @cached_property
    def bindings(self) -> Sequence[Binding]:
        """Our bindings."""
        return self._ours(Binding)

    @cached_property
    def policies(self) -> Sequence[Policy]:
        """Our policies."""
        return self._ours(Policy)

    @cached_property
    def ways(self) -> Ways:
        """The ways to queues, and of dead letters."""
        return Ways(self)

    def candidates(self, target: Queue | Exchange) -> Sequence[Policy]:
        """Return the policies that reach an object, one of which takes effect."""
        return self.router.candidates(target).reaching

    def policy_of(self, target: Queue | Exchange) -> Policy | None:
        """Return the policy that takes effect on an object."""
        return self.router.candidates(target).winner

    def options(self, queue: Queue) -> Mapping[str, Option]:
        """Return what a queue's arguments, policy and operator policy come to, each with its source."""
        return self.router.care(queue).options

    def _ours(self, kind: type[_Kind]) -> list[_Kind]:
        resources, notes, files = self.topology.resources, self.topology.notes, self.topology.files
        return [
            resource
            for key in sorted(resources)
            if isinstance(resource := resources[key], kind)
            and not (key in notes and notes[key].external)
            and (files or not is_made_at_run_time(resource))
        ]
