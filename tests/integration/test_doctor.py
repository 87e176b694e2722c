"""`doctor` on real brokers: who gets in, where to, and whether what it foretells comes true."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.broker.both import Both
from rabbit_topo.broker.diagnosis import diagnose
from rabbit_topo.broker.target import Target
from rabbit_topo.cli import run
from rabbit_topo.load import load
from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import LOCK_NAME, Kind, Topology
from rabbit_topo.plan.operations import Failed
from rabbit_topo.report.diagnosis import Negotiated, Permissions
from rabbit_topo.report.doctor_findings import findings
from tests.alone import state
from tests.brokers import LABELS, Node, start, why_not
from tests.certificates import Authority
from tests.operations import declare
from tests.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rabbit_topo.report.diagnosis import Diagnosis, Need, Rights, RoadName

FILES = """\
version: 1
vhost: VHOST
exchanges:
  shop.orders: {type: topic}
  shop.returns: {type: topic, alternate_exchange: theirs.unrouted}
  shop.unrouted: {type: fanout, alternate_exchange: shop.orders}
  theirs.unrouted: {type: fanout, bindings: [{exchange: shop.orders, routing_key: "#"}]}
  shop.match: {type: headers, internal: true}
queues:
  shop.paid:
    type: quorum
    bindings:
      - {exchange: shop.orders, routing_key: order.paid}
      - {exchange: shop.orders, routing_key: secret.paid}
      - {exchange: shop.match, match: all, headers: {format: pdf, n: 1}}
      - {exchange: amq.topic, routing_key: order.paid}
      - {exchange: amq.direct, routing_key: order.paid}
  shop.dead: {type: classic, dead_letter: {exchange: theirs.unrouted}}
  shop.back: {type: classic, dead_letter: {exchange: "", routing_key: shop.paid}, max_length: 3}
  shop.ends: {type: stream, max_age: 1h}
  theirs.audit: {type: classic, bindings: [{exchange: shop.orders, routing_key: order.paid}]}
policies:
  shop-limits: {pattern: ^shop, apply_to: queues, definition: {max_length: 100000}}
absent:
  queues: [shop.old, theirs.old]
"""
# Names that begin with shop; and of topic exchanges only what begins with order may be read.
PATTERNS: dict[str, Any] = {"configure": "^shop", "write": r"^shop", "read": r"^(shop|amq\.topic)"}
SMALL = Permissions(**PATTERNS, topics={"shop.orders": ("^order", "^order")})
_URL = {"management": "broker_url", "amqp": "amqp_url"}
EVERYTHING: dict[str, Any] = {"configure": ".*", "write": ".*", "read": ".*"}


@contextmanager
def user(node: Node, vhost: str, tags: str, patterns: dict[str, str] | None = PATTERNS) -> Iterator[dict[str, Any]]:
    """Make a user, whose password is its name; what `Target` wants to know of it."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    node.http("PUT", "users", name, body={"password": name, "tags": tags})
    if patterns:
        node.http("PUT", "permissions", vhost, name, body=patterns)
    yield {"username": name, "password": name}
    node.http("DELETE", "users", name)


@contextmanager
def small_user(node: Node, vhost: str, tags: str = "management") -> Iterator[dict[str, Any]]:
    """Make the user of the patterns above; the exchange that has topic permissions stays behind."""
    body = {"type": "topic", "durable": True, "auto_delete": False, "arguments": {}}
    node.http("PUT", "exchanges", vhost, "shop.orders", body=body)
    with user(node, vhost, tags) as who:
        write, read = SMALL.topics["shop.orders"]
        topics = {"exchange": "shop.orders", "write": write, "read": read}
        node.http("PUT", "topic-permissions", vhost, who["username"], body=topics)
        yield who


@pytest.fixture
def declared(vhost: str, tmp_path: Path) -> Topology:
    return load(written(vhost, tmp_path))


def written(vhost: str, folder: Path) -> Path:
    file = folder / "shop.yaml"
    file.write_text(FILES.replace("VHOST", vhost), encoding="utf-8")
    return file


def only(diagnosis: Diagnosis) -> Rights:
    (rights,) = diagnosis.rights
    return rights


def refused(rights: Rights) -> dict[str, set[Need]]:
    """What is refused, by kind and names; and what is missing for it."""
    return {"/".join(map(str, denied.key[1:6])): set(denied.lacks) for denied in rights.denied}


def messages(diagnosis: Diagnosis) -> list[str]:
    return [finding.message for finding in findings(diagnosis)]


