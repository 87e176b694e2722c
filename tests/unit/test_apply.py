"""What apply does with refusals, lost connections and interrupts, on a definitions file that can be made to fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rabbit_topo import apply, connect, diff, load, make_plan
from rabbit_topo.diff import Unseen
from rabbit_topo.errors import Refusal, Unreachable
from rabbit_topo.model import Binding, Kind, Observed, Topology, Unverified
from rabbit_topo.plan import Consent, Declare, Done, Failed, NotAttempted, Plan
from rabbit_topo.plan.operations import unsent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.model import Inventory
    from rabbit_topo.plan import Operation, Outcome

OLD = """\
version: 1
owns: ["shop\\\\..*"]
exchanges: {shop.x: {type: topic}}
queues: {shop.q: {type: classic, bindings: [{exchange: shop.x, routing_key: old}]}}
"""


class Around:
    """Passes on to `broker` what the tests leave alone."""

    broker: Broker

    def lock(self, vhosts: Sequence[str], wait: Wait) -> str:
        return self.broker.lock(vhosts, wait)

    def pulse(self) -> None:
        self.broker.pulse()

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        self.broker.remember(inventory, vhosts)

    def close(self) -> None:
        self.broker.close()


class Failing(Around):
    """A real target that refuses, loses or interrupts the operations named."""

    def __init__(
        self,
        broker: Broker,
        *,
        refuse: str = "",
        lose: str = "",
        stop: str = "",
        blink: bool = False,
        arrive: bool = False,
        blind: bool = False,
    ) -> None:
        self.broker, self.refuse, self.lose, self.stop = broker, refuse, lose, stop
        self.blink, self.arrive, self.blind = blink, arrive, blind
        self.away = False

    def observe(self, declared: Topology) -> Observed:
        if self.away and not self.blink:
            raise Unreachable("nobody answers")
        observed = self.broker.observe(declared)
        return _without_bindings(observed, declared) if self.blind else observed

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        for operation in wave:
            name = f"{type(operation).__name__} {operation.key.kind} {operation.key.name} {operation.key.routing_key}"
            if self.stop and self.stop in name:
                raise KeyboardInterrupt
            if self.lose and self.lose in name:
                self.away = True
            if self.away:
                if self.arrive:
                    assert [type(outcome) for outcome in self.broker.execute([operation])] == [Done]
                yield NotAttempted(operation, "the connection was lost", sent=True)
            elif self.refuse and self.refuse in name:
                yield Failed(operation, "PRECONDITION_FAILED - because")
            else:
                yield from self.broker.execute([operation])


def _without_bindings(observed: Observed, declared: Topology) -> Observed:
    """Show what AMQP alone would."""
    unverified = {key: Unverified("unseen") for key in declared.resources if key.kind is Kind.BINDING}
    there = {key: item for key, item in observed.topology.resources.items() if key.kind is not Kind.BINDING}
    return Observed(Topology(there), replace(observed.facts, lists=False, unverified=unverified))


@pytest.fixture
def old(tmp_path: Path) -> Broker:
    (tmp_path / "broker.json").write_text("{}")
    broker = connect(str(tmp_path / "broker.json"))
    declared = _load(tmp_path, OLD)
    assert apply(_plan(broker, declared), broker).exit_code == 0
    return broker


def _load(folder: Path, text: str) -> Topology:
    (folder / "shop.yaml").write_text(text)
    return load(folder / "shop.yaml")


def _plan(broker: Broker, declared: Topology, *, prune: bool = False) -> Plan:
    observed = broker.observe(declared)
    return make_plan(diff(observed, declared), observed, declared, Consent(prune=prune))


def test_nothing_is_removed_after_something_could_not_be_added(old: Broker, tmp_path: Path) -> None:
    declared = _load(tmp_path, OLD.replace("old", "new"))
    broker = Failing(old, refuse="Declare binding shop.x new")
    report = apply(_plan(broker, declared, prune=True), broker)
    assert [type(outcome) for outcome in report.outcomes] == [Failed, NotAttempted]
    assert report.exit_code == 1
    assert [binding.routing_key for binding in _bindings(old)] == ["old"]


def test_what_gets_dead_letters_stays_when_its_feeder_had_to(old: Broker, tmp_path: Path) -> None:
    more = """  shop.z: {type: classic}
  shop.feeder: {type: classic, dead_letter: {exchange: "", routing_key: shop.z}}
