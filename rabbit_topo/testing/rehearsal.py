"""A rehearsal: the plan is applied to a copy of what the broker holds, before the broker itself sees it.

The copy lies in vhosts that are made for it, on the broker or on a throwaway node. What was observed is declared there
as it is; the same comparison makes the plan, and the same code carries it out.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.apply import apply, refusal_of
from rabbit_topo.broker.connect import connect_target
from rabbit_topo.diff import diff
from rabbit_topo.errors import BrokerError, TopoError, UsageError
from rabbit_topo.model import PREDECLARED, Kind, Topology
from rabbit_topo.plan import make_plan
from rabbit_topo.report.rehearsal_run import Copy, NotCopied, Rehearsal, Stage
from rabbit_topo.report.tests_run import TestRun
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import cases_of, run_case
from rabbit_topo.testing.copied import (
    Told,
    copy_limits,
    copy_operator_policies,
    read_limits,
)
from rabbit_topo.testing.declared import declare_all
from rabbit_topo.testing.on_broker import on_broker
from rabbit_topo.testing.relocated import moved_key, placed, relocated
from rabbit_topo.testing.scratch import REHEARSAL, must_administer
from rabbit_topo.testing.stage import At, Heard, http_of, staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Key, Observed, Resource
    from rabbit_topo.plan import Consent, Outcome, Plan, Report

_UNHEARD: Final = Heard()
_EVERYTHING: Final = 100  # per cent: how much may go was judged of the real plan


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be rehearsed: the files, and what was agreed to.

    `partial` says that blocked rows were. `sandbox` asks for a throwaway node, `tests` for the route tests; `shown`
    names the files.
    """

    declared: Topology
    consent: Consent
    shown: str
    partial: bool = False
    sandbox: bool = False
    tests: bool = True


def rehearse(target: Target, wanted: Wanted, heard: Heard = _UNHEARD) -> Rehearsal:
    """Rehearse the plan of these files for a broker, and say what came of it; nothing of the broker's own is written.

    The vhosts of the copy are deleted at the end in every case; where that does not work, the result says so. Raises
    `UsageError` where the road does not show everything, `AccessRefused` without the right to make and delete vhosts,
    `Refusal` where an apply would refuse the whole plan whatever rows are blocked, and `BrokerError`.
    """
    if target.broker is None and target.amqp is not None:
        raise UsageError("AMQP alone does not show what is to be copied", "give the management URL too: --broker")
    seen, result = _seen(target, wanted, heard), None
    try:
        with staged(target, seen.observed, wanted.declared, heard, sandbox=wanted.sandbox) as at:
            result = _Run(at, wanted, heard, seen).rehearsed()
    except BrokerError as error:
        if result is None:
            raise
        return replace(result, stays=(error.message, error.hint))
    return result


@dataclass(frozen=True, slots=True)
class _Seen:
    """The broker as it is, the plan that it would get, and the limits of its vhosts."""

    observed: Observed
    plan: Plan
    limits: Mapping[str, dict[str, Any] | str]


def _seen(target: Target, wanted: Wanted, heard: Heard) -> _Seen:
    declared = wanted.declared
    with closing(connect_target(target)) as broker:
        http = http_of(broker)
        if http is None and not wanted.sandbox:
            raise UsageError(
                "a definitions file has no vhosts to rehearse in", "rehearse on a throwaway node: --sandbox"
            )
        if http and not wanted.sandbox:
            must_administer(http, REHEARSAL)
        heard.say("reading the broker ...")
        observed = broker.observe(declared)
        plan = make_plan(diff(observed, declared), observed, declared, wanted.consent)
        if refusal := refusal_of(plan, partial=True):
            raise refusal
        known = sorted(observed.facts.vhosts.intersection(declared.vhosts))
        return _Seen(observed, plan, read_limits(http, known))


