"""Which permissions declared objects need, and what a user's patterns grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.rights import abilities, by_patterns, policies, tasks
from rabbit_topo.load import load
from rabbit_topo.report.diagnosis import Need, Permissions

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.broker.rights import Task
    from rabbit_topo.model import Topology

SHOP = """\
version: 1
vhost: shop
exchanges:
  shop.orders: {type: topic, alternate_exchange: shop.unrouted}
  shop.unrouted: {type: fanout}
  theirs: {external: true, type: topic}
queues:
  shop.paid:
    type: classic
    dead_letter: {exchange: "", routing_key: shop.dead}
    bindings:
      - {exchange: shop.orders, routing_key: order.paid}
      - {exchange: theirs, routing_key: order.paid}
      - {exchange: shop.unrouted}
  elsewhere: {type: classic, external: true}
policies:
  limits: {pattern: ^shop, apply_to: queues, definition: {max_length: 5}}
absent:
  queues: [shop.old]
  exchanges: [old]
  policies: [gone]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Topology:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP, encoding="utf-8")
    return load(file)


def _by_name(shop: Topology) -> dict[str, Task]:
    return {f"{task.action} {task.key.destination and 'from '}{task.key.name}": task for task in tasks(shop)["shop"]}


def test_what_each_object_needs(shop: Topology) -> None:
    found = _by_name(shop)
    assert {name: task.needs for name, task in found.items()} == {
        "create shop.orders": (
            Need("configure", "exchange", "shop.orders"),
            Need("read", "exchange", "shop.orders"),
            Need("write", "exchange", "shop.unrouted"),
        ),
        "create shop.unrouted": (Need("configure", "exchange", "shop.unrouted"),),
        "create shop.paid": (
            Need("configure", "queue", "shop.paid"),
            Need("read", "queue", "shop.paid"),
            Need("write", "exchange", ""),
        ),
        "bind from shop.orders": (
            Need("write", "queue", "shop.paid"),
            Need("read", "exchange", "shop.orders", "order.paid"),
        ),
        "bind from theirs": (Need("write", "queue", "shop.paid"), Need("read", "exchange", "theirs", "order.paid")),
        "bind from shop.unrouted": (Need("write", "queue", "shop.paid"), Need("read", "exchange", "shop.unrouted")),
        "delete shop.old": (Need("configure", "queue", "shop.old"),),
        "delete old": (Need("configure", "exchange", "old"),),
    }
    assert policies(shop) == {"shop": 2}


def _refused(shop: Topology, permissions: Permissions, user: str = "me") -> dict[str, tuple[Need, ...]]:
    judged = abilities(tasks(shop)["shop"], by_patterns(permissions, user, "shop"))
    assert [(one.action, one.total, one.unknown) for one in judged] == [
        ("create", 3, 0),
        ("bind", 3, 0),
        ("delete", 2, 0),
    ]
    return {f"{one.action} {one.key.name}": one.lacks for ability in judged for one in ability.denied}


def test_everything_is_granted_by_everything(shop: Topology) -> None:
    assert _refused(shop, Permissions(".*", ".*", ".*")) == {}


def test_patterns_are_searched_for_and_the_default_exchange_has_a_name(shop: Topology) -> None:
    assert _refused(shop, Permissions("shop", r"^(shop|amq\.default$)", "s")) == {
        "delete old": (Need("configure", "exchange", "old"),)
    }
    lacking = _refused(shop, Permissions("shop|old", "^shop", "s"))
    assert lacking == {"create shop.paid": (Need("write", "exchange", ""),)}


def test_an_empty_pattern_grants_nothing(shop: Topology) -> None:
    assert set(_refused(shop, Permissions("", ".*", ".*"))) == {
        "create shop.orders",
        "create shop.unrouted",
        "create shop.paid",
        "delete shop.old",
        "delete old",
    }


def test_topic_permissions_are_for_topic_exchanges_and_know_the_user(shop: Topology) -> None:
    topics = {"theirs": ("", "^order"), "shop.orders": ("", "^{username}"), "shop.unrouted": ("", "^$")}
    granted = Permissions(".*", ".*", ".*", topics)
    assert _refused(shop, granted, "order") == {}
    assert _refused(shop, granted, "me") == {
        "bind shop.orders": (Need("read", "exchange", "shop.orders", "order.paid"),)
    }


def test_a_pattern_that_is_not_pythons_leaves_it_open(shop: Topology) -> None:
    judged = abilities(tasks(shop)["shop"], by_patterns(Permissions("(?R)", "^nothing", ".*"), "me", "shop"))
    assert [(one.action, len(one.denied), one.unknown) for one in judged] == [
        ("create", 2, 1),
        ("bind", 3, 0),
        ("delete", 0, 2),
    ]
