"""An apply over a broken line, and whether what it reports is true."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from rabbit_topo import TopoError, apply, connect, diff, load, make_plan
from rabbit_topo.plan import Consent, Declare, Done, NotAttempted
from tests.proxy import Fault, How, Proxy, Way

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rabbit_topo import Key, Report, Topology
    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Outcome
    from tests.brokers import Node

Road: TypeAlias = Literal["http", "both", "amqp"]
ROADS: tuple[Road, ...] = get_args(Road)
State: TypeAlias = "Mapping[Key, Resource]"
# How many bytes a whole run takes, about: by road, whether it is the AMQP line, and direction.
REACH: dict[tuple[Road, bool, Way], int] = {
    ("http", False, "up"): 19_000,
    ("http", False, "down"): 40_000,
    ("both", False, "up"): 5_000,
    ("both", False, "down"): 27_000,
    ("both", True, "up"): 3_200,
    ("both", True, "down"): 1_700,
    ("amqp", True, "up"): 8_200,
    ("amqp", True, "down"): 7_500,
}
QUEUES = 14
AMQP_SHARE = 0.8  # of the faults where there are two lines
POLICY = "policies: {shop.limits: {pattern: '^shop', apply_to: queues, definition: {max_length_bytes: 1MiB}}}\n"
REFUSED = '  shop.odd: {type: x-no-such-type, bindings: [{exchange: shop.a, routing_key: "#"}]}\n'


def topology(folder: Path, vhost: str, road: Road, *, refused: bool = False) -> Topology:
    """Read 3 exchanges, 14 queues, 29 bindings, and 1 policy where the road can write it; `shop.old*` is owned.

    `refused` adds an exchange that no broker takes: on 3.10 it costs the connection, later the channel.
    """
    queues = "".join(
        f"  shop.q{number}: {{type: {'quorum' if number == 3 else 'classic'}, max_length: {number + 5},"
        f" bindings: [{{exchange: shop.a, routing_key: k{number}}},"
        f" {{exchange: shop.b, headers: {{n: {number}}}, match: all}}]}}\n"
        for number in range(QUEUES)
    )
    file = folder / "shop.yaml"
    file.write_text(
        f'version: 1\nvhost: "{vhost}"\nowns: ["shop\\\\.old.*"]\nexchanges:\n  shop.a: {{type: topic}}\n'
        f"  shop.b: {{type: headers}}\n  shop.c: {{type: fanout, internal: true, bindings: [{{exchange: shop.a,"
        f' routing_key: "#"}}]}}\n{REFUSED if refused else ""}queues:\n{queues}'
        f"{'' if road == 'amqp' else POLICY}"
    )
    return load(file)


@dataclass
class Line:
    """A broker behind lines that break: the URLs of one road, and what was seen on the way."""

    node: Node
    road: Road
    http: Fault | None = None
    amqp: Fault | None = None
    proxies: list[Proxy] = field(default_factory=list)

    def apply(self, declared: Topology, timeout: float) -> tuple[int, Report | None]:
        """Plan and apply with `--prune`, as the command line does; the exit code, and the report if it came so far."""
        with ExitStack() as stack:
            http = stack.enter_context(Proxy(self.node.broker_url, self.http)) if self.road != "amqp" else None
            amqp = stack.enter_context(Proxy(self.node.amqp_url, self.amqp)) if self.road != "http" else None
            self.proxies = [proxy for proxy in (http, amqp) if proxy]
            urls = [proxy.url if proxy else None for proxy in (http, amqp)]
            broker = connect(urls[0], amqp=urls[1], timeout=timeout)
            stack.callback(broker.close)
            try:
                observed = broker.observe(declared)
                plan = make_plan(diff(observed, declared), observed, declared, Consent(prune=True))
                report = apply(plan, broker)
            except TopoError as error:
                return error.exit_code, None
            return report.exit_code, report


def draw(seed: int, road: Road) -> tuple[Fault | None, Fault | None]:
    """Draw where a run over this road breaks: a fault for HTTP, or one for AMQP."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    amqp = road == "amqp" or (road == "both" and dice.random() < AMQP_SHARE)
    ways: tuple[Way, Way] = ("up", "down")
    hows: tuple[How, How, How] = ("reset", "close", "stall")
    way = dice.choice(ways)
    how = dice.choices(hows, [5, 3, 1])[0]
    at = dice.randrange(REACH[road, amqp, way])
    match dice.randrange(4):
        case 0:
            fault = Fault(how, way, at, gone=True)
        case 1:
            fault = Fault(how, way, at // 3, times=3)
        case _:
            fault = Fault(how, way, at)
    return (None, fault) if amqp else (fault, None)


def state(node: Node, declared: Topology) -> State:
    """Read what is there, over a line of its own that does not break."""
    broker = connect(node.broker_url)
    try:
        return broker.observe(declared).topology.resources
    finally:
        broker.close()


def untrue(report: Report, before: State, after: State) -> list[str]:
    """Name every outcome that is not what happened; what may have arrived may be either way."""
    return [
        f"{outcome} but it was {before.get(key)} and is {after.get(key)}"
        for outcome in report.outcomes
        if not _true(outcome, before.get(key := outcome.operation.key), after.get(key))
    ]


def _true(outcome: Outcome, before: Resource | None, after: Resource | None) -> bool:
    wanted = outcome.operation.resource if isinstance(outcome.operation, Declare) else None
    match outcome:
        case Done():
            return after == wanted
        case NotAttempted(sent=True):
            return after in {before, wanted}
        case _:
            return after == before
