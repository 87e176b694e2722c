"""No password is shown by anything: not by processes, not by messages of any kind, not by a traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from rabbit_topo.cli import run
from tests.brokers import LABELS, Node, start, why_not
from tests.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")
FILES = """\
version: 1
vhost: {vhost}
exchanges: {{s.x: {{type: topic}}}}
queues: {{s.q: {{type: classic, bindings: [{{exchange: s.x, routing_key: a}}]}}}}
"""
Here: TypeAlias = Callable[[Path, list[str], dict[str, str]], tuple[int, str]]
HOLDERS = ("url", "file", "env", "env file", "config", "config file", "config url")
BUG = """\
import sys
import rabbit_topo.plan

def fail(*_, **__):
    raise RuntimeError("a bug")

rabbit_topo.plan.make_plan = fail
from rabbit_topo.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A broker of one version, as what is shown does not depend on it; with TLS, whose authority nobody knows."""
    label = next(label for label in LABELS if not why_not(label))
    with start(label, Authority(tmp_path_factory.mktemp("ca")).server()) as sandbox:
        yield Node(label, sandbox)


@pytest.fixture
def secret(node: Node) -> Iterator[str]:
    """The password of the user `keeper`, who may do everything; no other word is like it."""
    password = f"hush-{uuid.uuid4().hex}"
    node.http("PUT", "users", "keeper", body={"password": password, "tags": "administrator"})
    yield password
    node.http("DELETE", "users", "keeper")


@pytest.fixture
def folder(tmp_path: Path, node: Node, secret: str) -> Iterator[Path]:
    """A folder with a topology file for a vhost of its own."""
    vhost = f"secrets-{uuid.uuid4().hex[:8]}"
    node.http("PUT", "vhosts", vhost, body={})
    node.http("PUT", "permissions", vhost, "keeper", body={"configure": ".*", "write": ".*", "read": ".*"})
    (tmp_path / "files.yaml").write_text(FILES.format(vhost=vhost), encoding="utf-8")
    assert secret
    yield tmp_path
    node.http("DELETE", "vhosts", vhost)


def with_login(holder: str, secret: str, folder: Path, broker: str, amqp: str) -> tuple[list[str], dict[str, str]]:
    """Spell a login so that the password stands where `holder` says; answer words and variables."""
    file = folder / "password"
    file.write_text(secret, encoding="utf-8")
    file.chmod(0o600)
    urls = ["--broker", broker, "--amqp", amqp]
    named = [*urls, "--username", "keeper"]
    inside = [url.replace("://", f"://keeper:{secret}@") for url in (broker, amqp)]
    match holder:
        case "url":
            return ["--broker", inside[0], "--amqp", inside[1]], {}
        case "file":
            return [*named, "--password-file", str(file)], {}
        case "env":
            return named, {"RABBIT_TOPO_PASSWORD": secret}
        case "env file":
            return named, {"RABBIT_TOPO_PASSWORD_FILE": str(file)}
        case _:
            _configure(holder, secret, folder, (broker, amqp), inside)
            return [], {}


def _configure(holder: str, secret: str, folder: Path, urls: tuple[str, str], inside: list[str]) -> None:
    broker, amqp = urls
    text: dict[str, str] = {"broker": broker, "amqp": amqp, "username": "keeper"}
    match holder:
        case "config":
            text["password"] = secret
        case "config file":
            text["password_file"] = "password"
        case _:
            text = {"broker": inside[0], "amqp": inside[1]}
    (folder / "rabbit-topo.yaml").write_text(json.dumps({"environments": {"one": text}}), encoding="utf-8")


def rabbit_topo(folder: Path, words: list[str], variables: dict[str, str], *program: str) -> tuple[int, str]:
    """Run the command with tracebacks on; answer its exit code and everything that it wrote."""
    done = subprocess.run(
        [sys.executable, *(program or ("-m", "rabbit_topo")), *words],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """Run the command as `rabbit_topo` does, in this process."""

    def call(folder: Path, words: list[str], variables: dict[str, str]) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("RABBIT_TOPO_TRACEBACK", "1")
            for name, value in variables.items():
                patch.setenv(name, value)
            code = run(words)
        return code, "".join(capsys.readouterr())

    return call


def environment() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RABBIT_TOPO_")}
    return environ | {"PYTHONPATH": str(ROOT), "RABBIT_TOPO_TRACEBACK": "1"}


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_goes_well_shows_none(node: Node, folder: Path, secret: str, here: Here, holder: str) -> None:
    words, variables = with_login(holder, secret, folder, node.broker_url, node.amqp_url)
    formats = ["-v", "--format", "text", "--format", "json=out.json"]
    for command, code in (("plan", 0), ("check", 3), ("apply", 0), ("check", 0)):
        yes = ["--yes"] if command == "apply" else []
        done, told = here(folder, [command, "files.yaml", *formats, *yes, *words], variables)
        assert done == code, told
        assert secret not in told
        assert secret not in (folder / "out.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_traceback_shows_none(node: Node, folder: Path, secret: str, holder: str) -> None:
    words, variables = with_login(holder, secret, folder, node.broker_url, node.amqp_url)
    code, told = rabbit_topo(folder, ["plan", "-v", "files.yaml", *words], variables, "-c", BUG)
    assert code == 1
    assert "RuntimeError: a bug" in told
    assert secret not in told


def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def places(node: Node) -> dict[str, tuple[str, str]]:
    """Where each way of failing is met, on both roads."""
    box = node.sandbox
    return {
        "nobody there": (f"http://{closed()}", f"amqp://{closed()}"),
        "nobody at several": (f"http://{closed()};http://{closed()}", f"amqp://{closed()};amqp://{closed()}"),
        "an unknown name": ("http://no-such-host.invalid", "amqp://no-such-host.invalid"),
        "an unknown authority": (box.broker_tls_url, box.amqp_tls_url),
        "tls where there is none": (box.broker_url.replace("http", "https"), box.amqp_url.replace("amqp", "amqps")),
        "no tls where it is wanted": (
            box.broker_tls_url.replace("https", "http"),
            box.amqp_tls_url.replace("amqps", "amqp"),
        ),
        "another service": (box.amqp_url.replace("amqp", "http"), f"amqp://{closed()}"),
        "an unknown parameter": (box.broker_url, f"{box.amqp_url}?x=y"),
        "another vhost": (box.broker_url, f"{box.amqp_url}/elsewhere"),
    }


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("via", ["management", "active"])
def test_what_fails_shows_none(node: Node, folder: Path, secret: str, here: Here, *, holder: str, via: str) -> None:
    for what, (broker, amqp) in places(node).items():
        words, variables = with_login(holder, secret, folder, broker, amqp)
        code, told = here(folder, ["check", "-v", "--via", via, "files.yaml", *words], variables)
        assert code in {1, 2}, f"{what}: {told}"
        assert secret not in told, what


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_refused_login_shows_none(node: Node, folder: Path, secret: str, here: Here, holder: str) -> None:
    node.http("PUT", "users", "keeper", body={"password": "another", "tags": "administrator"})
    words, variables = with_login(holder, secret, folder, node.broker_url, node.amqp_url)
    for via in ("management", "passive"):
        code, told = here(folder, ["check", "-v", "--via", via, "files.yaml", *words], variables)
        assert code == 1
        assert "refuses the login of user 'keeper'" in told
        assert secret not in told


@contextmanager
def silence() -> Iterator[tuple[str, threading.Event]]:
    """Listen and never answer; the event is set when somebody has come."""
    came = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            held.append(listener.accept()[0])
            came.set()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", came
        for line in held:
            line.close()


def command_lines() -> dict[int, bytes]:
    """The command line of every process there is."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = (folder / "cmdline").read_bytes()
            except OSError:
                continue
    return found


