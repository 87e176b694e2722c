"""Throwaway brokers to measure on: an empty vhost, a moment of quiet, and `rabbitmqctl`."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.errors import BrokerError
from tests.brokers import LABELS, Node, start, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

VHOST = "bench"
CTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_TICKS_A_SECOND = 100
_QUIET = 0.1  # of one processor
_WINDOW = 0.3


def available() -> list[str]:
    """Return the labels of the brokers that can be had here."""
    return [label for label in LABELS if not why_not(label)]


class Bench:
    """A running node and its one vhost."""

    def __init__(self, node: Node) -> None:
        """Take a node that runs."""
        self.node = node

    def make_vhost(self, name: str = VHOST) -> None:
        """Make an empty vhost."""
        self.node.http("PUT", "vhosts", name, body={})

    def holds(self, objects: int) -> bool:
        """Say whether the vhost holds so many exchanges, queues and bindings, less what every vhost has."""
        query = "disable_stats=true&columns=name"
        exchanges = [item for item in self.node.http("GET", "exchanges", VHOST, query=query) if item["name"]]
        own = sum(not item["name"].startswith("amq.") for item in exchanges)
        queues = len(self.node.http("GET", "queues", VHOST, query=query))
        bindings = sum(bool(item["source"]) for item in self.node.http("GET", "bindings", VHOST))
        return own + queues + bindings == objects

    def ctl(self, document: Path) -> tuple[list[str], dict[str, str]]:
        """Spell `rabbitmqctl import_definitions FILE` for this node: the command, and its whole environment.

        It runs as the node's user and inside the node's root folder, where it finds the cookie.
        """
        sandbox = self.node.sandbox
        host, ports = sandbox._host, sandbox._ports  # noqa: SLF001 - nobody but a benchmark runs rabbitmqctl there
        if sandbox.folder is None:
            raise BrokerError("the sandbox is closed")
        home = sandbox.folder / "home"
        copy = home / document.name
        shutil.copyfile(document, copy)
        copy.chmod(0o644)
        command = host.command(home, [CTL, "import_definitions", str(host.inside(home) / document.name)])
        if host.root is None and host.owner:
            uid, gid = host.owner
            command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *command]
        return command, host.environment(home, ports)

    def wait_until_quiet(self, patience: float = 60.0) -> bool:
        """Wait until the node uses next to no processor; False where it still does after so many seconds."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            before = self._processor_seconds()
            time.sleep(_WINDOW)
            if self._processor_seconds() - before < _QUIET * _WINDOW:
                return True
        return False

    def _processor_seconds(self) -> float:
        pid = self.node.sandbox.pids[0]
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


@contextmanager
def running(label: str, spent: Path) -> Iterator[Bench]:
    """Start a broker of this label, and end it; its files are not deleted but kept in the folder `spent`.

    A file system may take long to make files where many were deleted lately (ext4 without a journal looks at each
    inode that was freed in the last minutes), which whoever is measured next would pay for.
    """
    with start(label) as sandbox:
        yield Bench(Node(label, sandbox))
        sandbox.kill()
        if sandbox.folder:
            spent.mkdir(exist_ok=True)
            with suppress(OSError):  # it is on another file system
                (sandbox.folder / "home").rename(spent / sandbox.folder.name)
