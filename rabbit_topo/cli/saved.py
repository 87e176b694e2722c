"""Saved plans: written by `plan --out`, and held against a new plan by `apply --plan`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from rabbit_topo import __version__
from rabbit_topo.errors import Refusal, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.cli.options import Common
    from rabbit_topo.plan import Consent, Plan

_AGAIN: Final = "make a new plan: rabbit-topo plan --out FILE"


def save(plan: Plan, common: Common, file: str) -> None:
    """Write a plan to a file, whole or not at all. Raises UsageError where it cannot be written."""
    from rabbit_topo.cli.options import Output
    from rabbit_topo.cli.output import write
    from rabbit_topo.report.saved import saved_document

    document = saved_document(plan, common.files, common.vhost, f"rabbit-topo {__version__}")
    write(Output("json", file), json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def read(file: str) -> dict[str, Any]:
    """Read a saved plan. Raises UsageError for what is none, or none that this version wrote."""
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", _AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no saved plan: it is not JSON ({error})", _AGAIN) from None
    return _checked(file, document)


def _checked(file: str, document: Any) -> dict[str, Any]:
    import jsonschema

    from rabbit_topo.load.schemas import schema_text
    from rabbit_topo.report.saved import DOCUMENT, checksum

    named = document.get("document") if isinstance(document, dict) else None
    if named != DOCUMENT:
        hint = "`plan --format json` is for programs; `plan --out FILE` saves a plan" if named == "plan" else _AGAIN
        raise UsageError(f"{file} is no saved plan", hint)
    schema = json.loads(schema_text(DOCUMENT))
    known = schema["properties"]["format_version"]["const"]
    if document.get("format_version") != known:
        told = f"{file} has format version {document.get('format_version')!r}; this is rabbit-topo {__version__}"
        raise UsageError(f"{told}, which reads version {known}", _AGAIN)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    if first := min(errors, key=lambda error: error.json_path, default=None):
        raise UsageError(f"{file} is no whole saved plan: {first.json_path}: {first.message[:200]}", _AGAIN)
    if checksum(document) != document["checksum"]:
        raise UsageError(f"{file} was changed after it was written", _AGAIN)
    return dict(document)


def settled(file: str, document: Mapping[str, Any], common: Common) -> tuple[Common, Consent]:
    """Take from a saved plan what the command line leaves open, and what was agreed to.

    Raises UsageError for flags that the plan has settled.
    """
    from rabbit_topo.plan import Consent
    from rabbit_topo.report.saved import saved_consent

    context = click.get_current_context()
    given = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if flags := sorted(f"--{name.replace('_', '-')}" for name in given.intersection(Consent.__slots__)):
        told = f"{', '.join(flags)} beside --plan: {file} holds what was agreed to"
        raise UsageError(told, "leave it out, or make a new plan with it")
    vhost = common.vhost if "vhost" in given else document["default_vhost"]
    files = common.files or tuple(document["files"])
    return replace(common, files=files, vhost=vhost), saved_consent(document)


def hold_against(file: str, document: Mapping[str, Any], plan: Plan) -> None:
    """Refuse a saved plan that is not what would be done now. Raises Refusal, and says what changed."""
    from rabbit_topo.report.saved import stale

    if found := stale(document, plan):
        raise Refusal(f"{file}: {found.text}", found.hint)
