"""Where a rehearsal happens: vhosts that are made for it, on the broker or on a throwaway node, and removed again."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.both import Both
from rabbit_topo.broker.connect import connect_target
from rabbit_topo.broker.management import Management
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import UsageError
from rabbit_topo.model import Exchange
from rabbit_topo.testing.copied import default_queue_type
from rabbit_topo.testing.scratch import REHEARSAL, left_behind, scratch_vhost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Observed, Topology

_PLUGINS: Final = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
}


def _nothing(*_: object) -> None:
    """Say nothing to nobody."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Who hears how far a rehearsal is.

    `say` gets a line of progress, `begin` where it happens: the address, the vhosts, and those that other runs left.
    `count` gets how many operations there are, and returns what is called after each.
    """

    say: Callable[[str], None] = _nothing
    begin: Callable[[str, tuple[str, ...], tuple[str, ...]], None] = _nothing
    count: Callable[[int], Callable[[], None]] = field(default=lambda _: _nothing)


@dataclass(frozen=True, slots=True)
class At:
    """Where it is rehearsed: `vhosts` by the names of those that they are copies of."""

    target: Target
    broker: Broker
    http: Http
    vhosts: Mapping[str, str]


@contextmanager
def staged(
    target: Target, observed: Observed, declared: Topology, heard: Heard, *, sandbox: bool = False
) -> Iterator[At]:
    """Make a vhost for each of those that are declared, on a throwaway node if asked for; remove all of it at the end.

    Raises `AccessRefused`, `Refusal` and `BrokerError`, as `scratch_vhost` does, and where no node can be started.
    """
    with ExitStack() as stack:
        if sandbox:
            target = _sandbox(stack, target, observed, declared, heard)
        target = replace(target, project="")  # an inventory is kept of the real vhosts alone
        broker = stack.enter_context(closing(connect_target(target)))
        http = http_of(broker)
        if http is None:  # pragma: no cover - a URL leads to no file
            raise UsageError("there is no management URL", "name one with --broker")
        heard.say("making a vhost for the rehearsal ...")
        others = left_behind(http)
        writer = Login(target).username if target.amqp else ""
        facts = observed.facts
        made = {
            name: stack.enter_context(
                scratch_vhost(
                    http,
                    http.user,
                    writer or http.user,
                    purpose=REHEARSAL,
                    default_queue_type=default_queue_type(facts, name),
                )
            )
            for name in declared.vhosts
        }
        stack.callback(heard.say, "removing what was made ...")
        heard.begin(http.url, tuple(made.values()), others)
        yield At(target, broker, http, made)


def _sandbox(stack: ExitStack, target: Target, observed: Observed, declared: Topology, heard: Heard) -> Target:
    """Start a node with the exchange types that the broker has; of a file, with those that it or ours name."""
    from rabbit_topo.broker.sandbox import Sandbox

    heard.say("starting a throwaway node ...")
    named = (*observed.topology.resources.values(), *declared.resources.values())
    kinds = observed.facts.exchange_types or {one.type for one in named if isinstance(one, Exchange)}
    plugins = [plugin for kind, plugin in _PLUGINS.items() if kind in kinds]
    node = stack.enter_context(Sandbox(plugins=plugins))
    return Target(node.broker_url, node.amqp_url, timeout=target.timeout, channels=target.channels)


def http_of(broker: Broker) -> Http | None:
    """Return the way to a broker's management API; None where there is none."""
    match broker:
        case Both():
            return broker.management.http
        case Management():
            return broker.http
        case _:
            return None
