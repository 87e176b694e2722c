"""Which policies are in effect, and what they come to: our answer beside the broker's.

CI tries 30 random sets of policies and operator policies on each version. The long run tries as many as it is told to:

    RABBIT_TOPO_POLICY_SETS=1000 pytest tests/integration/test_effective.py

RABBIT_TOPO_SEED, 1 if it is not set, begins another series.
"""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.model import Exchange, Policy, Queue
from rabbit_topo.policies import effective, merged_definition, pattern_matches, release
from tests.ctl import ctl, quick_statistics
from tests.policy_sets import policies, targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers import Node

SETS = int(os.environ.get("RABBIT_TOPO_POLICY_SETS", "30"))
SEED = os.environ.get("RABBIT_TOPO_SEED", "1")
_AT_ONCE = 20  # vhosts, each with a set of its own
_FRESH = (4, 3)  # the first of our versions that shows a queue's policies without waiting for statistics
_SHOWN = ("policy", "operator_policy", "effective_policy_definition")
_SETTLED = 2.0  # seconds after which statistics are of the policies that were written before

_Answer = dict[str, Any]


@pytest.fixture
def vhosts(node: Node) -> Iterator[list[str]]:
    """Vhosts for as many sets as are tried at once."""
    names = [f"policies-{number}" for number in range(min(_AT_ONCE, SETS))]
    for name in names:
        node.http("PUT", "vhosts", name, body={})
        node.http("PUT", "permissions", name, "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    yield names
    for name in names:
        node.http("DELETE", "vhosts", name)


def test_random_policies_are_in_effect_as_on_the_broker(node: Node, vhosts: list[str]) -> None:
    random = Random(f"{SEED} {node.label}")  # noqa: S311 - a series that can be had again
    ctl(node, "eval", "application:set_env(rabbit, quorum_tick_interval, 300).")
    there = {vhost: targets(random, vhost) for vhost in vhosts}
    with quick_statistics(node):
        for made in there.values():
            _declare(node, made)
        before: list[Policy] = []
        for start in range(0, SETS, len(vhosts)):
            now: list[Policy] = []
            expected: dict[tuple[str, str, str], _Answer] = {}
            for number, vhost in enumerate(vhosts[: SETS - start], start):
                ours = policies(random, vhost, release(node.version), number)
                theirs = policies(random, vhost, release(node.version), number, operator=True)
                now += ours + theirs
                for target in there[vhost]:
                    expected[_key(target)] = _expected(target, ours, theirs, node.version)
            _write(node, before, now)
            _compare(node, expected, now)
            before = now
    ctl(node, "eval", "application:unset_env(rabbit, quorum_tick_interval).")


def _key(target: Queue | Exchange) -> tuple[str, str, str]:
    return target.vhost, "exchanges" if isinstance(target, Exchange) else "queues", target.name


def _expected(target: Queue | Exchange, ours: list[Policy], theirs: list[Policy], version: str) -> _Answer:
    assert not any(pattern_matches(policy.pattern, "") is None for policy in ours + theirs)
    policy, operator = effective(ours, target, version), effective(theirs, target, version)
    if isinstance(target, Exchange):
        return {"policy": policy.name if policy else None}
    found = policy.name if policy else None, operator.name if operator else None, merged_definition(policy, operator)
    return dict(zip(_SHOWN, found, strict=True))


def _declare(node: Node, made: list[Queue | Exchange]) -> None:
    for target in made:
        vhost, road, name = _key(target)
        given = {"arguments": {"x-queue-type": target.type}} if isinstance(target, Queue) else {"type": target.type}
        node.http("PUT", road, vhost, name, body={"durable": True, **given})


def _write(node: Node, before: list[Policy], now: list[Policy]) -> None:
    for policy in before:
        node.http("DELETE", _road(policy), policy.vhost, policy.name)
    for policy in now:
        body: _Answer = {"pattern": policy.pattern, "priority": policy.priority, "apply-to": policy.apply_to}
        body["definition"] = dict(policy.definition)
        node.http("PUT", _road(policy), policy.vhost, policy.name, body=body)


def _road(policy: Policy) -> str:
    return "operator-policies" if policy.name.startswith("o") else "policies"


def _compare(node: Node, expected: dict[tuple[str, str, str], _Answer], now: list[Policy]) -> None:
    settled = time.monotonic() + (0 if release(node.version) >= _FRESH else _SETTLED)
    deadline = settled + 30
    while True:
        begun = time.monotonic()
        wrong = _wrong(node, expected)
        if begun >= settled and (not wrong or begun > deadline):
            break
        time.sleep(0.1)
    vhosts = {key[0] for key in wrong}
    assert not wrong, (wrong, [policy for policy in now if policy.vhost in vhosts])


def _wrong(node: Node, expected: dict[tuple[str, str, str], _Answer]) -> dict[tuple[str, str, str], Any]:
    """Return what the broker tells otherwise: (expected, told)."""
    told: dict[tuple[str, str, str], _Answer] = {}
    vhosts = sorted({key[0] for key in expected})
    for vhost in vhosts:
        for one in node.http("GET", "exchanges", vhost):
            told[vhost, "exchanges", one["name"]] = {"policy": one.get("policy")}
        fresh = {one["name"]: one for one in node.http("GET", "queues", vhost, query="disable_stats=true")}
        late = {one["name"]: one for one in node.http("GET", "queues", vhost)}
        for name, one in fresh.items():
            told[vhost, "queues", name] = _told(
                one if release(node.version) >= _FRESH else {**late[name], **_only(one)}
            )
    return {key: (answer, told[key]) for key, answer in expected.items() if told[key] != answer}


def _only(one: _Answer) -> _Answer:
    return {"policy": one.get("policy")}


def _told(one: _Answer) -> _Answer:
    return {key: one.get(key) or ({} if key == _SHOWN[-1] else None) for key in _SHOWN}
