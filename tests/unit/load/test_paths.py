"""Which files are read, and which cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from rabbit_topo.errors import InputError
from rabbit_topo.load import load, paths, schemas
from rabbit_topo.model import Kind, Queue
from rabbit_topo.report.documents import validation_document

GOOD = "version: 1\nqueues: {%s: {}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def _complaint(*names: str) -> str:
    with pytest.raises(InputError) as caught:
        load(*names, tests=True)
    return str(caught.value)


def test_a_folder_is_its_yaml_files_sorted() -> None:
    for name in ("b.yml", "a.yaml", "sub/c.yaml", "sub/deeper/d.yaml"):
        _write(f"topo/{name}", GOOD % Path(name).stem)
    for name in (".hidden.yaml", ".git/e.yaml", "rabbit-topo.yaml", "sub/rabbit-topo.yaml", "notes.txt", "x.yaml.bak"):
        _write(f"topo/{name}", "nonsense: [")
    topology = load("topo")
    assert topology.files == ("topo/a.yaml", "topo/b.yml", "topo/sub/c.yaml", "topo/sub/deeper/d.yaml")
    assert [queue.name for queue in topology.of(Kind.QUEUE) if isinstance(queue, Queue)] == ["a", "b", "c", "d"]


def test_a_file_that_is_named_twice_is_read_once() -> None:
    _write("topo/a.yaml", GOOD % "a")
    assert load("topo", "topo/a.yaml", Path("topo") / "a.yaml", "./topo").files == ("topo/a.yaml",)
    assert load("./topo").files == load(".//topo").files == ("topo/a.yaml",)


def test_a_named_file_needs_no_ending() -> None:
    _write("topology.txt", GOOD % "a")
    assert load("topology.txt").files == ("topology.txt",)


def test_the_vhost_of_documents_that_name_none() -> None:
    _write("a.yaml", GOOD % "a" + "---\nversion: 1\nvhost: other\nqueues: {b: {}}\n")
    assert load("a.yaml", vhost="mine").vhosts == ("mine", "other")
    assert load("a.yaml").vhosts == ("/", "other")


def test_a_test_file_holds_tests_only() -> None:
    _write("topo/a.yaml", "version: 1\nvhost: v\nqueues: {q: {}}\n")
    tests = "tests: [{name: t, publish: {exchange: ''}, expect: []}]\n"
    _write("topo/a.test.yaml", f"version: 1\nvhost: v\n{tests}")
    topology = load("topo")
    assert [(test.name, test.vhost) for test in topology.tests] == [("t", "v")]
    _write("topo/b.test.yaml", f"version: 1\n{tests}queues: {{}}\nteests: []\n")
    assert _complaint("topo").splitlines() == [
        'topo/b.test.yaml:3:1: a *.test.yaml has no "queues"',
        "    it holds `version`, `vhost` and `tests` only",
        'topo/b.test.yaml:4:1: the key "teests" is not known at the top of a document',
        "    known are version, vhost, tests",
    ]


def test_test_files_alone_cannot_tell_what_there_is() -> None:
    text = "version: 1\ntests: [{name: t, publish: {exchange: e}, expect: [q]}]\n"
    _write("a.test.yaml", text)
    assert load("a.test.yaml").tests[0].body["expect"] == ["q"]
    _write("a.yaml", "version: 1\n")
    assert 'the queue "q" is not declared' in _complaint(".")


def test_a_slip_of_the_pen_in_a_test_bars_no_deploy_and_a_wrong_form_does() -> None:
    _write("a.yaml", "version: 1\nexchanges: {e: {type: fanout}}\n")
    _write("a.test.yaml", "version: 1\ntests: [{name: t, publish: {exchange: e}, expect: [q]}]\n")
    assert [test.name for test in load(".").tests] == ["t"]
    _write("a.test.yaml", "version: 1\ntests: [{name: t, publish: {exchange: e}}]\n")
    with pytest.raises(InputError, match="expects nothing"):
        load(".")


def test_what_is_not_there() -> None:
    assert _complaint("nope").startswith("nope: there is no such file or folder")
    assert _complaint("\0").startswith("\0: this file cannot be read")
    assert "no topology file or folder is named" in _complaint()


def test_a_problem_without_a_place_fits_the_schema() -> None:
    with pytest.raises(InputError) as caught:
        load("nope")
    document = validation_document(None, caught.value.problems, caught.value.total)
    assert [(problem["line"], problem["column"]) for problem in document["problems"]] == [(0, 0)]
    jsonschema.validate(document, json.loads(schemas.schema_text("validate")))


def test_a_folder_without_yaml() -> None:
    Path("empty").mkdir()
    assert _complaint("empty").startswith("empty: there is no *.yaml or *.yml file in this folder")


def test_a_file_of_100_mb_is_refused_unread() -> None:
    with Path("big.yaml").open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    assert _complaint("big.yaml").startswith("big.yaml: this file has more than 64 MB")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device that never ends")
def test_a_device_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MAX_BYTES", 1000)
    assert _complaint("/dev/zero").startswith("/dev/zero: this file has more than 64 MB")


def test_links() -> None:
    """Kubernetes mounts files as links into a hidden folder."""
    _write("topo/..data/a.yaml", GOOD % "a")
    Path("topo/a.yaml").symlink_to(Path("..data") / "a.yaml")
    Path("topo/b.yaml").symlink_to("nowhere")
    assert _complaint("topo").startswith("topo/b.yaml: there is no such file or folder")
    Path("topo/b.yaml").unlink()
    assert load("topo").files == ("topo/a.yaml",)
