"""What holds for every input."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rabbit_topo.errors import InputError
from rabbit_topo.load import Tolerant, load, tolerant
from rabbit_topo.load.shapes import TOPOLOGY, Fields, Many, Named, Scalar, Shape, Table
from rabbit_topo.model import Topology

if TYPE_CHECKING:
    from pathlib import Path

_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["", "q", "e", "1h", "7D", "10MB", "topic", "quorum", "{name}", "amq.topic", "p", "a\nb"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(["q", "e", "p", "amq.topic", "", "x" * 300, "a\rb"])


def _like(shape: Shape) -> st.SearchStrategy[object]:
    """Draw something that has nearly the shape."""
    match shape:
        case Fields():
            keys = st.sampled_from([*shape.known, "typo"])
            pairs = st.lists(keys, max_size=5, unique=True).flatmap(
                lambda chosen: st.fixed_dictionaries({key: _like(shape.known.get(key, Table())) for key in chosen})
            )
            return pairs | _VALUES
        case Named():
            return st.dictionaries(_NAMES, st.deferred(lambda: _like(shape.item)), max_size=3) | _VALUES
        case Many():
            return st.lists(st.deferred(lambda: _like(shape.item)), max_size=3) | _VALUES
        case Scalar():
            return _VALUES
        case _:
            return st.dictionaries(st.text(max_size=5), _VALUES, max_size=3)


def _loads_or_complains(path: Path, text: bytes) -> None:
    """Read it both ways: what one complains of, the other tells beside a topology of the rest."""
    path.write_bytes(text)
    try:
        told = tolerant(path)
    except InputError as error:
        told = Tolerant(Topology({}), error.problems)
    try:
        assert load(path, tests=True) == told.topology
        assert not told.problems
    except InputError as error:
        assert told.problems[: len(error.problems)] == error.problems  # noqa: PT017 - there may be no error at all
        assert 1 <= len(error.problems) <= error.total  # noqa: PT017 - there may be no error at all
        for problem in error.problems:
            assert problem.file == str(path)
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(_like(TOPOLOGY))
def test_any_document_loads_or_is_complained_of(tmp_path: Path, document: object) -> None:
    if isinstance(document, dict):
        document.setdefault("version", 1)
    _loads_or_complains(tmp_path / "a.yaml", json.dumps(document).encode())


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: ("version: 1\n" + text).encode())))
def test_any_bytes_load_or_are_complained_of(tmp_path: Path, text: bytes) -> None:
    _loads_or_complains(tmp_path / "a.yaml", text)


def _seconds(path: Path, queues: int, line: str) -> float:
    body = "".join(line.format(n=n) for n in range(queues))
    path.write_text(f"version: 1\nexchanges: {{e: {{type: topic}}}}\nqueues:\n{body}", encoding="utf-8")
    best = float("inf")
    gc.disable()  # as the command does: the collector would look at what other tests left, too
    try:
        for _ in range(5):
            start = time.process_time()
            try:
                load(path)
            except InputError as error:
                assert error.total >= queues  # noqa: PT017 - the other kind of file has no error
            best = min(best, time.process_time() - start)
    finally:
        gc.enable()
    return best


def test_twice_the_objects_take_twice_the_time(tmp_path: Path) -> None:
    line = "  queue.{n}:\n    message_ttl: 1h\n    bindings: [{{exchange: e, routing_key: k.{n}}}]\n"
    assert _seconds(tmp_path / "a.yaml", 4000, line) < 3 * _seconds(tmp_path / "a.yaml", 2000, line)


def test_twice_the_mistakes_take_twice_the_time(tmp_path: Path) -> None:
    line = "  queue.{n}:\n    mesage_ttl: 1h\n    bindings: [{{exchange: ee.{n}, routing_key: k}}]\n"
    assert _seconds(tmp_path / "a.yaml", 4000, line) < 3 * _seconds(tmp_path / "a.yaml", 2000, line)
