"""Reading the version that a broker tells of itself."""

from __future__ import annotations

import re
from typing import Final

OLDEST: Final = (3, 10)  # the oldest and the newest RabbitMQ that this is tried with
NEWEST: Final = (4, 3)


def read_release(version: str) -> tuple[int, int] | None:
    """Return the release of a version; None where it cannot be read, which is no release at all.

    >>> read_release("3.10.8"), read_release("4.3"), read_release("dev")
    ((3, 10), (4, 3), None)
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