needs_proc = pytest.mark.skipif(not (PROC / "self/cmdline").exists(), reason="command lines are read from /proc")


@needs_proc
@pytest.mark.parametrize("holder", [holder for holder in HOLDERS if holder != "url"])
def test_no_process_shows_one_while_it_works(folder: Path, secret: str, holder: str) -> None:
    with silence() as (host, came):
        words, variables = with_login(holder, secret, folder, f"http://{host}", f"amqp://{host}")
        process = subprocess.Popen(
            [sys.executable, "-m", "rabbit_topo", "check", "files.yaml", *words],
            cwd=folder,
            env=environment() | variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert came.wait(30)
            seen = command_lines()
            assert b"rabbit_topo" in seen[process.pid]
            assert not [pid for pid, line in seen.items() if secret.encode() in line]
        finally:
            process.kill()
            process.wait()


@needs_proc
def test_no_process_of_a_sandbox_shows_one(node: Node) -> None:
    """Its user is guest, and what logs in there is no word of a command line, nor of the URLs that it hands on."""
    lines = command_lines()
    assert all(lines[pid] for pid in node.sandbox.pids)
    shown = [line for line in lines.values() if b"guest:guest" in line or b"Z3Vlc3Q6Z3Vlc3Q=" in line]
    assert not shown
    assert "@" not in node.broker_url + node.amqp_url
