from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.arguments import (
    QUEUE_ARGUMENTS,
    QUEUE_KEYS,
    friendly_key,
    is_broker_age,
    parse_age,
    parse_duration,
    parse_size,
    queue_argument,
    refused_everywhere,
    same_value,
    spell_age,
    spell_duration,
    spell_size,
)
from rabbit_topo.model import Arguments, Queue


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000), ("1.5 h", 5_400_000)],
)
def test_durations(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 month", "1H", "1e3s", "0.5ms", "\u0661s", "1s\n"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|whole number"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("7B", 7), ("10MB", 10_000_000), ("1GiB", 2**30), ("1.5kB", 1500), (f"{2**63 - 1}B", 2**63 - 1)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "10mb", "10Mb", "-1B", "0.5B"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|whole number"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604_800), ("7D", 604_800), ("1Y", 31_536_000), ("1M", 2_592_000), ("1h", 3600), ("1m", 60), ("60s", 60)],
)
def test_ages(text: str, seconds: int) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "0D", "7W", "D", "1.5D", "7DD"])
def test_no_ages(text: str) -> None:
    with pytest.raises(ValueError, match="maximum age"):
        parse_age(text)
    assert not is_broker_age(text)


def test_an_age_of_ours_is_none_of_the_brokers() -> None:
    assert not is_broker_age("7d")
    assert is_broker_age("7D")


@given(st.integers(1, 10**6), st.sampled_from("YMDhms"))
def test_ages_are_the_same_in_seconds(count: int, unit: str) -> None:
    text = f"{count}{unit}"
    assert same_value("x-max-age", text, f"{parse_age(text)}s")
    assert same_value("max-age", f"{parse_age(text)}s", text)
    assert not same_value("x-max-age", text, f"{parse_age(text) + 1}s")


def test_values_of_other_classes_differ() -> None:
    assert not same_value("x-custom", one=1, other=True)
    assert not same_value("x-custom", 1, 1.0)
    assert not same_value("x-custom", "7D", "604800s")
    assert same_value("x-custom", {"a": [1]}, {"a": [1]})
    assert not same_value("x-max-age", "7W", "604800s")
    assert same_value("x-max-age", "7W", "7W")
    assert not same_value("x-max-age", 7, "7D")


def _reasons(kind: str | None, **arguments: object) -> list[str]:
    items = {name.replace("_", "-"): value for name, value in arguments.items()}
    return [str(refused) for refused in refused_everywhere(Queue("/", "q", kind, arguments=Arguments(items)))]


@pytest.mark.parametrize(
    ("kind", "arguments", "reason"),
    [
        ("quorum", {"x_max_priority": 5}, "x-max-priority: a quorum queue does not take it; classic queues do"),
        ("stream", {"x_expires": 5}, "x-expires: a stream does not take it; classic queues and quorum queues do"),
        ("classic", {"x_max_age": "7D"}, "x-max-age: a classic queue does not take it; streams do"),
        ("classic", {"x_expires": 0}, "x-expires: the value must be a whole number of milliseconds from 1"),
        ("classic", {"x_message_ttl": "5"}, "x-message-ttl: the value must be a whole number of milliseconds from 0"),
        ("classic", {"x_message_ttl": True}, "x-message-ttl: the value must be"),
        ("classic", {"x_message_ttl": 5.0}, "x-message-ttl: the value must be"),
        ("classic", {"x_max_length": -1}, "x-max-length: the value must be a whole number of at least 0"),
        ("classic", {"x_max_length": 2**63}, "x-max-length: the value must be"),
        ("classic", {"x_overflow": "drop"}, "x-overflow: the value must be one of drop-head, reject-publish"),
        ("classic", {"x_queue_version": True}, "x-queue-version: the value must be one of 1, 2"),
        ("classic", {"x_max_priority": 256}, "x-max-priority: the value must be a whole number from 0 to 255"),
        ("classic", {"x_single_active_consumer": 1}, "x-single-active-consumer: the value must be true or false"),
        ("classic", {"x_dead_letter_exchange": 1}, "x-dead-letter-exchange: the value must be text"),
        ("classic", {"x_dead_letter_routing_key": "k"}, "x-dead-letter-routing-key: a dead-letter routing key needs"),
        ("stream", {"x_max_age": "7d"}, "x-max-age: the value must be text like 7D"),
        ("stream", {"x_stream_max_segment_size_bytes": 3_000_000_001}, "x-stream-max-segment-size-bytes: the value"),
        (None, {"x_expires": 0}, "x-expires: the value must be"),
    ],
)
def test_what_every_broker_refuses(kind: str | None, arguments: dict[str, object], reason: str) -> None:
    assert [text for text in _reasons(kind, **arguments) if text.startswith(reason)]


def test_what_some_broker_takes_is_not_refused() -> None:
    assert _reasons("classic", x_queue_leader_locator="balanced") == []  # from 4.0 on
    assert _reasons("classic", x_consumer_timeout=5) == []  # stored unread before 4.3
    assert _reasons("classic", x_queue_mode="whatever") == []  # 4.3 does not look at it
    assert _reasons("quorum", x_delivery_limit=-1) == []  # means unlimited from 4.0 on
    assert _reasons("quorum", x_overflow="reject-publish-dlx") == []  # taken, and not heeded
    assert _reasons(None, x_max_priority=5) == []  # the type is the broker's to choose
    assert _reasons("stream", x_custom=[1, {"a": None}]) == []


def test_properties_that_need_a_classic_queue() -> None:
    transient = Queue("/", "q", "quorum", durable=False, auto_delete=True)
    assert [refused.subject for refused in refused_everywhere(transient)] == ["durable", "auto_delete"]
    assert "a stream cannot be transient" in str(refused_everywhere(Queue("/", "q", "stream", durable=False))[0])
    assert refused_everywhere(Queue("/", "q", "classic", durable=False, auto_delete=True)) == []


def test_every_friendly_key_has_its_argument() -> None:
    for key, known in QUEUE_KEYS.items():
        assert known.argument in QUEUE_ARGUMENTS
        assert friendly_key(known.argument) == key
    assert queue_argument("initial_group_size", "stream") == "x-initial-cluster-size"
    assert friendly_key("x-initial-cluster-size") == "initial_group_size"
    assert friendly_key("x-custom") == ""


@given(st.integers(0, 2**63), st.sampled_from([1, 60, 3600, 86_400]), st.sampled_from([1, 1000, 1024, 10**9, 2**30]))
def test_a_spelled_quantity_is_read_back(amount: int, time: int, bytes_each: int) -> None:
    duration, size = amount * time * 1000 % 2**63, amount * bytes_each % 2**63
    assert parse_duration(spell_duration(duration)) == duration
    assert parse_size(spell_size(size)) == size


@given(st.integers(1, 10**18 - 1), st.sampled_from("YMDdhms"))
def test_a_spelled_age_is_as_long_and_spelled_once(amount: int, unit: str) -> None:
    spelled = spell_age(f"{amount}{unit}")
    assert parse_age(spelled) == parse_age(f"{amount}{unit}")
    assert spell_age(spelled) == spelled


def test_an_age_in_months_stays_in_months() -> None:
    assert [spell_age(age) for age in ("012M", "1Y", "30D", "2592000s", "90m")] == ["12M", "1Y", "30d", "30d", "90m"]
