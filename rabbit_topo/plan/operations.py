"""What will be done, one step each, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rabbit_topo.diff import Change
    from rabbit_topo.model import Binding, Exchange, Key, Queue, Resource


@dataclass(frozen=True, slots=True)
class Declare:
    """Make `resource` exist as it is, or give a policy its new value.

    `resource` is exactly what is sent: a queue whose `type` is None is declared without one. `allowed` says that it is
    made only because its danger was allowed by name.
    """

    resource: Resource
    cause: Change
    hazard: str = ""
    allowed: bool = False

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


@dataclass(frozen=True, slots=True)
class Recreate:
    """Delete `before`, declare `after` in its place, and bring back what went with it: `restore`, in this order.

    `restore` holds the auto-delete exchanges that vanish on the way, and then all bindings in and out. A queue must be
    idle, as for `Remove`. A journal (`rabbit_topo.plan.journal`) lies on the broker as long as anything is missing.
    Where that is what an earlier run left, `resumed` is set: nothing is deleted, and what is missing is brought back.
    """

    before: Exchange | Queue | None
    after: Exchange | Queue
    restore: tuple[Exchange | Binding, ...]
    cause: Change
    hazard: str = ""
    resumed: bool = False

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.after.key

    @property
    def resource(self) -> Exchange | Queue:
        """What it is to be."""
        return self.after


@dataclass(frozen=True, slots=True)
class Migrate:
    """Put `after` in the place of `before`, and keep the messages: meanwhile they lie in `holding`.

    `before` is what is there now: None where an earlier run deleted it, equal to `after` where it declared it already.
    `resumed` says that `holding` is there, as an earlier run left it. See `rabbit_topo.migrate`.
    """

    before: Queue | None
    after: Queue
    holding: Queue
    cause: Change
    hazard: str = ""
    resumed: bool = False

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.after.key

    @property
    def resource(self) -> Queue:
        """What it is to be."""
        return self.after


Operation: TypeAlias = Declare | Remove | Recreate | Migrate


@dataclass(frozen=True, slots=True)
class Done:
    """The broker confirmed it. `note` is what is to be told of it: how long it took, how many messages moved."""

    operation: Operation
    note: str = ""


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
