"""What is known beside a topology is known to every command."""

from __future__ import annotations

import pytest

from rabbit_topo.cli.judged import judged
from rabbit_topo.config.settings import Sources
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Policy, Queue, Topology
from rabbit_topo.routing import LATEST

X = Exchange("/", "x", "fanout")
THEIRS = Queue("/", "amq.gen-1", "classic")
BOUND = Binding("/", "x", "queue", "amq.gen-1")
LIMIT = Policy("/", "limit", "^", definition=Arguments({"max-length": 5}))
FACTS = Facts("here", "4.0.5", operator_policies=(LIMIT,), hidden=(THEIRS,), hidden_bindings=(BOUND,))


@pytest.mark.parametrize(("version", "judged_for"), [(None, "4.0.5"), ("3.10", "3.10")])
def test_a_broker_is_known_whole_whatever_the_release(version: str | None, judged_for: str) -> None:
    context, router = judged(Topology({X.key: X}), Sources((), None), (), version=version, facts=FACTS, observed=True)
    assert (context.version, router.version) == (judged_for, judged_for)
    assert router.operator_policies == (LIMIT,)
    assert (list(router.hidden), list(router.bindings_from(X.key))) == ([THEIRS], [BOUND])


def test_files_know_nothing_of_what_nobody_manages() -> None:
    _, router = judged(Topology({X.key: X}), Sources((), None), (), facts=FACTS)
    assert router.operator_policies == (LIMIT,)
    assert not router.hidden


def test_where_nobody_tells_a_release_the_configured_one_counts() -> None:
    assert judged(Topology({}), Sources((), None, target_version="3.12"), ()).context.version == "3.12"
    assert judged(Topology({}), Sources((), None), ()).context.version == LATEST
