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
from rabbit_topo.config.lint_section import FAIL_ON
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker.target import Target
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.cli.source import Source
    from rabbit_topo.report.findings import Findings

FINDINGS: Final = 4


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
@click.option("--fail-on", type=click.Choice(FAIL_ON), help="The least severity that ends with 4.  [warning]")
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
    from rabbit_topo.plan.hazards import counted

    common, login, own = options.split(given)
    here = source(common, login, own["given"], tolerant=True)
    findings = _lint(here, common, login, own)
    if own["write_baseline"]:
        kept = lint_baseline.acceptable(findings.found, here.problems)
        lint_baseline.save(kept, own["write_baseline"])
        refused = len(findings.found) - len(kept)
        more = f"; {counted(refused, 'finding')} that plan refuses must be mended" if refused else ""
        click.echo(f"{own['write_baseline']}: {counted(len(kept), 'finding')}{more}", err=True)
        asked = tuple(output for output in common.formats if output.file or output.format != "text")
        _emit(replace(common, formats=asked), findings)
        return 0
    if baseline := own["baseline"] or here.configured.lint.baseline:
        new = lint_baseline.compare(findings.found, lint_baseline.read(baseline))
        findings = replace(findings, found=new.found, baseline=new.known)
        if new.gone:
            gone = f"{new.gone} of its findings {'is' if new.gone == 1 else 'are'} gone"
            click.echo(f"{baseline}: {gone}; --write-baseline makes it anew", err=True)
    _emit(common, findings)
    return FINDINGS if findings.failed else 0


def _emit(common: Common, findings: Findings) -> None:
    from rabbit_topo.report.findings import findings_lines
    from rabbit_topo.report.findings_ci import findings_github, findings_junit, findings_markdown
    from rabbit_topo.report.findings_document import findings_document, findings_sarif

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


def _lint(here: Source, common: Common, login: BrokerOptions, own: dict[str, Any]) -> Findings:
    from rabbit_topo.arguments.versions import NEWEST, OLDEST, read_release
    from rabbit_topo.cli.judged import judged
    from rabbit_topo.lint import chosen, lint
    from rabbit_topo.report.findings import SEVERITIES, Findings

    version, settings = own["target_version"], here.configured.lint
    release = read_release(version) if version is not None else NEWEST
    if release is None:
        raise UsageError(f"{version!r} is no version of RabbitMQ", "write it like 4.3 or 3.10.8")
    if not OLDEST <= release <= NEWEST:
        tried = " to ".join(".".join(map(str, one)) for one in (OLDEST, NEWEST))
        click.echo(f"warning: the rules are not tried with RabbitMQ {version}, but with {tried}", err=True)
    if own["live"] and here.live and here.live.facts.road == "file":
        raise UsageError(f"--live asks a broker, and {here.shown} is a file", "leave one of them out")
    if own["select"]:  # whoever names rules here means these, whatever the configuration says
        settings = replace(settings, select=own["select"], ignore=(), extend_select=())
    rules = chosen(
        settings.select, (*settings.ignore, *own["ignore"]), (*settings.extend_select, *own["extend_select"])
    )
    if not rules:
        raise UsageError("no rule is left to run", "see `ignore` in the configuration, and --ignore")
    by = judged(
        here.topology,
        here.configured,
        rules,
        version=version,
        facts=here.live.facts if here.live else None,
        target=here.target or _asked(common, login, own),
        observed=here.live is not None,
    )
    linted = lint(
        here.topology,
        by.context,
        rules=rules,
        router=by.router,
        problems=here.problems,
        comments=here.comments,
        damaged=here.damaged,
        partial=here.partial,
    )
    least = own["fail_on"] or settings.fail_on
    fails = SEVERITIES[: SEVERITIES.index(least) + 1] if least in SEVERITIES else ()
    return Findings(
        linted.found,
        rules,
        sorted(here.topology.files),
        "" if here.topology.files else here.shown,
        by.context.version,
        linted.suppressed,
        fails=frozenset(fails),
    )


def _asked(common: Common, login: BrokerOptions, own: dict[str, Any]) -> Target | None:
    """Return the broker that files are judged for, where one is named."""
    from rabbit_topo.cli.judged import is_live

    if not (own["live"] or login.broker or login.amqp or login.env):
        return None
    target = settle(common, login).target
    if not is_live(target):
        raise UsageError("the broker is asked over HTTP", "name the management URL with --broker, or as `broker:`")
    return target
