from __future__ import annotations

from typing import Any

import pytest
from amqp.serialization import loads

from rabbit_topo.broker.amqp_table import table


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -1, 2**63 - 1, -(2**63), 1.5, "", "ü", [], [1, [2]], {}, {"a": {"b": [None]}}]
)
def test_it_is_read_back_by_another_hand(value: Any) -> None:
    (read,), offset = loads("F", table({"key ü": value}), 0)
    assert read == {"key ü": value}
    assert type(read["key ü"]) is type(value)
    assert offset == len(table({"key ü": value}))


def test_every_integer_is_64_bits_wide() -> None:
    assert table({"a": 1, "b": [1], "c": {"d": 1}}).count(b"l\0\0\0\0\0\0\0\1") == 3


@pytest.mark.parametrize("items", [{"a": 2**63}, {"a": [-(2**63) - 1]}, {"a": b"x"}, {"a" * 256: 1}])
def test_what_amqp_cannot_hold(items: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"64 bits|no place|255"):
        table(items)
