"""What fmt never does: lose a comment, change what a file says, or change its own work."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import given, settings

from rabbit_topo.adopt.types import File
from rabbit_topo.load import documents
from rabbit_topo.load.nodes import plain
from rabbit_topo.load.problems import Problems
from rabbit_topo.load.yaml_nodes import parse
from rabbit_topo.model import Origin
from rabbit_topo.write.formatting import formatted
from rabbit_topo.write.scalars import spell
from rabbit_topo.write.yaml_text import dump
from tests.laws.written import FILES, TOPOLOGIES, Written

_COMMENT = re.compile(r"#[ #]*c[0-9]+.*")


def _formatted(text: str, *, by_name: bool = False) -> str:
    problems = Problems()
    result = formatted(text, "x.yaml", problems, by_name=by_name, any_yaml=True)
    assert result is not None, [str(problem) for problem in problems.all()]
    return result


def _loaded(text: str) -> Any:
    problems = Problems()
    found = documents.topology(parse(text, "x.yaml", problems), ("x.yaml",), "/", problems, tests=True)
    assert not problems.all(), [str(problem) for problem in problems.all()]
    return _without_places(found)


def _without_places(value: Any) -> Any:
    if isinstance(value, Origin):
        return None
    if is_dataclass(value):
        return [type(value), {one.name: _without_places(getattr(value, one.name)) for one in fields(value)}]
    if hasattr(value, "items"):
        return {key: _without_places(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_without_places(item) for item in value]
    return value


@given(TOPOLOGIES)
@settings(deadline=None)
def test_a_formatted_file_declares_the_same(file: Written) -> None:
    assert _loaded(_formatted(file.text)) == _loaded(file.text)
    assert _loaded(_formatted(file.text, by_name=True)) == _loaded(file.text)


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_every_comment_is_kept_once(file: Written) -> None:
    lines = _formatted(file.text).split("\n")
    found = [line.strip() for line in lines if line.strip().startswith("#")]
    found += [
        comment
        for line in lines
        if not line.strip().startswith("#")
        for comment in file.comments
        if line.endswith(f" {comment}")
    ]
    wanted = Counter(comment.rstrip() for comment in file.comments)
    assert not wanted - Counter(found)


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_formatting_again_changes_nothing(file: Written) -> None:
    once = _formatted(file.text)
    assert _formatted(once) == once
    by_name = _formatted(file.text, by_name=True)
    assert _formatted(by_name, by_name=True) == by_name == _formatted(by_name)


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_the_data_is_the_same_for_any_reader(file: Written) -> None:
    problems = Problems()
    before = [plain(one.root) for one in parse(file.text, "", problems)]
    after = [plain(one.root) for one in parse(_formatted(file.text), "", problems)]
    assert len(before) == len(after)
    assert [set(page or ()) for page in before] == [set(page or ()) for page in after]


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_a_comment_stays_with_the_key_that_it_speaks_of(file: Written) -> None:
    lines = _formatted(file.text).split("\n")
    for comment, key in file.beside.items():
        [at] = [number for number, line in enumerate(lines) if line.endswith(comment.rstrip())]
        assert _says(lines[at], key), (comment, key)
    for comment, key in file.above.items():
        if key in {"version", "vhost"}:  # they go to the top, and what speaks of the section above stays with it
            continue
        [at] = [number for number, line in enumerate(lines) if line.strip() == comment.rstrip()]
        below = next(line for line in lines[at + 1 :] if line.strip() and not line.strip().startswith("#"))
        assert _says(below, key), (comment, key)


def _says(line: str, key: str) -> bool:
    bare = line.lstrip(" -") if not spell(key, flow=False).startswith("-") else line
    return spell(key, flow=False) + ":" in bare


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_nothing_is_left_in_the_margins(file: Written) -> None:
    text = _formatted(file.text)
    assert not text.startswith("\n")
    assert text.endswith("\n")
    assert "\t#" not in text


@given(FILES | TOPOLOGIES)
@settings(deadline=None)
def test_what_is_written_in_this_order_is_formatted(file: Written) -> None:
    pages = [plain(one.root) for one in parse(_formatted(file.text), "", Problems())]
    if all(isinstance(page, dict) for page in pages):
        text = dump(File("x.yaml", tuple(pages)), "x.json")
        assert _formatted(text) == text
