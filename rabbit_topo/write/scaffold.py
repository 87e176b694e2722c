"""A small project to start from."""

from __future__ import annotations

from typing import Final

_TOPOLOGY: Final = r"""# yaml-language-server: $schema=../schemas/topology.schema.json
#
# An example to start from. Where a RabbitMQ runs already, `rabbit-topo import` writes what it has.
version: 1
# Whatever is named like this is ours: where the broker has it and no file declares it, the plan says
# so, and --prune deletes it. Nothing else on the broker is ever touched.
owns: ["shop\\..*"]

exchanges:
  shop.orders:
    type: topic # keys are words with dots: * stands for one word, # for any number of them
    alternate_exchange: shop.dead # takes what no binding takes
    description: Every change of an order
  shop.dead:
    type: fanout
    description: Messages that nobody took, or that were given up

queues:
  shop.invoices:
    type: quorum
    delivery_limit: 5 # after five failed deliveries a message is given up
    dead_letter: {exchange: shop.dead}
    bindings:
      - {exchange: shop.orders, routing_keys: [order.paid, order.refunded.#]}
  shop.dead:
    type: quorum
    description: To be looked at by a person
    bindings:
      - {exchange: shop.dead}
"""
_TESTS: Final = """# yaml-language-server: $schema=../schemas/topology.schema.json
#
# Which message reaches which queue. `rabbit-topo test` runs this without a broker.
version: 1
tests:
  - name: a paid order is invoiced
    publish: {exchange: shop.orders, routing_key: order.paid}
    expect: [shop.invoices]
    then:
      - {queue: shop.invoices, rejected: true, expect: [shop.dead]}
  - name: an event that nobody works on is kept
    publish: {exchange: shop.orders, routing_key: order.lost}
    expect: [shop.dead]
"""


def scaffold() -> dict[str, str]:
    """Return the topology files of a small project, by their paths within it: they are valid, and their tests pass."""
    return {"topology/shop.yaml": _TOPOLOGY, "topology/shop.test.yaml": _TESTS}
