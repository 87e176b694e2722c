"""`rabbit-topo test`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import Progress, emit
from rabbit_topo.cli.source import source
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.cli.source import Source
    from rabbit_topo.model import Topology
    from rabbit_topo.report.tests_run import OnBroker
    from rabbit_topo.routing.cases import CaseResult

FAILED: Final = 4


@click.command("test")
@options.common
@options.login
@click.option(
    "--from",
    "given",
    metavar="SOURCE",
    help="Test another topology: a definitions.json, a management URL, the word broker, or files.",
)
@click.option("-k", "expression", metavar="EXPR", help="Run the tests whose name has these words: 'paid and not late'.")
@click.option("--coverage", is_flag=True, help="Show which bindings no test exercises.")
@click.option(
    "--fail-under", metavar="N", type=click.IntRange(0, 100), help="Exit 4 if fewer per cent of them are exercised."
)
@click.option("--on-broker", is_flag=True, help="Publish the same messages on a broker too, in a vhost made for it.")
@click.option("--yes", is_flag=True, help="Do not ask before the broker of a configured environment is used.")
@click.option("--no-invariants", is_flag=True, help="Run what is written only.")
def command(**given: Any) -> int:
    """Run the route tests: which message must reach which queues.

    FILES are files or folders, without any the config's `sources`; the tests of
    a *.test.yaml that is named alone are about these, or about the folder it is
    in. Nothing is sent, unless --on-broker asks for it: then the topology is
    declared in a vhost of a random name, which is deleted at the end in every
    case. Two things are looked at without a test that says so: every publisher
    reaches a queue, and every declared queue can be reached.
    Exit codes: 0 all passed, 4 not, 2 nothing to test, 5 not confirmed.
    """
    from rabbit_topo.report.tests import TestRun, problem_lines, run_lines
    from rabbit_topo.report.tests_document import run_document, run_junit
    from rabbit_topo.routing.cases import cases_of, run_case
    from rabbit_topo.routing.coverage import coverage
    from rabbit_topo.routing.invariants import invariants
    from rabbit_topo.testing.selection import none_chosen, selection

    common, login, own = options.split(given)
    wanted = selection(own["expression"]) if own["expression"] is not None else None
    here, tests = _read(common, login, own["given"])
    cases = cases_of(tests)
    chosen = [case for case in cases if wanted is None or wanted(case.name)]
    if wanted is not None and not chosen:
        raise none_chosen(own["expression"], [case.name for case in cases])
    if not cases and own["no_invariants"]:
        raise UsageError(
            "there is nothing to test: no file has tests, and --no-invariants leaves the rest out",
            "write some under `tests:`, or leave --no-invariants out",
        )
    results = [run_case(here.router, case) for case in chosen]
    everything = wanted is None and not own["no_invariants"]
    run = TestRun(
        here.topology,
        here.shown,
        here.version,
        results,
        invariants(here.router, tests) if everything else (),
        coverage(here.router, results) if own["coverage"] or own["fail_under"] is not None else None,
        own["fail_under"],
        len(cases) - len(chosen),
        _publish(common, login, here, results, sure=own["yes"]) if own["on_broker"] else None,
    )
    emit(
        common,
        lambda width: run_lines(run, width, verbose=common.verbose),
        lambda: run_document(run),
        quiet=lambda width: problem_lines(run, width),
        junit=lambda: run_junit(run),
    )
    return 0 if run.passed else FAILED


def _read(common: Common, login: BrokerOptions, given: str | None) -> tuple[Source, Topology]:
    """Return the topology to test, and the one that the tests stand in."""
    from rabbit_topo.load import load
    from rabbit_topo.testing.sources import configured, only_tests

    if given is None:
        files = only_tests(common.files)
        if not files:
            here = source(common, login, tests=True)
            return here, here.topology
        about, version = configured(files, common.config)
        here = source(replace(common, files=about), login, tests=True)
        here = replace(here, version=version or here.version)
        tests = tuple(test for test in here.topology.tests if test.origin and _is_one(test.origin.file, files))
        return here, replace(here.topology, tests=tests)
    from rabbit_topo.cli.session import files_of

    here = source(replace(common, files=()), login, given)
    return here, load(*files_of(common), vhost=common.vhost, tests=True)


def _is_one(file: str, files: tuple[str, ...]) -> bool:
    from pathlib import Path

    return Path(file).resolve() in {Path(one).resolve() for one in files}


def _publish(common: Common, login: BrokerOptions, here: Source, results: list[CaseResult], *, sure: bool) -> OnBroker:
    from rabbit_topo.cli.question import ask_for_tests
    from rabbit_topo.cli.session import settle
    from rabbit_topo.testing.on_broker import on_broker

    settings = settle(common, login)
    target = settings.target
    if target.broker is None or target.amqp is None:
        raise UsageError(
            "--on-broker needs the management URL and the AMQP URL",
            "name them with --broker and --amqp, or as `broker:` and `amqp:` of an environment",
        )
    if settings.environment and not sure:
        ask_for_tests(settings.environment)
    progress = Progress(common)

    def begin(url: str, vhosts: tuple[str, ...], others: tuple[str, ...]) -> None:
        progress.clear()
        if not common.quiet:
            where = ", ".join(vhosts)
            click.echo(f"publishing on {url}, in {where}: made for these tests, and deleted at the end", err=True)
        for name in others:
            said = f"{name} is there already: of a run that was killed, if none is going on"
            click.echo(f"{said}; delete it: rabbitmqctl delete_vhost {name}", err=True)

    try:
        return on_broker(target, here.router, results, progress.say, begin)
    finally:
        progress.clear()
