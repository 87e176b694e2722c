"""Who is measured on a broker: for each a command, from an empty vhost or on a vhost where nothing differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bench.nodes import VHOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.nodes import Bench

ROOT = Path(__file__).parents[1]
CLIENTS = Path(__file__).parent / "clients"
_NPM_SECONDS = 120
_RASCAL_PACKAGE = "rascal@21.0.1"
IMPORT = "POST /api/definitions"
BARE = "bare lists + yaml.compose"
APPLY, APPLY_AMQP, APPLY_HTTP = "apply, both URLs", "apply, AMQP alone", "apply, HTTP alone"
CTL, KOMBU, RASCAL = "rabbitmqctl import_definitions", "kombu, one at a time", "rascal, concurrency 30"
CHECK, CHECK_ACTIVE = "check", "check --via active, AMQP alone"
WRITE, WRITE_HTTP = "writing phase, both URLs", "writing phase, HTTP alone"
WRITERS = (APPLY, APPLY_AMQP, APPLY_HTTP, IMPORT, CTL, KOMBU, RASCAL)
CHECKERS = (CHECK, CHECK_ACTIVE, BARE)
SLOW = frozenset({CTL, KOMBU, RASCAL})  # they run once where there are many objects
PHASES = {APPLY: WRITE, APPLY_HTTP: WRITE_HTTP}  # what is told of the same runs


@dataclass(frozen=True, slots=True)
class Contender:
    """A command to measure. `tells`: it prints its phases."""

    name: str
    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    tells: bool = False
    cwd: Path = ROOT


def writers(bench: Bench, yaml: Path, document: Path, rascal: Path | None, vhost: str = VHOST) -> list[Contender]:
    """Return everybody who fills an empty vhost, which is the one that `document` names."""
    http, amqp = bench.node.broker_url, bench.node.amqp_url
    ctl, ctl_environ = bench.ctl(document)
    found = [
        _apply(APPLY, yaml, vhost, "--broker", http, "--amqp", amqp),
        _apply(APPLY_AMQP, yaml, vhost, "--amqp", amqp),
        _apply(APPLY_HTTP, yaml, vhost, "--broker", http),
        importer(bench, document),
        Contender(CTL, ctl, ctl_environ, cwd=Path("/")),
        Contender(KOMBU, _client("kombu_one_by_one", amqp, vhost, document)),
    ]
    if rascal:
        command = ["node", str(CLIENTS / "rascal.js"), amqp, vhost, str(document), "30"]
        found.append(Contender(RASCAL, command, {"NODE_PATH": str(rascal)}))
    return found


def importer(bench: Bench, document: Path) -> Contender:
    """Return the server's own import by HTTP."""
    return Contender(IMPORT, _client("post_definitions", bench.node.broker_url, document))


def checkers(bench: Bench, yaml: Path) -> list[Contender]:
    """Return everybody who looks at a vhost where nothing differs."""
    http, amqp = bench.node.broker_url, bench.node.amqp_url
    return [
        Contender(CHECK, _tool("check", yaml, "--broker", http)),
        Contender(CHECK_ACTIVE, _tool("check", yaml, "--amqp", amqp, "--via", "active")),
        Contender(BARE, _client("bare_check", http, VHOST, yaml)),
    ]


def _apply(name: str, yaml: Path, vhost: str, *urls: str) -> Contender:
    command = _client("applying", yaml, "--vhost", vhost, "--quiet", "--yes", *urls)
    return Contender(name, command, {"PYTHONPATH": str(ROOT)}, tells=True)


def _tool(name: str, yaml: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "rabbit_topo", name, str(yaml), "--vhost", VHOST, "--quiet", *options]


def _client(name: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, str(CLIENTS / f"{name}.py"), *map(str, arguments)]


def install_rascal(folder: Path) -> Path | None:
    """Install rascal from npm into a folder, and return its node_modules; None, and a notice, where that fails."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print(f"notice: {RASCAL} is not measured: there is no node here", file=sys.stderr)
        return None
    command = [npm, "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", _RASCAL_PACKAGE]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_NPM_SECONDS)
    except subprocess.SubprocessError:
        print(f"notice: {RASCAL} is not measured: npm cannot install it", file=sys.stderr)
        return None
    return folder / "node_modules"


def versions(rascal: Path | None) -> dict[str, str]:
    """Return the versions of the client libraries that are measured."""
    found = {name: metadata.version(name) for name in ("amqp", "kombu")}
    for name in ("rascal", "amqplib") if rascal else ():
        package = (rascal or Path()) / name / "package.json"
        found[name] = json.loads(package.read_text(encoding="utf-8"))["version"]
    return found