"""
    queues = "queues:\n  shop.q: {type: classic, bindings: [{exchange: shop.x, routing_key: old}]}\n"
    head = OLD.split("queues:", maxsplit=1)[0]
    assert apply(_plan(old, _load(tmp_path, head + queues + more)), old).exit_code == 0
    broker = Failing(old, refuse="Remove queue shop.feeder")
    report = apply(_plan(broker, _load(tmp_path, head + queues), prune=True), broker)
    assert [(o.operation.key.name, type(o)) for o in report.outcomes] == [
        ("shop.feeder", Failed),
        ("shop.z", NotAttempted),
    ]


def test_a_refusal_without_a_rest_names_no_flag(old: Broker, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        apply(_plan(old, _load(tmp_path, OLD.replace("type: classic", "type: quorum"))), old)
    assert refused.value.hint == ""


def test_what_needs_a_refused_object_is_not_attempted(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    broker = Failing(connect(str(tmp_path / "empty.json")), refuse="Declare queue shop.q")
    declared = _load(tmp_path, OLD)
    report = apply(_plan(broker, declared), broker)
    by_kind = {outcome.operation.key.kind: type(outcome) for outcome in report.outcomes}
    assert by_kind == {"vhost": Done, "exchange": Done, "queue": Failed, "binding": NotAttempted}
    assert report.exit_code == 6
    assert {change.key.kind for change in report.remaining or ()} == {"queue", "binding"}


def test_a_lost_broker_is_told_and_not_verified(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    broker = Failing(connect(str(tmp_path / "empty.json")), lose="Declare queue shop.q")
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert (report.remaining, report.unverified, report.exit_code) == (None, "nobody answers", 6)


def test_nothing_confirmed_but_something_sent_is_incomplete(old: Broker, tmp_path: Path) -> None:
    broker = Failing(old, lose="Declare")
    report = apply(_plan(broker, _load(tmp_path, OLD.replace("old", "new"))), broker)
    assert (len(report.done), report.exit_code) == (0, 6)


@pytest.mark.parametrize(("arrive", "outcome", "code"), [(True, Done, 0), (False, NotAttempted, 1)])
def test_the_second_look_settles_what_was_never_answered(
    old: Broker, tmp_path: Path, *, arrive: bool, outcome: type, code: int
) -> None:
    broker = Failing(old, lose="Declare", blink=True, arrive=arrive)
    report = apply(_plan(broker, _load(tmp_path, OLD.replace("old", "new"))), broker)
    assert ([type(one) for one in report.outcomes], report.exit_code) == ([outcome], code)
    assert arrive or "it did not" in report.not_attempted[0].reason


def test_what_is_unseen_stays_in_doubt(old: Broker, tmp_path: Path) -> None:
    broker = Failing(old, lose="Declare", blink=True, blind=True)
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert (len(report.unknown), report.not_attempted, report.exit_code) == (1, [], 6)


def test_unseen_bindings_are_declared_again_and_nothing_is_claimed(old: Broker, tmp_path: Path) -> None:
    broker = Failing(old, blind=True)
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert ([type(one) for one in report.outcomes], report.exit_code) == ([Done], 0)
    assert [type(change) for change in report.remaining or ()] == [Unseen]


def test_an_interrupt_is_reported_with_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    broker = Failing(connect(str(tmp_path / "empty.json")), stop="Declare queue")
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert (report.exit_code, report.interrupted) == (130, 130)
    assert [type(outcome).__name__ for outcome in report.outcomes] == ["Done", "Done", "NotAttempted", "NotAttempted"]
    assert (len(report.unknown), len(report.not_attempted)) == (1, 1)


def test_blocked_rows_refuse_before_the_first_write(old: Broker, tmp_path: Path) -> None:
    declared = _load(tmp_path, OLD.replace("type: classic", "type: quorum") + "bindings: []\n")
    plan = _plan(old, declared)
    assert len(plan.blocked) == 1
    with pytest.raises(Refusal, match="1 row is blocked"):
        apply(plan, old)
    report = apply(plan, old, partial=True)
    assert (report.exit_code, report.surprises) == (5, ())


def test_outcomes_are_told_as_they_come(old: Broker, tmp_path: Path) -> None:
    told: list[Outcome] = []
    plan = _plan(old, _load(tmp_path, OLD.replace("old", "new")), prune=True)
    report = apply(plan, old, on_outcome=told.append)
    assert tuple(told) == report.outcomes
    assert [type(outcome.operation) is Declare for outcome in told] == [True, False]


class Odd(Around):
    """A real target with something in it that fails in a way that nobody foresaw."""

    def __init__(
        self, broker: Broker, *, observe: BaseException | None = None, execute: Exception | None = None
    ) -> None:
        self.broker, self._observe, self._execute = broker, observe, execute
        self.written = False

    def observe(self, declared: Topology) -> Observed:
        if self.written and self._observe:
            raise self._observe
        return self.broker.observe(declared)

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        yield from self.broker.execute(wave[:1])
        self.written = True
        if self._execute:
            raise self._execute
        yield from self.broker.execute(wave[1:])


def test_what_was_written_is_told_whatever_happens_then(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    broker = Odd(connect(str(tmp_path / "empty.json")), execute=KeyError("columns"))
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert (len(report.done), len(report.not_attempted), report.exit_code) == (1, 3, 6)
    assert "a bug in rabbit-topo: KeyError: 'columns'" in report.not_attempted[0].reason


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (TypeError("no list"), 6, "a bug in rabbit-topo: TypeError: no list"),
        (KeyboardInterrupt(), 130, "interrupted during the second look"),
    ],
)
def test_a_second_look_that_fails_hides_no_report(tmp_path: Path, error: BaseException, code: int, said: str) -> None:
    (tmp_path / "empty.json").write_text("{}")
    broker = Odd(connect(str(tmp_path / "empty.json")), observe=error)
    report = apply(_plan(broker, _load(tmp_path, OLD)), broker)
    assert (len(report.done), report.exit_code, report.unverified) == (4, code, said)


class Lagging(Around):
    """A node that shows for a while what was there before, as another node of a cluster may."""

    def __init__(self, broker: Broker, behind: int) -> None:
        self.broker, self.behind = broker, behind
        self.before = broker.observe(Topology.naming("/"))

    def observe(self, declared: Topology) -> Observed:
        self.behind -= 1
        return self.before if self.behind >= 0 else self.broker.observe(declared)

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        yield from self.broker.execute(wave)


def test_a_node_that_lags_is_looked_at_again(old: Broker, tmp_path: Path) -> None:
    plan = _plan(old, _load(tmp_path, OLD.replace("old", "new")), prune=True)
    report = apply(plan, Lagging(old, behind=2))
    assert (report.exit_code, report.remaining) == (0, ())


def _bindings(broker: Broker) -> list[Binding]:
    return [
        item for item in broker.observe(Topology.naming("/")).topology.of(Kind.BINDING) if isinstance(item, Binding)
    ]


def test_what_an_interrupt_came_before_was_not_sent(old: Broker, tmp_path: Path) -> None:
    operations = list(_plan(old, _load(tmp_path, OLD.replace("old", "new"))).operations)
    told = list(unsent(operations))
    assert [(one.operation, one.sent) for one in told] == [(operation, False) for operation in operations]
    assert told[0].reason == "interrupted before it was sent"
