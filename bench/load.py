"""How long it takes to read 31,000 objects from one file.

python bench/load.py [OBJECTS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rabbit_topo.load import load

QUEUE = """\
  shop.queue.{n}:
    type: quorum
    message_ttl: 1h
    delivery_limit: 5
    owner: checkout
    bindings:
      - exchange: shop.exchange.{x}
        routing_key: order.{n}.created
      - exchange: shop.exchange.{x}
        routing_key: order.{n}.paid
    arguments:
      x-custom: 1
"""


def text_of(objects: int) -> str:
    """Return a file with so many exchanges, queues and bindings, thirty bindings or queues to an exchange."""
    exchanges = max(1, objects // 31)
    queues = (objects - exchanges) // 3
    lines = ["version: 1\nexchanges:\n"]
    lines += [f"  shop.exchange.{n}:\n    type: topic\n" for n in range(exchanges)]
    lines += ["queues:\n"]
    lines += [QUEUE.format(n=n, x=n % exchanges) for n in range(queues)]
    return "".join(lines)


def main() -> None:
    """Print one line a run."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 31_000
    text = text_of(objects)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topology.yaml"
        path.write_text(text, encoding="utf-8")
        for _ in range(3):
            start = time.perf_counter()
            topology = load(path)
            seconds = time.perf_counter() - start
            print(f"{len(topology.resources):,} objects, {text.count(chr(10)):,} lines: {seconds:.2f} s")


if __name__ == "__main__":
    main()
