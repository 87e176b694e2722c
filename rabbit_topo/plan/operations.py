"""What will be done, one step each, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Key, Resource


@dataclass(frozen=True, slots=True)
class Declare:
    """Make `resource` exist as it is, or give a policy its new value.

    `resource` is exactly what is sent: a queue whose `type` is None is declared without one.
    """

    resource: Resource
    cause: Change
    hazard: str = ""

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


@dataclass(frozen=True, slots=True)
class Remove:
    """Make `resource` not exist. `binding_ids` are the server's own names of a binding.

    A queue is removed only while it has no ready and no unacknowledged message and no consumer, an
    exchange only while no binding leaves it: whoever carries this out checks that again, last thing,
    and with the broker's guards where it has them.
    """

    resource: Resource
    cause: Change
    hazard: str = ""
    binding_ids: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.resource.key


Operation: TypeAlias = Declare | Remove


@dataclass(frozen=True, slots=True)
class Done:
    """The broker confirmed it."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Failed:
    """The broker, or a guard, refused it: `reason` quotes the broker's own words."""

    operation: Operation
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class NotAttempted:
    """It was not done as far as anybody knows. `sent` says that it may have arrived all the same."""

    operation: Operation
    reason: str
    sent: bool = False


Outcome: TypeAlias = Done | Failed | NotAttempted


def unsent(operations: Iterable[Operation]) -> Iterator[NotAttempted]:
    """Tell of operations that an interrupt came before them."""
    return (NotAttempted(operation, "interrupted before it was sent") for operation in operations)
