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


def short_string(text: str) -> bytes:
    """Write a short string: its length in one byte, and its bytes."""
    raw = text.encode()
    return bytes([len(raw)]) + raw


CHANNEL_CLOSE: Final = code(spec.Channel.Close)
CONNECTION_CLOSE: Final = code(spec.Connection.Close)


class Event(NamedTuple):
    """A method that came: its number, its arguments, and the frames of its message, empty where it has none."""

    number: int
    payload: bytearray
    content: bytearray


class LineLost(OSError):
    """A line failed: which, and what was said."""

    def __init__(self, line: Line, text: str) -> None:
        super().__init__(text)
        self.line = line
