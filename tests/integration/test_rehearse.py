"""Rehearsals on real brokers: what would be refused is told before, nothing of the broker is written, nothing stays."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.http import Http
from rabbit_topo.broker.target import Target
from rabbit_topo.errors import BrokerError
from rabbit_topo.load import load
from rabbit_topo.model import parameter_name
from rabbit_topo.plan import Consent
from rabbit_topo.policies import release
from rabbit_topo.testing import scratch
from rabbit_topo.testing.rehearsal import Wanted, rehearse
from rabbit_topo.testing.scratch import left_behind
from tests.integration.test_drift import Broker, command
from tests.proxy import Fault, Proxy
from tests.unit.test_readme import assert_prints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers import Node

PAGE = Path(__file__).parents[2] / "docs" / "rehearsing.md"
_SHOWN = re.compile(
    r"^<!-- on 4.3: (?P<command>.+?)(?: \(exit (?P<exit>\d+)\))? -->\n```console\n\$ .+?\n(?P<said>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PATIENCE = 60.0
QUEUES = 200
GOOD = """\
version: 1
owns: ["shop\\\\..*"]
exchanges: {shop: {type: topic}, hash: {type: x-consistent-hash}, theirs: {type: fanout, external: true}}
queues:
  shop.moved: {type: quorum, bindings: [{exchange: shop, routing_key: "order.#"}]}
  shop.new: {direct: true, message_ttl: 1s, bindings: [{exchange: theirs}, {exchange: hash, routing_key: "2"}]}
policies: {shop: {pattern: "^shop", apply_to: queues, priority: 2, definition: {max_length: 10}}}
tests:
  - {name: it arrives, publish: {exchange: shop, routing_key: order.new}, expect: [shop.moved]}
