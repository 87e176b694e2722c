"""How long routing takes: 100,000 topic bindings on one exchange, and 10,000 route tests.

    python bench/routing.py [BINDINGS]

The promise is an index in 3 s, a route in 5 ms whatever the key, and 10,000 route tests in 10 s; it ends with 1 where
that is broken.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from rabbit_topo.model import Binding, Exchange, Queue, RouteTest, Topology
from rabbit_topo.routing import Message, Router
from rabbit_topo.routing.cases import cases_of, run_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Resource

INDEX_S: Final = 3.0
ROUTE_S: Final = 0.005
TESTS_S: Final = 10.0
QUEUES: Final = 100

# Patterns as applications have them, and such as would make a naive matcher count for hours.
PLAIN: Final = ("shop.{a}.{b}.created", "shop.{a}.*.{b}", "shop.{a}.{b}.#", "*.{a}.{b}.paid", "#.{a}.{b}")
WILD: Final = ("#.{a}.#.{b}.#", "*.#.{a}.#.{b}", "#.*.#.{a}.{b}", "#.{a}.*.*.#.{b}.#", "{a}.#.{b}.#.#")
KEYS: Final = {
    "a usual key": "shop.17.13.created",
    "a key that fits nothing": "shop.none.at.all",
    "no words": "",
    "128 words, all empty": "." * 127,
    "128 words, all alike": ".".join(["7"] * 128),
    "80 words, all different": ".".join(map(str, range(80))),
    "many #": ".".join(["#"] * 128),
}


def topic_topology(bindings: int, patterns: tuple[str, ...] = PLAIN) -> Topology:
    """Return one topic exchange with so many different bindings, into 100 queues."""
    held: list[Resource] = [Exchange("/", "events", "topic"), *(Queue("/", f"q{n}") for n in range(QUEUES))]
    for number in range(bindings):
        each = number // len(patterns)
        key = patterns[number % len(patterns)].format(a=each % 1000, b=each // 1000)
        held.append(Binding("/", "events", "queue", f"q{number % QUEUES}", key))
    return Topology({resource.key: resource for resource in held})


def seconds(step: Callable[[], object], times: int = 1) -> float:
    """Processor seconds of a step: the middle one of several. Nothing here waits for anything."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        step()
        taken.append(time.process_time() - began)
    return median(taken)


def route_tests(count: int) -> float:
    """Seconds that so many route tests take, each with a key of its own, on a topology of 1,000 bindings."""
    topology = topic_topology(1000)
    body = [
        {"publish": {"exchange": "events", "routing_key": f"shop.{n % 300}.{n}.x"}, "expect_at_least": []}
        for n in range(count)
    ]
    tests = tuple(RouteTest(f"test {number}", "/", one) for number, one in enumerate(body))
    topology = Topology(topology.resources, tests=tests)

    def run() -> None:
        router = Router(topology)
        for case in cases_of(topology):
            run_case(router, case)

    return seconds(run)


def main(bindings: int) -> int:
    """Print a table; answer 1 where a promise is broken."""
    broken = False

    def tell(what: str, taken: float, promised: float) -> None:
        nonlocal broken
        broken = broken or taken > promised
        print(f"{what:52} {taken * 1000:9.2f} ms  (promised: {promised * 1000:g} ms)")

    for name, patterns in (("plain", PLAIN), ("wild", WILD)):
        topology = topic_topology(bindings, patterns)
        router = Router(topology)
        gc.collect()
        first = Message("events", "none")
        tell(f"index of {bindings:,} {name} bindings", seconds(lambda r=router, m=first: r.route(m)), INDEX_S)  # type: ignore[misc]
        for what, key in KEYS.items():
            message = Message("events", key)
            reached = len(router.route(message).queues)
            taken = seconds(lambda r=router, m=message: r.route(m), 9)  # type: ignore[misc]
            tell(f"  {what}: {reached} queues", taken, ROUTE_S)
    tell("10,000 route tests", route_tests(10_000), TESTS_S)
    return int(broken)


if __name__ == "__main__":
    gc.disable()  # as the command does
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
