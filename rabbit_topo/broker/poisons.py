"""Arguments with which RabbitMQ creates nothing, and which it does not compare, or compares last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import ALTERNATE, TYPE_ARGUMENT
from rabbit_topo.arguments.versions import OLDEST, read_release

if TYPE_CHECKING:
    from rabbit_topo.model import Plain

RABBITMQ: Final = "RabbitMQ"
# An argument of another type, by the type that is sent.
QUEUE: Final[dict[str, tuple[str, Plain]]] = {
    "classic": ("x-max-age", "1m"),
    "quorum": ("x-max-age", "1m"),
    "stream": ("x-max-priority", 1),
}
# Which type a queue has whose broker compares the poison.
OWNER: Final = {"x-max-age": "stream", "x-max-priority": "classic"}
# A value of a wrong class.
EXCHANGE: Final[dict[str, Plain]] = {ALTERNATE: 1}


def for_queue(kind: str) -> dict[str, Plain]:
    """Return the arguments that make the declare of a queue of this type harmless; its type is among them."""
    name, value = QUEUE[kind]
    return {TYPE_ARGUMENT: kind, name: value}


def may_be_poisoned(product: str, version: str) -> bool:
    """Say whether a broker is known to create nothing with a poison: RabbitMQ from 3.10 on, no unread version."""
    release = read_release(version)
    return product.endswith(RABBITMQ) and release is not None and release >= OLDEST
