"""What the command line spells itself, as it imports late, is what the modules behind it say."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from rabbit_topo.broker.lock import WAIT
from rabbit_topo.cli.apply import command
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.plan import Allowance, Consent
from rabbit_topo.plan.types import MAX_DELETE

OPTIONS: dict[str, Any] = {option.name or "": option for option in command.params}


def test_each_danger_can_be_allowed() -> None:
    assert tuple(OPTIONS["allow"].type.choices) == get_args(Allowance)


@pytest.mark.parametrize("document", ["plan", "saved-plan"])
def test_the_schemas_know_each_part_of_a_consent(document: str) -> None:
    schema = json.loads(schema_text(document))
    consent = schema["properties"]["consent"]
    consent = schema["$defs"]["consent"] if "$ref" in consent else consent
    assert set(consent["required"]) == set(consent["properties"]) == set(Consent.__slots__)
    assert set(consent["properties"]["allow"]["items"]["enum"]) == set(get_args(Allowance))


def test_defaults_are_said_as_they_are() -> None:
    assert OPTIONS["lock_timeout"].default == WAIT
    assert f"[{WAIT:g}]" in OPTIONS["lock_timeout"].help
    assert f"[{MAX_DELETE}]" in OPTIONS["max_delete"].help
