"""`export`, called as a script would call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[3]
SHOP = """\
version: 1
exchanges:
  shop.orders: {type: topic}
  shop.inner: {type: fanout, internal: true, bindings: [{exchange: shop.orders, routing_key: "#"}]}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: shop.orders, routing_key: order.paid}]}
  shop.list: {}
---
version: 1
vhost: crm
queues: {mail: {type: classic}}
"""
PARTNER = """\
version: 1
exchanges: {partner: {external: true, type: topic}}
queues:
  shop.mail: {type: quorum, bindings: [{exchange: partner, routing_key: "#"}]}
"""
USERS = (
    "note: it holds no users, and a new node that loads it at boot makes none by itself, not even guest\n"
    "  rabbitmqctl add_user NAME, then set_permissions and set_user_tags; or a file of users beside it\n"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "partner.yaml").write_text(PARTNER, encoding="utf-8")
    return "shop.yaml"


def test_definitions_go_to_stdout_and_notes_do_not(cli: Cli, shop: str) -> None:
    code, out, err = cli("export", shop)
    assert code == 0
    assert err == "note: 1 queue without a `type`: the broker gives its default type there\n" + USERS
    document = json.loads(out)
    assert list(document) == ["vhosts", "exchanges", "queues", "bindings", "policies"]
    assert document["vhosts"] == [{"name": "/"}, {"name": "crm"}]
    assert [(one["vhost"], one["name"]) for one in document["queues"]] == [
        ("/", "shop.list"),
        ("/", "shop.mail"),
        ("crm", "mail"),
    ]


def test_a_file_is_written_whole_and_can_be_exported_again(cli: Cli, shop: str) -> None:
    code, out, err = cli("export", shop, "-o", "one.json")
    assert (code, out) == (0, "")
    assert err.startswith("one.json: 9 objects\n")
    code, _, _ = cli("export", "--from", "one.json", "-o", "two.json", "-q")
    assert code == 0
    one, two = (json.loads(Path(name).read_text(encoding="utf-8")) for name in ("one.json", "two.json"))
    one["queues"][0]["arguments"] = {"x-queue-type": "classic"}  # what a file without a type stands for
    assert one == two


def test_one_vhost(cli: Cli, shop: str) -> None:
    code, out, err = cli("export", shop, "--vhost", "crm")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "original_vhost_name": "crm",
        "exchanges": [],
        "queues": [{"name": "mail", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "classic"}}],
        "bindings": [],
        "policies": [],
    }
    code, out, err = cli("export", shop, "--vhost", "/", "-q")
    assert (code, err) == (0, "")
    assert json.loads(out)["original_vhost_name"] == "/"
    code, out, err = cli("export", shop, "--vhost", "sales")
    assert (code, out) == (2, "")
    assert err == "rabbit-topo: shop.yaml has no vhost 'sales'\n  it has: /, crm\n"


def test_what_cannot_be_carried_is_refused_and_named(cli: Cli, shop: str) -> None:
    Path("out.yaml").write_text("before", encoding="utf-8")
    code, out, err = cli("export", shop, "--format", "operator", "-o", "out.yaml", "--force")
    assert (code, out) == (5, "")
    assert err == (
        "shop.yaml:4:3: exchange shop.inner: the operator knows no internal exchanges\n"
        "shop.yaml:4:57: binding shop.orders --[#]--> exchange shop.inner:"
        ' it leads to the exchange "shop.inner", which is not in it\n'
        "rabbit-topo: 2 objects cannot be exported; nothing was written\n"
        "  --partial leaves them out\n"
    )
    assert Path("out.yaml").read_text(encoding="utf-8") == "before"


def test_partial_writes_the_rest(cli: Cli, shop: str) -> None:
    words = ("export", shop, "--format", "operator", "--partial", "-q", "--cluster", "hare", "--namespace", "burrow")
    code, out, err = cli(*words)
    assert code == 6
    assert err.endswith("rabbit-topo: 2 objects left out\n")
    documents = list(yaml.safe_load_all(out))
    assert [one["kind"] for one in documents] == ["Exchange", "Queue", "Queue", "Binding", "Vhost", "Queue"]
    references = {json.dumps(one["spec"]["rabbitmqClusterReference"]) for one in documents}
    assert references == {'{"name": "hare", "namespace": "burrow"}'}


def test_what_is_somebody_elses_is_named(cli: Cli, shop: str) -> None:
    del shop
    code, out, err = cli("export", "partner.yaml")
    assert (code, out) == (5, "")
    assert "partner.yaml:2:13: exchange partner: it is external: somebody else makes it\n" in err
    code, out, err = cli("export", "partner.yaml", "--partial")
    assert code == 6
    assert err.endswith(f"{USERS}rabbit-topo: 2 objects left out\n")
    assert not json.loads(out)["bindings"]


def test_of_very_many_only_some_are_named(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    queues = "".join(f"  q{number}: {{external: true}}\n" for number in range(150))
    file.write_text(f"version: 1\nqueues:\n{queues}", encoding="utf-8")
    code, _, err = cli("export", str(file))
    assert code == 5
    assert err.count("it is external") == 100
    assert "... and 50 more\nrabbit-topo: 150 objects cannot be exported" in err


def test_operator_policies_are_told_of(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    value = {"pattern": "", "apply-to": "queues", "definition": {"max-length": 9}, "priority": 0}
    limits = {"vhost": "/", "component": "operator_policy", "name": "limits", "value": value}
    file.write_text(json.dumps({"vhosts": [{"name": "/"}], "parameters": [limits]}), encoding="utf-8")
    code, _, err = cli("export", "--from", str(file), "--format", "operator")
    assert code == 0
    assert err == "note: there, and no part of a topology: left out\n  operator policies: limits\n"


BEYOND = {
    "rabbitmq_version": "4.0.9",
    "vhosts": [{"name": "/", "default_queue_type": "quorum", "limits": {"max-queues": 9}}, {"name": "crm"}],
    "users": [{"name": name, "password_hash": "secret"} for name in ("ann", "bob", "cat", "dan", "eve")],
    "permissions": [{"user": "ann", "vhost": "/", "configure": "secret", "write": "", "read": ""}],
    "topic_permissions": [{"user": "ann", "vhost": "crm", "exchange": "e", "write": "secret", "read": ""}],
    "parameters": [{"vhost": "/", "component": "shovel", "name": "s", "value": {"src-uri": "amqp://u:secret@h"}}],
}


def test_what_is_no_part_of_a_topology_is_named_and_never_its_values(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(BEYOND), encoding="utf-8")
    code, out, err = cli("export", "--from", str(file))
    assert code == 0
    assert "secret" not in out + err
    assert err == (
        "note: there, and no part of a topology: left out\n"
        "  vhost limits: /\n"
        "  users: ann, bob, cat, 2 more\n"
        "  permissions: ann in /\n"
        "  topic permissions: ann on e in crm\n"
        f"  shovels: s in /\n{USERS}"
    )
    _, _, err = cli("export", "--from", str(file), "--vhost", "crm", "--format", "operator")
    assert "topic permissions: ann on e\n" in err
    assert "shovels" not in err


def test_the_version_and_the_types_of_queues_stay_known(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(BEYOND), encoding="utf-8")
    _, out, _ = cli("export", "--from", str(file), "-q")
    document = json.loads(out)
    assert document["rabbitmq_version"] == document["rabbit_version"] == "4.0.9"
    quorum = {"default_queue_type": "quorum"}
    assert document["vhosts"] == [{"name": "/", **quorum, "metadata": quorum}, {"name": "crm"}]
    _, out, err = cli("export", "--from", str(file), "--vhost", "/")
    assert json.loads(out)["rabbitmq_version"] == "4.0.9"
    assert "  default queue types: /\n" in err
    file.write_text('{"vhosts": [{"name": "/"}]}', encoding="utf-8")
    _, out, _ = cli("export", "--from", str(file), "-q")
    assert "version" not in out


def test_a_file_that_is_there_is_kept(cli: Cli, shop: str) -> None:
    Path("out.json").write_text("before", encoding="utf-8")
    told = "rabbit-topo: out.json is there already; nothing was written\n  --force writes over it, or name a new file\n"
    assert cli("export", shop, "-o", "out.json") == (5, "", told)
    assert Path("out.json").read_text(encoding="utf-8") == "before"
    assert cli("export", shop, "-o", "out.json", "--force", "-q") == (0, "", "")
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["vhosts"]
    assert cli("export", shop, "-o", "/dev/null", "-q") == (0, "", "")


@pytest.mark.parametrize("words", [("shop.yaml",), (".",), ("--from", "one.json")])
def test_what_is_exported_is_never_written_over(cli: Cli, shop: str, words: tuple[str, ...]) -> None:
    assert cli("export", shop, "-o", "one.json", "-q") == (0, "", "")
    Path("partner.yaml").unlink()
    file = Path("one.json" if "--from" in words else shop)
    Path("link").symlink_to(file)
    before = file.read_bytes()
    for name in (str(file), "link"):
        code, out, err = cli("export", *words, "--partial", "-o", name, "--force")
        assert (code, out) == (5, "")
        assert err == f"rabbit-topo: {name} is what is exported; nothing was written\n  name another file\n"
    assert file.read_bytes() == before


def test_a_dash_is_stdout(cli: Cli, shop: str) -> None:
    _, wanted, _ = cli("export", shop, "-q")
    assert cli("export", shop, "-q", "-o", "-") == (0, wanted, "")
    assert not Path("-").exists()


@pytest.mark.parametrize("words", [("validate", "shop.yaml"), ("validate", "."), ("lint", "--from", "one.json")])
def test_no_result_goes_where_a_file_is_read(cli: Cli, shop: str, words: tuple[str, ...]) -> None:
    assert cli("export", shop, "-o", "one.json", "-q") == (0, "", "")
    Path("partner.yaml").unlink()
    file = Path(words[-1] if words[-1].endswith("json") else shop)
    before = file.read_bytes()
    code, out, err = cli(*words, "--format", f"json={file}")
    assert (code, out) == (2, "")
    assert f"{file} is one of the files that are read; nothing was done" in err
    assert file.read_bytes() == before


@pytest.mark.parametrize("words", [("--cluster", "A_b"), ("--namespace", "-a"), ("-o", "nowhere/out.json")])
def test_bad_words_are_refused_before_anything_is_read(cli: Cli, words: tuple[str, ...]) -> None:
    code, out, err = cli("export", "no-such-file.yaml", *words)
    assert (code, out) == (2, "")
    assert "no-such-file" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--broker", "http://localhost:1"), "a broker is named, but files are exported"),
        (("--cluster", "hare"), "--cluster and --namespace are for Kubernetes"),
        (("--namespace", "burrow"), "--cluster and --namespace are for Kubernetes"),
    ],
)
def test_options_that_would_do_nothing_are_refused(cli: Cli, shop: str, words: tuple[str, ...], told: str) -> None:
    code, out, err = cli("export", shop, *words)
    assert (code, out) == (2, "")
    assert told in err


def test_the_example_goes_both_ways(cli: Cli) -> None:
    for form in ("definitions", "operator"):
        code, out, _ = cli("export", str(ROOT / "topology"), "--format", form)
        assert code == 0
        assert "platform.readings" in out
