"""The two ways to write a replacement: one burst on one AMQP channel, or one HTTP request after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Protocol, TypeAlias

from rabbit_topo.broker import amqp_methods as methods
from rabbit_topo.broker import management_writes as writes
from rabbit_topo.broker.amqp_jobs import LOOK, in_use
from rabbit_topo.broker.amqp_talk import Burst, Job, Lost, Refused
from rabbit_topo.broker.http import NOT_FOUND, UNAUTHORISED
from rabbit_topo.broker.refusals import permission_hint
from rabbit_topo.errors import BrokerError, Refusal
from rabbit_topo.export.items import queue_arguments
from rabbit_topo.model import MARK, Arguments, Binding, Exchange, Queue
from rabbit_topo.plan.operations import Declare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rabbit_topo.broker.amqp import Amqp
    from rabbit_topo.broker.amqp_talk import Method, Talk
    from rabbit_topo.broker.http import Http
    from rabbit_topo.diff import Change
    from rabbit_topo.plan.operations import Recreate

Item: TypeAlias = Exchange | Queue | Binding
ACCESS_REFUSED = 403
CANNOT_CARRY = "AMQP cannot carry it"
TOGETHER = 16  # bindings in the one write; what is more costs a round trip, and is faster over many channels
WAYS = 32  # channels that bind side by side


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far a replacement came: the deletion, the declaration, then each of what is restored.

    `sent` and `done`, one for each that was confirmed, are times of `time.perf_counter`. `refused` holds the broker's
    words about the one after these; `denied` says that they are about a permission. `lost` says why nobody knows how
    far it came; `unsent`, that nothing of it left this machine.
    """

    sent: float = 0.0
    done: tuple[float, ...] = ()
    refused: str = ""
    denied: bool = False
    lost: str = ""
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Refusals:
    """What the broker would not take, with its words; `lost` says why the rest is unknown."""

    told: tuple[tuple[Item, str], ...] = ()
    lost: str = ""


class Writer(Protocol):
    """What a replacement needs of a road. Nothing raises: what fails is told in the answer."""

    def begin(self) -> str:
        """Open the line, so that the deletion is on its way at once; say why it cannot be had."""

    def try_out(self, trial: Exchange, bindings: Sequence[Binding]) -> Refusals:
        """Declare an exchange, bind it, and delete it again."""

    def may_bind(self, bindings: Sequence[Binding]) -> Refusals:
        """Ask whether this user may make each of them, and change nothing."""

    def replace(self, operation: Recreate) -> Attempt:
        """Delete, declare, and bring back what went with it. Nothing is sent twice."""

    def bring(self, items: Sequence[Item]) -> Refusals:
        """Declare and bind in this order; what is refused stops nothing."""


def first_barred(writer: Writer, bindings: Sequence[Binding], cause: Change, user: str) -> tuple[str, str] | None:
    """Return why this user may not make one of these bindings, in the broker's words, and a hint; None if he may.

    Raises `BrokerError` where the line is lost over it.
    """
    refusals = writer.may_bind(bindings)
    if refusals.lost:
        raise BrokerError(refusals.lost)
    for item, words in refusals.told:
        return words, permission_hint(Declare(item, cause), user)
    return None


class ByAmqp:
    """One write on one channel, and many bindings over many."""

    def __init__(self, amqp: Amqp, vhost: str) -> None:
        """Nothing is sent yet."""
        self._amqp = amqp
        self._vhost = vhost

    def begin(self) -> str:
        """Connect."""
        try:
            self._amqp.server(self._vhost)
        except (BrokerError, Refusal) as error:
            return error.message
        return ""

    def try_out(self, trial: Exchange, bindings: Sequence[Binding]) -> Refusals:
        """Bind the trial exchange in one burst."""
        items: Sequence[Item] = (trial, *bindings)
        return self._carry_through(items, lambda spelled: [_trial(items, spelled)])

    def may_bind(self, bindings: Sequence[Binding]) -> Refusals:
        """Remove bindings that cannot be there: it takes the same permissions, and RabbitMQ calls it done."""
        absent = [replace(one, arguments=Arguments({MARK: "may it be bound?"})) for one in bindings]
        return self._bind(list(dict.fromkeys(absent)), [], methods.unbind)

    def replace(self, operation: Recreate) -> Attempt:
        """Send it at once; of a queue without a guard, the consumers are counted on the same channel before."""
        before, restore = operation.before, operation.restore
        at = TOGETHER + sum(isinstance(one, Exchange) for one in restore)
        burst, look = Burst(()), None
        try:
            deletion = _deletion(before) if before else None
            spelled = [_spell(item) for item in (operation.after, *restore[:at])]
            for item in restore[at:]:
                _spell(item)
        except Exception as error:  # noqa: BLE001 - py-amqp leaks struct.error, ValueError, FrameSyntaxError
            return Attempt(refused=f"{CANNOT_CARRY}: {error}")
        burst.methods = [*([deletion] if deletion else []), *spelled]
        if isinstance(before, Queue) and before.type != "classic":
            look = methods.look_for(before)
        job = Job(operation, _replacing(look, burst), once=True, until=monotonic() + LOOK)
        [(_, result)] = list(self._amqp.converse(self._vhost, [job], writes=True))
        done = burst.done
        if isinstance(result, Lost):
            return Attempt(burst.sent, tuple(done), lost=result.reason, unsent=not burst.sent)
        if result:
            denied = isinstance(result, Refused) and result.code == ACCESS_REFUSED
            words = result.text if isinstance(result, Refused) else result
            return Attempt(burst.sent, tuple(done), words, denied)
        self._bind([one for one in restore[at:] if isinstance(one, Binding)], done)
        return Attempt(burst.sent, tuple(done))

    def bring(self, items: Sequence[Item]) -> Refusals:
        """Send the objects in order, and the bindings side by side; after each refusal a new burst."""
        objects = [item for item in items if not isinstance(item, Binding)]
        declared = self._carry_through(objects, lambda spelled: [_bringing(objects, spelled, [])])
        if declared.lost:
            return declared
        bound = self._bind([item for item in items if isinstance(item, Binding)], [])
        return Refusals(declared.told + bound.told, bound.lost)

    def _bind(
        self, bindings: Sequence[Binding], done: list[float], spell: Callable[[Binding], Method] = methods.bind
    ) -> Refusals:
        return self._carry_through(
            bindings,
            lambda spelled: [_bringing(bindings[at::WAYS], spelled[at::WAYS], done) for at in range(WAYS)],
            [partial(spell, one) for one in bindings],
        )

    def _carry_through(
        self,
        items: Sequence[Item],
        talks: Callable[[Sequence[Method]], Sequence[Talk[Refusals]]],
        spellings: Sequence[Callable[[], Method]] = (),
    ) -> Refusals:
        """Carry talks through to their end, side by side.

        What was deleted comes back even if the lock was lost with the line: it only adds what was there before.
        """
        try:
            spelled = [spell() for spell in spellings or [partial(_spell, item) for item in items]]
        except Exception as error:  # noqa: BLE001 - as above
            return Refusals(((items[0], f"{CANNOT_CARRY}: {error}"),))
        jobs = [Job(None, talk) for talk in talks(spelled)] if items else []
        results = [result for _, result in list(self._amqp.converse(self._vhost, jobs))]
        told = tuple(each for result in results if isinstance(result, Refusals) for each in result.told)
        return Refusals(told, next((result.reason for result in results if isinstance(result, Lost)), ""))


