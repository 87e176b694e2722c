"""Replace queues and keep their messages.

A holding queue takes the bindings and the messages, the queue is deleted and declared anew, and gets both back. Every
stage is read from the broker, never remembered: whoever comes after a run that was killed looks at what is there and
goes on. `docs/decisions/migrating.md` tells why it is done so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.broker.mover import Stuck
from rabbit_topo.errors import TopoError
from rabbit_topo.migrate.looks import governed_safely
from rabbit_topo.migrate.stages import Migration, Moving
from rabbit_topo.plan.hazards import counted
from rabbit_topo.plan.migration import SHORTEST_LEASE
from rabbit_topo.plan.operations import Done, Failed, NotAttempted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rabbit_topo.broker.both import Both
    from rabbit_topo.plan import Plan
    from rabbit_topo.plan.operations import Migrate, Outcome

__all__ = ["Moving", "migrate"]
SLOW = 5  # milliseconds for a message, both hops
_GO_ON = "run the same command again: it goes on from what is there"


def migrate(
    wave: Sequence[Migrate], broker: Both, plan: Plan, tell: Callable[[Moving], object] = lambda _: None
) -> Iterator[Outcome]:
    """Carry out migrations one after the other; yield one outcome each, as it comes.

    All holding queues are declared first, as the broker takes its time to tell what governs them. An interrupt is
    raised when it is told where each queue was left; `tell` hears of messages as they move.
    """
    lease = _lease(wave, plan)
    todo = [Migration(operation, broker, plan.consent, plan.facts, tell, lease) for operation in wave]
    try:
        ready = []
        for one in list(todo):
            try:
                one.prepare()
                ready.append(one)
            except TopoError as error:
                todo.remove(one)
                yield _failed(one, error)
        for one in ready:
            try:
                if not one.operation.resumed:
                    _see_what_governs(one, broker)
                note = one.run()
                todo.remove(one)
                yield Done(one.operation, note)
            except TopoError as error:
                todo.remove(one)
                yield _failed(one, error)
    except KeyboardInterrupt:
        for one in todo:
            where = f"; what was moved lies in {one.operation.holding.name}, and nothing is lost: {_GO_ON}"
            yield NotAttempted(one.operation, f"interrupted{where if one.touched else ' before it began'}")
        raise


def _lease(wave: Sequence[Migrate], plan: Plan) -> int:
    """Say how many milliseconds a queue of this wave may be unused, at a slow pace: each waits for all before it."""
    counts = (plan.facts.counts.get(queue.key) for one in wave for queue in (one.before, one.holding) if queue)
    messages = sum(count.messages for count in counts if count)
    return SHORTEST_LEASE + SLOW * messages + int(1000 * plan.consent.wait_consumers * len(wave))


def _see_what_governs(one: Migration, broker: Both) -> None:
    try:
        governed_safely(one.operation.holding, broker)
    except TopoError:
        one.withdraw()
        raise


def _failed(one: Migration, error: TopoError) -> Failed:
    if not one.touched:
        return Failed(one.operation, f"{error.message}; nothing was changed", error.hint)
    unsure = error.unsure if isinstance(error, Stuck) else 0
    twice = f"; up to {counted(unsure, 'message')} may come twice" if unsure else ""
    where = f"what was moved lies in {one.operation.holding.name}, and nothing is lost{twice}"
    return Failed(one.operation, f"{error.message}; {where}", f"{error.hint}; then {_GO_ON}" if error.hint else _GO_ON)
