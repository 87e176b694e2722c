"""The schema for editors says what the loader says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from rabbit_topo.errors import InputError
from rabbit_topo.load import load, schemas
from rabbit_topo.load.shapes import TOPOLOGY, Fields, Many, Named, Refused, Shape

ROOT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads(schemas.schema_text("topology"))
VALIDATOR = Draft202012Validator(SCHEMA)
MISTAKES = sorted((ROOT / "tests" / "cases" / "mistakes").glob("*.yaml"))
# Only all files together tell these, or no JSON Schema can.
BEYOND = {
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


DOCUMENTS = [
    "queues: {q: }",
    "{defaults: {exchanges: {type: topic}}, exchanges: {e: }}",
    "exchanges: {e: }",
    "{publishers: {p: {exchange: ''}}, consumers: {c: {queues: [q]}}, queues: {q: {bindings: , arguments: , use: }}}",
    "exchanges: {e: {type: null}}",
    "exchanges: {e: {type: null, external: true}}",
    "{profiles: {exchanges: {p: {type: topic}}}, exchanges: {e: {use: p, type: null}}}",
    "{defaults: {exchanges: {type: topic}}, exchanges: {e: {type: null}}}",
    "queues: {q: {dead_letter: {routing_key: k}}}",
    "queues: {q: {dead_letter: {routing_key: k, exchange: null}}}",
    "queues: {q: {dead_letter: {routing_key: k, exchange: ''}}}",
    "queues: {q: {dead_letter: {routing_key: null}}}",
    "queues: {q: {dead_letter: {}}, r: {dead_letter: null}}",
    "queues: {q: {external: true, dead_letter: {routing_key: k}}}",
    "queues: {q: {dead_letter: {routing_key: k}, arguments: {x-dead-letter-exchange: ''}}}",
    "{defaults: {queues: {dead_letter: {exchange: ''}}}, queues: {q: {dead_letter: {routing_key: k}}}}",
    "{profiles: {queues: {p: {dead_letter: {exchange: ''}}}}, queues: {q: {use: p, dead_letter: {routing_key: k}}}}",
    "queues: {q: {bindings: [{exchange: amq.match, match: any, arguments: {x-match: any}}]}}",
    "queues: {q: {bindings: [{exchange: amq.match, match: any, arguments: {a: 1}}]}}",
    "queues: {q: {bindings: [{exchange: amq.match, headers: {a: undefined}}]}}",
    "queues: {q: {bindings: [{exchange: amq.match, headers: {a: null, b: [c, {d: e}]}}]}}",
    "queues: {q: {bindings: [{exchange: amq.match, arguments: {a: [{b: undefined}]}}]}}",
    "queues: {q: {arguments: {x-custom: undefined}}}",
    "{policies: {p: }}",
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_the_schema_and_the_loader_agree(tmp_path: Path, text: str) -> None:
    document = {"version": 1} | yaml.safe_load(text)
    path = tmp_path / "a.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        accepted = bool(load(path))
    except InputError:
        accepted = False
    assert VALIDATOR.is_valid(document) == accepted


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
    assert schemas.names() == tuple(sorted(path.name.split(".")[0] for path in (ROOT / "schemas").glob("*.json")))
    with pytest.raises(KeyError):
        schemas.schema_text("../pyproject")
