"""Comments that suppress findings are found where YAML has comments, and nowhere else."""

from __future__ import annotations

import pytest

from rabbit_topo.load.comments import suppressions
from rabbit_topo.model import Suppression

IGNORE = "# rabbit-topo: ignore[RT203] meant"


def targets(text: str) -> list[int]:
    """Return the lines that are spoken of; libyaml and PyYAML's own parser must agree."""
    found = suppressions(text, "a.yaml")
    assert found == suppressions(text, "a.yaml", pure=True)
    return [one.target_line for one in found]


def test_a_comment_is_kept_with_its_place() -> None:
    text = "version: 1\nqueues:\n  q: {}  # rabbit-topo: ignore[RT203, RT3,topic-pattern-shadowed] because\n"
    assert suppressions(text, "a.yaml") == (
        Suppression("a.yaml", 3, 10, ("RT203", "RT3", "topic-pattern-shadowed"), target_line=3),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{IGNORE}\nqueues:\n", [2]),
        (f"{IGNORE}\n\n  # why\n{IGNORE}\n\t\nqueues: {{}}\n", [6, 6]),
        (f"queues: {{}}\n{IGNORE}\n", [0]),
        (f"a: 1\r\n{IGNORE}\r\nb: 2\r\n", [3]),
        (f"a: 1\rb: 2 {IGNORE}\r", [2]),
        (f"a: x {IGNORE}\nb: 2\n", [1]),
        (f"a: \u2028\n{IGNORE}\nb: 1\n", [4]),
        (f"- a\n- {IGNORE}\n  b\n", [2]),
        (f"a: [b, {IGNORE}\n  c]\n", [1]),
        (f"a: [b,{IGNORE}\n  c]\n", [1]),
        (f'a: "b" {IGNORE}\n', [1]),
        (f"--- {IGNORE}\na: 1\n", [1]),
        (f"a: 1\n... {IGNORE}\n", [2]),
        (f"a: 1  # ticket 5  {IGNORE}\n", [1]),
        (f"a: |  {IGNORE}\n  text\nb: 1\n", [1]),
        (f"a: |\n  text\n{IGNORE}\nb: 1\n", [4]),
        (f"x:\n  a: >-\n    text\n\n  {IGNORE}\n  b: 1\n", [6]),
        (f"a:\n  b\n  c {IGNORE}\nd: 1\n", [3]),
        (f"ü: é\nß: ö {IGNORE}\n", [2]),
        ("#rabbit-topo:ignore[RT203]\na: 1\n", [2]),
    ],
)
def test_it_speaks_of_its_own_line_or_of_the_next_one(text: str, expected: list[int]) -> None:
    assert targets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "# of rabbit-topo: nothing\n",
        "# rabbit-topo:\n# rabbit-topo test\n",
        f"a: '{IGNORE}'\n",
        f'a: "x {IGNORE}"\n',
        f'a: "x\n  {IGNORE}\n  y"\n',
        f"a: 'x\n  {IGNORE}\n  y'\n",
        f"a: |\n  {IGNORE}\n",
        f"a: |\n  text\n\n  {IGNORE}\n  text\n",
        f"a: >\n  {IGNORE}\nb: 1\n",
        f"a: x{IGNORE}\n",
        f"'{IGNORE}': 1\n",
        f"# write `{IGNORE}`\n",
        f"- |-\n  text\n  {IGNORE}\n- 1\n",
    ],
)
def test_text_is_no_comment(text: str) -> None:
    assert targets(text) == []


def test_a_hash_inside_of_text_does_not_hide_the_comment_after_it() -> None:
    (found,) = suppressions(f'a: "x # y"  {IGNORE}\n', "a.yaml")
    assert (found.line, found.column, found.target_line) == (1, 13, 1)


@pytest.mark.parametrize(
    ("text", "misplaced"),
    [
        ("# rabbit-topo: file-ignore[RT4] all of it\nversion: 1\n", False),
        ("\n# a file\n# rabbit-topo: file-ignore[RT4]\n---\nversion: 1\n", False),
        ("---\n# rabbit-topo: file-ignore[RT4]\nversion: 1\n", False),
        ("# rabbit-topo: file-ignore[RT4]\n", False),
        ("version: 1 # rabbit-topo: file-ignore[RT4]\n", True),
        ("version: 1\n---\n# rabbit-topo: file-ignore[RT4]\nversion: 1\n", True),
    ],
)
def test_a_whole_file_is_spoken_of_at_its_top_only(text: str, *, misplaced: bool) -> None:
    (found,) = suppressions(text, "a.yaml")
    assert (found.codes, found.whole_file, found.target_line, found.misplaced) == (("RT4",), True, 0, misplaced)


@pytest.mark.parametrize(
    "said", ["ignore", "ignore[ , ]", "ignore RT201 because", "ignored[RT203]", "noqa", "file-ignore[]", "[RT201]"]
)
def test_one_that_names_nothing_or_is_of_another_form_is_kept_as_it_is_said(said: str) -> None:
    assert suppressions(f"# rabbit-topo: {said} # more\na: 1\n", "a.yaml") == (
        Suppression("a.yaml", 1, 1, (), said=said),
    )


def test_what_is_no_yaml_is_somebody_elses_complaint() -> None:
    assert targets(f"{IGNORE}\na: [\n") == [2]
