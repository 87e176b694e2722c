"""What is said on one AMQP channel about one object: a conversation, written as a generator.

A talk yields methods and is sent what the broker answered; what it returns is its result. It knows nothing of
sockets and channels: the road that runs it has many talks under way at once, one a channel.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of AMQP 0-9-1 to send: class and method number, and its arguments as bytes."""

    number: tuple[int, int]
    payload: bytes


NOTHING = Method((0, 0), b"")


@dataclass(eq=False, slots=True)
class Burst:
    """Methods that go out on one channel in one write.

    The broker answers them in order, and does none after one that it refuses: the talk hears one answer, `Ok` when all
    are done, else the refusal of `methods[len(done)]`. `sent` is when it was sent, and `done` when each -ok came: times
    of `time.perf_counter`, which stay readable where the line broke in the middle.
    """

    methods: Sequence[Method]
    sent: float = field(default=0.0, init=False)
    done: list[float] = field(default_factory=list, init=False)


@dataclass(frozen=True, slots=True)
class Ok:
    """The broker did it. `fields` are those of queue.declare-ok: name, ready messages, consumers; else none."""

    fields: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker closed the channel over it, or the whole connection: reply code and the broker's own words.

    The talk may go on: what was closed is opened again. Code 501 is given without asking the broker where the
    method does not fit into a frame of this connection.
    """

    code: int
    text: str


Answer: TypeAlias = Ok | Refused
Talk: TypeAlias = Generator[Method | Burst, Answer, Result]


@dataclass(eq=False, slots=True)
class Job(Generic[Result]):
    """A talk on its way, and what it is about.

    A lost connection leaves open whether the last method arrived. Unless `once` is set it is then sent again, as
    every method here may be repeated; a talk with `once` set is never resumed. Nothing of a talk is sent after
    `until`, a time of `time.monotonic`: what it rests on is too old by then. The rest is the road's own: the method
    that waits for its answer, whether any was sent, how many connections it was lost with.
    """

    about: Any
    talk: Talk[Result]
    once: bool = False
    until: float = inf
    sent: bool = field(default=False, init=False)
    method: Method | Burst = field(default=NOTHING, init=False)
    losses: int = field(default=0, init=False)

    @property
    def methods(self) -> Sequence[Method]:
        """What waits for its answer, or is about to be sent."""
        return self.method.methods if isinstance(self.method, Burst) else (self.method,)

    @property
    def awaited(self) -> Method:
        """The method whose answer comes next."""
        return self.method.methods[len(self.method.done)] if isinstance(self.method, Burst) else self.method


@dataclass(frozen=True, slots=True)
class Lost:
    """How a job ended that got no answer: why, and whether a method of it may have arrived."""

    reason: str
    sent: bool
