"""The limits of a vhost, and of its copy: over a real socket, with answers as RabbitMQ gives them."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.http import Http
from rabbit_topo.broker.target import Target
from rabbit_topo.testing.copied import Told, copy_limits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def put() -> Iterator[tuple[Http, list[tuple[str, Any]]]]:
    heard: list[tuple[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        http = Http(Target(f"http://127.0.0.1:{server.server_address[1]}"))
        yield http, heard
        http.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("most", "less", "room", "said"),
    [
        (9, 0, 9, "max-queues 9 of vhost shop"),
        (9, 2, 7, "max-queues 9 of vhost shop, less 2 that are not in the copy"),
        (1, 2, 0, "max-queues 1 of vhost shop, less 2 that are not in the copy"),
    ],
)
def test_a_copy_has_room_for_what_is_in_it(
    put: tuple[Http, list[tuple[str, Any]]], most: int, less: int, room: int, said: str
) -> None:
    http, heard = put
    told = Told()
    copy_limits(http, {"shop": {"max-queues": most}}, {"shop": "copy"}, {"shop": less} if less else {}, told)
    assert heard == [("/api/vhost-limits/copy/max-queues", {"value": room})]
    assert (told.limits, told.gaps) == ([said], [])
