"""A project's folder: what is written there, and what keeps it from being written."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from rabbit_topo.adopt.types import File
from rabbit_topo.config import resolve
from rabbit_topo.errors import Refusal, TopoError
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Exchange, Facts, Kind, Mark, Observed, Queue, Topology, Vhost, temporary_name
from rabbit_topo.write.project import Settings, config_text, in_the_way, spelled, stale_schemas, write
from rabbit_topo.write.scaffold import scaffold
from rabbit_topo.write.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {"topology/a.yaml": "version: 1\n", "topology/eu/b.yaml": "version: 1\n"}


def _observed(*names: str) -> Observed:
    here: list[Vhost | Exchange] = [Vhost("/"), *(Exchange("/", name, "topic") for name in names)]
    return Observed(Topology({one.key: one for one in here}), Facts("here", "4.3", vhosts=frozenset({"/"})))


def test_every_file_knows_its_schema(tmp_path: Path) -> None:
    texts = spelled([File("a.yaml", ({"version": 1},)), File("eu/b.yaml", ({"version": 1},))])
    write(tmp_path, texts, config_text("http://localhost:15672"))
    for path in [*texts, "rabbit-topo.yaml"]:
        first = (tmp_path / path).read_text().partition("\n")[0]
        schema = (tmp_path / path).parent / first.removeprefix("# yaml-language-server: $schema=")
        assert schema.read_text() == schema_text("config" if path == "rabbit-topo.yaml" else "topology")


@pytest.mark.parametrize("version", ["", "3.9.1", "3.10.25", "4.3.6", "4.1.0-beta.2", "10.0", "nonsense"])
@pytest.mark.parametrize("broker", ["https://shop:15671/api ${x}", "../a: b #.json", "http://one;http://two", "on"])
def test_a_configuration_says_where_the_broker_is(broker: str, version: str, tmp_path: Path) -> None:
    tls = {"ca_file": "ca ${x}.pem"}
    text = config_text(broker, version, tls)
    document = yaml.safe_load(text)
    jsonschema.validate(document, yaml.safe_load(schema_text("config")))
    assert document.get("target_version") == {"3.10.25": "3.10", "4.3.6": "4.3", "4.1.0-beta.2": "4.1"}.get(
        version, "10.0" if version == "10.0" else None
    )
    [environment] = document["environments"].values()
    assert environment["broker"].replace("$${", "${") == broker
    assert environment["tls"]["ca_file"] == "ca $${x}.pem"
    (tmp_path / "rabbit-topo.yaml").write_text(config_text("http://shop:15672", version))
    found = resolve(cwd=tmp_path, environ={}, config_path=None, env=None, broker=None, amqp=None)
    assert (found.target.broker, found.sources) == ("http://shop:15672", ("topology/",))


def test_a_configuration_reaches_the_broker_in_the_same_way(tmp_path: Path) -> None:
    expect: Settings = {"cluster_name": "rabbit@shop", "version": "4.3", "tags": {"region": "on"}}
    text = config_text("https://shop:15671", "4.3.6", {"ca_file": "ca.pem", "verify": False}, 7.5, expect)
    jsonschema.validate(yaml.safe_load(text), yaml.safe_load(schema_text("config")))
    (tmp_path / "rabbit-topo.yaml").write_text(text)
    (tmp_path / "ca.pem").touch()
    target = resolve(cwd=tmp_path, environ={}, config_path=None, env=None, broker=None, amqp=None).target
    assert (target.tls.verify, target.timeout) == (False, 7.5)
    assert target.expected.words == "cluster rabbit@shop, version 4.3, tag region=on"


def test_files_in_the_way_are_all_named(tmp_path: Path) -> None:
    for name in ("topology/a.yaml", "topology/other.yml", "topology/eu/deep/c.yaml", "topology/routes.test.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("version: 1\n")
    for name in ("topology/notes.txt", "topology/.hidden.yaml", "topology/rabbit-topo.yaml", "outside.yaml"):
        (tmp_path / name).write_text("")
    others = ["topology/eu/deep/c.yaml", "topology/other.yml"]
    assert in_the_way(tmp_path, TEXTS, force=False) == ["topology/a.yaml", *others]
    assert in_the_way(tmp_path, TEXTS, force=True) == others
    for force in (False, True):
        with pytest.raises(Refusal) as refused:
            write(tmp_path, TEXTS, "", force=force)
        assert all(name in refused.value.message for name in others)
        assert ("a.yaml" in refused.value.message, "--force" in refused.value.hint) == (not force, not force)
    assert not (tmp_path / "rabbit-topo.yaml").exists()


def test_a_configuration_and_schemas_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/config.schema.json").write_text("mine")
    (tmp_path / "rabbit-topo.yaml").write_text("mine")
    new = write(tmp_path, TEXTS, "ours")
    assert new == ("topology/a.yaml", "topology/eu/b.yaml", "schemas/topology.schema.json")
    assert (tmp_path / "rabbit-topo.yaml").read_text() == "mine"
    assert (tmp_path / "schemas/config.schema.json").read_text() == "mine"
    assert stale_schemas(tmp_path) == ["schemas/config.schema.json"]
    assert "schemas/config.schema.json" in write(tmp_path, TEXTS, "ours", force=True)
    assert (tmp_path / "schemas/config.schema.json").read_text() == schema_text("config")
    assert (stale_schemas(tmp_path), (tmp_path / "rabbit-topo.yaml").read_text()) == ([], "mine")


def test_what_is_wanted_beside_the_topology_may_be_a_configuration_too(tmp_path: Path) -> None:
    assert "rabbit-topo.yaml" in write(tmp_path, scaffold() | {"rabbit-topo.yaml": "ours"}, "other")
    assert (tmp_path / "rabbit-topo.yaml").read_text() == "ours"


def test_files_that_say_what_is_there_are_let_through() -> None:
    assert verify({"a.yaml": "version: 1\nexchanges: {x: {type: topic}}\n"}, _observed("x")).files


@pytest.mark.parametrize("purpose", ["migrate", "replace"])
def test_what_an_earlier_apply_left_is_no_state_to_take(purpose: str) -> None:
    mark = Mark(purpose, Kind.QUEUE, "q")
    left = Queue("/", temporary_name(purpose, mark.kind, mark.name), "classic", arguments=mark.arguments)
    seen = _observed("x")
    there = Observed(Topology({**seen.topology.resources, left.key: left}), seen.facts)

    with pytest.raises(Refusal, match="an earlier apply was stopped in the middle") as told:
        verify({"a.yaml": "version: 1\nexchanges: {x: {type: topic}}\n"}, there)
    assert (told.value.exit_code, "\n    queue q in vhost /" in told.value.message) == (5, True)


def test_what_only_a_prune_would_delete_is_a_difference() -> None:
    with pytest.raises(TopoError, match="1 difference") as told:
        verify({"a.yaml": 'version: 1\nowns: ["x"]\n'}, _observed("x"))
    assert "- exchange x" in told.value.message


def test_files_that_say_something_else_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    many = "".join(f"  x{number}: {{type: topic}}\n" for number in range(12))
    with pytest.raises(TopoError) as told:
        verify({"a.yaml": f'version: 1\nowns: ["x"]\nexchanges:\n{many}'}, _observed("x"))
    assert told.value.exit_code == 1
    assert "not what here holds: 13 differences; nothing was written" in told.value.message
    assert "    - exchange x\n    + exchange x0\n" in told.value.message
    assert told.value.message.endswith("\n    and 3 more")
    with pytest.raises(TopoError, match="cannot be read back") as told:
        verify({"eu/a.yaml": "version: 2\n"}, _observed())
    assert (told.value.exit_code, "\n    eu/a.yaml:1:10: " in told.value.message) == (1, True)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the names are enough