@dataclass(frozen=True, slots=True)
class _Run:
    """One rehearsal: where, and of what."""

    at: At
    wanted: Wanted
    heard: Heard
    seen: _Seen

    def rehearsed(self) -> Rehearsal:
        """Copy, plan, apply, and run the route tests."""
        copy, missing, there = self._copied()
        self.heard.say("planning ...")
        declared = relocated(self._without(missing), self.at.vhosts)
        consent = replace(self.wanted.consent, max_delete=_EVERYTHING)
        plan = make_plan(diff(there, declared), there, declared, consent)
        count = self.heard.count(sum(1 for _ in plan.operations))
        report = apply(plan, self.at.broker, partial=True, on_outcome=lambda _: count())
        facts = there.facts
        stage = Stage(facts.target, facts.version, self.at.vhosts, self.wanted.sandbox)
        told = self._told(stage, copy, report)
        return told if report.interrupted else self._tested(told)

    def _copied(self) -> tuple[Copy, dict[Key, str], Observed]:
        """Declare what was observed, as it is; return how the copy differs, why by key, and what it holds.

        Raises `BrokerError` where the line was lost over it: then nobody knows what the broker would have said.
        """
        facts, vhosts, told = self.seen.observed.facts, self.at.vhosts, Told()
        self.heard.say("copying what is there ...")
        found: dict[Key, Resource] = {
            key: one
            for key, one in self.seen.observed.topology.resources.items()
            if not (key.kind is Kind.EXCHANGE and key.name in PREDECLARED)
        }
        copy_operator_policies(self.at.http, facts, vhosts, told)
        wanted = relocated(Topology(found), vhosts)
        declared = declare_all(self.at.broker, wanted)
        there = self.at.broker.observe(relocated(self.wanted.declared, vhosts))
        refused = {key: why for key, why in declared.refused.items() if key not in there.topology.resources}
        if declared.lost and refused:
            raise BrokerError(f"the copy could not be made: {declared.lost}")
        home = {copy: vhost for vhost, copy in vhosts.items()}
        silently = _silently(wanted, there, refused)
        missing = {moved_key(key, home): placed(why, home, words=True) for key, why in (refused | silently).items()}
        lacking = tuple(NotCopied(found[key], missing[key]) for key in sorted(missing, key=lambda key: key.order))
        less = {
            vhost: sum(queue.vhost == vhost for queue in facts.hidden)
            + sum(one.resource.key.kind is Kind.QUEUE and one.resource.key.vhost == vhost for one in lacking)
            for vhost in vhosts
        }
        copy_limits(self.at.http, self.seen.limits, vhosts, less, told)
        for key in found:
            if any(end in missing for end in key.ends):
                missing.setdefault(key, "an end of it could not be copied")
        return Copy(lacking, len(facts.hidden), tuple(told.limits), tuple(told.gaps)), missing, there

    def _without(self, missing: Mapping[Key, str]) -> Topology:
        """Take what could not be copied, and is to stay as it is, for an object of others: it is not declared anew."""
        declared = self.seen.plan.declared
        changing = {operation.key for operation in self.seen.plan.operations}
        changing |= {row.change.key for row in self.seen.plan.blocked}
        notes = dict(declared.notes)
        for key in declared.resources:
            stays = key in missing and key not in changing
            if stays or any(end in missing and end not in changing for end in key.ends):
                notes[key] = replace(declared.note(key), external=True, stated=frozenset())
        return replace(declared, notes=notes)

    def _told(self, stage: Stage, copy: Copy, report: Report) -> Rehearsal:
        """Tell what came of the copy as of the vhosts that it is a copy of."""
        home = {copied: vhost for vhost, copied in stage.vhosts.items()}
        outcomes: tuple[Outcome, ...] = placed(report.outcomes, home, words=True)
        return Rehearsal(
            self.seen.plan,
            stage,
            copy,
            outcomes,
            placed(report.plan.blocked, home, words=True),
            placed(report.surprises, home),
            report.unverified,
            report.interrupted,
            self.wanted.partial,
            untested="the rehearsal was interrupted" if report.interrupted else "",
        )

    def _tested(self, told: Rehearsal) -> Rehearsal:
        """Run the route tests, on the same node and in vhosts of their own."""
        declared = self.wanted.declared
        cases = cases_of(declared)
        if not self.wanted.tests:
            return replace(told, untested="--no-tests")
        if not cases:
            return replace(told, untested="the files have none")
        if self.at.target.amqp is None:
            return replace(told, untested="they are published over AMQP: give the AMQP URL too (--amqp)")
        version = self.seen.observed.facts.version
        router = Router(declared, version)
        results = [run_case(router, case) for case in cases]
        try:
            said = on_broker(self.at.target, router, results, self.heard.say)
        except TopoError as error:
            return replace(told, unverified=f"the route tests: {error.message}")
        return replace(told, tests=TestRun(declared, self.wanted.shown, version, results, on_broker=said))


def _silently(wanted: Topology, there: Observed, refused: Mapping[Key, str]) -> dict[Key, str]:
    """Return what the broker took, and did not make, or made otherwise."""
    found: dict[Key, str] = {}
    for key, one in wanted.resources.items():
        if key in refused or any(end in refused for end in key.ends):
            continue
        made = there.topology.resources.get(key)
        if made is None:
            found[key] = "the broker took it, and it is not there"
        elif made != one:
            found[key] = "the broker took it, and made something else of it"
    return found
