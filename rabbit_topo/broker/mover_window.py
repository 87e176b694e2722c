"""Which messages are on their way: published into the target, and not yet acknowledged in the source."""

from __future__ import annotations

from collections import deque


class Window:
    """Messages in the order in which they were published; `first` is the publisher's number of the first one.

    What was confirmed, and everything before it too, may be acknowledged. Once a message came back (`came_back`), no
    later confirm is believed: the broker confirms a message that it could not route, too.
    """

    def __init__(self, first: int) -> None:
        self.bytes = 0  # of all messages in it
        self.acknowledged = 0
        self.returned = 0
        self.refused: set[int] = set()
        self._first = first
        self._tags: deque[tuple[int, int]] = deque()
        self._early: set[int] = set()  # confirmed before one that was published before them
        self._vain: set[int] = set()  # confirmed after a message came back
        self._ready: int | None = None

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def is_settled(self) -> bool:
        """Say whether the broker has answered for every message."""
        return len(self._tags) == len(self._early) + len(self.refused) + len(self._vain)

    @property
    def unsure(self) -> int:
        """How many are perhaps in the target, although they stay in the source."""
        return max(0, len(self._tags) - len(self._early) - len(self.refused) - self.returned)

    def sent(self, tag: int, size: int) -> None:
        """Add a message that is published now; `tag` is the source's for it, `size` is in bytes."""
        self._tags.append((tag, size))
        self.bytes += size

    def came_back(self) -> None:
        """Note that the broker returned a message."""
        self.returned += 1

    def confirm(self, number: int, *, multiple: bool) -> None:
        """Note that a message is safe in the target; with `multiple`, all up to it."""
        if self.returned:
            self._vain |= self._open(number, multiple=multiple)
            return
        if multiple and not self._early and not self.refused:
            while self._first <= number and self._tags:
                self._pop()
            return
        self._early |= self._open(number, multiple=multiple)
        while self._first in self._early:
            self._early.discard(self._first)
            self._pop()

    def refuse(self, number: int, *, multiple: bool) -> None:
        """Note that the target did not take a message; with `multiple`, none up to it."""
        self.refused |= self._open(number, multiple=multiple)

    def acknowledgeable(self) -> int | None:
        """Return the tag up to which the source can be acknowledged; None where nothing is new. Call it once each."""
        tag, self._ready = self._ready, None
        return tag

    def leftovers(self) -> list[int]:
        """Return the tags that can be acknowledged one by one, as others before them cannot; they count as done."""
        tags = [self._tags[number - self._first][0] for number in sorted(self._early)]
        self.acknowledged += len(tags)
        return tags

    def _open(self, number: int, *, multiple: bool) -> set[int]:
        """Return the messages up to `number`, or it alone, less those that are answered already."""
        last = min(number, self._first + len(self._tags) - 1)
        numbers = range(self._first if multiple else max(self._first, number), last + 1)
        return set(numbers) - self._early - self.refused - self._vain

    def _pop(self) -> None:
        self._ready, size = self._tags.popleft()
        self._first += 1
        self.bytes -= size
        self.acknowledged += 1
