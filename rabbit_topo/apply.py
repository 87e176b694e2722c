"""Apply a plan, and see that the broker became what the plan predicted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rabbit_topo.diff import Unfinished, Unseen, diff, seen
from rabbit_topo.errors import Refusal, TopoError
from rabbit_topo.model import Binding, Key, Kind
from rabbit_topo.plan import Declare, Done, Migrate, NotAttempted, Remove, Report
from rabbit_topo.plan.inventory import inventory_refusal, next_inventory
from rabbit_topo.plan.result import Noted, signature
from rabbit_topo.plan.share import REMEDY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rabbit_topo.broker import Broker
    from rabbit_topo.diff import Change
    from rabbit_topo.migrate import Moving
    from rabbit_topo.model import Observed
    from rabbit_topo.plan import Operation, Outcome, Plan

_SETTLE_SECONDS = 10.0
_PAUSE_SECONDS = 0.25
_INTERRUPTED = 130


def apply(
    plan: Plan,
    broker: Broker,
    *,
    partial: bool = False,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_moved: Callable[[Moving], object] = lambda _: None,
) -> Report:
    r"""Carry out a plan wave by wave, then observe and diff again.

    Raises `Refusal` before the first write when rows are blocked and `partial` is not set, and where an inventory is
    kept that cannot be seen. An object that the broker refuses does not stop the others; what depends on it is not
    attempted, and nothing is removed after something could not be added. An interrupt ends the work and is told in the
    report. `on_moved` hears how far migrations are.

    >>> import tempfile, pathlib
    >>> from rabbit_topo import connect, diff, load, make_plan
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "broker.json").write_text("{}")
    >>> _ = (folder / "shop.yaml").write_text("version: 1\nqueues: {orders: {direct: true}}\n")
    >>> declared, broker = load(folder / "shop.yaml"), connect(str(folder / "broker.json"))
    >>> observed = broker.observe(declared)
    >>> report = apply(make_plan(diff(observed, declared), observed, declared), broker)
    >>> report.exit_code, report.remaining
    (0, ())
    """
    if refusal := refusal_of(plan, partial=partial):
        raise refusal
    run = _Run(plan, broker, on_outcome, on_moved)
    interrupted, ended = 0, "interrupted"
    try:
        for wave in plan.waves:
            run.wave(wave)
    except KeyboardInterrupt as stop:
        interrupted = getattr(stop, "exit_code", _INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - whatever failed: what was written must be told
        ended = _words(error)
    known = {id(outcome.operation) for outcome in run.outcomes}
    sent = {id(operation) for operation in run.sending}
    for operation in plan.operations:
        if id(operation) not in known:
            doubt = id(operation) in sent
            reason = f"{ended}; nobody knows whether it arrived" if doubt else f"{ended} before it was sent"
            run.outcomes.append(NotAttempted(operation, reason, doubt))
    outcomes = tuple(run.outcomes)
    if interrupted:
        return Report(plan, outcomes, None, "interrupted before the second look", interrupted)
    try:
        remaining, observed = _settled(plan, broker, patient=not run.failed)
        noted = _remember(plan, observed, broker)
    except KeyboardInterrupt as stop:
        code = getattr(stop, "exit_code", _INTERRUPTED)
        return Report(plan, outcomes, None, "interrupted during the second look", code)
    except Exception as error:  # noqa: BLE001 - the same
        return Report(plan, outcomes, None, _words(error))
    left = {change.key: change for change in remaining}
    left |= {change.target: change for change in remaining if isinstance(change, Unfinished)}
    settled = tuple(_looked_up(outcome, left.get(outcome.operation.key)) for outcome in outcomes)
    return Report(plan, settled, remaining, noted=noted)


def _words(error: Exception) -> str:
    """Say what ended the work: what is no error of ours on purpose is a bug, and says so."""
    return error.message if isinstance(error, TopoError) else f"a bug in rabbit-topo: {type(error).__name__}: {error}"


def refusal_of(plan: Plan, *, partial: bool = False) -> Refusal | None:
    """Return why a plan must not be carried out: too much would go, rows are blocked, an inventory is unseen."""
    if plan.excess:
        return Refusal(f"the plan {plan.excess}; nothing was changed", REMEDY)
    if plan.blocked and not partial:
        return blocked_refusal(plan)
    return inventory_refusal(plan.facts)


def blocked_refusal(plan: Plan) -> Refusal:
    """Return the refusal that a plan with blocked rows ends in."""
    number = len(plan.blocked)
    rows = "1 row is" if number == 1 else f"{number} rows are"
    rest = "" if plan.empty else "--partial applies the rest and ends with exit code 6"
    return Refusal(f"{rows} blocked; nothing was changed", rest)


class _Run:
    """The outcomes so far, and what they forbid."""

    def __init__(
        self,
        plan: Plan,
        broker: Broker,
        on_outcome: Callable[[Outcome], None] | None,
        on_moved: Callable[[Moving], object],
    ) -> None:
        self.plan = plan
        self.broker = broker
        self.outcomes: list[Outcome] = []
        self.failed: set[Key] = set()
        self.add_failed = False
        self.remove_failed = False
        self.sending: list[Operation] = []
        self._on_outcome = on_outcome
        self._on_moved = on_moved

    def wave(self, wave: Sequence[Operation]) -> None:
        sendable: list[Operation] = []
        for operation in wave:
            reason = self._forbidden(operation)
            if reason:
                self._take(NotAttempted(operation, reason))
            else:
                sendable.append(operation)
        self.sending = sendable
        for outcome in self._carry_out(sendable):
            self._take(outcome)

    def _carry_out(self, operations: Sequence[Operation]) -> Iterator[Outcome]:
        migrations = [operation for operation in operations if isinstance(operation, Migrate)]
        rest = [operation for operation in operations if not isinstance(operation, Migrate)]
        if rest:
            yield from self.broker.execute(rest)
        if migrations:
            from rabbit_topo.broker.both import Both
            from rabbit_topo.migrate import migrate

            if not isinstance(self.broker, Both):
                raise Refusal("messages are moved over both roads", "give the management URL and the AMQP URL")
            yield from migrate(migrations, self.broker, self.plan, self._on_moved)

    def _take(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if not isinstance(outcome, Done):
            self.failed.add(outcome.operation.key)
            self.add_failed |= isinstance(outcome.operation, Declare)
            self.remove_failed |= not isinstance(outcome.operation, Declare)
        if self._on_outcome:
            self._on_outcome(outcome)

    def _forbidden(self, operation: Operation) -> str:
        if not isinstance(operation, Declare) and self.add_failed:
            return "nothing is removed after something could not be added"
        if isinstance(operation, Remove) and self.remove_failed:
            return "nothing more is removed after something had to stay: it may send its dead letters here"
        for key in _needs(operation):
            if key in self.failed:
                return f"needs {key.kind} {key.name}, which could not be declared"
        return ""


def _looked_up(outcome: Outcome, left: Change | None) -> Outcome:
    """Settle by what is left to do whether an operation arrived that was sent and never answered."""
    if not isinstance(outcome, NotAttempted) or not outcome.sent:
        return outcome
    if left is None:
        return Done(outcome.operation)
    if isinstance(left, Unseen):
        return outcome
    return NotAttempted(outcome.operation, f"{outcome.reason}; the second look: it did not arrive")


def _needs(operation: Operation) -> Iterator[Key]:
    key = operation.key
    if key.kind is not Kind.VHOST:
        yield Key(key.vhost, Kind.VHOST, key.vhost)
    if isinstance(operation, Declare) and isinstance(operation.resource, Binding):
        yield operation.resource.source_key
        yield operation.resource.destination_key


def _remember(plan: Plan, observed: Observed, broker: Broker) -> Noted | None:
    """Note on the broker what is ours and protected by now, where an inventory is kept and says something else."""
    before, after = observed.facts.inventory, next_inventory(plan.declared, observed)
    if before is None:
        return None
    if after is None:
        return Noted("unseen", before.gap)
    try:
        if vhosts := before.changed(after):
            broker.remember(after, vhosts)
    except Exception as error:  # noqa: BLE001 - the work itself is done, and must be told
        return Noted("failed", _words(error))
    return Noted("written" if vhosts else "unchanged")


def _settled(plan: Plan, broker: Broker, *, patient: bool) -> tuple[tuple[Change, ...], Observed]:
    """Diff again; in a cluster other nodes may lag, so a surprise is looked at again for some seconds."""
    predicted = {signature(change) for change in plan.remainder}
    deadline = time.monotonic() + (_SETTLE_SECONDS if patient else 0.0)
    while True:
        observed: Observed = broker.observe(plan.declared)
        remaining = diff(observed, plan.declared)
        if {signature(change) for change in seen(remaining)} == predicted or time.monotonic() >= deadline:
            return remaining, observed
        time.sleep(_PAUSE_SECONDS)
