"""The real brokers of the integration tests: where they are, and a few words to talk to them with.

Each label stands for a RabbitMQ: the one that is installed if its version fits, else the system that
`scripts/brokers` put into RABBIT_TOPO_BROKERS, by default `~/.cache/rabbit-topo/brokers`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from rabbit_topo.broker.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rabbit_topo.broker.sandbox_host import ServerTls

_DEBIAN = {"3.10": "bookworm", "4.0": "trixie", "4.3": "forky"}
LABELS = tuple(_DEBIAN)
PLUGINS = tuple(
    f"rabbitmq_{name}"  # exchange types that come with the server
    for name in ("consistent_hash_exchange", "random_exchange", "recent_history_exchange", "sharding")
)


def cache() -> Path:
    """The folder with one whole Debian a release."""
    if named := os.environ.get("RABBIT_TOPO_BROKERS"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rabbit-topo" / "brokers"


def why_not(label: str) -> str:
    """Say why this broker cannot be had here; empty if it can."""
    if _is_installed(label):
        return ""
    root = cache() / _DEBIAN[label]
    if not (root / "usr/lib/rabbitmq/bin/rabbitmq-server").exists():
        return f"it is not installed, and {root} has none: scripts/brokers makes it"
    return "" if os.geteuid() == 0 else f"only root can run the one in {root}"


def start(label: str, tls: ServerTls | None = None, *, definitions: Mapping[str, bytes] | None = None) -> Sandbox:
    """Make the sandbox of this label; entering it starts the node, which loads these files of definitions first."""
    root = None if _is_installed(label) else cache() / _DEBIAN[label]
    return Sandbox(root, plugins=PLUGINS, tls=tls, definitions=definitions)


def _is_installed(label: str) -> bool:
    return any(Path("/usr/lib/rabbitmq/lib").glob(f"rabbitmq_server-{label}.*"))


@dataclass(frozen=True, slots=True)
class Node:
    """A running broker: guest / guest on both URLs."""

    label: str
    sandbox: Sandbox

    @property
    def broker_url(self) -> str:
        return self.sandbox.broker_url

    @property
    def amqp_url(self) -> str:
        return self.sandbox.amqp_url

    @property
    def version(self) -> str:
        return self.sandbox.version

    def http(self, method: str, *path: str, body: Mapping[str, Any] | None = None, query: str = "") -> Any:
        """Call the management API: `node.http("GET", "queues", vhost)`; every part of the path is quoted.

        Answers the parsed body, None where there is none. Raises AssertionError on a status from 400 on.
        """
        url = "/api/" + "/".join(quote(part, safe="") for part in path) + (f"?{query}" if query else "")
        connection = HTTPConnection(urlsplit(self.broker_url).netloc, timeout=30)
        try:
            headers = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q=", "Content-Type": "application/json"}
            connection.request(method, url, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        assert response.status < 400, f"{method} {url}: {response.status} {text}"
        return json.loads(text) if text else None
