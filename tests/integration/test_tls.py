"""TLS on both roads, against listeners of real brokers and an authority that lives as long as the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.http import Http
from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.errors import AccessRefused, BrokerError, LoginRefused, Unreachable
from tests.brokers import LABELS, Node, start, why_not
from tests.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.sandbox_host import ServerTls

ROOT = Path(__file__).parents[2]
ROADS = ("http", "amqp")
FILES = """\
version: 1
exchanges: {tls.x: {type: topic}}
queues: {tls.q: {type: classic, bindings: [{exchange: tls.x, routing_key: a}]}}
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that no broker here trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@contextmanager
def node_with(tls: ServerTls, label: str | None = None) -> Iterator[Node]:
    """A broker with this certificate; where it does not matter which, of the first version there is."""
    label = label or next(label for label in LABELS if not why_not(label))
    with start(label, tls) as sandbox:
        yield Node(label, sandbox)


@pytest.fixture(scope="module")
def node(label: str, ca: Authority) -> Iterator[Node]:
    """A broker of each version, whose certificate is for 127.0.0.1 alone; clients may show one."""
    if reason := why_not(label):
        pytest.fail(f"no RabbitMQ {label}: {reason}")
    with node_with(ca.server("127.0.0.1"), label) as made:
        made.http("PUT", "users", "deploy", body={"password_hash": "", "tags": ""})
        made.http("PUT", "permissions", "/", "deploy", body={"configure": ".*", "write": ".*", "read": ".*"})
        made.http("PUT", "users", "stranded", body={"password_hash": "", "tags": ""})
        yield made


@pytest.fixture(scope="module")
def strict(ca: Authority) -> Iterator[Node]:
    """A broker that lets in nobody without a certificate, and takes no certificate for a login."""
    with node_with(replace(ca.server(client_required=True), external=False)) as made:
        yield made


def cluster_name(road: str, node: Node, tls: Tls, host: str = "127.0.0.1", query: str = "", **login: Any) -> str:
    """Log in down one road, and tell what answers."""
    if road == "http":
        http = Http(Target(node.sandbox.broker_tls_url.replace("127.0.0.1", host), tls=tls, **login))
        try:
            return str(http.get("/api/overview")["cluster_name"])
        finally:
            http.close()
    url = node.sandbox.amqp_tls_url.replace("127.0.0.1", host) + query
    connection = Login(Target(amqp=url, tls=tls, **login)).open("/")
    connection.close()
    return str(connection.server_properties["cluster_name"])


def refusal(road: str, node: Node, tls: Tls, **more: Any) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        cluster_name(road, node, tls, **more)
    return caught.value


def test_both_roads_work_on_every_version(node: Node, ca: Authority, tmp_path: Path) -> None:
    (tmp_path / "files.yaml").write_text(FILES, encoding="utf-8")
    (tmp_path / "rabbit-topo.yaml").write_text(
        f"""
sources: [files.yaml]
environments:
  one:
    broker: {node.sandbox.broker_tls_url}
    amqp: {node.sandbox.amqp_tls_url}
    tls: {{ca_file: {ca.ca_file}}}
""",
        encoding="utf-8",
    )
    by_flags = ("--broker", node.sandbox.broker_tls_url, "--ca-file", str(ca.ca_file))
    alone = {"RABBIT_TOPO_AMQP": node.sandbox.amqp_tls_url, "RABBIT_TOPO_CA_FILE": str(ca.ca_file)}
    assert rabbit_topo(tmp_path, "plan", "--fail-on-changes", *by_flags)[0] == 3
    assert rabbit_topo(tmp_path, "apply", "--yes") == (0, "")
    assert rabbit_topo(tmp_path, "check", *by_flags) == (0, "")
    assert rabbit_topo(tmp_path, "check", **alone) == (0, "")
    assert [item["name"] for item in node.http("GET", "queues", "/")] == ["tls.q"]