def test_an_administrator_is_told_everything(node: Node, vhost: str, declared: Topology) -> None:
    node.http("PUT", "queues", vhost, "passing", body={"durable": False, "auto_delete": False, "arguments": {}})
    found = diagnose(Target(node.broker_url, node.amqp_url), declared)
    assert found.exit_code == 0
    web, wire = found.logins
    assert web.cluster_name == wire.cluster_name == node.http("GET", "cluster-name")["name"]
    assert isinstance(wire.negotiated, Negotiated)
    assert "PLAIN" in wire.negotiated.mechanisms
    assert (wire.negotiated.heartbeat, wire.negotiated.channel_max) == (60, 2047)
    server = found.server
    assert server is not None
    assert server.version == node.version
    assert server.tags == ("administrator",)
    assert [one.running for one in server.nodes or ()] == [True]
    assert "x-consistent-hash" in (server.exchange_types or ())
    assert server.alarms == ()
    if node.label == "3.10":
        assert server.deprecated is None
        assert "3.13" in server.untold["deprecated"]
    else:
        assert any("transient_nonexcl_queues" in one for one in server.deprecated or ())
    rights = only(found)
    assert (rights.management, rights.amqp, rights.source) == ("entered", "entered", "permissions")
    assert rights.permissions == Permissions(**EVERYTHING)
    assert rights.denied == ()
    assert rights.policies == 1
    totals = {ability.action: ability.total for ability in rights.abilities}
    assert totals == {"create": 10, "bind": 7, "delete": 2, "lock": 1}


def test_a_new_queues_type_is_told_by_vhost(node: Node) -> None:
    name = f"test-{uuid.uuid4().hex[:8]}"
    node.http("PUT", "vhosts", name, body={"default_queue_type": "quorum", "defaultqueuetype": "quorum"})
    try:
        node.http("PUT", "permissions", name, "guest", body=EVERYTHING)
        (rights,) = diagnose(Target(node.broker_url), Topology.naming(name)).rights
        assert rights.default_queue_type == "quorum"
    finally:
        node.http("DELETE", "vhosts", name)


def test_the_broker_refuses_what_was_foretold_and_nothing_else(node: Node, vhost: str, declared: Topology) -> None:
    with small_user(node, vhost) as who:
        target = Target(node.broker_url, node.amqp_url, **who)
        rights = only(diagnose(target, declared))
        foretold = {denied.key for denied in rights.denied if denied.action in {"create", "bind"}}
        assert [denied.key.name for denied in rights.denied if denied.action == "lock"] == [LOCK_NAME]
        road = Both(target)
        kinds = (Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING)
        outcomes = [
            outcome for kind in kinds for outcome in road.execute([declare(resource) for resource in declared.of(kind)])
        ]
        road.close()
    came = {
        outcome.operation.key
        for outcome in outcomes
        if isinstance(outcome, Failed) and outcome.reason.startswith("ACCESS_REFUSED")
    }
    assert came == foretold
    assert len(came) == 9


def test_asking_and_reading_the_patterns_say_the_same(node: Node, vhost: str, declared: Topology) -> None:
    with small_user(node, vhost, "administrator") as who:
        by_patterns = only(diagnose(Target(node.broker_url, node.amqp_url, **who), declared))
        over_amqp = only(diagnose(Target(amqp=node.amqp_url, **who), declared))
    assert (by_patterns.source, over_amqp.source) == ("permissions", "asked")
    assert by_patterns.permissions == SMALL
    # The broker stops at the first thing that is missing.
    first, all_of_them = refused(over_amqp), refused(by_patterns)
    assert first.keys() == all_of_them.keys()
    assert all(first[name] <= all_of_them[name] for name in first)
    with small_user(node, vhost) as who:
        over_http = only(diagnose(Target(node.broker_url, **who), declared))
    assert over_http.source == "asked_by_http"
    configure = {name for name, needs in all_of_them.items() if any(need.permission == "configure" for need in needs)}
    lock = f"queue/{LOCK_NAME}///"  # HTTP cannot take it
    assert set(refused(over_http)) == configure - {lock}
    assert lock in configure
    assert {ability.action: ability.unknown for ability in over_http.abilities} == {"create": 4, "bind": 7, "delete": 0}


