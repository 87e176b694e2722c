"""What a throwaway node needs from the machine: the server's program, a user, ports, its files.

The way a node is started follows RabbitMQ's own script `rabbitmq-server` and its guide on
configuration (https://www.rabbitmq.com/docs/configure). The wrapper scripts of the packages in
/usr/sbin are passed by: they insist on one user and its home.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, fields
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Below the ports that Linux, macOS and Windows hand out to outgoing connections.
_PORTS = range(20_000, 32_000)
_PROGRAMS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
)
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In a private mount namespace, which ends with the process, so that nothing is left mounted.
_CHROOT = (
    'mount --bind "$1" "$2/mnt" && mount -t proc proc "$2/proc" || exit 70; '
    'root=$2; user=$3; shift 3; exec chroot --userspec="$user" "$root" "$@"'
)
_LOGIN = "Basic Z3Vlc3Q6Z3Vlc3Q="  # guest:guest
_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {http}
disk_free_limit.absolute = 1MB
cluster_name = {node}
"""
_DEFINITIONS = "definitions"
_TLS_CONFIG = """\
listeners.ssl.1 = 127.0.0.1:{amqps}
management.ssl.ip = 127.0.0.1
management.ssl.port = {https}
"""
_EXTERNAL_CONFIG = """\
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
ssl_cert_login_from = common_name
"""
_TLS_OPTIONS = """\
{road}.cacertfile = {folder}/ca.pem
{road}.certfile = {folder}/cert.pem
{road}.keyfile = {folder}/key.pem
{road}.verify = {verify}
{road}.fail_if_no_peer_cert = {required}
"""
_EXTERNAL = "rabbitmq_auth_mechanism_ssl"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a node, all of them on 127.0.0.1; those of TLS are used only where it has a certificate."""

    amqp: int
    http: int
    distribution: int
    epmd: int
    amqps: int
    https: int


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM files of a node that listens with TLS too, and whether clients must show a certificate that `ca_file` signed.

    With `external` a client may log in with its certificate, by SASL EXTERNAL: the user is its common name.
    """

    ca_file: Path
    cert_file: Path
    key_file: Path
    client_required: bool = False
    external: bool = True

    def files(self) -> dict[str, bytes]:
        """What lies in the node's folder, by name."""
        named = {"ca.pem": self.ca_file, "cert.pem": self.cert_file, "key.pem": self.key_file}
        return {name: file.read_bytes() for name, file in named.items()}

    def config(self, folder: Path, ports: Ports) -> str:
        """The lines of rabbitmq.conf, for files that the node sees in `folder`."""
        required = str(self.client_required).lower()
        roads = ("ssl_options", "management.ssl")
        options = (
            _TLS_OPTIONS.format(road=road, folder=folder, verify="verify_peer", required=required) for road in roads
        )
        config = _TLS_CONFIG.format(amqps=ports.amqps, https=ports.https) + "".join(options)
        return config + _EXTERNAL_CONFIG if self.external else config


