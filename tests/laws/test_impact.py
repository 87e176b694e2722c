"""A law of `plan`'s routing: where some message loses a queue, the plan shows that one does.

In small topologies every key of at most three words is tried, the words of the topology and one more; and random
headers.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from rabbit_topo.diff import diff
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Kind, Observed, Queue, Topology
from rabbit_topo.plan import Consent, make_plan
from rabbit_topo.plan.impact import impact
from rabbit_topo.plan.outlook import outlook
from rabbit_topo.routing import Message, Router

if TYPE_CHECKING:
    from rabbit_topo.model import DestinationKind, Resource

NAMES: Final = ("w", "x", "y", "z")
QUEUES: Final = ("q", "r")
WORDS: Final = ("a", "b", "c")
KEYS: Final = ["", *(".".join(words) for size in (1, 2, 3) for words in product(WORDS, repeat=size))]
HEADERS: Final[list[dict[str, Any]]] = [{}, {"h": 1}, {"h": 2}, {"i": 1}, {"h": 1, "i": 1}]
EVERYTHING: Final = Consent(prune=True, allow=frozenset({"replace"}), max_delete=100)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Draw exchanges that lead to each other and to queues, some with alternate exchanges, with hardly any words."""
    parts: list[Resource] = [Queue("/", name, "classic") for name in QUEUES]
    kinds = {name: draw(st.sampled_from(("topic", "topic", "topic", "direct", "fanout", "headers"))) for name in NAMES}
    for name, kind in kinds.items():
        spare = draw(st.sampled_from((None, None, *NAMES)))
        given_ = {} if spare in {None, name} else {"alternate-exchange": spare}
        parts.append(Exchange("/", name, kind, arguments=Arguments(given_)))
    words = st.lists(st.sampled_from(("a", "b", "*", "*", "#", "#")), max_size=3)
    for _ in range(draw(st.integers(1, 8))):
        source = draw(st.sampled_from(NAMES))
        to = draw(st.sampled_from((*QUEUES, *QUEUES, *NAMES)))
        headers = {}
        if kinds[source] == "headers":
            chosen = draw(st.sampled_from(HEADERS[1:]))
            headers = {"x-match": draw(st.sampled_from(("all", "any"))), **chosen}
        key = ".".join(draw(words)) if kinds[source] in {"topic", "direct"} else ""
        to_kind: DestinationKind = "queue" if to in QUEUES else "exchange"
        parts.append(Binding("/", source, to_kind, to, key, Arguments(headers)))
    return Topology({part.key: part for part in parts})


@settings(max_examples=150, derandomize=True)
@given(topologies(), topologies(), st.data())
def test_what_is_lost_is_shown(before: Topology, drawn: Topology, data: st.DataObject) -> None:
    """Keep most of the topology, as people do, or nothing of it."""
    after = drawn
    if data.draw(st.booleans()):
        keys = sorted({*before.resources, *drawn.resources})
        changed = data.draw(st.sets(st.sampled_from(keys), max_size=3))
        there = {key: (drawn if key in changed else before).resources.get(key) for key in keys}
        after = Topology({key: one for key, one in there.items() if one is not None})
    observed = Observed(before, Facts("here", "4.3", vhosts=frozenset({"/"})))
    plan = make_plan(diff(observed, after), observed, after, EVERYTHING)
    one, other = Router(before), Router(outlook(plan).topology)
    shown = impact(plan)
    assert shown is not None
    told = {queue for shift in shown.shifts for queue in (*shift.lost, *shift.blurred)}
    types = {part.type for one in (before, after) for part in one.resources.values() if isinstance(part, Exchange)}
    for name, key, headers in product(NAMES, KEYS, HEADERS if "headers" in types else [{}]):
        if not other.exchange("/", name):
            continue
        message = Message(name, key, headers)
        lost = {*one.route(message).queues} - {*other.route(message).queues}
        if lost - told:
            note(f"{message} loses {lost}; told are {told}")
            note("\n".join(str(part) for key, part in sorted(before.resources.items()) if key.kind is not Kind.QUEUE))
            note("then " + "\n".join(map(str, plan.operations)))
        assert lost <= told
    event(f"lost: {bool(told)}, not followed: {bool(shown.unfollowed)}")
