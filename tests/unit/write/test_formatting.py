"""How fmt writes what it finds: one file a case in tests/cases/fmt, each with what was there and what comes of it."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
import yaml

from rabbit_topo.load import yaml_events
from rabbit_topo.load.problems import Problems
from rabbit_topo.load.yaml_nodes import parse
from rabbit_topo.write import formatting
from rabbit_topo.write.formatting import formatted, what_is_lost
from rabbit_topo.write.scaffold import scaffold

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "tests/cases/fmt").glob("*.yaml"))


def _formatted(text: str, *, by_name: bool = False) -> str:
    problems = Problems()
    result = formatted(text, "x.yaml", problems, by_name=by_name, any_yaml=True)
    assert result is not None, problems.all()
    return result


def _refused(text: str) -> str:
    problems = Problems()
    assert formatted(text, "x.yaml", problems, any_yaml=True) is None
    return "\n".join(map(str, problems.all()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_cases(case: Path) -> None:
    said = yaml.safe_load(case.read_text(encoding="utf-8"))
    by_name = said.get("sort", False)
    assert _formatted(said["before"], by_name=by_name) == said["after"]
    assert _formatted(said["after"], by_name=by_name) == said["after"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_cases_without_libyaml(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_events, "CParser", None)
    test_cases(case)


@pytest.mark.parametrize("file", sorted((ROOT / "topology").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_example_is_formatted(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert _formatted(text) == text


@pytest.mark.parametrize("text", scaffold().values(), ids=scaffold())
def test_what_init_writes_is_formatted(text: str) -> None:
    assert _formatted(text) == text


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "{}\n", "[a]\n", "a: null\n", "- a\n", "null\n", "--- # c\n"]
)
def test_little_is_kept_as_it_is(text: str) -> None:
    assert _formatted(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: 1\r\nb: 2\r", "a: 1\nb: 2\n"),
        ("a: 1\x85b: 2", "a: 1\nb: 2\n"),
        ("a: 1 # x\u2028b: 2", "a: 1 # x\nb: 2\n"),
        ("a: |\n  no end of line", "a: |-\n  no end of line\n"),
        ("a: |\n\n\nb: >-\n", 'a: ""\n\nb: ""\n'),
        ("a: |\n  x\u2028  y\n", 'a: "x\\u2028y\\n"\n'),
        ("a: >2\n  x\n", 'a: "x\\n"\n'),
        ("a: >+\n  x\n  y\n\n\nb: 1\n", "a: >+\n  x\n  y\n\n\nb: 1\n"),
        ("[a: 1 # x\n]", "- a: 1 # x\n"),
        ("a: [ # x\n b ] # y\n", "a: # x\n  - b\n  # y\n"),
        ("? a # x\n: b # y\n", "# x\na: b # y\n"),
        ("a: [ # x\n  ] # y\n", "# x\na: [] # y\n"),
        ("a: !!int '7'\nb: !!map # x\n  c: !!str 8\n", 'a: 7\nb: # x\n  c: "8"\n'),
        ("a: 1.0e+999\n", "a: 1.0e+999\n"),
        ("- - # x\n    a: 1\n  - b\n-\n  # y\n  - c\n", "# x\n- - a: 1\n  - b\n# y\n- - c\n"),
        ("a: 1\n...\n\n# x\n\n---\nb: 1\n", "a: 1\n\n# x\n---\nb: 1\n"),
        ("- a\n- - # x\n    b: 1\n", "- a\n# x\n- - b: 1\n"),
        ("- a # w\n- -\n    # x\n    b: 1\n", "- a # w\n# x\n- - b: 1\n"),
        (
            "tests:\n-   # x\n  # y\n  publish: {}\n  name: z\n",
            "tests:\n  # x\n  - name: z\n    # y\n    publish: {}\n",
        ),
        (
            "tests:\n- []\n-\n\n  # y\n\n  publish: {}\n  name: z\n",
            "tests:\n  - []\n  # y\n\n  - name: z\n    publish: {}\n",
        ),
        ("exchanges:\n\n\n  e: a\nversion: 1\n", "version: 1\n\nexchanges:\n  e: a\n"),
        ("queues: {q: {message_ttl: soon, max_age: 7}}\n", "queues: {q: {message_ttl: soon, max_age: 7}}\n"),
        ("{a: 1}\n# x\n", "{a: 1}\n# x\n"),
        ("a:\n  b: |2-\n      \ttab\n", "a:\n  b: |2-\n      \ttab\n"),
        ("a: |2\n  \t\n  b\n", "a: |2\n  \t\n  b\n"),
        ("queues:\n  z:   # nothing here\n  b: ~\n", "queues:\n  z: {} # nothing here\n  b: {}\n"),
        ("queues:\n  q:\n    type:\nexchanges:\n", "exchanges: null\n\nqueues:\n  q:\n    type: null\n"),
        ("--- # x\n{a: 1} # y\n... # z\n# w\n", "--- # x\n{a: 1} # y\n# z\n# w\n"),
    ],
)
def test_odd_corners(text: str, wanted: str) -> None:
    found = _formatted(text)
    assert found == wanted
    assert _formatted(found) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "x.yaml:1:4: fmt leaves files with anchors and aliases alone"),
        ("%YAML 1.2\n---\na: 1\n", "x.yaml:1:1: fmt leaves files with %-directives alone"),
        ("a: 1\na: 2\n", 'x.yaml:2:1: the key "a" stands here a second time'),
        ("a: on\n", "x.yaml:1:4: YAML readers may take `on` for true or false"),
        ("a: [\n", "this is no YAML"),
    ],
)
def test_what_cannot_be_formatted_is_said(text: str, said: str) -> None:
    assert said in _refused(text)


@pytest.mark.parametrize(
    ("result", "lost"),
    [
        ("a: 1 # x\nb: [60s]\n", ""),
        ("b: [60s]\n# x\na: 1\n", ""),
        ("a: 1\nb: [60s]\n", "every comment of this file"),
        ("a: 1 # x # x\nb: [60s]\n", "every comment of this file"),
        ("a: 1.0 # x\nb: [60s]\n", "what this file says"),
        ("a: true # x\nb: [60s]\n", "what this file says"),
        ("a: 1 # x\nb: [1m]\n", "what this file says"),
        ("a: 1 # x\n", "what this file says"),
        ("a: 1 # x\nb: [60s, 60s]\n", "what this file says"),
        ("a: 1 # x\nb: [60s]\n---\n", "this file readable"),
        ("a: 1 # x\nb: [60s]\nb: 1\n", "this file readable"),
    ],
)
def test_a_result_that_lacks_something_would_be_noticed(result: str, lost: str) -> None:
    text = "a: 1 # x\nb: [60s]\n"
    assert what_is_lost(parse(text, "", Problems()), text, result) == lost


def test_a_result_that_lacks_something_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "text_of", lambda _: "a: 1\n")
    assert _refused("a: 1 # x\n") == (
        "x.yaml: fmt would not keep every comment of this file\n"
        "    this is a bug in rabbit-topo: nothing was written; please report it, with this file,"
        " and format the others alone"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: '3'\nservices: {}\n", 'x.yaml:2:1: this is no topology file: the key "services" is not known'),
        ("version: 1\nqueue: {}\n", 'did you mean "queues"?'),
        ("version: 2\nqueues: {}\n", "x.yaml:1:1: this is no topology file: it does not say `version: 1`"),
        ("queues: {}\n", "start it with `version: 1` if it is one"),
        ("- a\n", "x.yaml:1:1: this is no topology file: it holds a list, and no mapping"),
        ("version: 1\n---\nkind: Pod\n", 'x.yaml:3:1: this is no topology file: the key "kind" is not known'),
        (
            '{"rabbit_version": "4.3.6"}',
            "x.yaml: this looks like a broker's definitions file, not like a topology file",
        ),
    ],
)
def test_what_is_no_topology_file_is_refused(text: str, said: str) -> None:
    problems = Problems()
    assert formatted(text, "x.yaml", problems) is None
    assert said in "\n".join(map(str, problems.all()))


def test_a_file_of_route_tests_has_keys_of_its_own() -> None:
    problems = Problems()
    assert formatted("version: 1\nqueues: {}\n", "x.test.yaml", problems) is None
    assert formatted("version: 1\nvhost: a\ntests: []\n", "x.test.yaml", Problems()) is not None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n---\n# nothing yet\n"])
def test_what_holds_nothing_may_become_a_topology_file(text: str) -> None:
    assert formatted(text, "x.yaml", Problems()) == text


def _seconds(queues: int) -> float:
    """Return the processor's seconds for a file of so many queues, the best of three."""
    text = "version: 1\nqueues:\n" + "".join(
        f"  q.{number}: # {number}\n    bindings: [{{routing_key: k, exchange: e}}]\n    type: classic\n"
        for number in range(queues)
    )
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        _formatted(text)
        best = min(best, time.process_time() - began)
    return best


def test_four_times_the_queues_take_four_times_the_time() -> None:
    gc.disable()  # as the command does: it looks at what other tests left, too
    try:
        assert _seconds(2000) < 8 * _seconds(500)
    finally:
        gc.enable()
