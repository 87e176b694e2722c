"""`rabbit-topo rehearse`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import Progress, emit, show, width
from rabbit_topo.cli.signals import only_tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.cli.options import Common


@click.command("rehearse")
@options.common
@options.login
@options.channels
@options.consent
@click.option("--sandbox", is_flag=True, help="Rehearse on a throwaway node, from the installed rabbitmq-server.")
@click.option("--no-tests", is_flag=True, help="Leave out the route tests.")
@click.option("--yes", is_flag=True, help="Do not ask before the broker of a configured environment is used.")
def command(**given: Any) -> int:
    """Apply the plan to a copy of the broker first, and tell what would be refused.

    The copy lies in vhosts of random names, which are removed at the end in every
    case; that takes the tag administrator. What the broker holds is declared there
    as it is, then the plan is made and applied there, by the code and with the
    flags of apply, and then the route tests are run. The broker's own vhosts are
    only read.

    Exit codes: 0 what was tried goes through, 4 something would be refused or a
    route test failed, 5 refused, 1 failed, 129, 130 or 143 interrupted.
    """
    from rabbit_topo.broker.address import check_vhost
    from rabbit_topo.cli.question import ask_for_rehearsal
    from rabbit_topo.cli.session import files_of, settle
    from rabbit_topo.load import load
    from rabbit_topo.report.rehearsal import rehearsal_lines, rehearsal_problems
    from rabbit_topo.report.rehearsal_document import rehearsal_document
    from rabbit_topo.testing.rehearsal import Wanted, rehearse
    from rabbit_topo.testing.stage import Heard

    common, login, own = options.split(given)
    settings = settle(common, login)
    files, progress = files_of(common), Progress(common)
    declared = load(*files, vhost=common.vhost, tests=not own["no_tests"])
    check_vhost(settings.target, declared.vhosts)
    if settings.environment and not (own["yes"] or own["sandbox"]):
        ask_for_rehearsal(settings.environment)
    wanted = Wanted(
        declared,
        options.consent_of(own),
        "  ".join(files),
        partial=own["partial"],
        sandbox=own["sandbox"],
        tests=not own["no_tests"],
    )
    try:
        run = rehearse(settings.target, wanted, Heard(progress.say, _begin(common, progress), progress.counter))
    finally:
        progress.clear()
    only_tell()
    emit(
        common,
        lambda width: rehearsal_lines(run, files, width, verbose=common.verbose),
        lambda: rehearsal_document(run),
        quiet=lambda width: rehearsal_problems(run, width),
    )
    return run.exit_code


def _begin(common: Common, progress: Progress) -> Callable[[str, tuple[str, ...], tuple[str, ...]], None]:
    """Return what says, before anything is declared, where it will be."""
    from rabbit_topo.report.layout import wrapped

    def begin(url: str, vhosts: tuple[str, ...], others: tuple[str, ...]) -> None:
        progress.clear()
        if not common.quiet:
            said = f"on {url}, in {', '.join(vhosts)}: made for it, and removed at the end"
            show(wrapped("rehearsing ", "", said, width()), sys.stderr, "never")
        for name in others:
            said = f"{name} is there already: of a run that was killed, if none is going on"
            show(wrapped("", "", said, width()), sys.stderr, "never")
            click.echo(f"  delete it: rabbitmqctl delete_vhost {name}", err=True)

    return begin
