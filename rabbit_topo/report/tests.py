"""A run of route tests as text: a dot for each, failures with the route that was really taken, the summary last."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span, pair, wrapped
from rabbit_topo.report.route import message_words
from rabbit_topo.report.route_tree import Row, laid_out, route_lines
from rabbit_topo.report.tests_run import Compared, OnBroker, Outcome, TestRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import Origin, Topology
    from rabbit_topo.routing.coverage import Coverage

__all__ = ["Compared", "OnBroker", "Outcome", "TestRun", "failure_lines", "failure_text", "problem_lines", "run_lines"]

_NOWHERE: Final = "tests"
_SHOWN: Final = 20  # bindings that no test exercises, where nobody asked for all
_EVENTS: Final = {"rejected": "rejected", "expired": "expired", "overflow": "pushed out"}


def run_lines(run: TestRun, width: int, *, verbose: bool = False) -> Iterator[Line]:
    """Render a run; `verbose` gives each test a line, and leaves out none of the bindings that no test exercises."""
    yield pair("source", f"{run.shown}, by the rules of RabbitMQ {run.version}")
    if run.on_broker:
        yield pair("broker", f"{words.clean(run.on_broker.target)}, RabbitMQ {run.on_broker.version}")
        yield from _refused(run.on_broker, width)
        for left_out in run.on_broker.left_out:
            yield from wrapped("  left out  ", "dim", left_out, width)
    yield ()
    yield from _progress(run, width, verbose=verbose)
    if run.failed:
        yield (Span("FAILED", "bold"),)
        yield ()
    yield from _failures(run, width)
    if run.coverage:
        yield from _coverage(run, run.coverage, width, verbose=verbose)
    yield from _not_compared(run, width, verbose=verbose)
    yield from _summary(run, width)


def problem_lines(run: TestRun, width: int) -> Iterator[Line]:
    """Render only what is not as expected: nothing where all is."""
    if run.passed:
        return
    yield from _failures(run, width)
    if run.on_broker:
        yield from _refused(run.on_broker, width)
    if run.coverage and not run.covered:
        yield _covered(run, run.coverage)
    yield from _summary(run, width)


def _refused(said: OnBroker, width: int) -> Iterator[Line]:
    for refused in said.refused:
        yield from wrapped("  refused   ", "danger", refused, width)


def _failures(run: TestRun, width: int) -> Iterator[Line]:
    for outcome in run.failed:
        yield from failure_lines(outcome, run.topology, width)
        yield ()


def _progress(run: TestRun, width: int, *, verbose: bool) -> Iterator[Line]:
    if not run.cases:
        return
    groups = by_file(run.cases)
    column = max(len(file) for file, _ in groups)
    for file, cases in groups:
        if verbose:
            yield (Span(f"  {file}", "bold"),)
            for case in cases:
                mark, style = _mark(case)
                yield (Span(f"    {mark} ", style), Span(words.clean(case.result.name)))
            continue
        room = max(width - column - 6, 10)
        for start in range(0, len(cases), room):
            row = cases[start : start + room]
            head = f"  {file if start == 0 else '':<{column}}  "
            spans = [Span("".join("." if case.passed else "F" for case in row))]
            if not all(case.passed for case in row):
                spans = [Span(*_mark(case)) for case in row]
            yield (Span(head), *spans)
    yield ()


def _mark(case: Outcome) -> tuple[str, str]:
    return (".", "good") if case.passed else ("F", "danger")


def by_file(cases: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Return cases by the file that they stand in, in their order."""
    groups = groupby(cases, lambda case: words.clean(words.file_of(case.result.origin, _NOWHERE)))
    return [(file, list(group)) for file, group in groups]


def place_of(origin: Origin | None) -> str:
    """Spell the file and line of something; empty where no file says so."""
    return f"{words.clean(origin.file)}:{origin.line}" if origin else ""


def failure_lines(outcome: Outcome, topology: Topology, width: int) -> Iterator[Line]:
    """Tell one failure: what is wrong, and the tree of the route that the message really took, step by step."""
    result = outcome.result
    yield from laid_out(Row(f"  {words.clean(result.name)}", "danger", "", place_of(result.origin)), 0, width)
    yield from _told(outcome, topology, width, "    ")


