"""By what a topology is judged: what a broker says of itself, else what the configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from rabbit_topo.lint.types import Context
from rabbit_topo.routing import LATEST, Router

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.broker.target import Target
    from rabbit_topo.config.settings import Sources
    from rabbit_topo.lint import Rule
    from rabbit_topo.model import Facts, Topology

_OF_CLUSTERS: Final = frozenset({"RT403"})  # no other rule asks for the number of nodes


class Judged(NamedTuple):
    """What rules know beside the topology."""

    context: Context
    router: Router


def judged(
    topology: Topology,
    configured: Sources,
    rules: Iterable[Rule],
    *,
    version: str | None = None,
    facts: Facts | None = None,
    target: Target | None = None,
    observed: bool = False,
) -> Judged:
    """Return by what a topology is judged: the same, whichever command asks.

    `facts` are of a broker or a definitions file that was read already; `target` is a live broker that is asked for
    what they do not tell, in one small request or two. A `version` that is given beats the broker's own. `observed`
    says that the topology is the broker's own: queues that nobody manages are there, too. Raises `BrokerError`.
    """
    settings = configured.lint
    policies = facts.operator_policies if facts else ()
    release = facts.version if facts else ""
    types, denied, nodes = settings.exchange_types, None, settings.nodes
    if is_live(target):
        from rabbit_topo.broker.surroundings import surroundings

        count = not _OF_CLUSTERS.isdisjoint(rule.code for rule in rules)
        told = surroundings(target, topology.vhosts, facts, nodes=count)
        release, policies, denied = told.version, told.operator_policies, told.denied
        types = told.exchange_types if told.exchange_types is not None else types
        nodes = told.nodes or nodes
    release = version or release or configured.target_version or LATEST
    context = Context(release, types, denied, nodes, settings.naming)
    if facts and observed:
        return Judged(context, Router(topology, release, policies, facts.hidden, facts.hidden_bindings))
    return Judged(context, Router(topology, release, policies))


def is_live(target: Target | None) -> TypeGuard[Target]:
    """Say whether a broker is asked over HTTP: neither a definitions file nor AMQP tells what rules want to know."""
    return target is not None and target.broker is not None and "://" in target.broker
