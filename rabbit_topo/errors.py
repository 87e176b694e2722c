"""What can go wrong, as a tree.

    TopoError                 everything this package raises on purpose
    ├── InputError       2    topology files are wrong: every problem, with its place
    ├── UsageError       2    the command line or the configuration is wrong
    ├── BrokerError      1    the broker, or the way to it
    │   ├── Unreachable  1    nobody answers: DNS, TCP, TLS, a time-out
    │   ├── LoginRefused 1    the broker does not know this user, or the password is wrong
    │   ├── AccessRefused 1   the user is known but may not do this
    │   └── NotABroker   1    something answered, but not a RabbitMQ
    └── Refusal          5    a safety rule, or a wrong target; nothing was changed

The number is the exit code of a command that ends with the error.
An object that the broker refuses is no exception: it is a `Failed` outcome,
and its neighbours go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


SHAPE: Final = "RT900"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file: where, what, and what to write instead.

    Line and column count from 1; both are 0 where the file itself is what is wrong: it is not there, or was not read.
    `code` is the linter's, as RT101; RT900 or none where a file has not the right shape, which is nothing to look up.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    code: str = ""

    def __str__(self) -> str:
        """Spell it as `file:line:column: message [code]`, or `file: message`, the hint on a line of its own."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{where}: {self.message}" + (f" [{self.code}]" if self.code not in {"", SHAPE} else "")
        return f"{text}\n    {self.hint}" if self.hint else text


class TopoError(Exception):
    """Base of all; `hint` says what to do next and may be empty."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the facts: what happened, and what to try."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(TopoError):
    """Topology files are wrong. `problems` holds what is shown, `total` how many there are."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], total: int | None = None) -> None:
        """Take the problems in the order in which they are to be shown."""
        self.problems = tuple(problems)
        self.total = len(self.problems) if total is None else total
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(TopoError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class BrokerError(TopoError):
    """The broker, or the way to it, failed."""


class Unreachable(BrokerError):
    """Nobody answers there."""


class LoginRefused(BrokerError):
    """The broker refuses the user name or the password."""


class AccessRefused(BrokerError):
    """The user is known, but lacks a permission or a tag for this."""


class NotABroker(BrokerError):
    """Something answers there, but it is not a RabbitMQ."""


class Refusal(TopoError):
    """A safety rule says no, or the target is the wrong one; nothing was changed."""

    exit_code = 5
