"""Counting quorum queues at this moment: HTTP tells of them what it knew up to five seconds ago.

A passive declare counts the ready messages, and takes whoever holds messages for a consumer, at once (tried on 3.10.8,
4.0.5 and 4.3.6).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp_methods import look_for
from rabbit_topo.broker.amqp_talk import Job, Lost, Refused
from rabbit_topo.model import Counts, Queue

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp import Amqp
    from rabbit_topo.broker.amqp_talk import Talk
    from rabbit_topo.model import Key, Observed


def recount(amqp: Amqp, observed: Observed) -> dict[Key, Counts]:
    """Return all counts, those of quorum queues anew. One that somebody consumes from, or that is not told, stays late.

    What such a queue withholds is HTTP's count still.
    """
    counts = dict(observed.facts.counts)
    late: defaultdict[str, list[Queue]] = defaultdict(list)
    for key, count in counts.items():
        queue = observed.topology.resources.get(key)
        if count.late and isinstance(queue, Queue) and queue.type == "quorum":
            late[key.vhost].append(queue)
    for vhost, queues in late.items():
        for job, told in amqp.converse(vhost, (Job(queue.key, _count(queue)) for queue in queues)):
            if told is None or isinstance(told, Lost):
                continue
            ready, consumers = told
            before = counts[job.about]
            held = before.unacknowledged if consumers else 0
            counts[job.about] = Counts(ready, held, consumers, before.withheld, late=bool(consumers))
    return counts


def _count(queue: Queue) -> Talk[tuple[int, int] | None]:
    answer = yield look_for(queue)
    if isinstance(answer, Refused):
        return None
    _, ready, consumers = answer.fields
    return ready, consumers
