"""Findings as what servers that build and test read: GitHub's workflow commands, JUnit's XML, a comment in Markdown."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.findings import SEVERITIES, findings_lines, place_of
from rabbit_topo.report.markdown_page import Section, code, page, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.lint.types import Finding
    from rabbit_topo.report.findings import Findings

_COMMAND: Final = {"error": "error", "warning": "warning", "info": "notice"}
_HEADING: Final = {"error": "ERRORS", "warning": "WARNINGS", "info": "INFO"}
_WIDTH: Final = 80
_CODE: Final = re.compile(r"(?<![^ ])`([^`]+)`([.,;:!?)]*)(?![^ ])")  # how messages spell what is to be written
_TABLE: Final = ("| rule | where | what |", "| --- | --- | --- |")


def findings_github(findings: Findings) -> str:
    """Return one workflow command a finding: GitHub shows it beside the line."""
    file = findings.target if "://" not in findings.target else ""
    return "".join(f"{_command(one, file)}\n" for one in findings.found)


def _command(one: Finding, file: str) -> str:
    place = [f"file={_property(file)}"] if file else []
    if origin := one.origin:
        place = [f"file={_property(origin.file)}"]
        if origin.line:
            place += [f"line={origin.line}", f"col={origin.column}"]
    place.append(f"title={_property(f'{one.code} {one.name}')}")
    about = "" if one.origin else f"{place_of(one)}: "
    said = f"{about}{one.message}\n{one.hint}" if one.hint else f"{about}{one.message}"
    return f"::{_COMMAND[one.severity]} {','.join(place)}::{_data(said)}"


def _data(text: str) -> str:
    return words.clean(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def findings_junit(findings: Findings) -> str:
    """Return JUnit's XML: a test case for each finding, failed where it fails the command; or one that passed."""
    groups = groupby(findings.found, lambda one: words.file_of(one.origin))
    suites = [(file, list(group)) for file, group in groups]
    failures = sum(one.severity in findings.fails for one in findings.found)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = {"name": "rabbit-topo lint", "tests": max(len(findings.found), 1), "failures": failures, "errors": 0}
    lines.append(f"<testsuites{_attributes(total)}>")
    if not suites:
        lines.append(f"  <testsuite{_attributes({**total, 'name': findings.target or 'topology'})}>")
        lines += [f"    <testcase{_attributes({'classname': 'lint', 'name': 'no findings'})}/>", "  </testsuite>"]
    for file, group in suites:
        failed = sum(one.severity in findings.fails for one in group)
        name = file or findings.target or "topology"
        lines.append(
            f"  <testsuite{_attributes({'name': name, 'tests': len(group), 'failures': failed, 'errors': 0})}>"
        )
        for one in group:
            lines += _case(one, failed=one.severity in findings.fails)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _case(one: Finding, *, failed: bool) -> Iterator[str]:
    about: dict[str, object] = {"classname": f"{one.code} {one.name}", "name": place_of(one)}
    if one.origin:
        about["file"] = one.origin.file
        about["line"] = one.origin.line
    yield f"    <testcase{_attributes(about)}>"
    said = "\n".join(text for text in (words.clean(one.message), words.clean(one.hint)) if text)
    if failed:
        yield f"      <failure{_attributes({'type': one.severity, 'message': one.message})}>{escape(said)}</failure>"
    else:
        yield f"      <system-out>{escape(f'{one.severity}: {said}')}</system-out>"
    yield "    </testcase>"


def _attributes(given: dict[str, object]) -> str:
    return "".join(f' {name}="{escape(words.clean(str(value)))}"' for name, value in given.items())


def findings_markdown(findings: Findings) -> str:
    """Render findings as a comment of a pull request."""
    *_, summary = findings_lines(findings, _WIDTH)
    verdict = "".join(span.text for span in summary)
    head = f"### rabbit-topo lint: {counted(len(findings.found), 'finding')}\n\n{sentence(verdict)}"
    parts = [
        _section(_HEADING[severity], [one for one in findings.found if one.severity == severity])
        for severity in SEVERITIES
    ]
    return page(head, parts, "rabbit-topo lint")


def _section(heading: str, chosen: Sequence[Finding]) -> Section:
    return Section(heading, [_row(one) for one in chosen], folds=heading == _HEADING["info"], above=_TABLE)


def _row(one: Finding) -> str:
    said = f"{one.message}; {one.hint}" if one.hint else one.message
    return f"| {one.code} {one.name} | {_cell(place_of(one), span=True)} | {_cell(said)} |"


def _cell(text: str, *, span: bool = False) -> str:
    """Write text into a table's cell. A bar would end it, and an escaped one can be escaped again: name it instead."""
    if "|" not in text:
        return code(text) if span else _prose(text)
    if span:
        return _named(text)
    words_of = groupby(text.split(" "), lambda word: "|" in word)
    return " ".join(_named(" ".join(part)) if barred else _prose(" ".join(part)) for barred, part in words_of)


def _named(text: str) -> str:
    named = re.sub(r"[^0-9A-Za-z ]", lambda found: f"&#{ord(found[0])};", words.clean(text))
    return f"<code>{named}</code>"


def _prose(text: str) -> str:
    plain, *more = _CODE.split(text)
    said = [sentence(plain)]
    for quoted, after, rest in zip(more[::3], more[1::3], more[2::3], strict=True):
        said.append(f"{code(quoted)}{after}{sentence(rest)}")
    return "".join(said)
