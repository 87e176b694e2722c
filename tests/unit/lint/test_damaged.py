"""What is wrong in a file is told once: what a mistake takes away from an object is no second fault of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint import chosen, lint
from rabbit_topo.load import tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rabbit_topo.lint import Finding

FILE = """\
version: 1
exchanges:
  shop.x: {{type: fanout, description: Everything, owner: shop, alternate_exchange: shop.lost, {exchange}}}
  shop.lost: {{type: fanout, description: What is left, owner: shop}}
queues:
  shop.q:
    {{description: All, owner: shop, protect: true, bindings: [{{exchange: shop.x}}, {{exchange: shop.lost}}], {queue}}}
consumers: {{worker: {{queues: [shop.q]}}}}
{more}
"""
QUORUM = "type: quorum, max_length: 5, overflow: reject-publish"
LIMITS = "policies: {shop.limits: {pattern: %s, apply_to: queues, definition: {max_length: 5, overflow: %s}}}"
PROFILE = "profiles: {queues: {worker: {type: quorum, message_ttl: %s}}}"


def found(folder: Path, queue: str, exchange: str = "auto_delete: false", more: str = "") -> tuple[Finding, ...]:
    file = folder / "shop.yaml"
    file.write_text(FILE.format(queue=queue, exchange=exchange, more=more), encoding="utf-8")
    read = tolerant(str(file))
    return lint(
        read.topology,
        rules=chosen(["ALL"]),
        problems=read.problems,
        comments=read.comments,
        damaged=read.damaged,
        partial=read.partial,
    ).found


def told(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    return {(one.code, one.key.name if one.key else "") for one in findings}


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("type: stream, max_age: 5", "type: stream, max_age: 7d", "RT105"),
        ("type: classic, max_length: many", "type: classic, max_length: 5, overflow: reject-publish", "RT105"),
        ("type: quorum, max_lenght: 5", QUORUM, "RT900"),
        ("type: quorum, max_length: 5, overflow: reject", QUORUM, "RT105"),
        ("type: quorum, max_length: 5, arguments: {x-overflow: 5}", QUORUM, "RT105"),
        ("type: quorum, max_length: 5, dead_letter: {exchange: 5}", f"{QUORUM}, dead_letter: {{exchange: x}}", "RT105"),
        ("type: quorum, max_length: 5, zzz: 5", QUORUM, "RT900"),
        ("use: nothing, type: quorum", QUORUM, "RT900"),
        ("type: stream, max_length: 5, max_age: 7d", "type: stream, max_age: 7d", "RT103"),
        (f"{QUORUM}, durable: false", QUORUM, "RT104"),
        (f"{QUORUM}, protect: maybe", QUORUM, "RT900"),
        (f"{QUORUM}, owner: [shop]", QUORUM, "RT900"),
    ],
)
def test_a_queue_that_lacks_an_option_is_not_blamed_for_it(tmp_path: Path, wrong: str, right: str, code: str) -> None:
    damaged = told(found(tmp_path, wrong))
    assert (code, "") in damaged
    assert damaged - {(code, "")} <= told(found(tmp_path, right))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (LIMITS % ("^shop", "reject"), LIMITS % ("^shop", "reject-publish")),
        (LIMITS % ("'('", "reject-publish"), LIMITS % ("^shop", "reject-publish")),
        ("policies: {shop.limits: 5}", LIMITS % ("^shop", "reject-publish")),
        ("policies: [5]", LIMITS % ("^shop", "reject-publish")),
    ],
)
def test_a_policy_that_lacks_something_lets_its_queues_off(tmp_path: Path, wrong: str, right: str) -> None:
    damaged, whole = (told(found(tmp_path, "type: quorum", more=more)) for more in (wrong, right))
    loader = {(code, "") for code, name in damaged if not name}
    assert len(loader) == 1
    assert damaged - loader <= whole


def test_a_policy_of_others_lets_nobody_off(tmp_path: Path) -> None:
    assert ("RT405", "shop.q") in told(found(tmp_path, "type: quorum", more=LIMITS % ("^bank", "reject")))


@pytest.mark.parametrize(("wrong", "right"), [("5", "5m"), ("[5]", "5m")])
def test_what_a_profile_lacks_its_queues_lack(tmp_path: Path, wrong: str, right: str) -> None:
    damaged, whole = (found(tmp_path, "use: worker", more=PROFILE % ttl) for ttl in (wrong, right))
    assert [one.code for one in damaged if not one.key] == ["RT105"]
    assert {one for one in told(damaged) if one[1]} <= told(whole)


def test_an_exchange_that_lacks_an_option_is_not_blamed_for_it(tmp_path: Path) -> None:
    right = told(found(tmp_path, QUORUM))
    for wrong in ("auto_delete: 5", "internal: 5", "zzz: 5"):
        assert told(found(tmp_path, QUORUM, wrong)) - {("RT900", "")} <= right, wrong
