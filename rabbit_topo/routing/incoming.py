"""With which routing keys messages come into a queue, as far as its bindings tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.routing.topic import words_of

if TYPE_CHECKING:
    from rabbit_topo.model import Binding, Queue
    from rabbit_topo.routing.router import Router


def keys_into(router: Router, queue: Queue) -> tuple[frozenset[str], bool]:
    """Return the routing keys that the bindings into a queue take, and whether these are all that they take.

    A topic pattern, a fanout, headers and a type that is not known leave it open. What is sent to the queue by its name
    comes with that.
    """
    bindings = router.topology.bindings_into(queue.key)
    keys = frozenset(binding.routing_key for binding in bindings if is_literal(router, binding))
    return keys, all(is_literal(router, binding) for binding in bindings)


def is_literal(router: Router, binding: Binding) -> bool:
    """Say whether a binding takes one key alone."""
    kind = router.kind(router.exchange(binding.vhost, binding.source))
    return kind == "direct" or (kind == "topic" and {"*", "#"}.isdisjoint(words_of(binding.routing_key)))
