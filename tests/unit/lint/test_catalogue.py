"""Every rule holds for its own examples, whoever else runs beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.errors import UsageError
from rabbit_topo.lint import BY_CODE, FAMILIES, RULES, Context, Rule, chosen, lint, meant
from rabbit_topo.load import tolerant

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.lint import Finding


def context_of(rule: Rule) -> Context:
    given: dict[str, Any] = {"version": rule.version or "4.3", **rule.config}
    return Context(**given)


def found_in(text: str, rule: Rule, folder: Path) -> list[str]:
    file = folder / "topology.yaml"
    file.write_text(text, encoding="utf-8")
    read = tolerant(str(file))
    rules = chosen(extend_select=[rule.code])
    linted = lint(read.topology, context_of(rule), rules=rules, problems=read.problems, comments=read.comments)
    assert all(one.origin and one.origin.line for one in linted.found)
    return [one.code for one in linted.found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_is_wrong_by_one_rule_is_wrong_by_that_rule_alone(rule: Rule, tmp_path: Path) -> None:
    assert found_in(rule.bad, rule, tmp_path) == [rule.code]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_is_right_by_one_rule_is_right_by_the_usual_ones_too(rule: Rule, tmp_path: Path) -> None:
    assert found_in(rule.good, rule, tmp_path) == []


def test_codes_and_names_are_given_once_and_belong_to_a_family() -> None:
    assert len(BY_CODE) == len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"RT\d{3}", rule.code)
        assert rule.code[:3] in FAMILIES
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.why.endswith("."), rule.code
        assert not rule.hint.endswith("."), rule.code
        assert rule.hint
        assert rule.source


def _one_of_each(folder: Path, rules: list[Rule]) -> list[str]:
    """Write the wrong example of each rule into a file and a vhost of its own, and return the files."""
    files = []
    for rule in rules:
        text = re.sub(r"^vhost:.*\n", "", rule.bad, flags=re.MULTILINE)
        text = text.replace("version: 1\n", f"version: 1\nvhost: {rule.code}\n")
        file = folder / f"{rule.code}.yaml"
        file.write_text(text, encoding="utf-8")
        files.append(str(file))
    return files


def _lint_all(files: list[str], context: Context) -> tuple[Finding, ...]:
    read = tolerant(*files)
    return lint(read.topology, context, rules=chosen(["ALL"]), problems=read.problems, comments=read.comments).found


def test_one_of_each_fault_is_found_once_at_its_place(tmp_path: Path) -> None:
    together = [rule for rule in RULES if not rule.version and not rule.config and rule.code != "RT900"]
    assert len(together) > 40
    files = _one_of_each(tmp_path, together)
    found = _lint_all(files, Context())
    for rule, file in zip(together, files, strict=True):
        own = [one for one in found if one.code == rule.code and one.origin and one.origin.file == file]
        assert len(own) == 1, (rule.code, own)
        assert own[0].origin
        assert own[0].origin.line > 1
        assert own[0].origin.column
    assert _lint_all(files[::-1], Context()) == found


def test_rules_are_chosen_by_code_family_and_name() -> None:
    def codes(**given: list[str]) -> set[str]:
        return {rule.code for rule in chosen(**given)}

    usual = {rule.code for rule in RULES if rule.default}
    assert codes() == usual
    assert codes(select=["RT2"]) == {code for code in BY_CODE if code.startswith("RT2")}
    assert codes(ignore=["RT203"]) == usual - {"RT203"}
    assert codes(extend_select=["topic-pattern-shadowed", "RT405"]) == usual | {"RT405"}
    assert codes(select=["RT203"], ignore=["RT2"]) == {"RT203"}
    assert codes(select=["ALL"], ignore=["ALL"]) == set()
    assert meant("ALL") == set(BY_CODE)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("topic-patern-shadowed", "did you mean topic-pattern-shadowed?"), ("nonsense!", "`rabbit-topo rules`")],
)
def test_a_word_that_means_no_rule_is_refused(word: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen(select=[word])
    assert refused.value.hint.startswith(hint)
