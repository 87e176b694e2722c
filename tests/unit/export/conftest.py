"""What the tests of this room share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.model import Key, Note, Resource, Topology

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


@pytest.fixture
def topology_of() -> Callable[..., Topology]:
    """Make a topology of resources; those `external` are somebody else's."""

    def make(*resources: Resource, external: Collection[Resource] = ()) -> Topology:
        everything: dict[Key, Resource] = {one.key: one for one in (*resources, *external)}
        return Topology(everything, {one.key: Note(external=True) for one in external})

    return make