def free_ports() -> Ports:
    """Six ports that nobody listens on at this moment."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.SystemRandom().sample(_PORTS, 500):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == len(fields(Ports)):
                return Ports(*found)
    raise BrokerError("no free ports for a sandbox between 20000 and 32000")


@dataclass(frozen=True, slots=True)
class Host:
    """How to start programs of a RabbitMQ: as which user, and inside which root folder.

    `owner` is (user id, group id), None for the user that we are. `root` is a folder with a whole
    system in it, None for this machine's own.
    """

    root: Path | None
    owner: tuple[int, int] | None

    def server(self) -> str:
        """Path of `rabbitmq-server`. Raises BrokerError where none is installed."""
        if self.root is not None:
            if (self.root / _PROGRAMS[0][1:]).exists():
                return _PROGRAMS[0]
            raise BrokerError(f"there is no {_PROGRAMS[0]} in {self.root}", "scripts/brokers makes these folders")
        for program in (*_PROGRAMS, shutil.which("rabbitmq-server")):
            if program and os.access(program, os.X_OK):
                return program
        raise BrokerError(
            "no rabbitmq-server is installed on this machine",
            "install one (Debian and Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq), "
            "or name a running broker with --broker",
        )

    def epmd(self) -> str:
        """Path of `epmd`, Erlang's port mapper, which a node registers with. Raises BrokerError."""
        program = "/usr/bin/epmd" if self.root else shutil.which("epmd", path=self._path())
        if program is None:
            raise BrokerError("epmd is not installed on this machine", "it belongs to Erlang, beside the command erl")
        return program

    def command(self, folder: Path, program: Iterable[str]) -> list[str]:
        """Spell a command so that it runs inside the root folder, with `folder` seen as /mnt there."""
        if self.root is None:
            return list(program)
        uid, gid = self.owner or (os.getuid(), os.getgid())
        return [
            *("unshare", "--mount", "sh", "-c", _CHROOT, "sh"),
            *(str(folder), str(self.root), f"{uid}:{gid}"),
            *program,
        ]

    def inside(self, folder: Path) -> Path:
        """Where a node sees `folder`."""
        return folder if self.root is None else Path("/mnt")

    def environment(self, folder: Path, ports: Ports) -> dict[str, str]:
        """Make a node's whole environment; nothing of the caller's RABBITMQ_ or ERL_ variables reaches it."""
        here = self.inside(folder)
        return {
            "PATH": self._path(),
            "LANG": "C.UTF-8",
            "HOME": str(here),
            "ERL_CRASH_DUMP": str(here / "erl_crash.dump"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports.epmd),
            "RABBITMQ_NODENAME": f"{node_name(ports)}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(ports.amqp),
            "RABBITMQ_DIST_PORT": str(ports.distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": str(here / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(here / "node.pid"),
            # Makes the script become the server, as in RabbitMQ's container image: one process to end.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _path(self) -> str:
        ours = None if self.root else os.environ.get("PATH")
        return f"{ours}:{_SYSTEM_PATH}" if ours else _SYSTEM_PATH


def find_host(root: Path | None) -> Host:
    """Take `nobody` for the node where we are root, else ourselves. Raises BrokerError for a root we cannot enter."""
    if sys.platform == "win32":
        raise BrokerError("the sandbox needs Linux or macOS", "compose.yaml starts a RabbitMQ in a container")
    import pwd

    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        return Host(root, (nobody.pw_uid, nobody.pw_gid))
    if root is not None:
        raise BrokerError(f"only root can run a node inside {root}", "run it with sudo")
    return Host(None, None)


def make_folder(host: Host) -> Path:
    """Make a fresh temporary folder that the node's user can reach."""
    base = Path(tempfile.gettempdir()).resolve()
    if host.owner and not all(folder.stat().st_mode & 0o001 for folder in (base, *base.parents)):
        base = Path("/tmp")  # noqa: S108 - mkdtemp below makes a folder of our own in it
    folder = Path(tempfile.mkdtemp(prefix="rabbit-topo-", dir=base))
    folder.chmod(0o755)
    return folder


def write_files(
    folder: Path,
    host: Host,
    ports: Ports,
    plugins: Iterable[str],
    tls: ServerTls | None = None,
    *,
    definitions: Mapping[str, bytes] | None = None,
) -> None:
    """Write a node's configuration into `folder` and give the folder to the node's user.

    `definitions` are files by name that the node loads at boot, in the order of their names.
    """
    wanted = {"rabbitmq_management", *plugins}
    config = _CONFIG.format(amqp=ports.amqp, http=ports.http, node=node_name(ports))
    if tls:
        wanted |= {_EXTERNAL} if tls.external else set()
        config += tls.config(host.inside(folder), ports)
    if definitions:
        config += f"load_definitions = {host.inside(folder) / _DEFINITIONS}\n"
    files: Mapping[str, bytes] = {
        "rabbitmq.conf": config.encode(),
        "rabbitmq-env.conf": b"",
        "advanced.config": b"[].\n",
        "enabled_plugins": f"[{','.join(sorted(wanted))}].\n".encode(),
        **(tls.files() if tls else {}),
    }
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if definitions:
        (folder / _DEFINITIONS).mkdir()
        for name, data in definitions.items():
            (folder / _DEFINITIONS / name).write_bytes(data)
    if tls:
        (folder / "key.pem").chmod(0o600)
    if host.owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *host.owner)


def answers(ports: Ports, *, tls: bool = False) -> str:
    """Ask whether the node serves both roads, with TLS too if so: its version then, "" as long as it does not."""
    connection = HTTPConnection("127.0.0.1", ports.http, timeout=5)
    try:
        connection.request("GET", "/api/overview", headers={"Authorization": _LOGIN})
        response = connection.getresponse()
        body = response.read()
        if response.status != HTTPStatus.OK:
            return ""
        with socket.create_connection(("127.0.0.1", ports.amqp), timeout=5) as amqp:
            amqp.sendall(b"AMQP\0\0\x09\x01")
            if not amqp.recv(8):
                return ""
        for port in (ports.amqps, ports.https) if tls else ():
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return str(json.loads(body)["rabbitmq_version"])
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()


def node_name(ports: Ports) -> str:
    """Name a node after its port, so that two sandboxes are two clusters."""
    return f"sandbox-{ports.amqp}"
