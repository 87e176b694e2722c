"""The topologies that speed is measured with are one topology in three spellings, and a plot is a picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bench import plot, topologies
from rabbit_topo import connect, diff, load
from rabbit_topo.model import Exchange, Kind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("objects", [62, 310])
def test_every_spelling_says_the_same(objects: int, tmp_path: Path) -> None:
    yaml, document = topologies.write(tmp_path, objects, "bench")
    declared = topologies.topology(objects, "bench")
    assert load(yaml, vhost="bench").resources == declared.resources
    there = connect(str(document)).observe(declared)
    assert not diff(there, declared)
    assert len(declared.resources) == objects + 1


def test_the_proportion_is_one_to_ten_to_twenty_and_all_four_types_are_there() -> None:
    resources = topologies.topology(310, "bench").resources
    kinds = Counter(key.kind for key in resources)
    assert kinds == {Kind.VHOST: 1, Kind.EXCHANGE: 10, Kind.QUEUE: 100, Kind.BINDING: 200}
    types = {resource.type for resource in resources.values() if isinstance(resource, Exchange)}
    assert types == {"direct", "topic", "fanout", "headers"}


def test_a_plot_has_a_line_a_name_inside_its_frame() -> None:
    text = plot.plot("a < b", "s", {"one": [(310, 0.5), (3100, 5.0)], "two": [(310, 9.0)]})
    picture = ET.fromstring(text)  # noqa: S314 - our own
    lines = picture.findall("{*}polyline")
    assert len(lines) == 2
    across = [float(spot.split(",")[0]) for spot in lines[0].attrib["points"].split()]
    assert across[0] < across[1] <= float(picture.attrib["width"])