@pytest.mark.parametrize("exists", [False, True], ids=["empty", "applied"])
def test_nothing_is_changed(node: Node, vhost: str, declared: Topology, exists: bool) -> None:  # noqa: FBT001
    if exists:
        road = Both(Target(node.broker_url, node.amqp_url))
        for kind in (Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING, Kind.POLICY):
            assert not [
                one for one in road.execute([declare(it) for it in declared.of(kind)]) if isinstance(one, Failed)
            ]
        road.close()
    for patterns in (PATTERNS, EVERYTHING):
        with user(node, vhost, "management", patterns) as who:
            before = state(node, vhost), node.http("GET", "policies", vhost), node.http("GET", "permissions")
            for target in (
                Target(node.broker_url, node.amqp_url, **who),
                Target(node.broker_url, **who),
                Target(amqp=node.amqp_url, **who),
            ):
                assert only(diagnose(target, declared)).source in {"asked", "asked_by_http"}
            assert (state(node, vhost), node.http("GET", "policies", vhost), node.http("GET", "permissions")) == before


def test_amqp_alone_says_what_it_does_not_know(node: Node, declared: Topology) -> None:
    found = diagnose(Target(amqp=node.amqp_url), declared)
    assert found.exit_code == 0
    server = found.server
    assert server is not None
    assert server.version == node.version
    assert server.erlang == node.http("GET", "overview")["erlang_version"]
    assert (server.nodes, server.tags, server.deprecated, server.exchange_types) == (None,) * 4
    assert "management URL" in server.untold["nodes"]
    assert only(found).management == "not_asked"
    assert only(found).denied == ()


def test_a_monitoring_user_sees_nodes_and_vhosts_but_no_permissions(node: Node, vhost: str) -> None:
    with user(node, vhost, "monitoring") as who:
        found = diagnose(Target(node.broker_url, node.amqp_url, **who), Topology())
    assert found.exit_code == 0
    assert found.server is not None
    assert found.server.nodes
    by_name = {rights.vhost: rights for rights in found.rights}
    assert (by_name[vhost].management, by_name[vhost].amqp) == ("entered", "entered")
    assert by_name[vhost].permissions is None
    assert by_name["/"].amqp == "refused"
    assert findings(found) == []


def test_a_user_without_a_tag_gets_in_by_amqp_only(node: Node, vhost: str, declared: Topology) -> None:
    with user(node, vhost, "") as who:
        found = diagnose(Target(node.broker_url, node.amqp_url, **who), declared)
        assert found.exit_code == 1
        assert [login.ok for login in found.logins] == [False, True]
        problem = findings(found)[0]
        assert "may not use the management API" in problem.message
        assert problem.hint.endswith(f"set_user_tags {who['username']} management")
        assert only(found).source == "asked"


@pytest.mark.parametrize("wrong", ["management", "amqp"])
def test_a_wrong_password_on_one_road_leaves_the_other(node: Node, declared: Topology, wrong: str) -> None:
    urls = {"management": node.broker_url, "amqp": node.amqp_url}
    urls[wrong] = urls[wrong].replace("://", "://guest:s3cr3t@")
    found = diagnose(Target(urls["management"], urls["amqp"]), declared)
    assert found.exit_code == 1
    assert {login.road: login.ok for login in found.logins} == {
        "management": wrong != "management",
        "amqp": wrong != "amqp",
    }
    assert "refuses the login of user 'guest'" in messages(found)[0]
    assert found.server is not None
    assert found.server.version == node.version
    assert only(found).denied == ()
    assert "s3cr3t" not in repr(found)


def test_of_several_urls_each_is_told(node: Node, declared: Topology) -> None:
    dead = "http://127.0.0.1:1"
    found = diagnose(Target(f"{dead};{node.broker_url}", f"{node.amqp_url};amqp://127.0.0.1:1"), declared)
    assert found.exit_code == 0
    assert [login.ok for login in found.logins] == [False, True, True, False]
    assert [finding.level for finding in findings(found)] == ["warning", "warning"]
    assert only(found).source == "permissions"


def test_two_clusters(
    _node_of: Callable[[str], Node],  # noqa: PT019 - it answers
    tmp_path: Path,
) -> None:
    labels = [label for label in LABELS if not why_not(label)]
    if len(labels) == 1:
        pytest.skip("there is one broker only")
    one, two = _node_of(labels[0]), _node_of(labels[-1])
    for name, node in (("one", one), ("two", two)):
        node.http("PUT", "cluster-name", body={"name": name})
    out = tmp_path / "out.json"
    code = run(["doctor", "--broker", one.broker_url, "--amqp", two.amqp_url, "--format", f"json={out}"])
    document = json.loads(out.read_text(encoding="utf-8"))
    assert (code, document["exit_code"], document["same_cluster"]) == (5, 5, False)
    assert document["server"]["version"] == one.version
    assert "different clusters" in document["problems"][0]["message"]


