"""A run of route tests for other programs: a JSON document, and JUnit's XML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.report import words
from rabbit_topo.report.resources import FORMAT_VERSION
from rabbit_topo.report.tests import by_file, failure_text
from rabbit_topo.report.tests_run import Outcome, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.model import Binding, Origin, Plain
    from rabbit_topo.report.tests_run import TestRun
    from rabbit_topo.routing import Route

_WIDTH: Final = 100


def run_document(run: TestRun) -> dict[str, Any]:
    """Return the document that `schemas/test.schema.json` describes."""
    coverage, broker = run.coverage, run.on_broker
    return {
        "format_version": FORMAT_VERSION,
        "document": "test",
        "passed": run.passed,
        "source": run.shown,
        "version": run.version,
        "summary": {
            "tests": len(run.cases),
            "failed": sum(not case.passed for case in run.cases),
            "not_selected": run.deselected,
            "invariants": len(run.invariants),
            "invariants_failed": len(run.broken),
        },
        "tests": [_outcome(case) for case in run.cases],
        "invariants": [_outcome(Outcome(result)) for result in run.invariants],
        "coverage": coverage
        and {
            "percent": coverage.percent,
            "wanted": run.fail_under,
            "bindings": coverage.total,
            "exercised": len(coverage.exercised),
            "not_exercised": [_binding(one, run.topology.note(one.key).origin) for one in coverage.missed],
        },
        "broker": broker
        and {
            "target": broker.target,
            "version": broker.version,
            "refused": list(broker.refused),
            "left_out": list(broker.left_out),
            "compared_in_full": broker.in_full,
            "problems": list(broker.problems),
        },
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    result, said = outcome.result, outcome.compared
    return {
        "name": result.name,
        "origin": _origin(result.origin),
        "passed": outcome.passed,
        "problems": list(outcome.problems),
        "message": result.route and _message(result.route),
        "queues": list(result.route.queues) if result.route else [],
        "perhaps": list(result.route.perhaps) if result.route else [],
        "steps": [
            {
                "queue": step.step.queue,
                "event": step.step.event,
                "problem": step.problem,
                "reason": step.dead.reason if step.dead else "",
                "queues": list(step.dead.queues) if step.dead else [],
            }
            for step in result.steps
        ],
        "broker": said
        and {
            "passed": said.passed,
            "problem": said.problem,
            "disagreement": said.disagreement,
            "not_compared": list(said.not_compared),
        },
    }


def _message(route: Route) -> dict[str, Any]:
    message = route.message
    return {
        "vhost": route.vhost,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "headers": dict(message.headers),
    }


def _origin(origin: Origin | None) -> dict[str, Any] | None:
    return {"file": origin.file, "line": origin.line, "column": origin.column} if origin else None


def _binding(binding: Binding, origin: Origin | None) -> dict[str, Any]:
    return {
        "vhost": binding.vhost,
        "source": binding.source,
        "destination_kind": binding.destination_kind,
        "destination": binding.destination,
        "routing_key": binding.routing_key,
        "arguments": dict(binding.arguments),
        "origin": _origin(origin),
    }


def run_junit(run: TestRun) -> str:
    """Return JUnit's XML: a suite for each file, one for the invariants, for the coverage wanted, and the broker."""
    invariants = [Outcome(result) for result in run.invariants]
    suites = by_file(run.cases)
    suites += [("invariants", invariants)] if invariants else []
    wanted = run.fail_under is not None
    broken = run.on_broker.problems if run.on_broker else ()
    failures = len(run.failed) + (not run.covered) + bool(broken)
    total = {
        "name": "rabbit-topo test",
        "tests": len(run.cases) + len(invariants) + wanted + bool(run.on_broker),
        "failures": failures,
        "errors": 0,
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_attributes(total)}>"]
    for name, cases in suites:
        failed = sum(not case.passed for case in cases)
        counts = {"name": name, "tests": len(cases), "failures": failed, "errors": 0}
        lines.append(f"  <testsuite{_attributes(counts)}>")
        for one, called in zip(cases, numbered(case.result.name for case in cases), strict=True):
            lines += _case(one, run, name, called)
        lines.append("  </testsuite>")
    if wanted and run.coverage:
        said = f"{run.coverage.percent} % of the bindings are exercised, and {run.fail_under} % is wanted"
        lines += _one("coverage", f"at least {run.fail_under} %", "" if run.covered else said)
    if run.on_broker:
        lines += _one("broker", "it takes the topology and the tests", "; ".join(broken))
    return "\n".join([*lines, "</testsuites>", ""])


def _one(suite: str, name: str, problem: str) -> Iterator[str]:
    """Lay out a suite of one case."""
    yield f"  <testsuite{_attributes({'name': suite, 'tests': 1, 'failures': int(bool(problem)), 'errors': 0})}>"
    failure = f"<failure{_attributes({'message': problem})}/>" if problem else ""
    yield f"    <testcase{_attributes({'classname': suite, 'name': name})}>{failure}</testcase>"
    yield "  </testsuite>"


def _case(outcome: Outcome, run: TestRun, suite: str, name: str) -> Iterator[str]:
    result = outcome.result
    about: dict[str, Plain] = {"classname": suite, "name": name}
    if result.origin:
        about |= {"file": result.origin.file, "line": result.origin.line}
    if outcome.passed:
        yield f"    <testcase{_attributes(about)}/>"
        return
    told = failure_text(outcome, run.topology, _WIDTH)
    yield f"    <testcase{_attributes(about)}>"
    yield f"      <failure{_attributes({'message': '; '.join(outcome.problems)})}>{escape(told)}</failure>"
    yield "    </testcase>"


def _attributes(given: Mapping[str, Plain]) -> str:
    return "".join(f' {name}="{escape(words.clean(str(value)))}"' for name, value in given.items())
