"""The schema for editors says what the loader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from rabbit_topo.load import schemas
from rabbit_topo.load.shapes import TOPOLOGY, Fields, Many, Named, Refused, Shape

ROOT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads(schemas.schema_text("topology"))
VALIDATOR = Draft202012Validator(SCHEMA)
MISTAKES = sorted((ROOT / "tests" / "cases" / "mistakes").glob("*.yaml"))
# Only all files together tell these, or no JSON Schema can.
BEYOND = {
    "a-dead-letter-key-without-exchange",
    "a-group-size-without-a-type",
    "a-merged-key-that-does-not-fit",
    "a-merged-key-that-says-the-same-as-a-raw-argument",
    "a-routing-key-that-is-missing",
    "an-end-in-another-vhost",
    "bytes-not-characters-are-counted",
    "duplicate-key",
    "ends-that-do-not-exist",
    "externals-that-contradict-each-other",
    "patterns-that-are-globs-or-ambiguous",
    "policy-patterns-that-no-broker-reads",
    "the-same-binding-twice",
    "the-same-publisher-twice",
    "weights-of-a-consistent-hash",
}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_example_fits() -> None:
    for path in sorted((ROOT / "topology").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.stem)
def test_mistakes_are_seen_in_the_editor(case: Path) -> None:
    documents = list(yaml.safe_load_all(case.read_text(encoding="utf-8")))
    assert all(VALIDATOR.is_valid(document) for document in documents) == (case.stem in BEYOND)


def test_the_same_keys_are_known() -> None:
    differences = list(_differences("", TOPOLOGY, SCHEMA))
    assert differences == []


def _differences(where: str, shape: Shape, schema: Any) -> Any:
    schema = _resolved(schema)
    match shape:
        case Fields():
            known = {key for key, item in shape.known.items() if not isinstance(item, Refused)}
            if known != set(schema.get("properties", ())):
                yield where, known ^ set(schema.get("properties", ()))
            if schema.get("additionalProperties") is not False:
                yield where, "takes other keys"
            for key in sorted(known & set(schema["properties"])):
                inner = schema["properties"][key]
                if not _has_words(inner):
                    yield f"{where}.{key}", "has no title or description"
                yield from _differences(f"{where}.{key}", shape.known[key], inner)
        case Named():
            yield from _differences(f"{where}.*", shape.item, schema["additionalProperties"])
        case Many():
            yield from _differences(f"{where}[]", shape.item, schema.get("items", {"$ref": "#/$defs/step"}))
        case _:
            pass


def _resolved(schema: Any) -> Any:
    """Follow a reference, and take the alternative that is no null and no list."""
    while True:
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema and "properties" not in schema and "items" not in schema:
            schema = schema["anyOf"][0]
        else:
            return schema


def _has_words(schema: Any) -> bool:
    resolved = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return any("title" in each for each in (schema, resolved))


def test_schemas_are_found_by_name() -> None:
    assert "topology" in schemas.NAMES
    assert schemas.names() == tuple(sorted(path.name.split(".")[0] for path in (ROOT / "schemas").glob("*.json")))
    with pytest.raises(KeyError):
        schemas.schema_text("../pyproject")
    with pytest.raises(AttributeError):
        schemas.nothing  # noqa: B018
