"""What `plan` shows of the linter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.cli.options import Common
    from rabbit_topo.lint import Finding, Suppression
    from rabbit_topo.plan import Plan


def found_in(plan: Plan, common: Common, comments: Sequence[Suppression]) -> tuple[Finding, ...]:
    """Lint what a plan declares as `lint` would, for the broker that was observed; return what is about its changes.

    Raises `UsageError` where the configuration names rules that do not exist, or a baseline that cannot be read.
    """
    from rabbit_topo.cli import lint_baseline
    from rabbit_topo.config import resolve_sources
    from rabbit_topo.lint import Context, chosen, lint
    from rabbit_topo.report.plan_findings import findings_of
    from rabbit_topo.routing import LATEST, Router

    if plan.empty and not plan.blocked:
        return ()
    configured = resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config)
    settings = configured.lint
    version = plan.facts.version or configured.target_version or LATEST
    context = Context(version, settings.exchange_types, nodes=settings.nodes, naming=settings.naming)
    linted = lint(
        plan.declared,
        context,
        rules=chosen(settings.select, settings.ignore, settings.extend_select),
        router=Router(plan.declared, version, plan.facts.operator_policies),
        comments=comments,
    )
    found = lint_baseline.compare(linted.found, settings.baseline).found if settings.baseline else linted.found
    return findings_of(plan, found)
