"""What RabbitMQ allows in names, keys and arguments, and what only a hand-written definitions file can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rabbit_topo.model import (
    Arguments,
    Binding,
    Exchange,
    Facts,
    Key,
    Kind,
    Observed,
    Policy,
    Queue,
    Topology,
    Vhost,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.model import Resource

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NAMES = (
    *("shop.orders", "shop.orders.paid", "shop.tmp", "shop", "notify:eu", "a/b", "a-b", "a_b", "q1", "q2", "q3"),
    *("on", "1.10", "0x1", "null", "~", "2024-01-01", "", " ", " x ", "it's", 'say "hi"', "{name}", "#", "- x", "a: b"),
    *("*", "(", "[a-z]+", "a|b", "a\\b", "$", "^", "\x00", "a\tb", "a\x1bb", "a\x7fb", "a\x85b", "a\u2028b", "\ufeffa"),
    *("käse", "注文", "🐇", "a\nb", "a\rb", "x\n", "é" * 127, "é" * 128, "a" * 255, "a" * 256),
    *("amq.gen-abc", "amq.topic", "amq.rabbitmq.event", "rabbit-topo.lock", f"shop.{UUID}", UUID, f"bcast.{UUID}"),
    *("celery@host.celery.pidbox", "celery.pidbox", "reply.celery.pidbox", "celeryev", f"celeryev.{UUID}", "celery"),
    *("HOST_app_bus_kbdyyyfp5jkqd4a4bdqgqidibq", "federation: x -> rabbit@host", "mqtt-subscription-xqos1"),
)
text = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.sampled_from(NAMES) | text
scalars: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, False, 0, 1, -1, 2**63, -(2**63), 0.5, 1.0, "", "undefined", "on"]),
    st.integers(-(2**63), 2**63 - 1),
    text,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "x-k", ""]), inner, max_size=2),
    max_leaves=3,
)
_OFTEN: list[dict[str, Any]] = [
    *({}, {}, {}, {"x-max-length": 5}, {"x-max-length": -5}, {"x-expires": 60_000}, {"x-dead-letter-exchange": ""}),
    *({"x-dead-letter-routing-key": "k"}, {"x-max-age": "7D"}, {"x-internal-purpose": "federation"}),
    *({"alternate-exchange": "shop"}, {"alternate-exchange": 1}, {"x-match": "any"}, {"x-match": "some"}),
]
arguments = st.one_of(st.sampled_from(_OFTEN), st.dictionaries(st.sampled_from(["x-a", "", "k" * 256]) | text, values))
_TYPES = ("direct", "fanout", "topic", "headers", "x-consistent-hash", "x-federation-upstream", "")
_DEFINITIONS: list[dict[str, Any]] = [
    *({"max-length": 9}, {"max-length": "9"}, {"overflow": "drop-head", "expires": 5}, {"ha-mode": "all"}, {}),
    *({"alternate-exchange": "shop"}, {"max_length": 1}, {"x": None}, {"": 1}, {"queue-type": "x"}),
]
_PATTERNS = ("", "^shop", "shop", ".*", "*", "(", "(?R)", "^$", "a|b")


def exchanges(vhost: str) -> st.SearchStrategy[Exchange]:
    """Exchanges, odd ones among them."""
    return st.builds(
        Exchange,
        st.just(vhost),
        names,
        st.sampled_from(_TYPES),
        durable=st.booleans(),
        auto_delete=st.booleans(),
        internal=st.booleans(),
        arguments=arguments.map(Arguments),
    )


def queues(vhost: str) -> st.SearchStrategy[Queue]:
    """Queues, odd ones among them."""
    return st.builds(
        Queue,
        st.just(vhost),
        names,
        st.sampled_from(["classic", "classic", "quorum", "stream", "rabbit_mqtt_qos0_queue"]),
        durable=st.booleans(),
        auto_delete=st.booleans(),
        arguments=arguments.map(Arguments),
    )


def policies(vhost: str) -> st.SearchStrategy[Policy]:
    """Policies, odd ones among them."""
    return st.builds(
        Policy,
        st.just(vhost),
        names,
        st.sampled_from(_PATTERNS),
        st.sampled_from(["all", "queues", "exchanges", "classic_queues", "everything"]),
        st.integers(0, 2) | st.sampled_from([0.5, 2**63]),
        st.sampled_from(_DEFINITIONS).map(Arguments),
    )


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """What a broker, or a definitions file, may hold in a vhost or two."""
    found: dict[Key, Resource] = {}
    hidden: list[Queue] = []
    vhosts = draw(st.sets(st.sampled_from(["/", "shop", "a\nb"]), min_size=1, max_size=2))
    for vhost in sorted(vhosts):
        found[Key(vhost, Kind.VHOST, vhost)] = Vhost(vhost)
        found |= {
            one.key: one for one in (Exchange(vhost, "amq.topic", "topic"), Exchange(vhost, "amq.match", "headers"))
        }
        for kind in (exchanges, queues, policies):
            found |= _by_key(draw(st.lists(kind(vhost), max_size=4)))
        found = {key: one for key, one in found.items() if not (key.kind is Kind.QUEUE and key.name.startswith("amq."))}
        hidden += draw(st.lists(queues(vhost), max_size=2))
        found |= _by_key(draw(st.lists(_bindings(vhost, found), max_size=6)))
    facts = Facts("here", draw(st.sampled_from(["3.10.8", "4.0.5", "4.3"])), vhosts=frozenset(vhosts))
    hidden = list({queue.key: queue for queue in hidden if queue.key not in found}.values())
    exclusive = frozenset(queue.key for queue in hidden if not queue.name.startswith("amq."))
    into = tuple(Binding(one.vhost, "amq.topic", "queue", one.name) for one in hidden)
    facts = Facts(**{**_fields(facts), "hidden": tuple(hidden), "exclusive": exclusive, "hidden_bindings": into})
    return Observed(Topology(found), facts)


def _fields(facts: Facts) -> dict[str, Any]:
    return {"target": facts.target, "version": facts.version, "vhosts": facts.vhosts}


def _by_key(resources: list[Any]) -> dict[Key, Resource]:
    return {one.key: one for one in resources}


def _bindings(vhost: str, there: Mapping[Key, Resource]) -> st.SearchStrategy[Binding]:
    ends = [key for key in there if key.vhost == vhost and key.kind in (Kind.EXCHANGE, Kind.QUEUE)]
    sources = sorted({key.name for key in ends if key.kind is Kind.EXCHANGE and key.name})
    return st.builds(
        lambda source, end, key, table: Binding(vhost, source, end.kind.value, end.name, key, Arguments(table)),
        st.sampled_from(sources) | st.just("gone"),
        st.sampled_from(ends) | st.just(Key(vhost, Kind.QUEUE, "gone")),
        st.sampled_from(["", "1", "0", "order.#", "k" * 256, "a\nb"]) | text,
        arguments,
    )
