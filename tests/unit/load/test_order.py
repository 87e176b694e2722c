"""The order in which files say things is one: that of the table for who writes them, and that of the shapes."""

from __future__ import annotations

import pytest

from rabbit_topo.arguments.order import KEYS, LIMITS, SECTIONS
from rabbit_topo.load import shapes
from rabbit_topo.load.shapes import Fields, Many, Named, Refused, Shape


def _keys(shape: Shape, *path: str) -> tuple[str, ...]:
    for step in path:
        shape = _inside(shape).known[step]
    return tuple(key for key, known in _inside(shape).known.items() if not isinstance(known, Refused))


def _inside(shape: Shape) -> Fields:
    while isinstance(shape, (Named, Many)):
        shape = shape.item
    assert isinstance(shape, Fields)
    return shape


PATHS = {
    **{kind: (kind,) for kind in ("exchanges", "queues", "bindings", "policies", "publishers", "consumers", "absent")},
    "tests": ("tests",),
    "cases": ("tests", "cases"),
    "then": ("tests", "then"),
    "publish": ("tests", "publish"),
    "dead_letter": ("queues", "dead_letter"),
    "retry_policy": ("publishers", "retry_policy"),
}


@pytest.mark.parametrize(("kind", "path"), PATHS.items())
def test_keys_of_shapes_stand_in_order(kind: str, path: tuple[str, ...]) -> None:
    assert _keys(shapes.TOPOLOGY, *path) == KEYS[kind]


def test_sections_stand_in_order() -> None:
    assert _keys(shapes.TOPOLOGY) == SECTIONS
    assert _keys(shapes.TEST_FILE) == tuple(key for key in SECTIONS if key in _keys(shapes.TEST_FILE))


@pytest.mark.parametrize("section", ["defaults", "profiles"])
def test_shared_options_stand_in_the_order_of_the_objects(section: str) -> None:
    kinds = _keys(shapes.TOPOLOGY, section)
    assert kinds == tuple(kind for kind in KEYS[section] if kind in kinds)
    for kind in kinds:
        own = _keys(shapes.TOPOLOGY, section, kind)
        assert own == tuple(key for key in KEYS[kind] if key in own)


def test_limits_of_queues_and_policies_stand_in_one_order() -> None:
    assert KEYS["definition"] == LIMITS == tuple(k for k, s in shapes.LIMITS.items() if not isinstance(s, Refused))


def test_a_binding_under_its_object_stands_in_the_order_of_a_free_one() -> None:
    own = _keys(shapes.TOPOLOGY, "queues", "bindings")
    assert own == tuple(key for key in KEYS["bindings"] if key in own)
