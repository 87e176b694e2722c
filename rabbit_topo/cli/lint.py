"""`rabbit-topo lint`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo import __version__
from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.session import settle
from rabbit_topo.cli.source import source
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.cli.source import Source
    from rabbit_topo.config import LintSettings
    from rabbit_topo.lint import Context, Severity
    from rabbit_topo.report.findings import Findings

FINDINGS: Final = 4
_SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
_NEVER: Final = "never"


def _words(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for one in value for word in one.split(",") if word.strip())


@click.command("lint")
@options.common
@options.login
@click.option(
    "--from", "given", metavar="SOURCE", help="Look at a definitions.json, a management URL, or the word broker."
)
@click.option("--live", is_flag=True, help="Ask the configured broker for its version, its plugins and what it denies.")
@click.option(
    "--target-version", metavar="VERSION", help="The RabbitMQ to judge for.  [target_version, else the newest]"
)
@click.option(
    "--select", multiple=True, callback=_words, metavar="RULES", help="Run these only: codes, families, names."
)
@click.option("--ignore", multiple=True, callback=_words, metavar="RULES", help="Do not run these.")
@click.option("--extend-select", multiple=True, callback=_words, metavar="RULES", help="Run these too.")
@click.option(
    "--fail-on", type=click.Choice([*_SEVERITIES, _NEVER]), help="The least severity that ends with 4.  [warning]"
)
@click.option("--baseline", metavar="FILE", help="Tell only what is not in it.")
@click.option("--write-baseline", metavar="FILE", callback=options.writable, help="Write what is found, and exit 0.")
def command(**given: Any) -> int:
    """Find what is wrong with a topology, though it may be well-formed.

    It looks at files, at a definitions file or at a broker (--from), or at files
    as a certain broker would take them (--live, or a broker that is named).
    What `plan` would refuse is found with all the rest. `rabbit-topo rules`
    lists what is looked for, `rabbit-topo explain RT203` tells why. Nothing is
    written to a broker. Exit codes: 0; 4 with findings; 2 where a file cannot
    be read.
    """
    from rabbit_topo.cli import lint_baseline
    from rabbit_topo.report.findings import findings_lines
    from rabbit_topo.report.findings_ci import findings_github, findings_junit, findings_markdown
    from rabbit_topo.report.findings_document import findings_document, findings_sarif

    common, login, own = options.split(given)
    here = source(common, login, own["given"], tolerant=True)
    settings = here.configured.lint
    findings = _lint(here, _context(here, common, login, own), settings, own)
    if own["write_baseline"]:
        lint_baseline.save(findings.found, own["write_baseline"])
        click.echo(f"{own['write_baseline']}: {len(findings.found)} findings", err=True)
        return 0
    if baseline := own["baseline"] or settings.baseline:
        new = lint_baseline.compare(findings.found, baseline)
        findings = replace(findings, found=new.found, baseline=new.known)
        if new.gone:
            click.echo(f"{baseline}: {new.gone} of its findings are gone; --write-baseline makes it anew", err=True)
    emit(
        common,
        lambda width: findings_lines(findings, width),
        lambda: findings_document(findings),
        lambda: findings_markdown(findings),
        lambda width: findings_lines(findings, width) if findings.found else (),
        sarif=lambda: json.dumps(findings_sarif(findings, __version__), indent=2, ensure_ascii=False) + "\n",
        github=lambda: findings_github(findings),
        junit=lambda: findings_junit(findings),
    )
    return FINDINGS if findings.failed else 0


def _lint(here: Source, context: Context, settings: LintSettings, own: dict[str, Any]) -> Findings:
    from rabbit_topo.lint import chosen, lint
    from rabbit_topo.report.findings import Findings

    rules = chosen(
        own["select"] or settings.select,
        (*settings.ignore, *own["ignore"]),
        (*settings.extend_select, *own["extend_select"]),
    )
    router = here.router if here.version == context.version else None
    linted = lint(
        here.topology,
        context,
        rules=rules,
        router=router,
        problems=here.problems,
        comments=here.comments,
        damaged=here.damaged,
    )
    least = own["fail_on"] or settings.fail_on
    fails = _SEVERITIES[: _SEVERITIES.index(least) + 1] if least in _SEVERITIES else ()
    return Findings(
        linted.found,
        rules,
        sorted(here.topology.files),
        "" if here.topology.files else here.shown,
        context.version,
        linted.suppressed,
        fails=frozenset(fails),
    )


def _context(here: Source, common: Common, login: BrokerOptions, own: dict[str, Any]) -> Context:
    """Return what is known of the broker: what it says itself, else what the configuration says."""
    from rabbit_topo.arguments.versions import read_release
    from rabbit_topo.lint import Context

    stated = own["target_version"]
    if stated is not None and read_release(stated) is None:
        raise UsageError(f"{stated!r} is no version of RabbitMQ", "write it like 4.3 or 3.10.8")
    settings = here.configured.lint
    context = Context(
        version=stated or here.version,
        exchange_types=settings.exchange_types,
        nodes=settings.nodes,
        naming=settings.naming,
    )
    if here.target is not None:
        about = here.target
        if about.broker and "://" not in about.broker:  # a definitions file says nothing of a broker's plugins
            return context
    elif own["live"] or login.broker or login.amqp or login.env:
        about = settle(common, login).target
    else:
        return context
    if about.broker is None or "://" not in about.broker:
        raise UsageError("the broker is asked over HTTP", "name the management URL with --broker, or as `broker:`")
    from rabbit_topo.broker.surroundings import surroundings

    told = surroundings(about)
    return replace(
        context,
        version=stated or told.version,
        exchange_types=told.exchange_types if told.exchange_types is not None else context.exchange_types,
        denied=told.denied,
        nodes=told.nodes or context.nodes,
    )
