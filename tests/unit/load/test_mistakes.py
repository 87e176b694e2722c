"""What is wrong in a file: where, what, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rabbit_topo.errors import Problem
    from tests.unit.load.conftest import Complaints, Problems

HEAD = "version: 1\n"
CASES = sorted((Path(__file__).parents[2] / "cases" / "mistakes").glob("*.yaml"))
MARK = "#! "


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_mistakes(problems: Problems, case: Path) -> None:
    """Each file ends with what is wrong in it: the place, the linter's code if it has one, how the complaint begins."""
    text = case.read_text(encoding="utf-8")
    expected = [line.removeprefix(MARK) for line in text.splitlines() if line.startswith(MARK)]
    found = [_spelled(problem) for problem in problems(text)]
    assert expected
    assert len(found) == len(expected), found
    for said, wanted in zip(found, expected, strict=True):
        assert said.startswith(wanted)


def _spelled(problem: Problem) -> str:
    code = "" if problem.code == "RT900" else f"{problem.code} "
    return f"{problem.line}:{problem.column} {code}{problem.message}" + (f" | {problem.hint}" if problem.hint else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 this file is empty | start it with `version: 1`"),
        ("# only a comment\n---\n---\n", "1:1 this file is empty | start it with `version: 1`"),
        ("- a\n", "1:1 a document must be a mapping, not a list"),
        ("hello\n", '1:1 a document must be a mapping, not "hello"'),
        ("queues: {}\n", "1:1 the document does not say its version | start it with `version: 1`"),
        ("version: 2\n", "1:10 `version` must be 1, not 2"),
        ("version: '1'\n", '1:10 `version` must be 1, not "1"'),
        ("version: true\n", "1:10 `version` must be 1, not true"),
        ("version: 1\nvhost: ''\n", '2:8 `vhost` must be text that is not empty, not ""'),
        ("version: 1\nvhost: 5\n", '2:8 `vhost` must be text, not 5 | quote it: "5"'),
    ],
)
def test_documents(complaints: Complaints, text: str, expected: str) -> None:
    found = complaints(text)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_the_same_object_in_two_files(complaints: Complaints) -> None:
    one = HEAD + "exchanges: {e: {type: topic}}\nqueues: {q: {}}\npolicies: {p: {pattern: x, definition: {a: 1}}}\n"
    assert complaints(one, b=one) == [
        'b.yaml:2:13 the exchange "e" is declared twice; the first is a.yaml:2:13 | remove one of the two',
        'b.yaml:3:10 the queue "q" is declared twice; the first is a.yaml:3:10 | remove one of the two',
        'b.yaml:4:12 the policy "p" is declared twice; the first is a.yaml:4:12 | remove one of the two',
    ]


def test_one_mistake_is_one_complaint(complaints: Complaints) -> None:
    """What was wrong already makes no second complaint: not of a type, an end, a key or a twin."""
    found = complaints(
        HEAD
        + "exchanges: {a: {type: 5}, b: {use: nope}}\n"
        + "queues: {q: {type: strem, initial_group_size: 3, bindings: [{exchange: a}, {exchange: amq.topic,"
        + " routing_key: 5}, {exchange: amq.match, match: x}, {exchange: amq.match}]},\n"
        + "  r: {dead_letter: {exchange: 5, routing_key: a}}, s: {use: nope, dead_letter: {routing_key: a}}}\n"
        + "policies: {p: {pattern: 5, definition: 5}}\npublishers: {p: {exchange: 5}}\nconsumers: {c: {queues: 5}}\n"
        + "bindings: [{exchange: 5, queue: 5}]\n"
    )
    assert [said.split(" ")[0] for said in found] == [
        "2:23", "2:36", "3:20", "3:111", "3:144", "4:31", "4:61", "5:25", "5:40", "6:28", "7:25", "8:23", "8:33",
    ]  # fmt: skip


def test_an_unreadable_neighbour_makes_no_ends_missing(complaints: Complaints) -> None:
    found = complaints(HEAD + "queues: {q: {use: p, bindings: [{exchange: in-b}]}}\n", b="version: 1\nexchanges: [\n")
    assert len(found) == 1
    assert found[0].startswith("b.yaml:")


def test_a_hundred_are_shown_and_all_are_counted(complaints: Complaints) -> None:
    assert len(complaints(HEAD + "queues:\n" + "".join(f"  q{i}: {{a: 1}}\n" for i in range(250)))) == 100


def test_nothing_that_a_terminal_would_act_on_is_shown(complaints: Complaints) -> None:
    (said,) = complaints(HEAD + 'queues: {q: {bindings: [{exchange: "a\\e[31m\\nb"}]}}\n')
    assert said.startswith('2:36 the exchange "a\\x1b[31m\\nb" is not declared')
    assert said.isprintable()