class ByHttp:
    """One request after the other."""

    def __init__(self, http: Http) -> None:
        """Nothing is sent yet."""
        self._http = http

    def begin(self) -> str:
        """Do nothing: the line is up, as the last look went over it."""
        return ""

    def try_out(self, trial: Exchange, bindings: Sequence[Binding]) -> Refusals:
        """Bind the trial exchange until something is refused."""
        told: list[tuple[Item, str]] = []
        try:
            items: Sequence[Item] = (trial, *bindings)
            for item in items:
                answer = writes.send(self._http, item)
                if not answer.ok:
                    told.append((item, answer.reason))
                    break
            writes.delete(self._http, trial, guarded=False)
        except (BrokerError, Refusal) as error:
            return Refusals(tuple(told), error.message)
        return Refusals(tuple(told))

    def may_bind(self, _bindings: Sequence[Binding]) -> Refusals:
        """Say nothing against it: HTTP has no such question."""
        return Refusals()

    def replace(self, operation: Recreate) -> Attempt:
        """Send one after the other until something is refused."""
        sent, done = perf_counter(), []
        try:
            if before := operation.before:
                answer = writes.delete(self._http, before, guarded=isinstance(before, Queue))
                if not answer.ok and answer.status != NOT_FOUND:
                    return Attempt(sent, (), answer.reason, answer.status == UNAUTHORISED)
                done.append(perf_counter())
            for item in (operation.after, *operation.restore):
                answer = writes.send(self._http, item)
                if not answer.ok:
                    return Attempt(sent, tuple(done), answer.reason, answer.status == UNAUTHORISED)
                done.append(perf_counter())
        except (BrokerError, Refusal) as error:
            return Attempt(sent, tuple(done), lost=error.message)
        return Attempt(sent, tuple(done))

    def bring(self, items: Sequence[Item]) -> Refusals:
        """Send one after the other."""
        told: list[tuple[Item, str]] = []
        try:
            for item in items:
                answer = writes.send(self._http, item)
                if not answer.ok:
                    told.append((item, answer.reason))
        except (BrokerError, Refusal) as error:
            return Refusals(tuple(told), error.message)
        return Refusals(tuple(told))


def _trial(items: Sequence[Item], spelled: Sequence[Method]) -> Talk[Refusals]:
    burst = Burst(spelled)
    answer = yield burst
    told = ((items[len(burst.done)], answer.text),) if isinstance(answer, Refused) else ()
    if isinstance(trial := items[0], Exchange):
        yield methods.delete_exchange(trial, guarded=False)
    return Refusals(told)


def _replacing(look: Method | None, burst: Burst) -> Talk[Refused | str]:
    """Return what was refused; before the burst, words alone."""
    if look:
        answer = yield look
        if isinstance(answer, Refused):
            return answer
        if why := in_use(*answer.fields):
            return why
    answer = yield burst
    return answer if isinstance(answer, Refused) else ""


def _bringing(items: Sequence[Item], spelled: Sequence[Method], done: list[float]) -> Talk[Refusals]:
    """Send one burst after the other, each behind what the last one was refused; note in `done` when each -ok came."""
    told: list[tuple[Item, str]] = []
    at = 0
    while at < len(items):
        burst = Burst(spelled[at:])
        answer = yield burst
        at += len(burst.done)
        done += burst.done
        if isinstance(answer, Refused):
            told.append((items[at], answer.text))
            at += 1
    return Refusals(tuple(told))


def _deletion(before: Exchange | Queue) -> Method:
    if isinstance(before, Exchange):
        return methods.delete_exchange(before, guarded=False)
    return methods.delete_queue(before, guarded=before.type == "classic")


def _spell(item: Item) -> Method:
    match item:
        case Exchange():
            return methods.declare_exchange(item, item.arguments)
        case Queue():
            return methods.declare_queue(item, queue_arguments(item))
        case Binding():
            return methods.bind(item)
