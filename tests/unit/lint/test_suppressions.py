"""Comments take out what they speak of, and complain where they speak of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint import chosen, lint
from rabbit_topo.load import tolerant

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.lint import Linted

# Two queues that nothing leads to: RT201, in lines 4 and 6.
TEXT = """\
version: 1
queues:
  #1
  shop.mail: #2
    #3
    type: quorum #4
  shop.list: {type: quorum}
"""


def linted(tmp_path: Path, text: str, *words: str) -> Linted:
    file = tmp_path / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    read = tolerant(str(file))
    return lint(read.topology, rules=chosen(extend_select=words), problems=read.problems, comments=read.comments)


def told(found: Linted) -> list[tuple[str, int]]:
    return [(one.code, one.origin.line) for one in found.found if one.origin]


def test_nothing_is_suppressed_without_a_comment(tmp_path: Path) -> None:
    assert told(linted(tmp_path, TEXT)) == [("RT201", 4), ("RT201", 7)]


@pytest.mark.parametrize("place", ["#1", "#2"])
@pytest.mark.parametrize("word", ["RT201", "RT2", "queue-unreachable"])
def test_a_comment_above_or_beside_takes_one_finding_out(tmp_path: Path, place: str, word: str) -> None:
    found = linted(tmp_path, TEXT.replace(place, f"# rabbit-topo: ignore[{word}] a reason"))
    assert (told(found), found.suppressed) == ([("RT201", 7)], 1)


def test_a_comment_elsewhere_takes_nothing_out_and_is_told(tmp_path: Path) -> None:
    found = linted(tmp_path, TEXT.replace("#4", "# rabbit-topo: ignore[RT201]"))
    assert told(found) == [("RT201", 4), ("RT901", 6), ("RT201", 7)]


def test_a_comment_at_the_top_speaks_of_the_whole_file(tmp_path: Path) -> None:
    found = linted(tmp_path, f"# rabbit-topo: file-ignore[RT201]\n{TEXT}")
    assert (told(found), found.suppressed) == ([], 2)
    found = linted(tmp_path, f"# rabbit-topo: file-ignore[RT203]\n{TEXT}")
    assert told(found) == [("RT901", 1), ("RT201", 5), ("RT201", 8)]
    assert "in this file" in found.found[0].message


def test_one_at_another_place_counts_for_nothing(tmp_path: Path) -> None:
    found = linted(tmp_path, TEXT.replace("#1", "# rabbit-topo: file-ignore[RT201]"))
    assert told(found) == [("RT902", 3), ("RT201", 4), ("RT201", 7)]


def test_a_rule_that_nobody_knows_is_told(tmp_path: Path) -> None:
    found = linted(tmp_path, TEXT.replace("#1", "# rabbit-topo: ignore[RT201, RT299]"))
    assert told(found) == [("RT902", 3), ("RT201", 7)]


def test_a_comment_about_rules_that_do_not_run_is_not_called_vain(tmp_path: Path) -> None:
    text = TEXT.replace("#1", "# rabbit-topo: ignore[RT201, RT207]")
    assert told(linted(tmp_path, text)) == [("RT201", 7)]
    assert told(linted(tmp_path, text, "RT207")) == [("RT901", 3), ("RT201", 7)]


def test_what_the_loader_leaves_out_can_be_suppressed_as_well(tmp_path: Path) -> None:
    text = "version: 1\nqueues:\n  shop.mail:\n    direct: true\n    mesage_ttl: 1h # rabbit-topo: ignore[RT900]\n"
    found = linted(tmp_path, text)
    assert (told(found), found.suppressed) == ([], 1)


@pytest.mark.parametrize("word", ["rt201", "Rt2", "Queue-Unreachable", "all"])
def test_codes_count_in_letters_of_either_case(tmp_path: Path, word: str) -> None:
    found = linted(tmp_path, TEXT.replace("#1", f"# rabbit-topo: ignore[{word}]"))
    assert (told(found), found.suppressed) == ([("RT201", 7)], 1)
    assert {rule.code for rule in chosen(["rt2"], ignore=["rt201"])} == {rule.code for rule in chosen(["RT2"])} - {
        "RT201"
    }


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("ignore RT201 because", "`ignore RT201 because` suppresses nothing", "write `ignore[RT201]`"),
        ("file-ignore: RT201, rt2", "`file-ignore: RT201, rt2` suppresses", "write `file-ignore[RT201, rt2]`"),
        ("ignore[]", "`ignore[]` suppresses nothing", "write `ignore[RT201]`, with the rules that are meant"),
        ("ignored[RT201]", "`ignored[RT201]` suppresses nothing", "write `ignore[RT201]`"),
        ("noqa " + 80 * "x", f"`noqa {55 * 'x'}...` suppresses nothing", "write `ignore[RT201]`, with"),
        ("ignore[RT202 RT201]", 'there is no rule "RT202 RT201"', "separate them by commas: `RT202, RT201`"),
        ("ignore[RT202 and more]", 'there is no rule "RT202 and more"', "`rabbit-topo rules`"),
        (
            "ignore[queue-unreachible]",
            'there is no rule "queue-un',
            "did you mean `queue-unreachable`? `rabbit-topo ru",
        ),
    ],
)
def test_what_suppresses_nothing_is_told_with_what_to_write(tmp_path: Path, said: str, message: str, hint: str) -> None:
    found = linted(tmp_path, TEXT.replace("#1", f"# rabbit-topo: {said}"))
    assert told(found) == [("RT902", 3), ("RT201", 4), ("RT201", 7)]
    assert found.found[0].message.startswith(message)
    assert found.found[0].hint.startswith(hint)