"""


def state(node: Node) -> Any:
    """Everything that the broker holds, with what is in its queues; of this moment alone is what is left out."""
    found = node.http("GET", "definitions")
    held = node.http("GET", "queues", query="disable_stats=true&enable_queue_totals=true")
    counts = sorted((one["vhost"], one["name"], repr(one.get("messages"))) for one in held)
    lists = {name: sorted(map(repr, value)) for name, value in found.items() if isinstance(value, list)}
    return lists, counts, sorted(one["name"] for one in node.http("GET", "vhosts"))


@pytest.fixture
def untouched(node: Node) -> Iterator[Any]:
    """Call it when everything is prepared: what is there then must be there in the end, and no more."""
    before: list[Any] = []
    yield lambda: before.append(state(node))
    (lists, *others), (old_lists, *old_others) = state(node), before[0]
    assert {name: found for name, found in lists.items() if found != old_lists.get(name)} == {}
    assert others == old_others


@pytest.fixture
def shop(node: Node, vhost: str, tmp_path: Path) -> Broker:
    broker = Broker(node, vhost)
    broker("PUT", "exchanges", "theirs", type="fanout", durable=True)
    broker("PUT", "exchanges", "shop", type="topic", durable=True)
    for name in ("shop.moved", "shop.old", "foreign"):
        broker("PUT", "queues", name, durable=True, arguments={"x-queue-type": "classic"})
    broker.bind("shop", "shop.moved", "order.#")
    broker.bind("theirs", "foreign", "")
    (tmp_path / "shop.yaml").write_text(GOOD)
    return broker


def rehearsed(node: Node, vhost: str, file: Path, *more: str, http_only: bool = False) -> tuple[int, dict[str, Any]]:
    report = file.parent / "report.json"
    urls = ["--broker", node.broker_url, *([] if http_only else ["--amqp", node.amqp_url])]
    words = [str(file), "--vhost", vhost, *urls, "--format", "text", "--format", f"json={report}", *more]
    code, said = command("rehearse", *words)
    document = json.loads(report.read_text()) if report.exists() else {}
    return code, {**document, "said": said}


def names(found: list[dict[str, Any]]) -> list[str]:
    return sorted(one["resource"].get("name") or one["resource"]["destination"] for one in found)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("road", ["http", "both"])
def test_a_plan_that_goes_through(node: Node, vhost: str, untouched: Any, road: str, tmp_path: Path) -> None:
    limits = {"max-queues": 9, "max-connections": 50}
    for name, value in limits.items():
        node.http("PUT", "vhost-limits", vhost, name, body={"value": value})
    definition = {"pattern": "foreign", "definition": {"max-length": 9}, "priority": 1, "apply-to": "queues"}
    node.http("PUT", "operator-policies", vhost, "op", body=definition)
    untouched()
    consent = ["--prune", "--allow", "replace"]
    code, found = rehearsed(node, vhost, tmp_path / "shop.yaml", *consent, http_only=road == "http")
    assert code == 0, found["said"]
    done = [(one["action"], *names([one])) for one in found["outcomes"] if one["outcome"] == "done"]
    assert ("replace", "shop.moved") in done
    assert ("remove", "shop.old") in done
    assert ("declare", "hash") in done
    assert found["summary"]["done"] == found["summary"]["planned"] == len(done)
    assert found["stage"]["version"] == node.version
    assert found["copy"]["limits"] == [f"max-queues 9 of vhost {vhost}"]
    assert [gap.partition(":")[0] for gap in found["copy"]["gaps"]] == [f"max-connections 50 of vhost {vhost}"]
    assert found["surprises"] == found["not_tried"] == found["beside_the_plan"] == found["copy"]["not_copied"] == []
    assert (found["tests"] is None) == (road == "http")
    assert all(one["resource"]["vhost"] == vhost for one in found["outcomes"])


@pytest.mark.usefixtures("shop")
def test_a_limit_of_the_vhost_is_heeded(node: Node, vhost: str, untouched: Any, tmp_path: Path) -> None:
    """Three queues are there, and copied with the limit: a fourth is one too many."""
    node.http("PUT", "vhost-limits", vhost, "max-queues", body={"value": 3})
    untouched()
    code, found = rehearsed(node, vhost, tmp_path / "shop.yaml", "--partial", "--no-tests")
    assert code == 4
    failed = [one for one in found["outcomes"] if one["outcome"] == "failed"]
    assert names(failed) == ["shop.new"]
    assert "queue limit in vhost" in failed[0]["reason"]
    assert f"'{vhost}'" in failed[0]["reason"], "the broker's words, as of the vhost that it is about"
    assert found["untested"] == "--no-tests"


def test_the_default_queue_type_is_copied(node: Node, tmp_path: Path) -> None:
    """A quorum queue does not take what this file says of a queue without a type."""
    both = ("default_queue_type", "defaultqueuetype")  # the second is 3.10's
    node.http("PUT", "vhosts", "quorum", body=dict.fromkeys(both, "quorum"))
    node.http("PUT", "permissions", "quorum", "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
    (tmp_path / "a.yaml").write_text("version: 1\nqueues: {q: {direct: true, arguments: {x-max-priority: 5}}}\n")
    try:
        code, found = rehearsed(node, "quorum", tmp_path / "a.yaml")
    finally:
        node.http("DELETE", "vhosts", "quorum")
    assert code == 4
    assert "of queue type rabbit_quorum_queue" in found["outcomes"][0]["reason"]


def test_an_inventory_is_heeded_and_not_written(node: Node, vhost: str, tmp_path: Path) -> None:
    """What was ours and is in no file any more goes on the copy, but not what is protected."""
    config = tmp_path / "rabbit-topo.yaml"
    config.write_text("project: shop\ninventory: broker\n")
    file = tmp_path / "a.yaml"
    file.write_text(
        "version: 1\nqueues: {kept: {direct: true, protect: true}, gone: {direct: true}, q: {direct: true}}\n"
    )
    words = [str(file), "--vhost", vhost, "--config", str(config), "--broker", node.broker_url]
    assert command("apply", "--yes", "-q", *words)[0] == 0
    file.write_text("version: 1\nqueues: {q: {direct: true}, new: {direct: true}}\n")
    before = state(node)
    code, found = rehearsed(node, vhost, file, "--prune", "--partial", "--config", str(config))
    after = state(node)
    node.http("DELETE", "global-parameters", parameter_name("shop", vhost))
    assert after == before
    assert code == 0, found["said"]
    done = {names([one])[0]: one["action"] for one in found["outcomes"] if one["outcome"] == "done"}
    assert done == {"new": "declare", "gone": "remove"}
    assert names(found["blocked"]) == ["kept"]
    assert found["blocked"][0]["rehearsed"]["outcome"] == "blocked"


REFUSED = """\
version: 1
exchanges: {odd: {type: x-nobody-has-this}, shop: {type: topic}}
queues:
  old: {type: classic, direct: true, arguments: {x-queue-version: 1}}
  deep: {type: classic, bindings: [{exchange: shop, routing_key: "#.a.#.b.#"}]}
  good: {type: classic, bindings: [{exchange: shop, routing_key: "#.a"}, {exchange: odd, routing_key: a}]}
