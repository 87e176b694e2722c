from __future__ import annotations

import pytest

from rabbit_topo.arguments import QUEUE_TYPES, compared_arguments


@pytest.mark.parametrize(
    ("kind", "version", "name"),
    [
        ("classic", "3.10.8", "+x-max-priority"),
        ("quorum", "3.10.8", "-x-max-priority"),
        ("classic", "3.13.7", "-x-queue-leader-locator"),
        ("classic", "4.0.0", "+x-queue-leader-locator"),
        ("quorum", "4.2.9", "-x-consumer-timeout"),
        ("quorum", "4.3.6", "+x-consumer-timeout"),
        ("quorum", "5.0.0", "+x-consumer-timeout"),
        ("stream", "4.1.8", "-x-stream-filter-size-bytes"),
        ("stream", "4.2.0-rc.1", "+x-stream-filter-size-bytes"),
        ("stream", "3.10.8", "-x-max-length"),
        ("classic", "4.3.6", "-x-custom"),
    ],
)
def test_what_is_compared_depends_on_type_and_version(kind: str, version: str, name: str) -> None:
    assert (name[1:] in compared_arguments(kind, version)) == (name[0] == "+")


def test_what_is_not_known_is_not_compared() -> None:
    assert compared_arguments("rabbit_mqtt_qos0_queue", "4.3.6") == frozenset()
    for kind in QUEUE_TYPES:
        assert compared_arguments(kind, "unknown") == compared_arguments(kind, "3.10.8")
        assert compared_arguments(kind, "4.3.6") <= compared_arguments(None, "4.3.6")
