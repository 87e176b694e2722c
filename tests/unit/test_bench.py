"""The topologies that speed is measured with are one topology in three spellings, and a plot is a picture."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from bench import contenders, plot, topologies
from bench.nodes import Bench
from bench.processes import FailedRun, Measured, measure
from bench.results import Results, notes, seconds
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


def runs(*taken: float, peak_mb: float = 50) -> dict[int, list[Measured]]:
    return {3100: [Measured(one, peak_mb) for one in taken]}


def test_a_promise_is_held_against_medians() -> None:
    found = {
        contenders.APPLY: runs(1, 7, 9),
        contenders.IMPORT: runs(10, 10, 10),
        contenders.CHECK: runs(1, peak_mb=500),
    }
    told = list(notes(found))
    assert told == [
        "- apply, both URLs, 3,100 objects: 0.70 x POST /api/definitions; promised 0.8 x: kept",
        "- check, 3,100 objects: 500 MB; promised 400 MB: NOT KEPT",
    ]


def test_the_writing_is_told_of_the_very_runs_of_an_apply_and_a_busy_node_is_named() -> None:
    phases = [{"read": 1.0, "write": 2.0}, {"read": 3.0, "write": 6.0}, {"read": 2.0, "write": 5.0}]
    found = {contenders.APPLY: {310: [Measured(9, 50, told, rested=told["read"] < 3) for told in phases]}}
    assert seconds(found) == {contenders.APPLY: {310: 9}, contenders.WRITE: {310: 5.0}}
    assert list(notes(found)) == [
        "- apply, both URLs, 310 objects: read 2.00 s, write 5.00 s",
        "- apply, both URLs, 310 objects: the node was still busy before 1 of 3 runs",
    ]


def test_results_are_read_back_and_shown_between_the_marks(tmp_path: Path) -> None:
    took = {contenders.APPLY: runs(2.5)}
    found = Results({"4.3": took}, {"4.3": "4.3.6"}, {31: {"load": 0.5, "peak MB": 20.0}}, clients={"rascal": "21.0.1"})
    assert Results.read(json.loads(json.dumps(found.document()))) == found
    page = tmp_path / "performance.md"
    marks = [f"<!-- measured: {name} -->" for name in ("machine", "3.10", "4.3", "scale")]
    page.write_text("".join(f"{mark}old{mark}\n" for mark in marks))
    found.write_docs(tmp_path)
    once = page.read_text()
    found.write_docs(tmp_path)
    assert page.read_text() == once
    assert once.count("old") == 1  # of 3.10 nothing was measured
    assert "| apply, both URLs | 2.50 s |  | 50 |" in once
    assert "rascal 21.0.1." in once
    assert {path.name for path in tmp_path.iterdir()} == {page.name, "performance-4.3.svg", "performance-scale.svg"}


def test_a_process_is_measured_to_its_end(tmp_path: Path) -> None:
    code = "x = b'x' * 100_000_000; print('hello'); print('{\"write\": 1.5}')"
    run = measure([sys.executable, "-c", code], cwd=tmp_path, tells=True)
    assert run.phases == {"write": 1.5}
    assert run.peak_mb > 95
    with pytest.raises(FailedRun, match="ended with 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"], cwd=tmp_path)


@pytest.mark.parametrize(("code", "rests"), [("import time; time.sleep(60)", True), ("while True: pass", False)])
def test_a_node_that_does_not_come_to_rest_is_told(code: str, rests: bool) -> None:  # noqa: FBT001 - a parameter
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        node: Any = SimpleNamespace(sandbox=SimpleNamespace(pids=[process.pid]))
        assert Bench(node).wait_until_quiet(30.0 if rests else 1.0) is rests
        process.kill()
