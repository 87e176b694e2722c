"""What a message's content header says, and the same header less what it must not keep: bytes in, bytes out.

Nothing is decoded and written anew: what stays, stays byte for byte. A content header is the class, two unused bytes,
the size of the body (8 bytes), a set of flags, and the properties whose flags are set, in the order of the flags.
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS, EXPIRATION, USER_ID = 0x2000, 0x0100, 0x0010  # flags
DELIVERIES: Final = b"x-delivery-count"
COUNTERS: Final = frozenset({DELIVERIES, b"x-acquired-count"})  # what quorum queues add to a delivery, 4.3 both

_FLAGS_AT: Final = 12
_FIRST: Final = 14  # where the properties begin
_SHORT, _TABLE = -1, -2  # how long a property is: a short string, a table; else bytes
# content type and encoding; headers; delivery mode, priority; correlation id, reply to, expiration, message id;
# timestamp; type, user id, app id, cluster id
_LENGTHS: Final = (_SHORT, _SHORT, _TABLE, 1, 1, _SHORT, _SHORT, _SHORT, _SHORT, 8, _SHORT, _SHORT, _SHORT, _SHORT)
_PROPERTIES: Final = tuple((0x8000 >> place, length) for place, length in enumerate(_LENGTHS))
_MORE: Final = 0x0003  # flags that no property of AMQP 0-9-1 has
_U16, _U32 = Struct(">H"), Struct(">I")
# How long the values of a table are, by their class in RabbitMQ's dialect: `rabbit_binary_parser`.
_FIXED: Final = dict(zip(b"VtbBsuIifDlLdT", (0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 8, 8, 8, 8), strict=True))
_COUNTED: Final = frozenset(b"SxAF")  # four bytes of length, and what they count
_INTEGERS: Final = {ord("b"): True, ord("B"): False, ord("s"): True, ord("u"): False, ord("I"): True, ord("i"): False,
                    ord("l"): True, ord("L"): True}  # whether they are signed  # fmt: skip


def body_size(header: bytes | bytearray) -> int:
    """Return how many bytes the body has."""
    return int.from_bytes(header[4:12], "big")


def flags(header: bytes | bytearray) -> int:
    """Return the flags: which properties there are."""
    return int.from_bytes(header[_FLAGS_AT:_FIRST], "big")


def short(header: bytes | bytearray, flag: int) -> str | None:
    """Return a property that is a short string; None where it is not there. Raises `ValueError` for broken bytes."""
    span = _spans(header).get(flag)
    return None if span is None else header[span[0] + 1 : span[1]].decode(errors="replace")


def integer(header: bytes | bytearray, name: bytes) -> int:
    """Return an integer among the headers; 0 where it is not there. Raises `ValueError` for broken bytes."""
    span = _spans(header).get(HEADERS)
    for found, _, value, end in _entries(header, *span) if span else ():
        if found == name and header[value] in _INTEGERS:
            return int.from_bytes(header[value + 1 : end], "big", signed=_INTEGERS[header[value]])
    return 0


def without(header: bytes | bytearray, names: frozenset[bytes], *, user_id: bool = False) -> bytes | bytearray:
    """Return the header less these entries of the headers table, and less the user id if asked.

    A table that is empty afterwards goes, and its flag; one that was empty before stays. Raises `ValueError` for bytes
    that are no content header.
    """
    spans = _spans(header)
    left, kept = flags(header), bytearray()
    for flag, (start, end) in spans.items():
        if flag == HEADERS:
            told = _table_without(header, start, end, names)
        else:
            told = None if flag == USER_ID and user_id else header[start:end]
        if told is None:
            left &= ~flag
        else:
            kept += told
    return header[:_FLAGS_AT] + _U16.pack(left) + kept


def _table_without(
    header: bytes | bytearray, start: int, end: int, names: frozenset[bytes]
) -> bytes | bytearray | None:
    entries = list(_entries(header, start, end))
    kept = [header[begin:stop] for name, begin, _, stop in entries if name not in names]
    if len(kept) == len(entries):
        return header[start:end]
    body = b"".join(kept)
    return _U32.pack(len(body)) + body if body else None


def _spans(header: bytes | bytearray) -> dict[int, tuple[int, int]]:
    """Find the properties: flag -> first byte and the one behind the last."""
    try:
        present, at, found = flags(header), _FIRST, {}
        for flag, length in _PROPERTIES:
            if present & flag:
                if length == _SHORT:
                    end = at + 1 + header[at]
                elif length == _TABLE:
                    end = at + 4 + int(_U32.unpack_from(header, at)[0])
                else:
                    end = at + length
                found[flag] = at, end
                at = end
    except (IndexError, error) as broken:
        raise ValueError(f"no content header: {broken}") from None
    if at != len(header) or present & _MORE:
        raise ValueError("no content header: its flags and its length do not agree")
    return found


def _entries(header: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Walk over a table's entries: name, where the entry begins, where its value's class stands, and its end."""
    at = start + 4
    while at < end:
        value = at + 1 + header[at]
        try:
            kind = header[value]
            if kind in _COUNTED:
                stop = value + 5 + int(_U32.unpack_from(header, value + 1)[0])
            else:
                stop = value + 1 + _FIXED[kind]
        except (IndexError, KeyError, error) as broken:
            raise ValueError(f"no table of AMQP: {broken}") from None
        if stop > end:
            raise ValueError("no table of AMQP: a value ends behind it")
        yield bytes(header[at + 1 : value]), at, value, stop
        at = stop
