import time
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

    assert found == {"A.1": "a-2", "A.2": "a-2", "a.1": "a", "a.2": "a", "ä.1": "names", "ä.2": "names"}


def test_of_names_that_become_one_the_exact_spelling_has_it_and_then_the_larger_group() -> None:
    orders = [f"Orders.{letter}" for letter in "ABC"] + [f"orders.{number}" for number in range(2)]
    found = by_name(homes(queues(*orders, "Mail.1", "Mail.2", "MAIL.1", "MAIL.2", "MAIL.3"), "prefix"))

    assert (found["orders.1"], found["Orders.A"]) == ("orders", "orders-2")
    assert (found["MAIL.1"], found["Mail.1"]) == ("mail", "mail-2")


def test_thousands_of_names_that_become_one_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        exchanges = [Exchange("/", f"漢{chr(0x4E00 + number)}", "topic") for number in range(count)]
        start = time.perf_counter()
        assert len({*homes(exchanges, "exchange").values()}) == count
        return time.perf_counter() - start

    assert min(seconds(8_000) for _ in range(3)) < 40 * min(seconds(800) for _ in range(3))


def test_a_queue_without_a_domain_stands_with_the_exchanges_that_feed_it() -> None:
    named = queues("celery", "mail.a", "mail.b", "high", "low", "both")
    exchanges = [Exchange("/", "celery", "direct"), Exchange("/", "mail.x", "topic")]
    fed = (("celery", "high"), ("celery", "both"), ("mail.x", "both"), ("amq.topic", "low"))
    bindings = [Binding("/", source, "queue", queue, "") for source, queue in fed]

    found = by_name(homes([*named, *exchanges, *bindings], "prefix"))

    assert (found["high"], found["both"], found["low"]) == ("celery", "other", "other")


@pytest.mark.parametrize(
    ("name", "pattern", "file"),
    [
        ("p", r"^orders\.", "orders"),
        ("p", "^orders", "orders"),
        ("p", r"^orders\.eu\..*", "orders"),
        ("p", "^orders-?", "orders"),
        ("mail.p", r"^orders\.", "mail"),
        ("p", r"^order", "shared"),
        ("p", r"^orders\.|^mail", "shared"),
        ("p", r"orders\.", "shared"),
        ("p", r"^\d", "shared"),
        ("p", "^ordersx?", "orders"),
        ("p", "", "shared"),
    ],
)
def test_a_policy_for_the_names_of_one_domain_stands_with_them(name: str, pattern: str, file: str) -> None:
    policy = Policy("/", name, pattern, definition=POLICY)
    found = homes([*queues("orders.a", "orders.b", "mail.a", "mail.b"), policy], "prefix")

    assert found[policy.key] == file
