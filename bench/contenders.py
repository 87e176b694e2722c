"""Who is measured on a broker: for each a command, from an empty vhost or on a vhost where nothing differs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.nodes import VHOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.nodes import Bench

ROOT = Path(__file__).parents[1]
CLIENTS = Path(__file__).parent / "clients"
_NPM_SECONDS = 120
IMPORT = "POST /api/definitions"
BARE = "bare lists + yaml.compose"
APPLY, APPLY_AMQP, APPLY_HTTP = "apply, both URLs", "apply, AMQP alone", "apply, HTTP alone"
WRITE, WRITE_HTTP = "writing phase, both URLs", "writing phase, HTTP alone"
CTL, KOMBU, RASCAL = "rabbitmqctl import_definitions", "kombu, one at a time", "rascal, concurrency 30"
CHECK, CHECK_ACTIVE = "check", "check --via active, AMQP alone"


@dataclass(frozen=True, slots=True)
class Contender:
    """A command to measure. `says` takes the seconds that it prints, in place of its own."""

    name: str
    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    says: bool = False
    cwd: Path = ROOT


def writers(bench: Bench, yaml: Path, document: Path, rascal: Path | None) -> list[Contender]:
    """Return everybody who fills an empty vhost."""
    http, amqp = bench.node.broker_url, bench.node.amqp_url
    ctl, ctl_environ = bench.ctl(document)
    found = [
        Contender(APPLY, _apply(yaml, "--broker", http, "--amqp", amqp)),
        Contender(APPLY_AMQP, _apply(yaml, "--amqp", amqp)),
        Contender(APPLY_HTTP, _apply(yaml, "--broker", http)),
        Contender(WRITE, _client("writing", http, amqp, VHOST, yaml), _path(), says=True),
        Contender(WRITE_HTTP, _client("writing", http, "", VHOST, yaml), _path(), says=True),
        importer(bench, document),
        Contender(CTL, ctl, ctl_environ, cwd=Path("/")),
        Contender(KOMBU, _client("kombu_one_by_one", amqp, VHOST, document)),
    ]
    if rascal:
        command = ["node", str(CLIENTS / "rascal.js"), amqp, VHOST, str(document), "30"]
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


def _apply(yaml: Path, *urls: str) -> list[str]:
    return _tool("apply", yaml, "--yes", *urls)


def _tool(name: str, yaml: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "rabbit_topo", name, str(yaml), "--vhost", VHOST, "--quiet", *options]


def _client(name: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, str(CLIENTS / f"{name}.py"), *map(str, arguments)]


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}


def install_rascal(folder: Path) -> Path | None:
    """Install rascal from npm into a folder, and return its node_modules; None, and a notice, where that fails."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print(f"notice: {RASCAL} is not measured: there is no node here", file=sys.stderr)
        return None
    command = [npm, "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", "rascal"]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=_NPM_SECONDS)
    except subprocess.SubprocessError:
        print(f"notice: {RASCAL} is not measured: npm cannot install it", file=sys.stderr)
        return None
    return folder / "node_modules"
