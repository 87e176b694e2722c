"""What `plan` and `apply` show of the linter."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.errors import BrokerError, UsageError

if TYPE_CHECKING:
    from rabbit_topo.cli.options import Common
    from rabbit_topo.cli.session import Session
    from rabbit_topo.lint import Finding
    from rabbit_topo.plan import Plan


def found_in(plan: Plan, common: Common, here: Session) -> tuple[Finding, ...]:
    """Lint what a plan declares as `lint --live` would; return what is about its changes.

    No plan fails by the linter: where that is configured wrongly, or the broker does not answer, a line on stderr
    says so, and nothing is found.
    """
    from rabbit_topo.cli.output import show
    from rabbit_topo.report.layout import Span

    try:
        return _found(plan, common, here)
    except (UsageError, BrokerError) as error:
        show([(Span(f"nothing was linted: {error.message}", "dim"),)], sys.stderr, common.color)
        return ()


def _found(plan: Plan, common: Common, here: Session) -> tuple[Finding, ...]:
    from rabbit_topo.cli import lint_baseline
    from rabbit_topo.cli.judged import judged
    from rabbit_topo.config import resolve_sources
    from rabbit_topo.lint import chosen, lint
    from rabbit_topo.report.plan_findings import findings_of

    configured = resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config)
    settings = configured.lint
    rules = chosen(settings.select, settings.ignore, settings.extend_select)
    known = lint_baseline.read(settings.baseline) if settings.baseline else frozenset()
    if plan.empty and not plan.blocked:
        return ()
    by = judged(plan.declared, configured, rules, facts=plan.facts, target=here.target)
    linted = lint(plan.declared, by.context, rules=rules, router=by.router, comments=here.comments)
    return findings_of(plan, lint_baseline.compare(linted.found, known).found)