"""


def test_what_the_broker_refuses(node: Node, vhost: str, untouched: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(REFUSED)
    untouched()
    code, found = rehearsed(node, vhost, tmp_path / "a.yaml")
    assert code == 4
    failed = {names([one])[0]: one["reason"] for one in found["outcomes"] if one["outcome"] == "failed"}
    newest = {"old", "deep"} if release(node.version) >= (4, 3) else set()
    assert failed.keys() == {"odd"} | newest, found["said"]
    assert "x-nobody-has-this" in failed["odd"]
    if newest:
        assert "unsupported queue version" in failed["old"]
        assert "at most 2 are allowed" in failed["deep"]
    missed = [one for one in found["outcomes"] if one["outcome"] == "not_attempted"]
    assert [one["resource"]["source"] for one in missed] == ["odd"]
    assert found["said"].index("REFUSED") < found["said"].index("NOT ATTEMPTED")
    assert f"{tmp_path}/a.yaml:2" in found["said"]
    assert found["untested"] == "the files have none"
    assert found["stage"]["vhosts"][vhost] not in found["said"]


def test_what_is_blocked_by_messages_fares_on_the_copy(
    node: Node, vhost: str, shop: Broker, untouched: Any, tmp_path: Path
) -> None:
    """A vhost that is still to be made is rehearsed with it."""
    message = {"properties": {}, "routing_key": "shop.moved", "payload": "x", "payload_encoding": "string"}
    shop("POST", "exchanges", "amq.default", "publish", **message)
    file = tmp_path / "shop.yaml"
    file.write_text(f"{GOOD}---\nversion: 1\nvhost: {vhost}-new\nqueues: {{first: {{direct: true}}}}\n")
    untouched()
    code, found = rehearsed(node, vhost, file, "--allow", "replace", "--prune")
    assert code == 4
    blocked = {names([one])[0]: one["rehearsed"]["outcome"] for one in found["blocked"]}
    assert blocked["shop.moved"] == "done"
    assert "it went through, as nothing blocks it there" in " ".join(found["said"].split())
    assert found["copy"]["new_vhosts"] == [f"{vhost}-new"]
    assert f"(vhost {vhost})" in found["said"]
    assert "first" in names(found["outcomes"])


def test_a_migration_is_rehearsed(node: Node, vhost: str, shop: Broker, untouched: Any, tmp_path: Path) -> None:
    """Where a queue holds messages, the broker would move them: so does the copy, of which there are none."""
    message = {"properties": {}, "routing_key": "shop.moved", "payload": "x", "payload_encoding": "string"}
    shop("POST", "exchanges", "amq.default", "publish", **message)
    untouched()
    if release(node.version) < (4, 3):
        pytest.skip("a migration waits 5 s for statistics: once is enough")
    code, found = rehearsed(node, vhost, tmp_path / "shop.yaml", "--migrate", "--allow", "policy-limits")
    assert code == 0, found["said"]
    assert [names([one])[0] for one in found["outcomes"] if one["action"] == "migrate"] == ["shop.moved"]
    assert found["in_another_way"] == []


@pytest.mark.parametrize("amid", ["the copy", "the plan"])
def test_an_interrupt_leaves_no_vhost(node: Node, vhost: str, untouched: Any, amid: str, tmp_path: Path) -> None:
    lines = [f"  q{n}: {{type: classic, direct: true}}" for n in range(QUEUES)]
    (tmp_path / "a.yaml").write_text("\n".join(["version: 1", "queues:", *lines, ""]))
    words = [sys.executable, "-m", "rabbit_topo", "rehearse", "a.yaml", "--vhost", vhost, "--broker", node.broker_url]
    words += ["--format", "json=report.json"]

    def begun() -> bool:
        made = [one["name"] for one in node.http("GET", "vhosts") if one["name"].startswith(scratch.REHEARSAL.prefix)]
        queues = node.http("GET", "queues", query="disable_stats=true&columns=vhost")
        return any(one["vhost"] in made for one in queues)

    if amid == "the copy":
        assert command("apply", "--yes", "-q", str(tmp_path / "a.yaml"), *words[5:9], "--amqp", node.amqp_url)[0] == 0
    untouched()
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not begun():
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143, told
    if amid == "the copy":
        assert "terminated" in told
        return
    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["interrupted"], found["untested"]) == (True, "the rehearsal was interrupted")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("at", [0.4, 0.8])
def test_a_line_that_breaks_leaves_no_vhost(node: Node, vhost: str, untouched: Any, at: float, tmp_path: Path) -> None:
    """AMQP is gone for good, in the middle of the copy and of the plan."""
    untouched()
    file = str(tmp_path / "shop.yaml")
    with Proxy(node.amqp_url) as line:
        words = ["rehearse", file, "--vhost", vhost, "--broker", node.broker_url, "--amqp", line.url, "--no-tests"]
        assert command(*words, "--partial")[0] == 0
        whole = line.passed["up"]
        line.fault = Fault("reset", "up", whole + int(at * whole), gone=True)
        code, said = command(*words, "--partial")
        assert line.strikes == 1
    assert code in {1, 4}, said


@pytest.mark.usefixtures("shop")
def test_who_may_make_no_vhost_is_told_so_at_once(
    node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node.http("PUT", "users", "keeper", body={"password": "k", "tags": "policymaker"})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    node.http("PUT", "permissions", vhost, "keeper", body=everything)
    before = state(node)
    (tmp_path / "p").write_text("k")
    try:
        code, found = rehearsed(
            node, vhost, tmp_path / "shop.yaml", "--username", "keeper", "--password-file", str(tmp_path / "p")
        )
        assert state(node) == before
    finally:
        node.http("DELETE", "users", "keeper")
    assert (code, found["said"]) == (1, "")
    told = capsys.readouterr().err
    assert "keeper may make no vhost on" in told
    assert "rehearse on a throwaway node: --sandbox" in told


@pytest.mark.usefixtures("shop")
def test_a_vhost_that_stays_is_told_with_the_rest(
    node: Node, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays: list[str] = []

    def never(_http: Any, name: str, *_: Any) -> None:
        stays.append(name)
        raise BrokerError(f"the vhost {name} was made for this rehearsal and stays: why", "delete it")

    monkeypatch.setattr(scratch, "_delete", never)
    wanted = Wanted(load(tmp_path / "shop.yaml", vhost=vhost), Consent(), "shop.yaml", partial=True, tests=False)
    run = rehearse(Target(node.broker_url, node.amqp_url), wanted)
    assert left_behind(Http(Target(node.broker_url))) == tuple(stays)
    node.http("DELETE", "vhosts", stays[0])
    assert run.stays == (f"the vhost {stays[0]} was made for this rehearsal and stays: why", "delete it")
    assert run.exit_code == 1
    assert run.done


def test_a_definitions_file_is_rehearsed_on_a_throwaway_node(tmp_path: Path) -> None:
    """What that node does not take again is told, and is no refusal of the plan."""
    exchanges = [
        {"name": name, "type": kind, "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
        for name, kind in (("late", "x-delayed-message"), ("shop", "topic"))
    ]
    queue = {"name": "held", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    binding = {"source": "late", "vhost": "/", "destination": "held", "destination_type": "queue"}
    there = {
        "rabbitmq_version": "4.3.6",
        "vhosts": [{"name": "/"}],
        "exchanges": exchanges,
        "queues": [queue],
        "bindings": [{**binding, "routing_key": "a", "arguments": {}}],
    }
    (tmp_path / "broker.json").write_text(json.dumps(there))
    text = """\
