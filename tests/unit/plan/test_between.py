"""What is said of a vhost that one side does not show: it may only be hidden from who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.model import Facts, Queue, Topology, Vhost
from rabbit_topo.plan.between import between
from rabbit_topo.plan.sides import Side
from rabbit_topo.report.comparison import diff_lines

if TYPE_CHECKING:
    from rabbit_topo.plan.between import Comparison


def files(vhost: str) -> Side:
    queue, there = Queue(vhost, "q", "classic"), Vhost(vhost)
    return Side(Topology(resources={queue.key: queue, there.key: there}), "files", "4.3")


BROKER = Side(Topology(), "http://h:1", "4.3", Facts("http://h:1", "4.3", vhosts=frozenset({"/"})), sees_all=False)
HIDES = "http://h:1 tells this user only of vhosts that it may enter, so that this one may be hidden"


def text(found: Comparison) -> str:
    return " ".join(" ".join("".join(span.text for span in line) for line in diff_lines(found, 80, None)).split())


def test_nobody_is_told_to_delete_what_may_only_be_hidden() -> None:
    [row] = between(files("my billing"), BROKER).plan.blocked
    assert row.remedy == f"see first whether it is there: {HIDES}"
    [row] = between(files("my billing"), replace(BROKER, sees_all=True)).plan.blocked
    assert row.remedy == "by hand: rabbitmqctl delete_vhost 'my billing'"


def test_a_vhost_that_may_be_there_is_not_said_to_be_missing() -> None:
    found = between(BROKER, files("billing"))
    assert found.plan.details[Vhost("billing").key] == (HIDES,)
    assert HIDES in text(found)
    assert HIDES not in text(between(replace(BROKER, sees_all=True), files("billing")))
