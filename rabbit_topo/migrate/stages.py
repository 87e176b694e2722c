"""The stages of a migration, each one safe to be stopped in.

    holding   messages and bindings go from the queue to its holding queue
    swap      the queue is deleted, empty and unbound, and declared as it is to be
    back      messages and bindings go from the holding queue to the queue; the holding queue is deleted

A message is acknowledged where it was only when the broker has confirmed it where it goes, and a binding is removed
only when its copy is there. So a kill in between leaves a message, or those of a moment, in both places, and none in
neither.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.broker.mover import Mover
from rabbit_topo.broker.queue_looks import bindings_into, count, keeps, look
from rabbit_topo.broker.recreate_roads import ByAmqp, first_barred
from rabbit_topo.broker.refusals import granting
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.migrate.looks import Looks
from rabbit_topo.model import Binding, Counts, Queue, trial_of
from rabbit_topo.plan.hazards import counted
from rabbit_topo.plan.hazards import holding as said_to_hold
from rabbit_topo.plan.migration import SHORTEST_LEASE
from rabbit_topo.plan.operations import Declare, Done, Failed, NotAttempted, Recreate, Remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rabbit_topo.broker.both import Both
    from rabbit_topo.model import Facts, Key
    from rabbit_topo.plan import Consent
    from rabbit_topo.plan.operations import Migrate, Operation

FEW: Final = 200  # messages that may be left in a queue when its bindings change hands: new ones overtake them
ROUNDS: Final = 50  # how often a queue may get something again while it is given up
PAUSE: Final = 0.1  # seconds between two looks
QUIET: Final = 0.2  # seconds without a message, of a queue that is bound to nothing
LOOKS: Final = 3
HELD: Final = 5.0  # seconds that somebody may take to answer for the messages that he took
Stage: TypeAlias = Literal["holding", "back"]


@dataclass(frozen=True, slots=True)
class Moving:
    """How far a migration is: so many messages moved in this stage, of about `total`."""

    queue: Key
    stage: Stage
    moved: int
    total: int


@dataclass(slots=True)
class Migration:
    """One queue on its way. Every method raises `BrokerError` or `Refusal` where it cannot go on; nothing is lost then.

    `touched` says that something was changed on the broker; `lease` is how many
    milliseconds the queue must live unused.
    """

    operation: Migrate
    broker: Both
    consent: Consent
    facts: Facts
    tell: Callable[[Moving], object]
    lease: int = SHORTEST_LEASE
    touched: bool = False
    moved: Counter[str] = field(default_factory=Counter)

    def prepare(self) -> None:
        """Look whether it may begin, and declare the holding queue."""
        operation = self.operation
        if operation.resumed or operation.before is None:
            return
        with closing(self._mover()) as mover:
            self._wait_for_consumers(mover)
            looks = Looks(self.broker, mover, self.consent, self.facts)
            looks.lease(self.lease, operation.before, operation.after)
            looks.at(operation.before, operation.after)
        self._ask(operation.before, operation.holding)
        self._try_out(operation.after)
        self._carry_out([Declare(operation.holding, operation.cause)])
        self.touched = True

    def run(self) -> str:
        """Carry it through to its end, from wherever it is; say how it went."""
        operation, began = self.operation, time.perf_counter()
        self.touched |= operation.resumed
        with closing(self._mover()) as mover:
            looks = Looks(self.broker, mover, self.consent, self.facts)
            if operation.before is None:
                self._carry_out([Declare(operation.after, operation.cause)])
            elif operation.before != operation.after:
                self._wait_for_consumers(mover)
                if operation.resumed:  # each killed run counts as a delivery, and the files may have changed
                    looks.messages(operation.before)
                    self._try_out(operation.after)
                self._hop(mover, operation.before, operation.holding, "holding")
                self._await_quiet(mover, operation.before, operation.holding)
                self._swap(mover, operation.before, operation.after)
            self.touched = True
            looks.room(operation.after, operation.holding, operation.after)
            self._hop(mover, operation.holding, operation.after, "back")
            self._drop(mover, operation.holding, operation.after)
        seconds = time.perf_counter() - began
        return (
            f"{counted(self.moved['holding'], 'message')} moved to its holding queue, {self.moved['back']:,} back,"
            f" in {seconds:.1f} s"
        )

    def _ask(self, queue: Queue, holding: Queue) -> None:
        """Refuse where this user may not bind what must be bound: the holding queue now, the queue at the end."""
        bound = [binding for binding, _ in bindings_into(self.broker.management.http, queue).values()]
        copies = [replace(binding, destination=holding.name) for binding in bound]
        amqp = self.broker.amqp
        barred = first_barred(ByAmqp(amqp, queue.vhost), [*copies, *bound], self.operation.cause, amqp.username)
        if barred:
            words, hint = barred
            raise Refusal(f"one of its bindings could not be moved along: {words}", hint)

    def withdraw(self) -> None:
        """Take the holding queue away again, which is empty and unbound."""
        self._carry_out([Remove(self.operation.holding, self.operation.cause)])
        self.touched = False

    def _mover(self) -> Mover:
        return Mover(
            self.broker.target,
            self.operation.key.vhost,
            expected_cluster=self.facts.cluster_name,
            drop_user_id=self.consent.drop_user_id,
        )

    def _wait_for_consumers(self, mover: Mover) -> None:
        queue = self.operation.before
        deadline = time.monotonic() + self.consent.wait_consumers
        while queue is not None and (who := self._holders(mover, queue)):
            if time.monotonic() >= deadline:
                raise Refusal(
                    f"{who} would take its messages while they move, or give some back",
                    "stop them, or give them longer to leave: --wait-consumers 60s",
                )
            self.broker.pulse()
            time.sleep(PAUSE)

    def _holders(self, mover: Mover, queue: Queue) -> str:
        """Name who consumes from a queue or has messages of it; empty where nobody does."""
        counts = self._counts(mover, queue)
        if counts.consumers:
            return counted(counts.consumers, "consumer")
        if counts.unacknowledged:
            return f"whoever holds {counted(counts.unacknowledged, 'unacknowledged message')}"
        return ""

    def _counts(self, mover: Mover, queue: Queue) -> Counts:
        """Count what a queue holds and who consumes from it; of a quorum queue, unacknowledged messages as consumers.

        HTTP counts what a quorum queue held up to five seconds ago; who holds a message of it is one of its consumers,
        at once.
        """
        counts = count(self.broker.management.http, queue) if queue.type != "quorum" else None
        ready, consumers = mover.ready(queue)
        return replace(counts or Counts(ready, 0, 0), consumers=consumers)

    def _hop(self, mover: Mover, source: Queue, into: Queue, stage: Stage) -> None:
        """Move the messages, hand the bindings over when few are left, and move those.

        Where new ones come nearly as fast as they go, there are never few.
        """
        before = inf
        while FEW < (ready := mover.ready(source)[0]) < before / 2:
            before = ready
            self._move(mover, source, into, stage, once=True)
        self._hand_over(source, into)
        self._move(mover, source, into, stage)

    def _move(self, mover: Mover, source: Queue, into: Queue, stage: Stage, *, once: bool = False) -> None:
        already = self.moved[stage]
        total = already + mover.ready(source)[0]

        def on_moved(number: int) -> None:
            self.tell(Moving(self.operation.key, stage, already + number, max(total, already + number)))

        did = mover.move(source, into, once=once, on_moved=on_moved, idle=self.broker.pulse)
        self.moved[stage] += did.moved

    def _await_quiet(self, mover: Mover, queue: Queue, into: Queue) -> None:
        """See that nothing comes to an unbound queue any more: what was on its way, or needs no binding."""
        for _ in range(LOOKS):
            self.broker.pulse()
            time.sleep(QUIET)
            if not mover.ready(queue)[0]:
                return
            self._move(mover, queue, into, "holding")
        if "default-exchange-gap" not in self.consent.allow:
            raise Refusal(
                f"messages still come to {queue.name}, although it is bound to nothing by now: somebody publishes to it"
                " through the default exchange",
                "stop that; or --allow default-exchange-gap: what is sent so between delete and declare is lost",
            )

    def _hand_over(self, source: Queue, into: Queue) -> None:
        """Bind `into` as `source` is bound, then unbind that: never neither of them."""
        http, cause = self.broker.management.http, self.operation.cause
        for _ in range(ROUNDS):
            bound = bindings_into(http, source)
            if not bound:
                return
            there = bindings_into(http, into)
            copies = [replace(binding, destination=into.name) for binding, _ in bound.values()]
            missing = [Declare(copy, cause) for copy in copies if copy.key not in there]
            try:
                self._carry_out(missing)
            except Refusal:
                self._unbind_again(into, [declare.key for declare in missing])
                raise
            self._carry_out([Remove(binding, cause, binding_ids=ids) for binding, ids in bound.values()])
            self.broker.pulse()
        raise Refusal(f"somebody binds {source.name} again and again", "see who does, and run again")

    def _unbind_again(self, queue: Queue, keys: Iterable[Key]) -> None:
        """Take back the copies of bindings that could not all be made: both queues would fill."""
        bound = bindings_into(self.broker.management.http, queue)
        cause = self.operation.cause
        self._carry_out([Remove(bound[k][0], cause, binding_ids=bound[k][1]) for k in keys if k in bound])

    def _swap(self, mover: Mover, before: Queue, after: Queue) -> None:
        """Delete and declare in one burst."""
        line, vhost = self.broker.amqp, before.vhost
        swap = Recreate(before, after, (), self.operation.cause)
        for reason in self._given_up(mover, before, self.operation.holding, "holding"):
            attempt = ByAmqp(line, vhost).replace(swap)
            if len(attempt.done) == len((before, after)):
                return
            if attempt.lost:
                raise BrokerError(f"the connection was lost while it was deleted and declared: {attempt.lost}")
            if attempt.done:
                raise Refusal(
                    f"somebody declared it again in between: {attempt.refused}", "see who declares it as it was"
                )
            if attempt.denied:
                raise Refusal(attempt.refused, granting(vhost, line.username))
            reason.append(attempt.refused)

    def _drop(self, mover: Mover, holding: Queue, into: Queue) -> None:
        # AMQP counts a quorum queue right before it deletes it; HTTP tells of what was there seconds ago
        road = self.broker.amqp if holding.type == "quorum" else self.broker
        for reason in self._given_up(mover, holding, into, "back"):
            [outcome] = road.execute([Remove(holding, self.operation.cause)])
            if isinstance(outcome, Done):
                return
            if isinstance(outcome, NotAttempted) or outcome.hint:
                raise Refusal(outcome.reason, outcome.hint if isinstance(outcome, Failed) else "")
            reason.append(outcome.reason)

    def _given_up(self, mover: Mover, queue: Queue, into: Queue, stage: Stage) -> Iterator[list[str]]:
        """Empty and unbind a queue, again after each deletion that came too late; yield a list for what hindered it."""
        patience = time.monotonic() + max(HELD, self.consent.wait_consumers)
        reason: list[str] = []
        for _ in range(ROUNDS):
            self._wait_until_answered(mover, queue, patience)
            if mover.ready(queue)[0]:
                self._move(mover, queue, into, stage)
            self._hand_over(queue, into)
            if kept := self._kept(queue):
                reason.append(kept)
                continue
            yield reason
        raise Refusal(f"{queue.name} could not be deleted: {reason[-1]}", "what holds it back must end")

    def _kept(self, queue: Queue) -> str:
        """Say why a queue must stay; whoever deletes a quorum queue counts it on the channel that deletes."""
        if queue.type != "quorum":
            return keeps(self.broker.management.http, queue, classic_only=False)
        kind = (look(self.broker.management.http, queue) or {}).get("type", "quorum")
        return "" if kind == "quorum" else f"it is a {kind} queue by now"

    def _wait_until_answered(self, mover: Mover, queue: Queue, deadline: float) -> None:
        """Wait while somebody else holds messages of a queue, or consumes from it."""
        while True:
            counts = self._counts(mover, queue)
            if not (counts.consumers or counts.unacknowledged or counts.withheld):
                return
            if time.monotonic() >= deadline:
                told = said_to_hold(counts)
                raise Refusal(f"queue {queue.name} still holds {told}", "see that its consumers leave, then run again")
            self.broker.pulse()
            time.sleep(PAUSE)

    def _try_out(self, queue: Queue) -> None:
        """Declare a queue like the new one under another name: what the broker refuses, it refuses before the start."""
        trial = trial_of(queue)
        if left := look(self.broker.management.http, trial):  # by a run that was killed with other files
            self._carry_out([Remove(replace(trial, type=left.get("type", "classic")), self.operation.cause)])
        try:
            self._carry_out([Declare(trial, self.operation.cause)])
        except Refusal as refusal:
            raise Refusal(f"the broker would not take the new queue: {refusal.message}", refusal.hint) from None
        self._carry_out([Remove(trial, self.operation.cause)])

    def _carry_out(self, operations: list[Operation] | list[Declare] | list[Remove]) -> None:
        """Do all of it. Raises `Refusal` with the first reason where something was not done."""
        wrong = [outcome for outcome in self.broker.execute(operations) if not isinstance(outcome, Done)]
        if wrong:
            first = wrong[0]
            what = first.operation.resource
            name = f"binding {what.source} -> {what.destination}" if isinstance(what, Binding) else what.name
            raise Refusal(f"{name}: {first.reason}", first.hint if isinstance(first, Failed) else "")
