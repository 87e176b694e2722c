"""Which arguments a broker compares when a queue is declared again; what it does not compare, AMQP never shows.

Source: `rabbit_amqqueue:assert_args_equivalence` with the `queue_arguments` capability of the queue's type, tags
v3.10.8 to v4.3.5. Of an exchange, `alternate-exchange` alone is compared.
"""

from __future__ import annotations

from functools import cache

from rabbit_topo.arguments.tables import QUEUE_ARGUMENTS
from rabbit_topo.arguments.versions import OLDEST, read_release

TYPE_ARGUMENT = "x-queue-type"
ALTERNATE = "alternate-exchange"
DEAD_LETTER = "x-dead-letter-exchange"


@cache
def compared_arguments(queue_type: str | None, version: str) -> frozenset[str]:
    """Return the arguments that this version compares of an existing queue of this type, less `x-queue-type`.

    Without a type: those that it compares of any. Nothing is known of a type of a plugin. A version that cannot be
    read counts as the oldest one: what is not known to be compared is not taken for verified.

    >>> "x-queue-leader-locator" in compared_arguments("classic", "3.10.8")
    False
    >>> "x-queue-leader-locator" in compared_arguments("classic", "4.0.5")
    True
    """
    told = read_release(version) or OLDEST
    return frozenset(
        name
        for name, known in QUEUE_ARGUMENTS.items()
        for kind, since in known.types.items()
        if queue_type in {kind, None} and (read_release(since) or OLDEST) <= told
    )
