"""Route tests on a real broker: the same messages, published in a vhost that is made for them."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.both import Both
from rabbit_topo.model import Binding, Key, Kind
from rabbit_topo.report.tests_run import Compared, OnBroker
from rabbit_topo.routing import Router
from rabbit_topo.routing.cases import CaseResult, run_case
from rabbit_topo.testing.declared import declare_all
from rabbit_topo.testing.rehomed import rehomed
from rabbit_topo.testing.relocated import moved_key
from rabbit_topo.testing.replay import Replay
from rabbit_topo.testing.rounds import play
from rabbit_topo.testing.scratch import left_behind, scratch_vhost
from rabbit_topo.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rabbit_topo.broker.target import Target
    from rabbit_topo.routing.cases import Case


def on_broker(
    target: Target,
    router: Router,
    results: Sequence[CaseResult],
    say: Callable[[str], None] = lambda _: None,
    begin: Callable[[str, tuple[str, ...], tuple[str, ...]], None] = lambda *_: None,
) -> OnBroker:
    """Publish the messages of these cases on a broker, and say what it does with each.

    The topology is declared in a vhost of a random name, one for each of its own, which is deleted at the end in every
    case; nothing else of the broker is touched. What is expected is held against where the messages lie, and so is
    what the rules of the broker's version say. Raises `BrokerError`, `AccessRefused`, `Refusal`.
    """
    topology = router.topology
    broker = Both(target)
    with closing(broker), ExitStack() as stack:
        http, login = broker.management.http, Login(target)
        names = topology.vhosts or ("/",)
        say("making a vhost for the tests ...")
        others = left_behind(http)
        vhosts = {
            name: stack.enter_context(scratch_vhost(http, http.user, login.username or http.user)) for name in names
        }
        begin(http.url, tuple(vhosts.values()), others)
        moved, left_out = rehomed(topology, vhosts)
        say("declaring the topology there ...")
        facts, found, _ = declare_all(broker, moved)
        home = {vhost: name for name, vhost in vhosts.items()}
        refused = {moved_key(key, home): reason for key, reason in found.items()}
        absent = left_out | refused
        there = Router(topology, facts.version)
        trials = {}
        for name, vhost in vhosts.items():
            wanted = [key.name for key in moved.resources if key.kind is Kind.QUEUE and key.vhost == vhost]
            queues = [queue for queue in wanted if Key(name, Kind.QUEUE, queue) not in absent]
            trials[name] = stack.enter_context(closing(Trial(http, login.open, vhost, queues)))
        compared: dict[int, Compared] = {}
        replays: dict[int, Replay] = {}
        for number, result in enumerate(results):
            if result.case is None:
                continue
            one = _replay(run_case(there, result.case), result.case, there, trials, absent)
            if isinstance(one, Replay):
                replays[number] = one
            else:
                compared[number] = one
        compared |= play(replays, tuple(trials.values()), say)
        compared = dict(sorted(compared.items()))
    return OnBroker(facts.target, facts.version, compared, _told(refused), _told(left_out))


def _told(absent: Mapping[Key, str]) -> tuple[str, ...]:
    return tuple(f"{_spelled(key)}: {reason}" for key, reason in sorted(absent.items()))


def _spelled(key: Key) -> str:
    return f"binding {key.name} to {key.destination}" if key.destination_kind else f"{key.kind} {key.name}"


def _replay(
    result: CaseResult, case: Case, router: Router, trials: Mapping[str, Trial], absent: Mapping[Key, str]
) -> Replay | Compared:
    route = result.route
    if route is None or route.vhost not in trials:
        return Compared(not_compared=("its vhost is not in the topology",), nothing=True)
    if touched := _touched(result, absent):
        return Compared(not_compared=(f"it meets what is not on the broker: {touched}",), nothing=True)
    return Replay(trials[route.vhost], router, case, route, result.steps)


def _touched(result: CaseResult, absent: Mapping[Key, str]) -> str:
    routes = [result.route, *(step.dead.route for step in result.steps if step.dead)]
    for route in routes:
        for hop in route.hops if route else ():
            keys = [Key(route.vhost, Kind.EXCHANGE, hop.exchange)] if route else []
            for one in hop.taken:
                keys += [one.destination, *([one.binding.key] if isinstance(one.binding, Binding) else [])]
            for key in keys:
                if key in absent:
                    return f"{_spelled(key)} ({absent[key]})"
    return ""
