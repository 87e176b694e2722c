"""What `export` writes, loaded by RabbitMQ: at boot, by its own tool, over HTTP; then `check` finds no difference."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.cli import run
from tests.brokers import Node, start, why_not
from tests.ctl import ctl

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ODD = """\
version: 1
vhost: Ärger & Söhne/%2F
owns: [".*"]
exchanges:
  "on": {type: topic, alternate_exchange: "1.10", bindings: [{exchange: amq.topic, routing_key: "#"}]}
  "1.10":
    {type: fanout, internal: true, durable: false, auto_delete: true, bindings: [{exchange: "on", routing_key: "#.a"}]}
  "naïve 漢字 🐇": {type: headers, arguments: {x-note: [1, 1.0, true, "1", {deep: [-9223372036854775808, 0.5, {}]}]}}
  hashed: {type: x-consistent-hash}
queues:
  classic: {type: classic, message_ttl: 1h, max_length: 10, overflow: reject-publish, single_active_consumer: true}
  '"quoted\\\\"': {type: classic, max_priority: 4, durable: false, auto_delete: true, expires: 7d}
  quorum: {type: quorum, delivery_limit: 5, dead_letter: {exchange: "", routing_key: classic}}
  stream: {type: stream, max_age: 7d, max_length_bytes: 10GB, segment_size: 100MB}
  unstated: {}
  plain: {type: classic, arguments: {x-custom: {"on": "off", n: 1.5}}}
bindings:
  - {exchange: hashed, queue: plain, routing_key: "3"}
  - {exchange: "naïve 漢字 🐇", queue: quorum, match: any, headers: {"é": 1, format: [pdf, 2.0], big: 9007199254740993}}
  - {exchange: "naïve 漢字 🐇", queue: stream, routing_key: ignored, arguments: {x-match: all, n: 1.0, b: false}}
  - {exchange: "on", queue: unstated, routing_keys: ["", "%2F", "käse.*", "a~b"]}
  - {exchange: "on", to_exchange: "on", routing_key: self}
policies:
  "p/1": {pattern: "^(classic|plain)$", apply_to: queues, priority: 3, definition: {max_length: 5, message_ttl: 1s}}
  "p 2": {pattern: "^", apply_to: exchanges, priority: -1, definition: {alternate_exchange: hashed}}
