"""`rabbit-topo doctor`."""

from __future__ import annotations

from typing import Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import Progress, emit


@click.command("doctor")
@options.common
@options.login
def command(**given: Any) -> int:
    """Tell whether the broker lets us in, where that leads, and what we may do.

    Both URLs are tried, each on its own: is it one cluster, as whom, with which
    permissions in the vhosts of FILES (without any, in those that the user sees);
    which declared objects would be refused; when does a certificate expire.
    Nothing is changed on the broker.

    Exit codes: 0 logged in, warnings or none; 1 a road leads nowhere; 5 the roads
    lead to different clusters.
    """
    from rabbit_topo.broker.diagnosis import diagnose
    from rabbit_topo.cli.session import settle
    from rabbit_topo.load import load
    from rabbit_topo.model import LOCK_NAME, Topology
    from rabbit_topo.report.doctor import doctor_lines
    from rabbit_topo.report.doctor_document import doctor_document
    from rabbit_topo.report.doctor_findings import findings

    common, login, _ = options.split(given)
    settings = settle(common, login)
    sources = common.files or settings.sources
    declared = load(*sources, vhost=common.vhost) if sources else Topology()
    progress = Progress(common)
    try:
        diagnosis = diagnose(settings.target, declared, progress.say, lock=settings.lock_name or LOCK_NAME)
    finally:
        progress.clear()
    emit(common, lambda width: doctor_lines(diagnosis, width), lambda: doctor_document(diagnosis))
    if common.quiet:
        for finding in findings(diagnosis):
            if finding.level == "problem":
                click.echo(f"rabbit-topo: {finding.message}", err=True)
    return diagnosis.exit_code
