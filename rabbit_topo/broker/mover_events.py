"""What a line tells: methods with their messages, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from amqp import spec

if TYPE_CHECKING:
    from rabbit_topo.broker.mover_frames import Line

Bytes = bytes | bytearray


def code(number: tuple[int, int]) -> int:
    """Write class and method as one number."""
    return number[0] << 16 | number[1]


CHANNEL_CLOSE: Final = code(spec.Channel.Close)
CONNECTION_CLOSE: Final = code(spec.Connection.Close)


class Event(NamedTuple):
    """A method that came: its number, its arguments, and the frames of its message, empty where it has none."""

    number: int
    payload: bytearray
    content: bytearray


class Closed(Exception):
    """The broker closed the channel or the connection: reply code and its words."""

    def __init__(self, reply_code: int, text: str) -> None:
        super().__init__(text)
        self.reply_code = reply_code


class LineLost(OSError):
    """A line failed: which, and what was said."""

    def __init__(self, line: Line, text: str) -> None:
        super().__init__(text)
        self.line = line


def reason(payload: Bytes) -> tuple[int, str]:
    """Read channel.close and connection.close: the reply code and its text."""
    return int.from_bytes(payload[:2], "big"), payload[3 : 3 + payload[2]].decode(errors="replace")