def rabbit_topo(folder: Path, *words: str, **variables: str) -> tuple[int, str]:
    """Run the command; answer its exit code and what it said on stderr."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RABBIT_TOPO_")}
    done = subprocess.run(
        [sys.executable, "-m", "rabbit_topo", *words],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("road", ROADS)
def test_a_certificate_of_ours_is_shown(node: Node, ca: Authority, stranger: Authority, road: str) -> None:
    assert cluster_name(road, node, ca.client("anybody"))
    foreign = stranger.client("anybody")
    for tls in (ca.client("anybody", expired=True), Tls(str(ca.ca_file), foreign.cert_file, foreign.key_file)):
        error = refusal(road, node, tls)
        assert isinstance(error, Unreachable)
        assert "the broker refuses the client certificate" in error.message


def test_the_certificate_is_the_login(node: Node, ca: Authority) -> None:
    external = {"query": "?auth_mechanism=external", "username": "ignored", "password": "ignored"}
    assert cluster_name("amqp", node, ca.client("deploy"), **external)
    unknown = refusal("amqp", node, ca.client("nobody"), **external)
    assert isinstance(unknown, LoginRefused)
    assert "the user of the client certificate" in unknown.message
    assert "ssl_cert_login_from" in unknown.hint
    stranded = refusal("amqp", node, ca.client("stranded"), **external)
    assert isinstance(stranded, AccessRefused)
    assert "may not use vhost '/'" in stranded.message


def test_the_certificate_is_the_login_of_an_apply(node: Node, ca: Authority, tmp_path: Path) -> None:
    (tmp_path / "files.yaml").write_text(FILES.replace("tls.", "ext."), encoding="utf-8")
    url = f"{node.sandbox.amqp_tls_url}?auth_mechanism=external"
    shown = ca.issue(common_name="deploy")
    files = ("--ca-file", ca.ca_file, "--cert-file", shown.cert, "--key-file", shown.key)
    assert rabbit_topo(tmp_path, "apply", "files.yaml", "--yes", "--amqp", url, *map(str, files)) == (0, "")
    assert "ext.q" in [item["name"] for item in node.http("GET", "queues", "/")]


def test_a_broker_that_does_not_offer_external(strict: Node, ca: Authority) -> None:
    error = refusal("amqp", strict, ca.client("deploy"), query="?auth_mechanism=external")
    assert isinstance(error, LoginRefused)
    assert "does not offer the login EXTERNAL, only: " in error.message
    assert "PLAIN" in error.message
    assert "rabbitmq_auth_mechanism_ssl" in error.hint


@pytest.mark.parametrize("road", ROADS)
def test_another_host_name_is_refused(node: Node, ca: Authority, road: str) -> None:
    error = refusal(road, node, ca.client(), host="localhost")
    assert isinstance(error, Unreachable)
    assert "is for another name than 'localhost'" in error.message
    unverified = Tls(ca_file=str(ca.ca_file), verify=False)
    assert cluster_name(road, node, unverified, host="localhost")


@pytest.mark.parametrize("road", ROADS)
def test_an_unknown_authority_is_refused(node: Node, stranger: Authority, road: str) -> None:
    nobody = refusal(road, node, Tls())
    assert "the broker's certificate is not accepted" in nobody.message
    assert "name the authority that signed it as the CA file: --ca-file" in nobody.hint
    wrong = refusal(road, node, stranger.client())
    assert f"{stranger.ca_file} does not hold the authority" in wrong.hint


@pytest.mark.parametrize("road", ROADS)
def test_plain_and_tls_ports_mixed_up(node: Node, road: str) -> None:
    sandbox = node.sandbox
    if road == "http":
        wants = Target(sandbox.broker_tls_url.replace("https", "http"))
        has_none = Target(sandbox.broker_url.replace("http", "https"))
    else:
        wants = Target(amqp=sandbox.amqp_tls_url.replace("amqps", "amqp"))
        has_none = Target(amqp=sandbox.amqp_url.replace("amqp", "amqps"))
    for target, says in ((wants, "wants TLS"), (has_none, "does not speak TLS")):
        with pytest.raises(BrokerError) as caught:
            Http(target).get("/api/overview") if road == "http" else Login(target).open("/")
        assert says in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("road", ROADS)
def test_a_broker_that_wants_a_certificate(strict: Node, ca: Authority, stranger: Authority, road: str) -> None:
    missing = refusal(road, strict, ca.client())
    assert "the broker wants a client certificate" in missing.message
    assert "--cert-file and --key-file" in missing.hint
    foreign = stranger.client("anybody")
    refused = refusal(road, strict, Tls(str(ca.ca_file), foreign.cert_file, foreign.key_file))
    assert "the broker refuses the client certificate" in refused.message
    assert cluster_name(road, strict, ca.client("anybody"))


def test_an_expired_certificate_is_refused(ca: Authority) -> None:
    with node_with(ca.server(expired=True)) as node:
        for road in ROADS:
            error = refusal(road, node, ca.client())
            assert isinstance(error, Unreachable)
            assert "certificate has expired" in error.message
            assert "renewed on the broker" in error.hint


def test_a_self_signed_certificate_is_refused(stranger: Authority) -> None:
    with node_with(stranger.self_signed()) as node:
        for road in ROADS:
            error = refusal(road, node, Tls())
            assert isinstance(error, Unreachable)
            assert "self signed certificate" in error.message.replace("-", " ")
            assert "--ca-file" in error.hint
