"""What a run of route tests came to, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.model import Topology
    from rabbit_topo.routing.cases import CaseResult
    from rabbit_topo.routing.coverage import Coverage


@dataclass(frozen=True, slots=True)
class Compared:
    """What a broker said to a case.

    `problem` says how the broker does not meet what is expected, `disagreement` how it differs from what was worked out
    without it, and `not_compared` what of the case it could not tell, with the reason; `nothing` where that is all.
    """

    problem: str = ""
    disagreement: str = ""
    not_compared: tuple[str, ...] = ()
    nothing: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing that was compared is wrong."""
        return not (self.problem or self.disagreement)


@dataclass(frozen=True, slots=True)
class OnBroker:
    """The broker that cases were published on, and what it said to each case by number.

    `refused` are objects that the broker did not declare, each with its words, and `left_out` those that were not asked
    for, with the reason.
    """

    target: str
    version: str
    compared: Mapping[int, Compared]
    refused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def in_full(self) -> int:
        """How many cases were compared, with every step."""
        return sum(not one.not_compared for one in self.compared.values())

    @property
    def silence(self) -> str:
        """Say that the broker told nothing of any case; empty where it did."""
        silent = all(one.nothing for one in self.compared.values())
        return "nothing was compared: the broker said nothing about any test" if silent else ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong beside the cases: objects that the broker refused, and that it told nothing of any case."""
        told = [f"the broker refuses the {refused}" for refused in self.refused]
        if self.silence:
            told.append(self.silence)
        return tuple(told)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case or an invariant, and what a broker said to it."""

    result: CaseResult
    compared: Compared | None = None

    @property
    def passed(self) -> bool:
        """Whether it holds, here and on the broker."""
        return self.result.passed and (self.compared is None or self.compared.passed)

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is not as expected, a sentence each."""
        steps = [f"step {number}: {step.problem}" for number, step in enumerate(self.result.steps, 1) if step.problem]
        told = [self.result.problem, *steps]
        if self.compared is not None:
            problem, disagreement = self.compared.problem, self.compared.disagreement
            told.append(f"on the broker: {problem}" if problem else "")
            told.append(f"the broker and the rules disagree: {disagreement}" if disagreement else "")
        return tuple(one for one in told if one)


@dataclass(frozen=True, slots=True)
class TestRun:
    """All that a run of route tests came to.

    `results` are those of the cases, in the order of the files; `fail_under` is the least coverage in per cent that is
    good enough, and `deselected` counts cases that were not asked for. `shown` names where the topology comes from.
    """

    __test__ = False  # no test, whatever pytest thinks of its name

    topology: Topology
    shown: str
    version: str
    results: Sequence[CaseResult]
    invariants: Sequence[CaseResult] = ()
    coverage: Coverage | None = None
    fail_under: int | None = None
    deselected: int = 0
    on_broker: OnBroker | None = None
    cases: tuple[Outcome, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Bring each case and what the broker said to it together."""
        said = self.on_broker.compared if self.on_broker else {}
        cases = tuple(Outcome(result, said.get(number)) for number, result in enumerate(self.results))
        object.__setattr__(self, "cases", cases)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The invariants that do not hold."""
        return tuple(Outcome(result) for result in self.invariants if not result.passed)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The cases that failed, and then the invariants that do not hold."""
        return (*(case for case in self.cases if not case.passed), *self.broken)

    @property
    def covered(self) -> bool:
        """Whether the coverage is good enough, or nobody asked."""
        wanted, found = self.fail_under, self.coverage
        return wanted is None or found is None or 100 * len(found.exercised) >= wanted * found.total

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return self.covered and not self.failed and not (self.on_broker and self.on_broker.problems)


def numbered(names: Iterable[str]) -> Iterator[str]:
    """Tell tests of one name apart, as tools know a test by its name.

    >>> list(numbered(["a", "b", "a"]))
    ['a', 'b', 'a (2)']
    """
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"
