"""Move persistent messages between two classic queues, by rabbit-topo and by RabbitMQ's own shovel; print the rates.

Contenders take turns on one throwaway broker and move the same messages to and fro. The shovel is a dynamic one with
`ack-mode: on-confirm` and `src-delete-after: queue-length`, with its default prefetch and with 1000, over TCP as we are
and over a direct connection inside the node. Its time begins when its first message has arrived: starting it is not
counted. Ours is the whole call. A machine that does nothing else gives figures worth keeping.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import amqp

from bench.nodes import VHOST, Bench, available
from bench.results import machine
from rabbit_topo.broker.mover import Mover
from rabbit_topo.broker.target import Target
from rabbit_topo.model import Queue
from tests.brokers import LABELS, Node, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS: Final = "rabbit-topo"
SHOVELS: Final = {  # name -> prefetch, and whether it connects over TCP
    "shovel": (None, True),
    "shovel, prefetch 1000": (1000, True),
    "shovel, direct": (None, False),
}
A, B = Queue(VHOST, "a", "classic"), Queue(VHOST, "b", "classic")
_PATIENCE: Final = 180.0  # seconds for one move
_POLL: Final = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the flags ask for."""
    asked = _flags(arguments)
    found: dict[str, dict[str, list[float]]] = {}
    versions: dict[str, str] = {}
    for label in asked.versions:
        with _running(label) as bench:
            versions[label] = bench.node.version
            found[label] = _measure(bench, asked.messages, asked.size, asked.rounds)
        print(_text(versions[label], found[label], asked.messages, asked.size))
    if asked.output:
        document = {
            "machine": machine(),
            "versions": versions,
            "messages": asked.messages,
            "bytes": asked.size,
            "messages_per_second": found,
        }
        asked.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench/shovel", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, metavar="N", help="how many move  [%(default)s]")
    parser.add_argument("--size", type=int, default=1024, metavar="BYTES", help="of each body  [%(default)s]")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of everybody  [%(default)s]")
    versions_help = f"of {', '.join(LABELS)}  [those that are here]"
    parser.add_argument("--versions", type=lambda text: text.split(","), metavar="V,V", help=versions_help)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write each rate there, as JSON")
    asked = parser.parse_args(arguments)
    asked.versions = asked.versions or available()
    if unknown := set(asked.versions) - set(LABELS):
        parser.error(f"{', '.join(sorted(unknown))}: choose of {', '.join(LABELS)}")
    return asked


@contextmanager
def _running(label: str) -> Iterator[Bench]:
    """Start a broker that has the shovel plugin."""
    sandbox = start(label)
    sandbox._plugins += ("rabbitmq_shovel", "rabbitmq_shovel_management")  # noqa: SLF001 - nobody else wants them
    with sandbox:
        yield Bench(Node(label, sandbox))


def _measure(bench: Bench, messages: int, size: int, rounds: int) -> dict[str, list[float]]:
    """Let everybody take turns; return the rates, the first round left out where there are more."""
    rates: defaultdict[str, list[float]] = defaultdict(list)
    bench.make_vhost()
    where = urlsplit(bench.node.amqp_url)
    with amqp.Connection(f"{where.hostname}:{where.port}", "guest", "guest", virtual_host=VHOST) as connection:
        channel = connection.channel()
        _fill(channel, messages, size)
        source, into = A, B
        for turn in range(rounds + 1):
            for name in (OURS, *SHOVELS):
                bench.wait_until_quiet(10.0)
                print(f"{bench.node.version}  {name:<24}", end="\r", file=sys.stderr, flush=True)
                seconds = _ours(bench, source, into) if name == OURS else _shovel(bench, name, channel, source, into)
                left, moved = _ready(channel, source), _ready(channel, into)
                if (left, moved) != (0, messages):
                    sys.exit(f"{name}: {left} left and {moved} there of {messages}")
                if turn:  # nobody is warm before
                    rates[name].append(messages / seconds)
                source, into = into, source
    return rates


def _fill(channel: Any, messages: int, size: int) -> None:
    for queue in (A, B):
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments={"x-queue-type": "classic"})
    message = amqp.Message(b"x" * size, delivery_mode=2)
    for _ in range(messages):
        channel.basic_publish(message, routing_key=A.name)
    _await(lambda: _ready(channel, A) == messages)


def _ours(bench: Bench, source: Queue, into: Queue) -> float:
    with closing(Mover(Target(amqp=bench.node.amqp_url), VHOST)) as mover:
        return mover.move(source, into).seconds


def _shovel(bench: Bench, name: str, channel: Any, source: Queue, into: Queue) -> float:
    """Start a shovel and wait until it has moved everything; return the seconds since its first message arrived."""
    prefetch, tcp = SHOVELS[name]
    port = urlsplit(bench.node.amqp_url).port
    uri = f"amqp://guest:guest@127.0.0.1:{port}/{VHOST}" if tcp else f"amqp:///{VHOST}"
    value: dict[str, Any] = {
        "src-protocol": "amqp091",
        "src-uri": uri,
        "src-queue": source.name,
        "src-delete-after": "queue-length",
        "dest-protocol": "amqp091",
        "dest-uri": uri,
        "dest-queue": into.name,
        "ack-mode": "on-confirm",
    }
    if prefetch:
        value["src-prefetch-count"] = prefetch
    total = _ready(channel, source)
    bench.node.http("PUT", "parameters", "shovel", VHOST, "mover", body={"value": value})
    began = time.perf_counter()

    def has_begun() -> bool:
        nonlocal began
        before = time.perf_counter()
        if _ready(channel, into):
            return True
        began = before
        return False

    _await(has_begun)
    _await(lambda: _ready(channel, into) >= total)
    took = time.perf_counter() - began
    _await(lambda: not bench.node.http("GET", "parameters", "shovel", VHOST))
    return took


def _ready(channel: Any, queue: Queue) -> int:
    return int(channel.queue_declare(queue.name, passive=True).message_count)


def _await(true: Any) -> None:
    until = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > until:
            sys.exit(f"nothing came of it in {_PATIENCE:g} s")
        time.sleep(_POLL)


def _text(version: str, rates: dict[str, list[float]], messages: int, size: int) -> str:
    ours = median(rates[OURS])
    lines = [f"RabbitMQ {version}, {messages:,} persistent messages of {size:,} bytes, classic to classic", ""]
    lines += ["| | messages a second, median | lowest | highest | ours / it |", "|---|---:|---:|---:|---:|"]
    for name, found in rates.items():
        middle = median(found)
        lines.append(f"| {name} | {middle:,.0f} | {min(found):,.0f} | {max(found):,.0f} | {ours / middle:.2f} |")
    return "\n".join([*lines, ""])
