"""An exchange or an idle queue in the place of another: every binding comes back, or nothing was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import amqp
import pytest

from tests.replacing import Shop, channel, notes, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers import Node

CHANGES = {
    "direct": "type: direct, durable: false",
    "topic": "type: topic, alternate_exchange: aside",
    "fanout": "type: fanout, internal: true",
    "headers": "type: direct",
}


@pytest.fixture
def shop(node: Node, vhost: str, tmp_path: Path) -> Shop:
    return Shop(node, vhost, tmp_path)


def surround(shop: Shop, kind: str, name: str = "x", **more: object) -> None:
    """Bind ten ways out of an exchange, and ten into it, by HTTP and by py-amqp."""
    shop.exchange(name, kind, **more)
    shop.exchange("aside", "fanout")
    for number in range(3):
        shop.exchange(f"in{number}", ("topic", "headers", "direct")[number])
        shop.exchange(f"out{number}", "fanout")
        shop.bind(name, f"out{number}", "orders.*", to="e", **({"n": number} if kind == "headers" else {}))
        for key in ("a", "b"):
            shop.bind(f"in{number}", name, key, to="e")
    for number in range(5):
        shop.queue(f"q{number}")
        shop.bind(name, f"q{number}", f"k{number}", **({"x-match": "any", "n": number} if kind == "headers" else {}))
    shop.bind(name, name, "self", to="e")
    with channel(shop.node, shop.vhost) as their:
        for number in (1, 2**40):
            arguments = {"x-match": "all", "n": number, "deep": {"list": [number, "é"]}}
            their.exchange_bind(name, "in1", "", arguments=arguments)
            shop.bind("in1", name, "", to="e", **arguments)
            their.queue_bind("q0", name, f"wide{number}", arguments={"n": number})
        unnamed = their.queue_declare("", durable=True, exclusive=False, auto_delete=False).queue
        their.queue_bind(unnamed, name, "unnamed")
        their.queue_bind(unnamed, name, "void", arguments={"x-match": "any", "nothing": None})


@pytest.mark.parametrize("kind", CHANGES)
def test_all_bindings_of_an_exchange_come_back(shop: Shop, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    surround(shop, kind)
    before = shop.bindings()
    around = [it for it in before if "x" in (it[0], it[2])]
    assert len([it for it in around if it[0] == "x"]) >= 10
    assert len([it for it in around if it[2] == "x"]) >= 9
    text = f"exchanges: {{x: {{{CHANGES[kind]}, open_bindings: true}}}}"
    report, _ = shop.apply(text)
    assert (report.exit_code, report.surprises) == (0, ()), reasons(report)
    [note] = notes(report)
    assert f"{len(around)} bindings are back" in note
    assert ("404 for" in note, "unroutable for" in note) == (True, True)
    assert shop.bindings() == before
    assert not [name for name in shop.names() if name.startswith("rabbit-topo")]
    report, plan = shop.apply(text)
    assert plan.empty
    with capsys.disabled():
        print(f"\n    {shop.node.label} {kind}: {note}")  # noqa: T201 - a figure to be read