def failure_text(outcome: Outcome, topology: Topology, width: int) -> str:
    """Tell one failure to a tool that names the test and its place itself: what is wrong is the first line."""
    lines = _told(outcome, topology, width, "")
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def _told(outcome: Outcome, topology: Topology, width: int, indent: str) -> Iterator[Line]:
    result = outcome.result
    for problem in outcome.problems:
        yield from wrapped(indent, "", problem, width)
    route = result.route
    if route is None:
        return
    vhost = route.vhost if len(topology.vhosts) > 1 else ""
    yield (Span(f"{indent}published  ", "dim"), Span(message_words(route.message, vhost)))
    if not route.refusal:
        yield from route_lines(route, topology, width, indent=indent)
    for number, step in enumerate(result.steps, 1):
        about = f"{indent}step {number}: {_EVENTS[step.step.event]} in {words.clean(step.step.queue)}"
        yield (Span(about, "bold" if step.problem else "dim"),)
        if step.dead is None:
            continue
        yield from wrapped(f"{indent}  ", "dim", step.dead.reason, width)
        if step.dead.route is not None:
            yield from route_lines(step.dead.route, topology, width, indent=f"{indent}  ")


def _coverage(run: TestRun, found: Coverage, width: int, *, verbose: bool) -> Iterator[Line]:
    if found.missed:
        yield (Span("NOT EXERCISED", "bold"), Span("  no test would fail if one of these were lost", "dim"))
        yield ()
        shown = found.missed if verbose else found.missed[:_SHOWN]
        for binding in shown:
            place = place_of(run.topology.note(binding.key).origin)
            yield from laid_out(Row(f"  {words.binding_arrow(binding)}", "", "", place), 0, width)
        if len(found.missed) > len(shown):
            yield (Span(f"  and {len(found.missed) - len(shown):,} more; -v shows all", "dim"),)
        yield ()
    yield _covered(run, found)


def _covered(run: TestRun, found: Coverage) -> Line:
    if not found.total:
        return pair("coverage", "there is no binding that a test could exercise")
    said = f"{found.percent} % of {counted(found.total, 'binding')} ({len(found.exercised):,} exercised)"
    if run.covered:
        return pair("coverage", said)
    return Span("  coverage  ", "dim"), Span(f"{said}, and {run.fail_under} % is wanted", "danger")


def _not_compared(run: TestRun, width: int, *, verbose: bool) -> Iterator[Line]:
    told = [(case.result.name, why) for case in run.cases if case.compared for why in case.compared.not_compared]
    if not told:
        return
    which = "" if verbose else "; -v says which"
    yield pair("broker", f"{counted(len(told), 'thing')} could not be compared{which}")
    for name, why in told if verbose else ():
        yield from wrapped("    . ", "dim", f"{name}: {why}", width)


def _summary(run: TestRun, width: int) -> Iterator[Line]:
    failed = sum(not case.passed for case in run.cases)
    said = f"{counted(len(run.cases), 'test')}" if run.cases else "no tests"
    if failed:
        said += f", {failed:,} failed"
    elif run.cases:
        said += " passed"
    if run.deselected:
        said += f" ({run.deselected:,} not selected)"
    if run.invariants:
        broken = len(run.broken)
        holds = len(run.invariants) - broken
        said += f"; {counted(holds, 'invariant')} {'holds' if holds == 1 else 'hold'}"
        said += f", {broken:,} not" if broken else ""
    if run.on_broker:
        said += f"; {_agreement(run.on_broker)}"
    yield from wrapped("  ", "good" if run.passed else "danger", f"{said}.", width)


def _agreement(said: OnBroker) -> str:
    """Say what of the tests was compared on a broker; it agrees only where that is all, and it took every object."""
    total, differ = len(said.compared), sum(bool(one.disagreement) for one in said.compared.values())
    told = [f"the broker refuses {counted(len(said.refused), 'object')}"] if said.refused else []
    if all(one.nothing for one in said.compared.values()):
        return "; ".join([*told, "nothing was compared on the broker"])
    if said.in_full < total:
        told.append(f"{said.in_full:,} of {total:,} compared on the broker")
    if differ:
        told.append(f"the broker disagrees in {differ:,}")
    return "; ".join(told) or "the broker agrees"
