"""What is routed, and what came of it, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rabbit_topo.model import Binding, Key, Plain

Way: TypeAlias = Literal["binding", "alternate", "default"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is published. The headers `CC` and `BCC`, lists of text, give more routing keys.

    `vhost` is needed only where a topology has several. `expiration_ms` is the message's own time to live.
    """

    exchange: str
    routing_key: str = ""
    headers: Mapping[str, Plain] = field(default_factory=dict)
    vhost: str | None = None
    expiration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A way that a message takes on from an exchange.

    `way` is a binding (then `binding` is it), the exchange's alternate exchange, or the default exchange's rule that a
    key is a queue's name. `reason` says in words why. Not `certain` is what depends on more than the message: one of
    several by a hash, or a type that is not known. `again` says that the message has been at that exchange already and
    is not routed there twice; `missing` that there is no such exchange or queue, so that this copy is dropped.
    """

    destination: Key
    way: Way
    reason: str
    binding: Binding | None = None
    certain: bool = True
    again: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """A binding that a message does not take, and why."""

    binding: Binding
    reason: str


@dataclass(frozen=True, slots=True)
class Hop:
    """What happens to a message at one exchange.

    `by` is the way that led here, None where it was published. `note` is a sentence where the type of the exchange has
    something to say of its own, or where nothing takes the message. `kind` is the type by whose rules it routes: the
    inner one of a delaying exchange.
    """

    exchange: str
    type: str | None
    by: Taken | None
    taken: tuple[Taken, ...]
    note: str = ""
    kind: str | None = None
    _missed: Callable[[], tuple[Missed, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def missed(self) -> tuple[Missed, ...]:
        """The bindings that the message does not take; worked out when asked for, as there may be very many."""
        return self._missed()


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes.

    `queues` get it for certain and `perhaps` are those that may: names, sorted. `hops` are the exchanges in the order
    in which the broker asks them. `refusal` says, in the broker's words, why the publish itself would be refused.
    `notes` say what is not certain, or happens later, and why.
    """

    message: Message
    vhost: str
    queues: tuple[str, ...]
    perhaps: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    refusal: str = ""
    notes: tuple[str, ...] = ()

    @property
    def unroutable(self) -> bool:
        """Whether the broker takes the message and no queue gets it."""
        return not (self.queues or self.perhaps or self.refusal)
