from collections import Counter

import pytest

from rabbit_topo.adopt.splitting import file_name, homes
from rabbit_topo.model import Arguments, Binding, Exchange, Key, Policy, Queue

POLICY = Arguments({"max-length": 1})


def queues(*names: str) -> list[Queue]:
    return [Queue("/", name, "classic") for name in names]


def by_name(found: dict[Key, str]) -> dict[str, str]:
    return {key.name: file for key, file in found.items()}


def test_a_domain_has_a_file_and_single_objects_share_one() -> None:
    names = ["shop.a", "shop.b", "notify", "notify.mail", "user-service", "user-service.q", "user-service-x", "lone"]

    assert by_name(homes(queues(*names), "prefix")) == {
        "shop.a": "shop",
        "shop.b": "shop",
        "notify": "notify",
        "notify.mail": "notify",
        "user-service": "user-service",
        "user-service.q": "user-service",
        "user-service-x": "user-service",
        "lone": "other",
    }


def test_without_dots_a_dash_or_an_underscore_separates() -> None:
    assert by_name(homes(queues("a-1", "a-2", "b_1", "b_2"), "prefix")) == {
        "a-1": "a", "a-2": "a", "b_1": "b", "b_2": "b",
    }  # fmt: skip


def test_unrelated_objects_alone_are_the_whole_topology() -> None:
    assert by_name(homes(queues("one", "two"), "prefix")) == {"one": "topology", "two": "topology"}


def test_policies_without_a_domain_are_shared() -> None:
    policies = [Policy("/", name, "x", definition=POLICY) for name in ("all", "shop.limits")]

    assert by_name(homes([*queues("shop.a", "shop.b"), *policies], "prefix")) == {
        "shop.a": "shop", "shop.b": "shop", "shop.limits": "shop", "all": "shared",
    }  # fmt: skip


def test_what_nobody_could_review_is_split_by_the_next_part_and_then_by_number() -> None:
    names = [
        *(f"shop.orders.{n:04}" for n in range(1200)),
        *(f"shop.mail.q{n}" for n in range(3)),
        *(["shop.single", "shop"]),
    ]
    found = by_name(homes(queues(*names), "prefix"))

    assert found["shop.single"] == found["shop"] == "shop"
    assert found["shop.mail.q1"] == "shop.mail"
    assert Counter(found.values()) == {
        "shop": 2, "shop.mail": 3, "shop.orders-1": 500, "shop.orders-2": 500, "shop.orders-3": 200,
    }  # fmt: skip


def test_an_exchange_and_a_queue_of_one_name_stay_together() -> None:
    many = [one for n in range(300) for one in (Queue("/", f"a.{n}"), Exchange("/", f"a.{n}", "fanout"))]
    found = homes(many, "prefix")

    assert all(found[Queue("/", f"a.{n}").key] == found[Exchange("/", f"a.{n}", "fanout").key] for n in range(300))


def test_by_exchange_a_queue_is_where_most_of_its_messages_come_from() -> None:
    exchanges = [Exchange("/", name, "topic") for name in ("x", "y")]
    policy = Policy("/", "p", "x", definition=POLICY)
    to_q = (("x", "1"), ("y", "1"), ("y", "2"), ("amq.topic", "1"))
    bindings = [Binding("/", source, "queue", "q", key) for source, key in to_q]
    bindings.append(Binding("/", "amq.topic", "queue", "r", "1"))

    assert by_name(homes([*exchanges, *queues("q", "r", "s"), policy, *bindings], "exchange")) == {
        "x": "x", "y": "y", "q": "y", "r": "amq.topic", "s": "unbound", "p": "shared",
    }  # fmt: skip


def test_none_is_one_file() -> None:
    assert by_name(homes(queues("a.b", "c"), "none")) == {"a.b": "topology", "c": "topology"}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("..", "names"),
        ("a/../b", "a-..-b"),
        ("rabbit-topo", "rabbit-topo-names"),
        ("orders.test", "orders-test"),
        ("con", "con-names"),
        ("nul.txt", "nul.txt-names"),
        ("x" * 300, "x" * 60),
        ("ä", "names"),
    ],
)
def test_every_file_system_takes_the_names(name: str, file: str) -> None:
    assert file_name(name) == file


def test_names_that_a_file_system_takes_for_one_get_numbers() -> None:
    found = by_name(homes(queues("A.1", "A.2", "a.1", "a.2", "ä.1", "ä.2"), "prefix"))

    assert found == {"A.1": "a", "A.2": "a", "a.1": "a-2", "a.2": "a-2", "ä.1": "names", "ä.2": "names"}
