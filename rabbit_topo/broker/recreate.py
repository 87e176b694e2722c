"""Replace an exchange, or an idle queue, and bring back all that goes with it.

The order, and what is left where it ends early, is told in `docs/decisions/replacing.md`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING

from rabbit_topo.broker import management_writes as writes
from rabbit_topo.broker.http import CREATED, NOT_FOUND, UNAUTHORISED
from rabbit_topo.broker.queue_looks import keeps
from rabbit_topo.broker.recreate_roads import Attempt, ByHttp, first_barred
from rabbit_topo.broker.recreate_sight import Eye, Sight
from rabbit_topo.broker.refusals import granting, permission_hint
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.model import MARK, RESERVED, Arguments, Binding, Exchange, Queue, mark_of, trial_of
from rabbit_topo.plan.journal import journal
from rabbit_topo.plan.operations import Done, Failed, NotAttempted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.http import Http
    from rabbit_topo.broker.recreate_roads import Writer
    from rabbit_topo.plan.operations import Outcome, Recreate

ROUNDS = 3  # how often what is still missing is sent again
SETTLE = 2.0  # seconds that another node may take to show what was declared
PAUSE = 0.05  # seconds
JOURNAL_STAYS = (
    "the journal {} stays on the broker, and nothing is forgotten: apply again, and it brings back what lacks"
)


def recreate(operation: Recreate, http: Http, writer: Writer) -> Iterator[Outcome]:
    """Carry out one replacement; yields its one outcome.

    An interrupt that comes before the deletion calls it off; after that the work is finished, the outcome told, and
    the interrupt raised then.
    """
    work = _Recreation(operation, http, writer)
    try:
        outcome = work.run()
    except KeyboardInterrupt:
        yield work.run_out()
        raise
    yield outcome


class _Recreation:
    """One replacement, and how far it is."""

    def __init__(self, operation: Recreate, http: Http, writer: Writer) -> None:
        self._operation = operation
        self._http = http
        self._writer = writer
        self._eye = Eye(http, operation.key.vhost)
        self._journal = journal(operation.after, operation.restore)
        self._laid = False  # by this run
        self._begun = operation.resumed

    def run(self) -> Outcome:
        try:
            if self._operation.resumed:
                return self._finish(Attempt())
            if refusal := self._prepare():
                return self._called_off(refusal)
        except (BrokerError, Refusal) as error:
            return self._broken(error)
        self._begun = True
        attempt = self._writer.replace(self._operation)
        try:
            return self._conclude(attempt)
        except (BrokerError, Refusal) as error:
            return self._broken(error)

    def run_out(self) -> Outcome:
        """Do what an interrupt leaves to do."""
        try:
            if self._begun:
                return self._conclude(Attempt(lost="interrupted"))
            self._sweep(self._operation.after)
            return self._called_off(NotAttempted(self._operation, "interrupted before anything was deleted"))
        except (BrokerError, Refusal) as error:
            return self._broken(error)

    def _prepare(self) -> Failed | None:
        """Lay the journal, and look at everything that could go wrong; return what does."""
        if isinstance(self._writer, ByHttp):
            for one in self._operation.restore:
                if isinstance(one, Binding) and (reason := writes.unwritable(one)):
                    return self._failed(reason)
        if words := self._writer.begin():
            return self._failed(words)
        return self._lay() or self._try_out() or self._ask() or self._last_look()

    def _ask(self) -> Failed | None:
        """Ask whether this user may bring back each binding, those of others too."""
        bindings = [one for one in self._operation.restore if isinstance(one, Binding)]
        if barred := first_barred(self._writer, bindings, self._operation.cause, self._http.user):
            words, hint = barred
            return self._failed(f"one of its bindings could not be brought back: {words}", hint)
        return None

    def _lay(self) -> Failed | None:
        name = self._journal.name
        answer = writes.send(self._http, self._journal)
        self._laid = answer.status == CREATED
        if not answer.ok:
            hint = self._rights() if answer.status == UNAUTHORISED else ""
            return self._failed(f"its journal, queue {name}, could not be declared: {answer.reason}", hint)
        there = self._eye.marked(self._journal)
        arguments = there.get("arguments")
        if not isinstance(arguments, dict) or arguments.get(MARK) != self._journal.arguments[MARK]:
            return self._failed(
                f"queue {name} is there already, and is the journal of another replacement of it",
                "if another run is at work, let it finish; else plan again: apply finishes what was begun",
            )
        if policy := self._eye.expiring(self._journal):
            return self._failed(
                f"policy {policy.name!r} would let its journal {name} expire",
                f"see that the policy does not reach queues that begin with {RESERVED}",
            )
        return None

    def _try_out(self) -> Failed | None:
        """Let the broker judge the new object, and its bindings, under another name."""
        after = self._operation.after
        trial = trial_of(after)
        if isinstance(trial, Queue):
            answer = writes.send(self._http, trial)
            if not answer.ok:
                hint = self._rights() if answer.status == UNAUTHORISED else ""
                return self._failed(f"the broker would not take the new queue: {answer.reason}", hint)
            writes.delete(self._http, trial, guarded=trial.type == "classic")
            return None
        keys: dict[tuple[str, Arguments], Binding] = {}
        for one in self._operation.restore:
            if isinstance(one, Binding) and one.source_key == after.key:
                keys.setdefault((one.routing_key, one.arguments), one)
        bindings = [
            replace(one, source=trial.name, destination_kind="queue", destination=self._journal.name)
            for one in keys.values()
        ]
        refusals = self._writer.try_out(replace(trial, auto_delete=True), bindings)
        if refusals.lost:
            raise BrokerError(refusals.lost)
        for item, words in refusals.told:
            what = f"binding [{item.routing_key}] of it" if isinstance(item, Binding) else "new exchange"
            return self._failed(f"the broker would not take the {what}: {words}")
        return None

    def _last_look(self) -> Failed | None:
        before, restore = self._operation.before, self._operation.restore
        if before is None:
            return None
        if reason := self._eye.differs(before, restore):
            return self._failed(reason, "plan again")
        if isinstance(before, Queue):
            if before.type == "stream":
                return self._failed("the broker counts a stream's messages and consumers seconds late")
            reason = keeps(self._http, before, classic_only=isinstance(self._writer, ByHttp))
            if reason:
                return self._failed(reason)
        return None

    def _conclude(self, attempt: Attempt) -> Outcome:
        """Go on from where the writing ended."""
        operation = self._operation
        if not attempt.done and (attempt.refused or attempt.unsent):
            hint = permission_hint(operation, self._http.user) if attempt.denied else ""
            return self._called_off(self._failed(attempt.refused or attempt.lost, hint))
        if not attempt.done and operation.before and not self._eye.differs(operation.before, operation.restore):
            return NotAttempted(
                operation,
                f"the connection was lost ({attempt.lost}), and the broker has not deleted it so far;"
                f" {JOURNAL_STAYS.format(self._journal.name)}",
                sent=True,
            )
        if attempt.refused and len(attempt.done) == 1:
            return self._after_refusal(attempt)
        return self._finish(attempt)

    def _after_refusal(self, attempt: Attempt) -> Outcome:
        """Decide what to do where the object is deleted, and the broker does not take the new one."""
        operation, name = self._operation, self._journal.name
        before = operation.before
        if before is None or self._eye.look(operation.after, operation.restore).target:
            return self._failed(f"somebody declared it again in between: {attempt.refused}", JOURNAL_STAYS.format(name))
        self._writer.bring((before, *operation.restore))
        sight = self._eye.look(before, operation.restore)
        if sight.target and not sight.missing:
            failed = self._failed(attempt.refused, "it is as it was, with its bindings: it was declared again")
            return self._called_off(failed)
        return self._failed(
            f"it is gone, and the broker does not take the new one: {attempt.refused}", JOURNAL_STAYS.format(name)
        )

    def _finish(self, attempt: Attempt) -> Outcome:
        """Bring back whatever is missing until nothing is, and take the journal away."""
        operation = self._operation
        brought = 0
        refused: dict[object, str] = {}
        for _ in range(ROUNDS):
            sight = self._settled()
            if not sight.missing:
                break
            refusals = self._writer.bring(sight.missing)
            if refusals.lost:
                raise BrokerError(refusals.lost)
            refused = {item.key: words for item, words in refusals.told}
            brought += len(sight.missing) - len(refused)
        else:
            sight = self._settled()
        if sight.target and not operation.resumed and sight.target != operation.after:
            return self._failed("somebody declared it again in between", JOURNAL_STAYS.format(self._journal.name))
        if sight.missing:
            words = next((refused[item.key] for item in sight.missing if item.key in refused), "they vanish again")
            return self._failed(
                f"{len(sight.missing)} of its bindings could not be brought back: {words}",
                JOURNAL_STAYS.format(self._journal.name),
            )
        return self._end(Done(operation, _note(operation, attempt, sight, brought)))

    def _settled(self) -> Sight:
        """Look, and for a moment again where another node may still show the old object."""
        operation = self._operation
        deadline = monotonic() + SETTLE
        while True:
            sight = self._eye.look(operation.after, operation.restore)
            strange = sight.target is not None and sight.target != operation.after and not operation.resumed
            if not strange or monotonic() > deadline:
                return sight
            sleep(PAUSE)

    def _end(self, done: Done) -> Outcome:
        """Take away the journal, and what a trial may have left."""
        after = self._operation.after
        if self._operation.resumed:
            self._sweep(after)
        answer = writes.delete(self._http, self._journal, guarded=True)
        if not answer.ok and answer.status != NOT_FOUND:
            return self._failed(
                f"all is back, but its journal {self._journal.name} could not be deleted: {answer.reason}",
                "see that nobody uses that queue, and apply again",
            )
        return done

    def _sweep(self, after: Exchange | Queue) -> None:
        trial = trial_of(after)
        left = self._eye.exchanges().get(trial.key) if isinstance(trial, Exchange) else self._eye.queue(trial)
        if left and mark_of(left):
            writes.delete(self._http, left, guarded=isinstance(left, Queue) and left.type == "classic")

    def _called_off(self, outcome: Failed | NotAttempted) -> Outcome:
        """Take away the journal that this run laid: nothing was deleted."""
        if self._laid:
            writes.delete(self._http, self._journal, guarded=True)
        return outcome

    def _broken(self, error: BrokerError | Refusal) -> Outcome:
        """Tell of a broker that does not answer, or answers what it should not."""
        if self._begun:
            reason = f"{error.message}; {JOURNAL_STAYS.format(self._journal.name)}"
            return NotAttempted(self._operation, reason, sent=True)
        with suppress(BrokerError, Refusal):
            self._sweep(self._operation.after)
            self._called_off(NotAttempted(self._operation, ""))
        return Failed(self._operation, f"{error.message}; nothing was deleted", error.hint)

    def _failed(self, reason: str, hint: str = "") -> Failed:
        return Failed(self._operation, reason, hint)

    def _rights(self) -> str:
        user = self._http.user
        return (
            f"user {user!r} needs the permissions configure, write and read on names that begin with"
            f" {RESERVED!r}: {granting(self._operation.key.vhost, user)}"
        )


def _note(operation: Recreate, attempt: Attempt, sight: Sight, brought: int) -> str:
    bindings = sum(isinstance(one, Binding) for one in operation.restore) - len(sight.lost)
    back = f"{bindings} {'binding is' if bindings == 1 else 'bindings are'} back"
    lost = f"; {len(sight.lost)} not, as what they led to or from is gone" if sight.lost else ""
    if operation.resumed:
        return f"{back}, {brought} of what lacked brought now{lost}"
    over = perf_counter()
    whole = len(attempt.done) == len(operation.restore) + 2 and not brought
    declared = attempt.done[1] if len(attempt.done) > 1 else over
    last = max(attempt.done) if whole else over
    gap = "404" if isinstance(operation.after, Exchange) else "gone"
    open_end = "unroutable" if isinstance(operation.after, Exchange) else "unbound"
    return f"{gap} for {_span(declared - attempt.sent)}, {open_end} for {_span(last - declared)}; {back}{lost}"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
