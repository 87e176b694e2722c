"""What one release refuses and another takes; brokers agree in `tests/integration/test_lint_refused.py`."""

from __future__ import annotations

from typing import Any

import pytest

from rabbit_topo.arguments import comes_with, refused_by, refused_pattern, refused_policy
from rabbit_topo.model import Arguments, Policy, Queue


def _queue(kind: str | None, **arguments: Any) -> Queue:
    return Queue("/", "q", kind, arguments=Arguments({f"x-{k.replace('_', '-')}": v for k, v in arguments.items()}))


def _policy(pattern: str = "^q", apply_to: str = "all", **keys: Any) -> Policy:
    return Policy("/", "p", pattern, apply_to, definition=Arguments({k.replace("_", "-"): v for k, v in keys.items()}))


def _refusing(queue: Queue, code: str = "") -> list[str]:
    versions = ("3.10", "3.13", "4.0", "4.3")
    return [one for one in versions if any(code in refusal.code for refusal in refused_by(queue, one))]


@pytest.mark.parametrize(
    ("queue", "code", "refusing"),
    [
        (_queue("classic", queue_leader_locator="balanced"), "RT103", ["3.10", "3.13"]),
        (_queue("quorum", queue_leader_locator="min-masters"), "RT105", ["3.10", "3.13"]),
        (_queue("classic", delayed_retry_min=5), "RT103", ["4.3"]),
        (_queue("quorum", delayed_retry_min="no number"), "", []),
        (_queue("quorum", consumer_timeout=-1), "RT105", ["4.3"]),
        (_queue("stream", stream_filter_size_bytes=5), "RT105", ["3.13", "4.0", "4.3"]),
        (_queue("quorum", stream_filter_size_bytes=5), "RT103", ["4.3"]),
        (_queue("classic", queue_version=1), "RT105", ["4.3"]),
        (_queue(None, queue_version=1), "RT105", ["4.3"]),
        (_queue(None, delayed_retry_min=1), "", []),
        (_queue("classic", queue_mode="busy"), "RT105", ["3.10", "3.13", "4.0"]),
        (_queue("classic", queue_master_locator="busy"), "RT105", ["3.10", "3.13"]),
        (_queue("quorum", max_priority=5), "RT103", ["3.10", "3.13", "4.0", "4.3"]),
        (_queue("stream", max_priority=500), "RT103", ["3.10", "3.13", "4.0", "4.3"]),
        (_queue("classic", foo=5), "", []),
    ],
)
def test_who_refuses_a_queue(queue: Queue, code: str, refusing: list[str]) -> None:
    assert _refusing(queue) == _refusing(queue, code) == refusing


def test_each_reason_is_told_once_and_with_its_code() -> None:
    queue = Queue("/", "q", "stream", durable=False, auto_delete=True, arguments=Arguments({"x-overflow": 5}))
    assert [refusal.code for refusal in refused_by(queue, "4.3")] == ["RT103", "RT104", "RT104"]
    reason = refused_by(_queue("classic", queue_leader_locator="balanced"), "3.10")[0].reason
    assert reason == "a classic queue does not take it; quorum queues and streams do before 4.0"


def test_a_version_that_cannot_be_read_is_the_newest() -> None:
    assert refused_by(_queue("classic", queue_version=1), "dev")


@pytest.mark.parametrize(
    ("name", "kind", "version", "with_"),
    [
        ("x-delayed-retry-type", "quorum", "4.0", "4.3"),
        ("x-delayed-retry-type", "classic", "4.0", ""),
        ("x-consumer-timeout", "quorum", "3.10", "3.12"),
        ("x-consumer-timeout", "quorum", "3.13", ""),
        ("x-stream-filter-size-bytes", "stream", "4.0", ""),
        ("x-max-age", "stream", "3.10", ""),
        ("x-foo", "stream", "3.10", ""),
        ("x-delayed-retry-type", None, "4.0", ""),
    ],
)
def test_what_comes_with_a_later_release(name: str, kind: str | None, version: str, with_: str) -> None:
    assert comes_with(name, kind, version) == with_


@pytest.mark.parametrize(
    ("policy", "subjects"),
    [
        (_policy(max_length=5), []),
        (_policy(), ["definition"]),
        (_policy("[", max_length=5), ["pattern"]),
        (_policy("a" * 1025, max_length=5), ["pattern"]),
        (_policy(apply_to="everything", max_length=5), ["apply_to"]),
        (_policy(max_lenght=5), ["max-lenght"]),
        (_policy(max_priority=5), ["max-priority"]),
        (_policy(max_length="5"), ["max-length"]),
        (_policy(delivery_limit=-1), []),
        (_policy(ha_mode="all", federation_upstream="up", queue_master_locator="min-masters"), []),
        (_policy(ha_params=2), []),
        (_policy(delayed_retry_type="all"), ["delayed-retry-type"]),
        (_policy(delayed_retry_type="disabled"), []),
        (_policy(delayed_retry_min=5, delayed_retry_max=1), ["delayed-retry-max"]),
        (_policy(delayed_retry_min=5, delayed_retry_max=5), []),
    ],
)
def test_policies_on_the_newest(policy: Policy, subjects: list[str]) -> None:
    found = refused_policy(policy, "4.3")
    assert [refusal.subject for refusal in found] == subjects
    assert {refusal.code for refusal in found} <= {"RT110"}


@pytest.mark.parametrize(
    ("policy", "subjects"),
    [
        (_policy("a" * 1025, max_length=5), []),
        (_policy(apply_to="streams", max_age="7D"), ["apply_to"]),
        (_policy(apply_to="exchanges", alternate_exchange="a"), []),
        (_policy(delivery_limit=-1), ["delivery-limit"]),
        (_policy(queue_master_locator="balanced"), ["queue-master-locator"]),
        (_policy(ha_params=2), ["ha-params"]),
        (_policy(ha_mode="all"), []),
        (_policy(delayed_retry_type="all"), ["delayed-retry-type"]),
    ],
)
def test_policies_on_the_oldest(policy: Policy, subjects: list[str]) -> None:
    assert [refusal.subject for refusal in refused_policy(policy, "3.10.8")] == subjects


@pytest.mark.parametrize("pattern", ["shop.**", "a|*", "(+)", "a{2,1}", "a\\", "*"])
def test_no_broker_takes_these_patterns(pattern: str) -> None:
    assert refused_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["", "a++", "{2}", "x{2}{3}", "(*UTF8)a", "(?R)", "[[:alpha:]]", "[[:alpha:", "(?<n>a)"]
)
def test_these_patterns_are_for_the_broker_to_judge(pattern: str) -> None:
    assert refused_pattern(pattern) == ""
