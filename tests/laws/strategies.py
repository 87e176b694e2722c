"""Random topologies that every supported RabbitMQ accepts, in pairs that overlap a lot.

Names that begin with `shop.` are owned, those that begin with `other.` are not; either kind may be declared.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rabbit_topo.model import (
    Arguments,
    Binding,
    Exchange,
    Key,
    Kind,
    Note,
    Policy,
    Queue,
    Resource,
    Scope,
    Topology,
    Vhost,
)

EXCHANGES = ("shop.a", "shop.b", "shop.c", "other.x", "other.y")
QUEUES = ("shop.q", "shop.r", "shop.s", "other.z")
KEYS = ("", "order.created", "order.*", "#", "a.#.b", "käse", "%2F")
TYPES = ("direct", "fanout", "topic", "headers")

scalars = st.one_of(
    st.sampled_from([0, 1, -1, 2**31, -(2**40), 1.0, 0.5, True, False, "", "1", "true", "pdf", "naïve"]),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "x-k"]), inner, max_size=2),
    max_leaves=4,
)


def exchanges(vhost: str) -> st.SearchStrategy[Exchange]:
    alternate = st.sampled_from([{}, {}, {"alternate-exchange": "shop.a"}, {"alternate-exchange": "other.y"}])
    return st.builds(
        Exchange,
        st.just(vhost),
        st.sampled_from(EXCHANGES),
        st.sampled_from(TYPES),
        durable=st.booleans(),
        auto_delete=st.booleans(),
        internal=st.sampled_from([False, False, True]),
        arguments=st.builds(lambda ae, own: Arguments({**ae, **own}), alternate, _custom()),
    )


def queues(vhost: str) -> st.SearchStrategy[Queue]:
    classic: list[dict[str, Any]] = [
        {},
        {"x-max-length": 5},
        {"x-message-ttl": 60_000, "x-overflow": "reject-publish"},
        {"x-dead-letter-exchange": "shop.b", "x-dead-letter-routing-key": "dead"},
        {"x-max-priority": 4, "x-single-active-consumer": True},
    ]
    quorum: list[dict[str, Any]] = [{}, {"x-delivery-limit": 7}, {"x-dead-letter-exchange": "other.x"}]
    names = st.sampled_from(QUEUES)
    return st.one_of(
        *[
            st.builds(
                Queue,
                st.just(vhost),
                names,
                st.sampled_from(["classic", "classic", None]),
                durable=st.just(value=True),
                auto_delete=st.booleans(),
                arguments=st.builds(
                    lambda known, own: Arguments({**known, **own}), st.sampled_from(classic), _custom()
                ),
            )
        ]
        * 5,
        st.builds(Queue, st.just(vhost), names, st.just("quorum"), arguments=st.sampled_from(quorum).map(Arguments)),
    )


def _custom() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(st.just({}), st.just({}), st.dictionaries(st.just("x-custom"), values, max_size=1))


_DEFINITIONS: list[dict[str, Any]] = [
    {"max-length": 9},
    {"max-length": 20, "overflow": "drop-head"},
    {"alternate-exchange": "shop.c"},
]


def policies(vhost: str) -> st.SearchStrategy[Policy]:
    return st.builds(
        Policy,
        st.just(vhost),
        st.sampled_from(["shop.limits", "shop.more"]),
        st.sampled_from(["^shop\\.", "^shop\\.q$", "nothing"]),
        apply_to=st.sampled_from(["queues", "exchanges", "all"]),
        priority=st.integers(0, 3),
        definition=st.sampled_from(_DEFINITIONS).map(Arguments),
    )


@st.composite
def topologies(draw: st.DrawFn, vhost: str = "/") -> Topology:
    """One topology whose bindings have both of their ends."""
    found: dict[Key, Resource] = {}
    drawn: list[Resource] = [
        *draw(st.lists(exchanges(vhost), max_size=4)),
        *draw(st.lists(queues(vhost), max_size=3)),
        *draw(st.lists(policies(vhost), max_size=1)),
    ]
    for resource in drawn:
        found.setdefault(resource.key, resource)
    sources = [key.name for key in found if key.kind is Kind.EXCHANGE] + ["amq.topic", "amq.headers"]
    ends = [key for key in found if key.kind in (Kind.EXCHANGE, Kind.QUEUE)]
    if ends:
        headers = st.dictionaries(st.sampled_from(["format", "n", "x-h"]), values, max_size=2)
        bindings = st.builds(
            lambda source, end, key, arguments: Binding(vhost, source, end.kind.value, end.name, key, arguments),
            st.sampled_from(sources),
            st.sampled_from(ends),
            st.sampled_from(KEYS),
            st.one_of(st.just({}), headers).map(Arguments),
        )
        found |= {binding.key: binding for binding in draw(st.lists(bindings, max_size=6))}
    found[Key(vhost, Kind.VHOST, vhost)] = Vhost(vhost)
    return Topology(resources=found, notes={key: Note() for key in found}, scope=Scope({vhost: ("shop\\..*",)}, {}))


@st.composite
def pairs(draw: st.DrawFn, vhost: str = "/") -> tuple[Topology, Topology]:
    """An observed and a declared topology; often the one is the other less, or plus, a few objects."""
    one, two = draw(topologies(vhost)), draw(topologies(vhost))
    kept = draw(st.sets(st.sampled_from(sorted(one.resources)))) if draw(st.booleans()) else set()
    merged = {**two.resources, **{key: one.resources[key] for key in kept}}
    present = {key for key in merged if key.kind is not Kind.BINDING}
    whole = {
        key: resource
        for key, resource in merged.items()
        if not isinstance(resource, Binding)
        or (
            resource.destination_key in present
            and (resource.source_key in present or resource.source.startswith("amq."))
        )
    }
    return one, Topology(whole, {key: Note() for key in whole}, two.scope)