version: 1
exchanges: {late: {type: x-delayed-message}, shop: {type: topic}, hash: {type: x-consistent-hash}}
queues:
  held: {type: classic, bindings: [{exchange: late, routing_key: a}, {exchange: late, routing_key: b}]}
  new: {type: classic, bindings: [{exchange: shop, routing_key: "#"}]}
"""
    (tmp_path / "a.yaml").write_text(text)
    report = tmp_path / "report.json"
    words = ["--broker", str(tmp_path / "broker.json"), "--sandbox", "--format", "text", "--format", f"json={report}"]
    code, said = command("rehearse", str(tmp_path / "a.yaml"), *words)
    assert code == 0, said
    found = json.loads(report.read_text())
    assert names([one for one in found["outcomes"] if one["outcome"] == "done"]) == ["hash", "new", "new"]
    assert [(one["resource"]["routing_key"], one["reason"]) for one in found["not_tried"]] == [
        ("b", "exchange late could not be copied")
    ]
    assert [one["resource"]["name"] for one in found["copy"]["not_copied"]] == ["late"]
    assert found["stage"]["sandbox"]
    assert "NOT ITS VERSION" in said
    assert json.loads((tmp_path / "broker.json").read_text()) == there


def test_the_page_shows_what_is_printed(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is on 4.3: first with a message in a queue, then without."""
    if release(node.version) < (4, 3):
        pytest.skip("the page shows 4.3")
    text = PAGE.read_text(encoding="utf-8")
    for name, body in re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("RABBIT_TOPO_BROKER", node.broker_url)
    monkeypatch.setenv("RABBIT_TOPO_AMQP", node.amqp_url)
    try:
        assert command("apply", "--yes", "-q", "shop.yaml")[0] == 0
        message = {"properties": {}, "routing_key": "shop.billing", "payload": "x", "payload_encoding": "string"}
        node.http("POST", "exchanges", "shop", "amq.default", "publish", body=message)
        shown = list(_SHOWN.finditer(text))
        assert len(shown) == 2
        for one in shown:
            code, said = command(*one["command"].split()[1:])
            assert code == int(one["exit"] or 0)
            assert_prints(one["said"], said)
            node.http("DELETE", "queues", "shop", "shop.billing", "contents")
    finally:
        node.http("DELETE", "vhosts", "shop")
