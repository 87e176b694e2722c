"""What an import writes is what it took, whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo import load
from rabbit_topo.adopt.documents import documents
from rabbit_topo.adopt.types import Selection
from rabbit_topo.arguments import same_value
from rabbit_topo.model import Kind, Queue, Vhost
from rabbit_topo.write.yaml_text import dump
from tests.odd_worlds import odd_world

if TYPE_CHECKING:
    from random import Random

    from rabbit_topo.adopt.types import File, Split
    from rabbit_topo.model import Resource, Topology


def selection_of(*worlds: Topology) -> Selection:
    """Take everything."""
    everything = {key: one for world in worlds for key, one in world.resources.items() if not isinstance(one, Vhost)}
    vhosts = tuple(sorted({vhost for world in worlds for vhost in world.vhosts}))
    return Selection(vhosts, dict(sorted(everything.items(), key=lambda pair: pair[0].order)))


def read_back(files: tuple[File, ...]) -> Topology:
    with TemporaryDirectory() as folder:
        for file in files:
            path = Path(folder, file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dump(file, "topology.schema.json"), encoding="utf-8")
        return load(folder)


def alike(one: Resource | None, other: Resource) -> bool:
    """Compare objects, where two spellings of an age are one."""
    if not (isinstance(one, Queue) and isinstance(other, Queue)):
        return one == other
    names = {*one.arguments, *other.arguments}
    same = all(same_value(name, one.arguments.get(name), other.arguments.get(name)) for name in names)
    return same and replace(one, arguments=other.arguments) == other


@pytest.mark.parametrize("split", ["prefix", "exchange", "none"])
@given(random=st.randoms(use_true_random=False))
def test_loading_what_is_written_gives_what_was_taken(random: Random, split: Split) -> None:
    worlds = [odd_world(random, vhost) for vhost in random.choice((["/"], ["eu"], ["/", "eu", "EU"]))]
    selection = selection_of(*worlds)

    found = read_back(documents(selection, split))

    vhosts = {Vhost(vhost).key: Vhost(vhost) for vhost in selection.vhosts}
    assert found.resources.keys() == selection.taken.keys() | vhosts.keys()
    for key, one in selection.taken.items():
        assert alike(found.resources[key], one), (found.resources[key], one)
    for key in selection.taken:
        if key.kind is not Kind.BINDING:
            assert found.scope.owns(key.vhost, key.name), (found.scope.owns_patterns, key)


@given(random=st.randoms(use_true_random=False))
def test_the_order_in_which_objects_were_read_does_not_matter(random: Random) -> None:
    selection = selection_of(odd_world(random))
    shuffled = list(selection.taken.items())
    random.shuffle(shuffled)

    assert documents(selection) == documents(replace(selection, taken=dict(shuffled)))
