"""How long the linter takes: 10,000 queues and 20,000 bindings, by the usual rules and by all of them.

    python bench/lint.py [QUEUES] [--even]

The promise is 10 s for all of it; it ends with 1 where that is broken. `--even` leaves out the shapes that a careless
rule would take the square of, `--rules` shows what each rule takes.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from rabbit_topo.lint import RULES, Context, chosen, lint
from rabbit_topo.lint.index import Index
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.model import Resource

PROMISED_S: Final = 10.0
SHAPES: Final = (
    "even",
    "one exchange",
    "all alike",
    "a chain of queues",
    "a chain of exchanges",
    "one dead letter key",
)
_TYPES: Final = ("topic", "direct", "fanout", "headers")


def lint_topology(queues: int, shape: str = "even") -> Topology:
    """Return so many queues with two bindings each, dead letters, alternates and policies.

    `even` spreads them over exchanges of all types. The others are what a careless rule takes the square of: all on one
    exchange, with keys of their own or the same ones; dead letters that go from queue to queue, through all of them;
    exchanges each bound to the next; one dead-letter exchange that routes by the keys of whatever came in.
    """
    held: list[Resource] = [Exchange("/", "dead", "fanout"), Queue("/", "dead.all", "quorum")]
    held += [Exchange("/", "spill", "fanout"), Binding("/", "spill", "queue", "dead.all")]
    held.append(Binding("/", "dead", "queue", "dead.all"))
    number = max(queues // 10, 1) if shape in {"even", "a chain of exchanges"} else 1
    for at in range(number):
        spill = Arguments({"alternate-exchange": "spill"})
        held.append(Exchange("/", f"events.{at}", _type(shape, at), arguments=spill))
        if shape == "a chain of exchanges" and at:
            held.append(Binding("/", f"events.{at - 1}", "exchange", f"events.{at}", "#"))
    if shape == "one dead letter key":
        held.append(Exchange("/", "again", "topic"))
    for at in range(queues):
        held.append(Queue("/", f"work.{at}", "quorum", arguments=_dead_letter(shape, at, queues)))
        for twin in range(2):
            held.append(_binding(shape, (at + twin) % number, at, twin))
            if shape == "one dead letter key":
                held.append(Binding("/", "again", "queue", f"work.{at}", f"area{at % 97}.order{at}.*.{twin}"))
    for at in range(20):
        pattern = "^work" if shape == "all alike" else f"^work\\.{at}$"
        limit = Arguments({"max-length": 500 + at})
        held.append(Policy("/", f"limits.{at}", pattern, "queues", at, limit))
    return Topology({resource.key: resource for resource in held})


def _type(shape: str, at: int) -> str:
    return _TYPES[at % 4] if shape == "even" else "topic"


def _dead_letter(shape: str, at: int, queues: int) -> Arguments:
    match shape:
        case "a chain of queues":
            target = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"work.{(at + 1) % queues}"}
        case "one dead letter key":
            target = {"x-dead-letter-exchange": "again"}
        case _:
            target = {"x-dead-letter-exchange": "dead"}
    return Arguments({**target, "x-max-length": 1000 + at % 7})


def _binding(shape: str, source: int, at: int, twin: int) -> Binding:
    key, match = f"area{at % 97}.order{at}.step{twin}.{twin}", Arguments()
    if shape == "all alike":
        key = f"step{twin}.#"
    elif _type(shape, source) in {"fanout", "headers"}:
        key = ""
    if _type(shape, source) == "headers":
        match = Arguments({"x-match": "all", "step": f"{at}.{twin}"})
    return Binding("/", f"events.{source}", "queue", f"work.{at}", key, match)


def seconds(step: Callable[[], object]) -> float:
    """Processor seconds of a step: nothing here waits for anything."""
    began = time.process_time()
    step()
    return time.process_time() - began


def each_rule(topology: Topology) -> None:
    """Print what each rule takes, the index that several share counted for the first that asks."""
    index = Index(topology, Context())
    for rule in RULES:
        found: list[object] = []
        taken = seconds(lambda r=rule, f=found: f.extend(r.check(index)))  # type: ignore[misc]
        print(f"  {rule.code} {rule.name:36} {taken:8.3f} s  {len(found):6,} found")


def main(queues: int, *, rules: bool, even: bool) -> int:
    """Print a table; answer 1 where the promise is broken."""
    broken = False
    for shape in SHAPES[:1] if even else SHAPES:
        topology = lint_topology(queues, shape)
        for name, which in (("the usual rules", chosen()), ("all rules", chosen(["ALL"]))):
            gc.collect()
            taken = seconds(lambda t=topology, w=which: lint(t, rules=w))  # type: ignore[misc]
            broken = broken or taken > PROMISED_S
            print(f"{queues:,} queues, {shape}, {name:16} {taken:7.2f} s  (promised: {PROMISED_S:g} s)")
        if rules:
            each_rule(topology)
    return int(broken)


if __name__ == "__main__":
    gc.disable()  # as the command does
    sizes = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    sys.exit(main(sizes[0] if sizes else 10_000, rules="--rules" in sys.argv, even="--even" in sys.argv))
