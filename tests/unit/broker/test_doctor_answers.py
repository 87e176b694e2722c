"""Whatever stands where the management API should be may answer anything: it is told, and breaks nothing."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.diagnosis import diagnose
from rabbit_topo.broker.target import Target
from rabbit_topo.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.report.diagnosis import Diagnosis

USUAL: dict[str, Any] = {
    "/api/whoami": {"name": "guest", "tags": ["administrator"]},
    "/api/overview": {"rabbitmq_version": "4.0.5", "product_name": "RabbitMQ", "exchange_types": [{"name": "direct"}]},
    "/api/vhosts": [{"name": "/"}],
    "/api/permissions/%2F/guest": {"configure": ".*", "write": ".*", "read": ".*"},
    "/api/nodes": [{"name": "rabbit@one", "running": True}],
}


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[str]:
    """Answer GET by path, and what is not listed with an empty list."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path.partition("?")[0], [])).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def look(tmp_path: Path, odd: dict[str, Any]) -> Diagnosis:
    file = tmp_path / "shop.yaml"
    file.write_text("version: 1\nqueues: {q: {type: classic}}\n", encoding="utf-8")
    with answering(USUAL | odd) as url:
        return diagnose(Target(url), load(file))


def test_the_usual_answers_are_taken(tmp_path: Path) -> None:
    found = look(tmp_path, {})
    assert found.exit_code == 0
    assert [rights.source for rights in found.rights] == ["permissions"]
    assert found.server
    assert [node.name for node in found.server.nodes or ()] == ["rabbit@one"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/whoami", {"name": "guest", "tags": [1]}),
        ("/api/whoami", {"name": "guest", "tags": {"a": 1}}),
        ("/api/overview", {"rabbitmq_version": 4}),
        ("/api/overview", {"rabbitmq_version": "4.0.5", "exchange_types": [{}]}),
        ("/api/vhosts", [{}]),
        ("/api/vhosts", {"name": "/"}),
        ("/api/nodes", [{"running": True}]),
        ("/api/nodes", [{"name": "rabbit@one", "partitions": 5}]),
        ("/api/deprecated-features/used", [{"name": "transient_nonexcl_queues"}]),
        ("/api/deprecated-features/used", 7),
    ],
)
def test_an_odd_answer_is_no_login(tmp_path: Path, path: str, body: Any) -> None:
    found = look(tmp_path, {path: body})
    (login,) = found.logins
    assert login.error.endswith(f"answers JSON to GET {path}, but not as RabbitMQ's management API does")
    assert found.exit_code == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/permissions/%2F/guest", {}),
        ("/api/permissions/%2F/guest", [5]),
        ("/api/permissions/%2F/guest", {"configure": ".*", "write": None, "read": ".*"}),
        ("/api/topic-permissions/%2F/guest", [{"exchange": "t"}]),
        ("/api/topic-permissions/%2F/guest", {"error": "no"}),
    ],
)
def test_an_odd_answer_leaves_permissions_unknown(tmp_path: Path, path: str, body: Any) -> None:
    (rights,) = look(tmp_path, {path: body}).rights
    assert f"answers JSON to GET {path}" in rights.why
    assert [ability.unknown for ability in rights.abilities] == [1]
    assert rights.source == "unknown"
