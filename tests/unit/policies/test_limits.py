"""What a change of options may do to messages."""

from __future__ import annotations

from typing import Any

import pytest

from rabbit_topo.policies import tightened


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ({}, {}, []),
        ({"max-length": 5}, {"max-length": 5}, []),
        ({"max-length": 5}, {"max-length": 6}, []),
        ({"max-length": 5}, {}, []),
        ({"max-length": 5}, {"max-length": 4}, ["max-length"]),
        ({}, {"message-ttl": 10**9}, ["message-ttl"]),
        ({"max-age": "7D"}, {"max-age": "604800s"}, []),
        ({"max-age": "7D"}, {"max-age": "6D"}, ["max-age"]),
        ({"delivery-limit": 50}, {}, ["delivery-limit"]),
        ({"delivery-limit": 10}, {}, []),
        ({"delivery-limit": -1}, {"delivery-limit": 100}, ["delivery-limit"]),
        ({"overflow": "reject-publish"}, {}, ["overflow"]),
        ({"dead-letter-exchange": "a"}, {"dead-letter-exchange": "b"}, ["dead-letter-exchange"]),
        ({"queue-mode": "lazy"}, {}, []),
    ],
)
def test_what_may_hurt_messages(before: dict[str, Any], after: dict[str, Any], worse: list[str]) -> None:
    assert tightened(before, after) == worse
