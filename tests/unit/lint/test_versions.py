"""What is said of one release and not of another, or by what a broker permits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.lint import versions
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Exchange, Note, Policy, Queue, Topology
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Resource

NOBODY = frozenset[str]()


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(versions.RULES, tmp_path)


def _queue(kind: str | None = "classic", *, durable: bool = True, **arguments: Any) -> Queue:
    given = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return Queue("/", "q", kind, durable, arguments=Arguments(given))


def _policy(**keys: Any) -> Policy:
    return Policy("/", "p", "^q", definition=Arguments({key.replace("_", "-"): value for key, value in keys.items()}))


def _found(find: Finder, code: str, resource: Resource, context: Context) -> list[str]:
    """Return the severities, the rule's own where a hit says none."""
    own = next(rule.severity for rule in versions.RULES if rule.code == code)
    return [hit.severity or own for hit in find.topology(code, Topology({resource.key: resource}), context)]


@pytest.mark.parametrize(
    ("code", "resource", "context", "severities"),
    [
        ("RT601", _queue(durable=False), Context("4.3"), ["warning"]),
        ("RT601", _queue(None, durable=False), Context("3.13", denied=NOBODY), ["warning"]),
        ("RT601", _queue(durable=False), Context("4.3", denied=frozenset({"transient_nonexcl_queues"})), ["error"]),
        ("RT601", _queue(durable=False), Context("3.10"), []),
        ("RT601", _queue("quorum", durable=False), Context("4.3"), []),
        ("RT601", _queue(), Context("4.3"), []),
        ("RT602", _policy(ha_mode="all", ha_params=1), Context("4.0"), ["error"]),
        ("RT602", _policy(ha_mode="all"), Context("3.13"), []),
        ("RT602", _policy(max_length=1), Context("4.3"), []),
        ("RT603", _queue(queue_mode="lazy"), Context("4.0"), ["warning"]),
        ("RT603", _queue(queue_mode="lazy"), Context("3.10"), []),
        ("RT603", _queue("quorum", queue_mode="lazy"), Context("4.0"), []),
        ("RT603", _queue(queue_version=1, queue_mode="lazy"), Context("4.0"), ["warning", "warning"]),
        ("RT603", _queue(queue_version=1), Context("4.3"), []),
        ("RT603", _queue(queue_version=2), Context("4.0"), []),
        ("RT603", _policy(queue_mode="lazy", queue_version=1), Context("4.0"), ["warning", "warning"]),
        ("RT603", _policy(queue_version=2), Context("4.0"), []),
        ("RT604", _queue(queue_master_locator="min-masters"), Context("4.3"), ["error"]),
        ("RT604", _queue(queue_master_locator="min-masters"), Context("4.0"), ["warning"]),
        ("RT604", _queue(queue_master_locator="min-masters"), Context("3.13"), []),
        ("RT604", _queue(queue_master_locator="min-masters"), Context("4.3", denied=NOBODY), ["warning"]),
        (
            "RT604",
            _policy(queue_master_locator="random"),
            Context("4.0", denied=frozenset({"queue_master_locator"})),
            ["error"],
        ),
        ("RT604", _queue("quorum", queue_master_locator="random"), Context("4.3"), []),
        ("RT604", _policy(queue_mode="lazy"), Context("4.3"), []),
        ("RT605", Exchange("/", "x", "x-delayed-message"), Context(), ["warning"]),
        ("RT605", Exchange("/", "x", "direct"), Context(), []),
        ("RT606", _queue("quorum", max_in_memory_length=5), Context(), ["info"]),
        ("RT606", _queue(None, max_in_memory_bytes=5), Context(), ["info"]),
        ("RT606", _queue("stream", max_in_memory_bytes=5), Context(), []),
        ("RT606", _policy(max_in_memory_length=5, max_in_memory_bytes=5), Context(), ["info", "info"]),
        ("RT607", Exchange("/", "x", "fanout", durable=False), Context(), ["warning"]),
        ("RT607", Exchange("/", "x", "fanout"), Context(), []),
        ("RT608", _queue("quorum", delayed_retry_min=5), Context("4.0"), ["error"]),
        ("RT608", _queue("quorum", delayed_retry_min=5), Context("4.3"), []),
        ("RT608", _queue("quorum", max_length=5), Context("3.10"), []),
        ("RT608", _queue("classic", queue_leader_locator="balanced"), Context("3.10"), []),  # refused: RT103
        ("RT608", _queue("stream", stream_filter_size_bytes=16), Context("4.0"), []),
    ],
)
def test_one_object(find: Finder, code: str, resource: Resource, context: Context, severities: list[str]) -> None:
    assert _found(find, code, resource, context) == severities


@pytest.mark.parametrize("rule", versions.RULES, ids=lambda rule: rule.code)
def test_what_is_somebody_elses_is_not_judged(find: Finder, rule: Any) -> None:
    arguments = Arguments({"x-queue-mode": "lazy", "x-queue-master-locator": "random"})
    queue, exchange = (
        Queue("/", "q", "classic", durable=False, arguments=arguments),
        Exchange("/", "x", "x-delayed-message", durable=False),
    )
    notes = {queue.key: Note(external=True), exchange.key: Note(external=True)}
    assert find.topology(rule.code, Topology({queue.key: queue, exchange.key: exchange}, notes)) == []
