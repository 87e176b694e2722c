import pytest

from rabbit_topo.diff import diff
from rabbit_topo.model import LOCK_NAME, Arguments, Counts, Facts, Kind, Mark, Observed, Policy, Queue, Topology, Vhost
from rabbit_topo.plan import make_plan

EVERYTHING = Policy("/", "p", ".*", definition=Arguments({"max-length": 1}))
LOCK = Queue("/", LOCK_NAME, "classic", durable=False, arguments=Mark("lock", Kind.VHOST, "/").arguments)


@pytest.mark.parametrize(
    ("hidden", "blocked"),
    [(LOCK, False), (Queue("/", LOCK_NAME, "classic"), True), (Queue("/", "theirs", "classic"), True)],
    ids=["lock", "no lock but its name", "another"],
)
def test_the_lock_of_another_apply_is_nobody_whom_a_policy_could_hurt(hidden: Queue, *, blocked: bool) -> None:
    there = {one.key: one for one in [Vhost("/")]}
    facts = Facts(
        "here",
        "4.3",
        vhosts=frozenset({"/"}),
        counts={hidden.key: Counts(0, 0, 0)},
        hidden=(hidden,),
        exclusive=frozenset({hidden.key}),
    )
    observed = Observed(Topology(there), facts)
    declared = Topology({**there, EVERYTHING.key: EVERYTHING})

    assert bool(make_plan(diff(observed, declared), observed, declared).blocked) is blocked
