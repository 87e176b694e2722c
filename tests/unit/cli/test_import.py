"""An import of definitions files from the command line: what is written, what is not, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from rabbit_topo.broker.target import Expected, Target, Tls
from rabbit_topo.cli import importing
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Facts, Observed, Topology
from rabbit_topo.write.project import config_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., tuple[int, str, str]]

SECRET = "s3cr3t"


def _exchange(name: str, vhost: str = "/", **more: Any) -> dict[str, Any]:
    flags = {"durable": True, "auto_delete": False, "internal": False, "arguments": {}}
    return {"name": name, "vhost": vhost, "type": "topic", **flags, **more}


def _queue(name: str, vhost: str = "/", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": arguments}


def _binding(source: str, queue: str, key: str, vhost: str = "/") -> dict[str, Any]:
    ends = {"source": source, "destination": queue, "destination_type": "queue"}
    return {"vhost": vhost, **ends, "routing_key": key, "arguments": {}}


WORKER: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-message-ttl": 3_600_000}
BROKER: dict[str, Any] = {
    "rabbitmq_version": "4.3.6",
    "users": [{"name": "guest", "password_hash": SECRET, "tags": ["administrator"], "limits": {}}],
    "vhosts": [{"name": "/"}, {"name": "eu"}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    "parameters": [
        {"component": "shovel", "vhost": "/", "name": "to-eu", "value": {"src-uri": f"amqp://u:{SECRET}@x"}},
        {"component": "vhost-limits", "vhost": "eu", "name": "limits", "value": {"max-queues": 5}},
    ],
    "exchanges": [_exchange("shop.orders"), _exchange("bank.events"), _exchange("on", "eu")],
    "queues": [
        *(_queue(f"shop.{name}", **WORKER) for name in ("billing", "fulfilment", "mail", "search")),
        {**_queue("amq.gen-Xy"), "durable": False, "auto_delete": True},
        _queue("1.10", "eu"),
    ],
    "bindings": [_binding("shop.orders", "shop.billing", key) for key in ("order.paid", "1.10", "#")],
    "policies": [
        {
            "vhost": "/",
            "name": "shop-limits",
            "pattern": "^shop\\.",
            "apply-to": "queues",
            "definition": {"max-length": 100},
            "priority": 0,
        }
    ],
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("live.definitions").write_text(json.dumps(BROKER))


def _files(folder: str) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in Path(folder).rglob("*") if file.is_file())


def test_what_is_imported_has_an_empty_plan(cli: Cli) -> None:
    code, out, err = cli("import", "live.definitions", "-o", "p")
    assert (code, err) == (0, "")
    assert "checked   the plan of these files is empty" in out
    code, out, _ = cli("plan", "--config", "p/rabbit-topo.yaml", "--prune", "--fail-on-changes")
    assert (code, "Nothing to do" in out) == (0, True)
    for file in _files("p"):
        assert SECRET not in Path("p", file).read_text()
    written = {name: yaml.safe_load(Path("p", name).read_text()) for name in _files("p") if "topology/" in name}
    assert {document.get("vhost", "/") for document in written.values()} == {"/", "eu"}
    assert cli("schema", "config", "--check", "p/rabbit-topo.yaml")[0] == 0
    assert [cli("schema", "topology", "--check", f"p/{name}")[0] for name in written] == [0] * len(written)


def test_the_page_tells_what_was_taken_and_what_was_not(cli: Cli) -> None:
    code, out, _ = cli("import", "live.definitions", "-o", "p")
    assert code == 0
    assert "taken     3 exchanges, 5 queues, 3 bindings, 1 policy; 2 vhosts" in out
    assert "queue: named by the server, for whoever declared it\n         amq.gen-Xy\n" in out
    assert "shovels" in out
    assert "to-eu" not in out
    assert "next      rabbit-topo plan --config p/rabbit-topo.yaml" in out
    assert max(map(len, out.splitlines())) <= 80
    assert SECRET not in out
    _, out, _ = cli("import", "live.definitions", "-o", "q", "-v")
    assert "to-eu" in out
    assert SECRET not in out
    assert cli("import", "live.definitions", "-o", "r", "-q") == (0, "", "")


def test_the_document_has_a_schema(cli: Cli) -> None:
    code, out, _ = cli("import", "live.definitions", "-o", "p", "--format", "json")
    document = json.loads(out)
    jsonschema.validate(document, json.loads(schema_text("import")))
    assert (code, SECRET in out) == (0, False)
    assert document["objects"] == {"exchanges": 3, "queues": 5, "bindings": 3, "policies": 1, "external": 0}
    assert [one["name"] for one in document["vhosts"]] == ["/", "eu"]
    assert {one["kind"]: one["names"] for one in document["beyond"]} == {
        "users": ["guest"],
        "permissions": ["guest in /"],
        "shovels": ["to-eu in /"],
        "vhost limits": ["eu"],
    }
    assert {"kind": "queue", "vhost": "/", "name": "amq.gen-Xy"}.items() <= next(
        one for one in document["skipped"] if one["kind"] == "queue"
    ).items()


def test_one_vhost_and_names_that_match(cli: Cli) -> None:
    code, out, _ = cli("import", "live.definitions", "--vhost", "/", "--match", "shop[.-].*", "--format", "json")
    found = json.loads(out)
    assert (code, found["objects"]) == (
        0,
        {"exchanges": 1, "queues": 4, "bindings": 3, "policies": 1, "external": 0},
    )
    assert "bank" not in Path("topology/shop.yaml").read_text()
    assert cli("plan", "--prune", "--fail-on-changes")[0] == 0


def test_an_import_with_nothing_to_take_is_a_topology(cli: Cli) -> None:
    Path("empty.json").write_text("{}")
    assert cli("import", "empty.json", "-o", "p")[0] == 0
    assert cli("validate", "p/topology")[0] == 0
    code, _, err = cli("import", "live.definitions", "--match", "nothing", "-o", "q")
    assert (code, "warning: " in err, "--match 'nothing'" in err) == (0, True, True)
    assert cli("plan", "--config", "q/rabbit-topo.yaml", "--prune", "--fail-on-changes")[0] == 0


def test_a_binding_that_no_file_can_say_stays(cli: Cli) -> None:
    odd = {**_binding("shop.orders", "shop.mail", "void"), "arguments": {"n": "undefined"}}
    Path("live.definitions").write_text(json.dumps({**BROKER, "bindings": [*BROKER["bindings"], odd]}))
    code, out, _ = cli("import", "live.definitions", "--vhost", "/")
    assert (code, "binding: " in out, "shop.orders --[void]--> queue shop.mail" in out) == (0, True, True)
    assert yaml.safe_load(Path("topology/shop.yaml").read_text())["queues"]["shop.mail"]["open_bindings"] is True
    assert cli("plan", "--prune", "--fail-on-changes")[0] == 0


def test_what_is_imported_is_in_its_canonical_form(cli: Cli) -> None:
    assert cli("import", "live.definitions")[0] == 0
    assert cli("fmt", "--check")[0] == 0


def test_stdout_is_one_topology(cli: Cli) -> None:
    code, out, err = cli("import", "live.definitions", "-o", "-", "--format", "json=told.json")
    assert (code, "taken     3 exchanges" in err) == (0, True)
    Path("all.yaml").write_text(out)
    assert cli("plan", "all.yaml", "--broker", "live.definitions", "--prune", "--fail-on-changes")[0] == 0
    assert json.loads(Path("told.json").read_text())["folder"] is None
    assert _files(".") == ["all.yaml", "live.definitions", "told.json"]
    code, out, err = cli("import", "live.definitions", "-o", "-", "--vhost", "eu", "-q")
    assert (code, err) == (0, "")
    assert yaml.safe_load(out)["queues"] == {"1.10": {"type": "classic"}}
    assert cli("import", "live.definitions", "-o", "-", "--format", "json")[0] == 2


def test_nothing_is_written_over(cli: Cli) -> None:
    Path("p/topology").mkdir(parents=True)
    Path("p/topology/mine.yaml").write_text("version: 1\n")
    code, out, err = cli("import", "live.definitions", "-o", "p")
    assert (code, out, "p/topology/mine.yaml" in err) == (5, "", True)
    code, out, err = cli("import", "live.definitions", "-o", "p", "--force")
    assert (code, "would be read together" in err) == (5, True)
    assert _files("p") == ["topology/mine.yaml"]
    Path("p/topology/mine.yaml").rename("p/topology/mine.test.yaml")
    assert cli("import", "live.definitions", "-o", "p")[0] == 0
    Path("p/rabbit-topo.yaml").write_text("sources: [elsewhere/]\n")
    Path("p/topology/root/shop.yaml").write_text("version: 1\n")
    code, out, err = cli("import", "live.definitions", "-o", "p")
    assert (code, "p/topology/root/shop.yaml" in err) == (5, True)
    code, out, err = cli("import", "live.definitions", "-o", "p", "--force")
    assert (code, "rabbit-topo.yaml, as it was; add topology/ to its `sources`" in out) == (0, True)
    assert Path("p/rabbit-topo.yaml").read_text() == "sources: [elsewhere/]\n"
    assert "shop.orders" in Path("p/topology/root/shop.yaml").read_text()


def test_a_folder_that_cannot_be_written_keeps_nothing(cli: Cli) -> None:
    Path("p").write_text("a file")
    code, _, err = cli("import", "live.definitions", "-o", "p/deeper")
    assert (code, "cannot write" in err) == (2, True)
    assert _files(".") == ["live.definitions", "p"]


def test_the_configured_broker_is_the_usual_source(cli: Cli) -> None:
    Path("rabbit-topo.yaml").write_text("environments: {dev: {broker: live.definitions}}\nsources: [./]\n")
    code, out, _ = cli("import")
    assert (code, "kept      rabbit-topo.yaml, as it was\n" in out, "\n  next      rabbit-topo plan\n" in out) == (
        0,
        True,
        True,
    )
    assert cli("import", "--broker", "live.definitions", "-o", "q")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("live.definitions", "--vhost", "us"), "has no vhost 'us'"),
        (("live.definitions", "--match", "*.x"), "is not a regular expression"),
        (("live.definitions", "--match", "(?P<a>x)"), "without named groups"),
        (("live.definitions", "--broker", "live.definitions"), "are two brokers"),
        (("nowhere.json",), "there is no definitions file"),
        (("amqp://localhost",), "shows neither bindings nor policies"),
        (("live.definitions", "--split", "name"), "'name' is not one of"),
    ],
)
def test_slips_are_told(words: tuple[str, ...], said: str, cli: Cli) -> None:
    code, out, err = cli("import", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert _files(".") == ["live.definitions"]


def test_a_file_that_leaves_internal_exchanges_out_is_told_of(cli: Cli) -> None:
    exchanges = [{name: value for name, value in one.items() if name != "internal"} for one in BROKER["exchanges"]]
    Path("live.definitions").write_text(json.dumps({**BROKER, "exchanges": exchanges}))
    code, _, err = cli("import", "live.definitions", "-o", "p")
    assert (code, "may leave out those that are" in err) == (0, True)


def test_the_next_step_logs_in_as_this_one_did(cli: Cli) -> None:
    Path("my password").write_text(SECRET)
    Path("my password").chmod(0o600)
    _, out, _ = cli("import", "live.definitions", "--username", "me", "--password-file", "my password")
    assert "next      rabbit-topo plan --username me --password-file 'my password'" in out


def test_a_kept_configuration_that_leads_elsewhere_is_told_of(cli: Cli) -> None:
    Path("rabbit-topo.yaml").write_text("sources: [topology/]\nenvironments: {p: {broker: 'http://prod:15672'}}\n")
    code, out, err = cli("import", "live.definitions")
    assert (code, "leads to another broker" in err) == (0, True)
    assert "plan --broker live.definitions" in out


def test_a_kept_project_that_differs_is_told_of(cli: Cli) -> None:
    text = "sources: [topology/, more/]\ntarget_version: '4.0'\nenvironments: {d: {broker: live.definitions}}\n"
    Path("rabbit-topo.yaml").write_text(text)
    Path("schemas").mkdir()
    Path("schemas/config.schema.json").write_text("{}")
    code, _, err = cli("import", "live.definitions")
    assert (code, len(err.splitlines())) == (0, 3)
    assert "hold more than topology/: more" in err
    assert "target_version is 4.0, but the broker's is 4.3.6" in err
    assert "schemas/config.schema.json stays" in err


def test_the_configuration_has_the_way_to_the_broker_and_no_secret() -> None:
    target = Target(
        f"https://me:{SECRET}@shop:15671",
        username="me",
        password=SECRET,
        tls=Tls(str(Path("ca.pem").absolute()), "cert.pem", "key.pem", verify=False),
        timeout=7.5,
        expected=Expected("rabbit@shop", "4.3", (("region", "eu"),)),
    )
    facts = Facts(f"https://me:{SECRET}@shop:15671", "4.3.6")
    here: Any = SimpleNamespace(target=target, observed=Observed(Topology({}), facts))
    found = importing._broker(here, Path("p"))
    assert found == (
        "https://shop:15671",
        "4.3.6",
        {"ca_file": "../ca.pem", "cert_file": "../cert.pem", "key_file": "../key.pem", "verify": False},
        7.5,
        {"cluster_name": "rabbit@shop", "version": "4.3", "tags": {"region": "eu"}},
    )
    assert SECRET not in config_text(*found)


def test_stdout_is_checked_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rabbit_topo.write.project.spelled", lambda _files: {"topology/a.yaml": "version: 1\n"})
    monkeypatch.setattr(
        "rabbit_topo.write.project.joined", lambda _texts: "version: 1\nexchanges: {other: {type: topic}}\n"
    )
    code, out, err = cli("import", "live.definitions", "-o", "-")
    assert (code, out, "nothing was written" in err) == (1, "", True)


def test_init_begins_with_an_example_that_passes(cli: Cli) -> None:
    code, out, err = cli("init", "p")
    assert (code, err, "rabbit-topo plan" in out) == (0, "", True)
    assert max(map(len, out.splitlines())) <= 80
    config = ("--config", "p/rabbit-topo.yaml")
    assert cli("validate", *config)[0] == 0
    assert cli("fmt", "--check", *config)[0] == 0
    assert cli("schema", "config", "--check", "p/rabbit-topo.yaml")[0] == 0
    code, out, _ = cli("lint", *config, "--fail-on", "info")
    assert (code, "No findings" in out) == (0, True)
    code, out, _ = cli("test", *config)
    assert (code, "2 tests passed" in out) == (0, True)
    before = {file: Path("p", file).read_text() for file in _files("p")}
    code, _, err = cli("init", "p")
    assert (code, "p/rabbit-topo.yaml" in err, "p/topology/shop.yaml" in err) == (5, True, True)
    assert cli("init", "p", "--force")[0] == 0
    assert {file: Path("p", file).read_text() for file in _files("p")} == before


def test_init_keeps_the_configuration_and_names_what_it_writes_over(cli: Cli) -> None:
    Path("topology").mkdir()
    Path("topology/shop.yaml").write_text("version: 1\n")
    Path("rabbit-topo.yaml").write_text("sources: [mine/]\n")
    code, out, _ = cli("init", "--force")
    assert (code, Path("rabbit-topo.yaml").read_text()) == (0, "sources: [mine/]\n")
    assert "topology/shop.yaml (in place of the one before)" in out
    assert "kept      rabbit-topo.yaml" in out


def test_init_has_a_document(cli: Cli) -> None:
    code, out, _ = cli("init", "--format", "json")
    document = json.loads(out)
    jsonschema.validate(document, json.loads(schema_text("init")))
    assert (code, sorted(document["written"])) == (0, [name for name in _files(".") if name != "live.definitions"])


def test_init_from_a_broker_is_an_import(cli: Cli) -> None:
    code, out, _ = cli("init", "p", "--from", "live.definitions", "--vhost", "eu")
    assert (code, "taken     1 exchange, 1 queue; vhost eu" in out) == (0, True)
    assert cli("init", "q", "--vhost", "eu")[0] == 2
    assert cli("init", "q", "--match", "x")[0] == 2