---
version: 1
vhost: second
queues: {"on": {type: quorum, bindings: [{exchange: amq.direct, routing_key: "on"}]}}
"""
TYPED = "quorum"
ODD_VHOSTS = ("Ärger & Söhne/%2F", "second")


class Loaded:
    """A node that has loaded the example and an odd topology when it booted, and the command line beside it."""

    def __init__(self, node: Node, odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.odd, self._capsys = node, odd, capsys
        self.login = ("--broker", node.broker_url, "--username", "guest")

    def check(self, *words: str | Path) -> None:
        """Hold the node against files."""
        code = run(("check", *map(str, words), *self.login))
        captured = self._capsys.readouterr()
        assert code == 0, captured.out + captured.err


@pytest.fixture
def loaded(label: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Loaded]:
    if reason := why_not(label):
        pytest.fail(f"no RabbitMQ {label}: {reason}")
    odd = tmp_path / "odd.yaml"
    odd.write_text(ODD, encoding="utf-8")
    files = {
        "10-example.json": export(ROOT / "topology"),
        "20-odd.json": export(odd),
        "30-typed.json": export("--from", typed(tmp_path)),
        "90-guest.json": guest("/", *ODD_VHOSTS, "typed"),
    }
    capsys.readouterr()
    with start(label, definitions=files) as sandbox:
        node = Node(label, sandbox)
        ctl(node, "await_startup")  # a node lists no queues over HTTP until it has booted, and answers before that
        yield Loaded(node, odd, capsys)


def test_a_node_holds_what_it_booted_with(loaded: Loaded, tmp_path: Path) -> None:
    loaded.check(ROOT / "topology")
    loaded.check(loaded.odd)
    again = export("--from", "broker", "--vhost", ODD_VHOSTS[0], *loaded.login)
    first = export(loaded.odd, "--vhost", ODD_VHOSTS[0])
    wanted = json.loads(first)
    for queue in wanted["queues"]:
        queue["arguments"].setdefault("x-queue-type", "classic")  # the broker's default
    found = json.loads(again)
    assert found.pop("rabbit_version") == found.pop("rabbitmq_version")
    assert found == wanted
    the_whole_form_tells_what_the_broker_told(loaded, tmp_path)
    the_form_of_one_vhost_fills_another(loaded, again, tmp_path)
    the_server_s_own_tool_takes_the_whole_form(loaded)
    assert default_type(loaded) == TYPED


def the_whole_form_tells_what_the_broker_told(loaded: Loaded, folder: Path) -> None:
    assert default_type(loaded) == TYPED
    whole = json.loads(export("--from", "broker", *loaded.login))
    assert whole["rabbitmq_version"].startswith(loaded.node.label)
    assert [one.get("default_queue_type") for one in whole["vhosts"] if one["name"] == "typed"] == [TYPED]
    loaded.node.http("DELETE", "vhosts", "typed")
    loaded.node.http("POST", "definitions", body=whole)
    assert default_type(loaded) == TYPED
    (folder / "whole.json").write_text(json.dumps(whole), encoding="utf-8")
    for name in ("first", "second"):
        assert run(("import", str(folder / "whole.json"), "-o", str(folder / name), "-q")) == 0
        (folder / "whole.json").write_bytes(export(folder / name / "topology"))
    first, second = (yaml_files(folder / name / "topology") for name in ("first", "second"))
    assert first == second


def yaml_files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*.yaml")}


def default_type(loaded: Loaded) -> str:
    return str(loaded.node.http("GET", "vhosts", "typed").get("default_queue_type"))


def the_form_of_one_vhost_fills_another(loaded: Loaded, form: bytes, folder: Path) -> None:
    http = loaded.node.http
    http("PUT", "vhosts", "copy", body={})
    http("PUT", "permissions", "copy", "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    http("POST", "definitions", "copy", body=json.loads(form))
    copy = folder / "copy.yaml"
    copy.write_text(ODD.partition("---")[0].replace(ODD_VHOSTS[0], "copy"), encoding="utf-8")
    loaded.check(copy)


def the_server_s_own_tool_takes_the_whole_form(loaded: Loaded) -> None:
    node = loaded.node
    for vhost in ("/", *ODD_VHOSTS, "typed"):
        node.http("DELETE", "vhosts", vhost)
    home = node.sandbox._host.inside(node.sandbox.folder / "home") if node.sandbox.folder else Path()
    for name in ("10-example.json", "20-odd.json", "30-typed.json", "90-guest.json"):
        ctl(node, "import_definitions", str(home / "definitions" / name))
    loaded.check(ROOT / "topology")
    loaded.check(loaded.odd)


def export(*words: str | Path) -> bytes:
    """Run `export` and return what it wrote."""
    with redirect_stdout(io.StringIO()) as out:
        assert run(("export", "--quiet", *map(str, words))) == 0
    return out.getvalue().encode()


def typed(folder: Path) -> Path:
    """A definitions file of a broker whose vhost has a default type of queues."""
    file = folder / "typed.json"
    vhost = {"name": "typed", "default_queue_type": TYPED}
    file.write_text(json.dumps({"rabbitmq_version": "4.3.6", "vhosts": [vhost]}), encoding="utf-8")
    return file


def guest(*vhosts: str) -> bytes:
    """The definitions of guest, who may do everything in these vhosts: a node that loads some makes no user itself."""
    salt = b"salt"
    user = {
        "name": "guest",
        "password_hash": base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"],
    }
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    permissions = [{"user": "guest", "vhost": vhost, **everything} for vhost in vhosts]
    return json.dumps({"users": [user], "permissions": permissions}).encode()
