"""Comments of a pull request: as people read them, and as nobody can abuse them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rabbit_topo.diff import Create, Delete, Field, Update
from rabbit_topo.model import Arguments, Binding, Exchange, Facts, Note, Policy, Queue, Topology, Vhost
from rabbit_topo.plan import Consent, Declare, Done, Failed, NotAttempted, Plan, Remove, Report
from rabbit_topo.plan.impact import impact
from rabbit_topo.report.markdown import check_markdown, plan_markdown, report_markdown
from rabbit_topo.report.markdown_page import LIMIT, code, sentence
from tests.unit.test_cases import CASES, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from rabbit_topo.model import Resource
    from rabbit_topo.plan import Outcome

GOLDEN = Path(__file__).parents[2] / "cases" / "markdown"
NASTY = (
    "`", "``", "*", "a`b", "|", "<img src=x onerror=y>", "&lt;", "@everyone", "#1", "[x](http://evil)",
    "![x](y)", "**bold**", "_em_", "~~no~~", "www.evil.com", "https://evil.com", "a@b.com", "a\nb",
    "\n\n# head", "- item", "1. item", "> quote", "<!-- -->", "</details>", "\\", "\\`", " lead", "trail ",
    " ", "a  b", "GH-12", ":smile:", "deadbeefcafe", "\x1b[31m", "\u202eright", "\u2028", "```\n", "~~~",
    "|---|", "$x$", "--allow", "'", '"', "(", "%", "it's", "0",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.md")))
def test_the_comments_are_as_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(name, tmp_path, monkeypatch) == (GOLDEN / f"{name}.md").read_text()


def rendered(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    [path] = [path for path in CASES if path.stem == name]
    plan = plan_of(yaml.safe_load(path.read_text()), folder, monkeypatch)
    return "\n".join((plan_markdown(plan, impact(plan)), check_markdown(plan), report_markdown(_report(plan))))


def _report(plan: Plan) -> Report:
    outcomes: list[Outcome] = []
    for number, operation in enumerate(plan.operations):
        each = (
            Done(operation, "publishers got 404 for 1.4 ms"),
            Failed(operation, "PRECONDITION_FAILED - inequivalent arg", "ask"),
            NotAttempted(operation, "a bind was refused"),
            NotAttempted(operation, "no answer", sent=True),
        )
        outcomes.append(each[number % 4])
    return Report(plan, tuple(outcomes), plan.remainder)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_scenario_is_well_formed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(yaml.safe_load(path.read_text()), tmp_path, monkeypatch)
    for text in (plan_markdown(plan, impact(plan)), check_markdown(plan, strict=True), report_markdown(_report(plan))):
        _is_tame(text)


def _plan(*operations: Declare | Remove, cluster: str = "", target: str = "here") -> Plan:
    declared = Topology({it.key: it.resource for it in operations}, files=("a.yaml",))
    facts = Facts(target, "4.3.6", cluster_name=cluster)
    return Plan((operations,) if operations else (), (), (), {}, 0, "f", Consent(), declared, facts)


def _removes(*queues: Queue) -> list[Remove]:
    return [Remove(queue, Delete(queue, "stray", Note())) for queue in queues]


def _declares(*resources: Resource) -> list[Declare]:
    return [Declare(it, Create(it, Note()), "a hazard") for it in resources]


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


_ALLOWED = {
    "h3",
    "p",
    "ul",
    "li",
    "strong",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "blockquote",
    "br",
    "",
}
_OURS = re.compile(r"<details><summary><b>[A-Z ]+</b> \([\d,]+\)(, [a-zA-Z,; ]+)?</summary>\n?|</details>\n?")
_RISKY = re.compile(r"@|#\d|www\.|://|`|\\|:\w+:|GH-\d")


def _is_tame(text: str) -> None:
    """See that a renderer finds nothing but our own structure, and names in code only."""
    assert len(text.encode()) <= LIMIT
    for token in _flat(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)):
        assert token.tag in _ALLOWED or token.type == "html_block", token
        if token.type in {"html_block", "html_inline"}:
            assert _OURS.fullmatch(token.content), token.content
        if token.type == "text":
            assert not _RISKY.search(token.content), token.content
            assert token.content.isprintable()


@pytest.mark.parametrize("name", NASTY)
def test_no_name_leaves_its_span(name: str) -> None:
    arguments = Arguments({name: name})
    policy = Policy(name, name, name, definition=arguments)
    resources: tuple[Resource, ...] = (
        Vhost(name), Exchange(name, name, name), Queue(name, name, "classic", arguments=arguments),
        Binding(name, name, "queue", name, name, arguments), policy,
        Queue("/", "other", "classic"),
    )  # fmt: skip
    before = Policy(name, name, "x")
    operations: list[Declare | Remove] = [*_declares(*resources), *_removes(Queue(name, f"{name}2", "classic"))]
    update = Declare(policy, Update(before, policy, (), Note()), name)
    plan = _plan(*operations, update, cluster=name, target=name)
    report = Report(plan, tuple(Failed(it, f"no {name} here", name) for it in plan.operations), (), f"why {name}")
    for text in (plan_markdown(plan, impact(plan)), check_markdown(plan), report_markdown(report)):
        _is_tame(text)
        assert name.strip() in text or not name.isprintable()


@given(st.text(max_size=40))
def test_any_text_is_tame(name: str) -> None:
    _is_tame(f"- {sentence(name)}\n  - {code(name)} {sentence(f'x {name} y {name}')}\n")
    [paragraph] = [token for token in MarkdownIt().parse(f"x{code(name)}x") if token.type == "inline"]
    assert [child.type for child in paragraph.children or ()] == ["text", "code_inline", "text"]


def test_many_creations_fold_and_deletions_never() -> None:
    queues = [Queue("/", f"q{number:02}", "classic") for number in range(12)]
    created = plan_markdown(_plan(*(Declare(it, Create(it, Note())) for it in queues)), None)
    assert "<details><summary><b>CREATE</b> (12)</summary>" in created
    deleted = plan_markdown(_plan(*_removes(*queues)), None)
    assert "details" not in deleted
    assert deleted.count("`-` queue") == 12
    hazardous = plan_markdown(_plan(*_declares(*queues)), None)
    assert "details" not in hazardous


def test_a_comment_ends_where_github_ends_it() -> None:
    old = [Queue("/", f"old-{number:05}", "classic") for number in range(50)]
    new = [Queue("/", f"new-{number:05}", "classic") for number in range(5_000)]
    plan = _plan(*(Declare(it, Create(it, Note())) for it in new), *_removes(*old))
    text = plan_markdown(plan, impact(plan))
    assert len(text.encode()) <= LIMIT
    assert text.count("`old-") == 50
    left = 5_000 - text.count("`new-")
    assert f"**{left:,} rows do not fit into a comment**: `rabbit-topo plan` shows everything." in text
    assert text.count("<details>") == text.count("</details>") == 1
    # one more row than there is room for
    fits = _created(new).count("`new-")
    assert "do not fit" in _created(new)
    assert "fit into a comment" not in _created(new[:fits])
    assert "**1 row does not fit into a comment**" in _created(new[: fits + 1])


def _created(queues: Sequence[Queue]) -> str:
    return plan_markdown(_plan(*(Declare(it, Create(it, Note())) for it in queues)), None)


def test_what_a_second_look_found_is_told() -> None:
    policy = Policy("/", "p", "x", definition=Arguments({"max-length": 5}))
    plan = _plan(*_declares(policy))
    done = tuple(Done(it) for it in plan.operations)
    change = Update(policy, policy, (Field("definition.max-length", 4, 5),), Note())
    text = report_markdown(Report(plan, done, (change,)))
    assert "**STILL DIFFERENT** (1), found by looking again, and not foreseen" in text
    assert "`definition.max-length`: declared `5`, broker `4`" in text
    assert "as predicted" not in text
    unseen = report_markdown(Report(plan, done, None, "the broker is away"))
    assert "**Not seen:** the result could not be verified: the broker is away." in unseen


def test_one_name_may_fill_a_comment() -> None:
    huge = Queue("/", "q" * LIMIT, "classic")
    text = plan_markdown(_plan(*_declares(huge), *_removes(Queue("/", "small", "classic"))), None)
    assert "`small`" in text
    assert "CREATE" not in text
    assert "**1 row does not fit into a comment**" in text
