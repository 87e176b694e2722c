"""Editing content headers: what is not removed stays, byte for byte."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.broker.mover_header import COUNTERS, EXPIRATION, USER_ID, body_size, integer, short, without

SHORTS = {0x8000, 0x4000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010, 0x0008, 0x0004}
FIXED = {0x1000: 1, 0x0800: 1, 0x0040: 8}


def _short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _long(text: bytes) -> bytes:
    return pack(">I", len(text)) + text


def _fixed(kind: bytes, size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).map(lambda data: kind + data)


NAMES = st.binary(max_size=12).filter(lambda name: name not in COUNTERS)
SCALARS = st.one_of(
    *(_fixed(kind, 1) for kind in (b"t", b"b", b"B")),
    *(_fixed(kind, 2) for kind in (b"s", b"u")),
    *(_fixed(kind, 4) for kind in (b"I", b"i", b"f")),
    *(_fixed(kind, 8) for kind in (b"l", b"L", b"d", b"T")),
    _fixed(b"D", 5),
    st.just(b"V"),
    st.binary(max_size=300).map(lambda data: b"S" + _long(data)),
    st.binary(max_size=30).map(lambda data: b"x" + _long(data)),
)


def _nested(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    inner = st.tuples(st.sampled_from([*sorted(COUNTERS), b"", b"n"]), values).map(
        lambda pair: _short(pair[0]) + pair[1]
    )
    return st.one_of(
        st.lists(values, max_size=3).map(lambda items: b"A" + _long(b"".join(items))),
        st.lists(inner, max_size=3).map(lambda items: b"F" + _long(b"".join(items))),
    )


VALUES = st.recursive(SCALARS, _nested, max_leaves=8)
ENTRIES = st.lists(st.tuples(NAMES, VALUES).map(lambda pair: _short(pair[0]) + pair[1]), max_size=5)
COUNTED = st.lists(
    st.tuples(st.sampled_from(sorted(COUNTERS)), st.integers(0, 2**40)).map(
        lambda pair: _short(pair[0]) + b"l" + pack(">q", pair[1])
    ),
    min_size=1,
    max_size=2,
)


def header(properties: dict[int, bytes], table: list[bytes] | None, size: int = 5) -> bytes:
    """Write a content header; `table` is the headers' entries."""
    if table is not None:
        properties = {**properties, 0x2000: _long(b"".join(table))}
    flags = sum(properties)
    return pack(">HHQH", 60, 0, size, flags) + b"".join(properties[flag] for flag in sorted(properties, reverse=True))


@st.composite
def properties(draw: st.DrawFn) -> dict[int, bytes]:
    found = {}
    for flag in draw(st.sets(st.sampled_from(sorted(SHORTS | set(FIXED))))):
        size = FIXED.get(flag)
        found[flag] = (
            _short(draw(st.binary(max_size=255))) if size is None else draw(st.binary(min_size=size, max_size=size))
        )
    return found


@given(properties(), st.none() | ENTRIES)
def test_nothing_to_remove_changes_nothing(others: dict[int, bytes], table: list[bytes] | None) -> None:
    whole = header(others, table)
    assert without(whole, COUNTERS) == whole
    assert without(bytearray(whole), frozenset()) == whole


@given(properties(), ENTRIES, COUNTED, st.randoms(use_true_random=False), st.booleans())
def test_counters_go_and_everything_else_stays(
    others: dict[int, bytes],
    table: list[bytes],
    counters: list[bytes],
    order: object,
    user_id: bool,  # noqa: FBT001
) -> None:
    mixed = list(table)
    for counter in counters:
        mixed.insert(order.randint(0, len(mixed)), counter)  # type: ignore[attr-defined]  # a random.Random
    left = {flag: value for flag, value in others.items() if not (user_id and flag == USER_ID)}
    wanted = header(left, table or None)
    assert without(header(others, mixed), COUNTERS, user_id=user_id) == wanted


@given(st.binary(max_size=80))
def test_bytes_that_are_no_header_are_said_to_be_none(data: bytes) -> None:
    try:
        found = without(data, COUNTERS, user_id=True)
    except ValueError:
        return
    assert len(found) <= len(data)


def test_what_a_header_says() -> None:
    entries = [
        _short(b"x-delivery-count") + b"l" + pack(">q", 7),
        _short(b"b") + b"b" + b"\xff",
        _short(b"B") + b"B\xff",
    ]
    whole = header({EXPIRATION: _short(b"60000"), USER_ID: _short(b"me")}, entries, 300)
    assert (short(whole, EXPIRATION), short(whole, USER_ID), short(whole, 0x8000)) == ("60000", "me", None)
    assert body_size(whole) == 300
    assert [integer(whole, name) for name in (b"x-delivery-count", b"b", b"B", b"none")] == [7, -1, 255, 0]
    assert integer(header({}, None), b"b") == 0
    assert integer(header({}, [_short(b"b") + b"S" + _long(b"text")]), b"b") == 0


@pytest.mark.parametrize(
    "data",
    [
        header({}, [_short(b"a") + b"Z"]),
        header({}, [_short(b"a") + b"l\0"]),
        header({}, [_short(b"a") + b"S\0\0\0\xff"]),
        header({}, [b"\x20a"]),
        header({USER_ID: b"\x05me"}, None),
        header({}, None) + b"more",
        header({0x0001: b""}, None),
        b"\0\x3c",
    ],
)
def test_broken_bytes(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no content header|no table of AMQP"):
        without(data, COUNTERS, user_id=True)
