"""What some methods of the broker say: why it closes, and what a declared queue holds."""

from __future__ import annotations

from struct import unpack_from

CONNECTION_FORCED = 320


class Closed(Exception):
    """The broker closed the channel or the connection: reply code and its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def over_us(self) -> bool:
        """Say whether something that we sent was the reason, and nobody's order to close."""
        return self.code != CONNECTION_FORCED


def reason(payload: bytes | bytearray) -> tuple[int, str]:
    """Read channel.close, connection.close and basic.return: the reply code and its text."""
    code, length = unpack_from(">HB", payload)
    return code, payload[3 : 3 + length].decode(errors="replace")


def declared(payload: bytes | bytearray) -> tuple[str, int, int]:
    """Read queue.declare-ok: name, ready messages, consumers."""
    length = payload[0]
    ready, consumers = unpack_from(">II", payload, 1 + length)
    return payload[1 : 1 + length].decode(), ready, consumers