@pytest.mark.parametrize(
    ("road", "behind", "known"),
    [
        ("management", b"PUT /api/queues/", "enters"),
        ("management", b"GET /api/exchanges/", "is kept out"),
        ("management", b"GET /api/nodes", "no login"),
        ("amqp", b"shop.dead", "enters"),
    ],
)
def test_a_line_that_breaks_on_the_way(
    _node_of: Callable[[str], Node],  # noqa: PT019 - it answers
    tmp_path: Path,
    road: RoadName,
    behind: bytes,
    known: str,
) -> None:
    node = _node_of(next(label for label in LABELS if not why_not(label)))
    declared = load(written("/", tmp_path))
    with user(node, "/", "management") as who, Relay(getattr(node, _URL[road]), cut_behind=behind) as line:
        target = Target(line.url, **who) if road == "management" else Target(amqp=line.url, **who)
        found = diagnose(target, declared)
    assert found.exit_code == (known != "enters")
    rights = only(found)
    assert rights.entered == (known == "enters")
    assert sum(ability.unknown for ability in rights.abilities) > 0
    if known == "enters":
        assert "lost" in rights.why
        assert line.url in rights.why
    elif known == "is kept out":
        assert line.url in rights.words


def test_a_vhost_that_is_not_there(node: Node) -> None:
    name = f"nope-{uuid.uuid4().hex[:8]}"
    declared = Topology.naming(name)
    with_files = Topology(declared.resources, files=("shop.yaml",))
    found = diagnose(Target(node.broker_url, node.amqp_url), with_files)
    assert (found.exit_code, only(found).management, only(found).amqp) == (0, "missing", "missing")
    (finding,) = findings(found)
    assert finding.message == f"vhost {name} does not exist"
    assert finding.hint.startswith("apply creates it")
    assert all(login.cluster_name for login in found.logins)


def test_a_vhost_that_keeps_this_user_out(node: Node, vhost: str) -> None:
    with user(node, vhost, "management", patterns=None) as who:
        with_files = Topology(Topology.naming(vhost).resources, files=("shop.yaml",))
        found = diagnose(Target(node.broker_url, node.amqp_url, **who), with_files)
        web_only = diagnose(Target(node.broker_url, **who), with_files)
    assert found.exit_code == 1
    assert [login.ok for login in found.logins] == [True, True]
    assert only(found).amqp == "refused"
    assert only(found).management in {"refused", "hidden"}
    (finding,) = findings(found)
    assert f"may not use vhost {vhost!r}" in finding.message
    assert f"set_permissions -p {vhost} {who['username']}" in finding.hint
    (finding,) = findings(web_only)
    assert vhost in finding.message


def test_the_command_prints_a_page_and_a_document(
    node: Node, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file, out, secret = written(vhost, tmp_path), tmp_path / "out.json", tmp_path / "password"
    with small_user(node, vhost) as who:
        secret.write_text(who["password"], encoding="utf-8")
        secret.chmod(0o600)
        login = ("--username", who["username"], "--password-file", str(secret))
        roads = ("--broker", node.broker_url, "--amqp", node.amqp_url)
        assert run(["doctor", str(file), *roads, *login, "--format", "text", "--format", f"json={out}"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    assert "create        5 of 10 exchanges and queues; 5 would be refused" in page
    assert "! queue shop.dead needs write on exchange theirs.unrouted" in page
    assert "for routing key secret.paid" in page
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(document, json.loads(schema_text("doctor")))
    (told,) = document["vhosts"]
    assert told["source"] == "asked"
    words = [one["words"] for ability in told["abilities"] for one in ability["refused"]]
    assert all(word.startswith("ACCESS_REFUSED") for word in words)


def test_certificates_of_a_real_broker_and_a_login_by_certificate(tmp_path: Path) -> None:
    label = next(label for label in LABELS if not why_not(label))
    authority = Authority(tmp_path)
    with start(label, authority.server("127.0.0.1")) as sandbox:
        node = Node(label, sandbox)
        node.http("PUT", "users", "deploy", body={"password_hash": "", "tags": ""})
        node.http("PUT", "permissions", "/", "deploy", body=PATTERNS)
        tls = authority.client("deploy")
        wire = f"{sandbox.amqp_tls_url}?auth_mechanism=external"
        found = diagnose(Target(sandbox.broker_tls_url, wire, tls=tls), Topology())
    assert found.exit_code == 0
    assert [login.user for login in found.logins] == ["guest", ""]
    assert [one.what for one in found.certificates] == ["broker", "broker", "client", "authority"]
    broker, _, client, root = found.certificates
    assert broker.names == ("127.0.0.1",)
    assert "CN=deploy" in client.subject
    assert broker.issuer == client.issuer == root.subject
