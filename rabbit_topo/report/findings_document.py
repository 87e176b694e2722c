"""Findings as a JSON document, and as SARIF 2.1.0 for code scanners."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from rabbit_topo.report import words
from rabbit_topo.report.findings import SEVERITIES, fingerprints, named
from rabbit_topo.report.resources import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.lint.types import Finding, Rule
    from rabbit_topo.model import Key
    from rabbit_topo.report.findings import Findings

SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: Final = {"error": "error", "warning": "warning", "info": "note"}


def findings_document(findings: Findings) -> dict[str, Any]:
    """Return the document that `schemas/lint.schema.json` describes."""
    count = Counter(one.severity for one in findings.found)
    return {
        "format_version": FORMAT_VERSION,
        "document": "lint",
        "files": list(findings.files),
        "target": findings.target or None,
        "version": findings.version,
        "rules": [rule.code for rule in findings.rules],
        "failed": findings.failed,
        "summary": {
            **{f"{severity}s": count[severity] for severity in SEVERITIES},
            "suppressed": findings.suppressed,
            "baseline": findings.baseline,
        },
        "findings": finding_list(findings.found),
    }


def finding_list(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Spell findings, each with what it is known by from one run to the next."""
    return [_finding(one, known) for one, known in zip(found, fingerprints(found), strict=True)]


def _finding(one: Finding, fingerprint: str) -> dict[str, Any]:
    origin = one.origin
    return {
        "code": one.code,
        "name": one.name,
        "severity": one.severity,
        "message": one.message,
        "hint": one.hint,
        "file": origin.file if origin else None,
        "line": (origin.line or None) if origin else None,
        "column": (origin.column or None) if origin else None,
        "object": one.key and _object(one.key),
        "fingerprint": fingerprint,
    }


def _object(key: Key) -> dict[str, Any]:
    return {
        "vhost": key.vhost,
        "kind": key.kind.value,
        "name": key.name,
        "destination_kind": key.destination_kind,
        "destination": key.destination,
        "routing_key": key.routing_key,
        "arguments": json.loads(key.arguments or "{}"),
    }


def findings_sarif(findings: Findings, tool_version: str) -> dict[str, Any]:
    """Return the findings as one SARIF run of this version of rabbit-topo."""
    rules = {rule.code: _rule(rule) for rule in findings.rules}
    for one in findings.found:  # a rule of the loader, or one that ran under another selection
        rules.setdefault(one.code, {"id": one.code, "name": _pascal(one.name), "shortDescription": _text(one.name)})
    order = {code: number for number, code in enumerate(sorted(rules))}
    known = fingerprints(findings.found)
    run = {
        "tool": {
            "driver": {
                "name": "rabbit-topo",
                "version": tool_version,
                "rules": [rules[code] for code in order],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(one, order[one.code], fingerprint, findings.target)
            for one, fingerprint in zip(findings.found, known, strict=True)
        ],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": _pascal(rule.name),
        "shortDescription": _text(rule.name.replace("-", " ")),
        "fullDescription": _text(rule.why),
        "help": {"text": f"{rule.why}\n\n{rule.hint}\n\nSource: {rule.source}", "markdown": _help(rule)},
        "defaultConfiguration": {"enabled": rule.default, "level": _LEVEL[rule.severity]},
        "properties": {"tags": ["rabbitmq", rule.code[:3]]},
    }


def _help(rule: Rule) -> str:
    return (
        f"{rule.why}\n\nWrong:\n\n```yaml\n{rule.bad.strip()}\n```\n\nRight:\n\n```yaml\n{rule.good.strip()}\n```\n\n"
        f"{rule.hint}\n\nSource: {rule.source}"
    )


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _text(text: str) -> dict[str, str]:
    return {"text": words.clean(text)}


def _result(one: Finding, number: int, fingerprint: str, target: str) -> dict[str, Any]:
    return {
        "ruleId": one.code,
        "ruleIndex": number,
        "level": _LEVEL[one.severity],
        "message": _text(f"{one.message}; {one.hint}" if one.hint else one.message),
        "locations": [location] if (location := _location(one, target)) else [],
        "partialFingerprints": {"rabbitTopo/v1": fingerprint},
    }


def _location(one: Finding, target: str) -> dict[str, Any]:
    """Return a place in a file, else the definitions file or the broker, and the object."""
    location: dict[str, Any] = {}
    if origin := one.origin:
        location["physicalLocation"] = {"artifactLocation": _artifact(origin.file)}
        if origin.line:
            location["physicalLocation"]["region"] = {"startLine": origin.line, "startColumn": max(origin.column, 1)}
    elif target:
        location["physicalLocation"] = {"artifactLocation": {"uri": target} if "://" in target else _artifact(target)}
    if key := one.key:
        location["logicalLocations"] = [
            {"name": words.clean(key.name), "fullyQualifiedName": words.clean(named(key)), "kind": key.kind.value}
        ]
    return location


def _artifact(file: str) -> dict[str, str]:
    path = file.replace("\\", "/")
    uri = quote(path, safe="/", errors="surrogateescape")
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
